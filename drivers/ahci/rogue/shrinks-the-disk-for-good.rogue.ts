/**
 * Makes the disk smaller for good, with SET MAX ADDRESS EXT and its non-volatile bit.
 *
 * Must be refused by the rule on PxCI.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as ata from '../../ata/registers.ts';
import { ask, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      ask(rig, ata.SET_MAX_EXT, 1);
    },
  });
