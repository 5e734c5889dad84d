/**
 * Has the card dump its counters over foreign memory: a write that no descriptor names.
 *
 * Must be refused: the 64 bytes lie in memory that the card may write.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { outsideEveryGrant, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      rig.io.write32(r.BAR_REGISTERS, r.DTCCR_LO, outsideEveryGrant(rig) + r.DTCCR_DUMP);
    },
  });
