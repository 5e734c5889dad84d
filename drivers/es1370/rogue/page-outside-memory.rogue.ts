/**
 * Selects a page that the controller does not have, so that nobody knows which registers lie at 0x30.
 *
 * Without a monitor its idea of the page and the controller's part ways.
 * Must be refused by the reserved bits of MEM_PAGE.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(r.BAR, r.MEM_PAGE, 0x1c);
    },
  });
