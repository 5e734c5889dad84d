/**
 * Asks for a system management interrupt at every access to the keyboard controller.
 *
 * Without a monitor the firmware runs instead of the kernel, whenever the driver likes.
 * Must be refused by the reserved bits of LEGSUP.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write16(io.CONFIG, r.LEGSUP, 0x0010);
    },
  });
