/**
 * Moves the command list of a port that runs through the other door: index and data in BAR 4.
 *
 * Must be refused by the same rule as at the front door.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { outsideEveryGrant } from '../../rogue/foreign-memory.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      io.write32(r.BAR_PAIR, r.PAIR_INDEX, r.portAt(0) + r.PxCLB);
      io.write32(r.BAR_PAIR, r.PAIR_DATA, outsideEveryGrant(rig));
    },
  });
