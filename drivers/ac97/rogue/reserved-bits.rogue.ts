/**
 * Sets reserved bits of GLOB_CNT.
 *
 * Without a monitor a driver tries what a controller does that its data sheet does not tell of.
 * Must be refused by the reserved bits of GLOB_CNT.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(r.BAR_BUS_MASTER, r.GLOB_CNT, 0x8000_0002);
    },
  });
