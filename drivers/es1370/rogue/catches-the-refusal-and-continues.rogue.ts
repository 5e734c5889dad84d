/**
 * Catches refusals and tries the next attack: once by exception, then from a timer, as if nothing had happened.
 *
 * Without a monitor that stops its driver, a refusal is only a price.
 * Must be refused at the first attack, by the reserved bits of MEM_PAGE, and never come to the second.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { BUFFER_BYTES, outsideEveryGrant, play, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      for (let tries = 0; tries < 3; tries += 1) {
        try {
          io.write32(r.BAR, r.MEM_PAGE, 0xff);
        } catch {
          // On to the next.
        }
      }
      io.setTimer(1000);
    },
    timer(rig) {
      play(rig, outsideEveryGrant(rig), BUFFER_BYTES);
    },
  });
