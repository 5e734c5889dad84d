/**
 * Resets the controller in the middle of a command (CVE-2021-3735).
 *
 * Must be refused by the rule on GHC.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import { readSector, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      readSector(rig, rig.fromDisk.address);
      setup.beginReset(io);
    },
  });
