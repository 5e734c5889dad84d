/**
 * Writes one byte of the transmit tail: the card's registers are 32 bits wide.
 *
 * Without a monitor the card takes the byte for the whole register; a monitor that tracks bytes would believe otherwise, and
 * from then on the two disagree about the tail.
 * Must be refused by the register's declaration: 4-byte accesses only.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write8(r.BAR_REGISTERS, r.TDT + 1, 0x01);
    },
  });
