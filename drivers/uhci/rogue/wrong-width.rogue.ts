/**
 * Writes half of the frame list's address.
 *
 * Half an address is an address of somebody else.
 * Must be refused by the width of the register.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write16(r.BAR_IO, r.FLBASEADD, 0);
    },
  });
