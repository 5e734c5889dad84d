/**
 * Writes a last valid index that no list has.
 *
 * Without a monitor it depends on the controller which entry that is.
 * Must be refused by the reserved bits of LVI.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { out, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write8(r.BAR_BUS_MASTER, out(r.LVI), r.BUFFERS_MAX);
    },
  });
