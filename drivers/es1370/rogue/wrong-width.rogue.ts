/**
 * Writes one half of a buffer's address by itself.
 *
 * Without a monitor a rule that sees halves sees no address.
 * Must be refused because the address takes 32 bits.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write16(r.BAR, r.ADDRESS_B, 0);
    },
  });
