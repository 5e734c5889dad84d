/**
 * Writes where the next controllers of the family have the codec's interface.
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
      io.write32(r.BAR, 0x14, 0);
    },
  });
