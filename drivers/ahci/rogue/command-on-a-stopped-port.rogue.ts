/**
 * Issues a command on a port that it has stopped.
 *
 * Must be refused by the rule on PxCI.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import { readSector, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      setup.stop(io);
      readSector(rig, rig.fromDisk.address);
    },
  });
