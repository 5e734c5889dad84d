/**
 * Catches every refusal and goes on to the next attack, as if nothing had happened.
 *
 * Must be refused at its first attack, and reach nothing afterwards.
 */
import { PORT_SPACE } from '../../../dsslang/runtime.ts';
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ io, buffers }) {
      for (let tries = 0; tries < 3; tries += 1) {
        try {
          io.read16(PORT_SPACE, r.PRIMARY.task + r.DATA);
          io.write32(r.BAR_MASTER, r.BMIDTP, buffers.table.address);
        } catch {
          // The next attempt must meet the same end.
        }
      }
    },
  });
