/**
 * Writes where a third root port would be.
 *
 * Nobody knows what is there.
 * Must be refused by the mode of that area: it may only be read.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write16(r.BAR_IO, r.PORTSC2 + 2, 0);
    },
  });
