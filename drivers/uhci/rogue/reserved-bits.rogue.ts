/**
 * Sets reserved bits of USBCMD.
 *
 * What they do is nowhere written.
 * Must be refused by the check of reserved bits.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write16(r.BAR_IO, r.USBCMD, 0x8000);
    },
  });
