/**
 * Writes behind the registers of the data sheet, where later controllers of the family have more.
 *
 * Without a monitor the driver reaches functions that no rule knows.
 * Must be refused because the region has no register there.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(r.BAR_BUS_MASTER, 0x3c, 1);
    },
  });
