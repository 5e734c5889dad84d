/**
 * Writes 32 bits where the last valid index is, over three registers at once.
 *
 * Without a monitor one access does what three rules would have looked at.
 * Must be refused because none of them takes 32 bits.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { out, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(r.BAR_BUS_MASTER, out(r.LVI), 0);
    },
  });
