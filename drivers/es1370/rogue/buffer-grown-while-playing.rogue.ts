/**
 * Makes the buffer longer while the channel goes around it.
 *
 * Without a monitor the channel goes on into foreign memory at what was its end.
 * Must be refused by the rule on the size: it changes only while the channel is off.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(r.BAR, r.MEM_PAGE, r.PAGE_DAC);
      io.write32(r.BAR, r.SIZE_B, 0xffff);
    },
  });
