/**
 * Pauses, puts a foreign pointer into an entry that comes later, and goes on.
 *
 * Without a monitor a pause is a way around every check of the start.
 * Must be refused by the rule on CR: an engine that was only paused may be anywhere, so the whole list must be in order.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { LAST, fill, out, outsideEveryGrant, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      io.write8(r.BAR_BUS_MASTER, out(r.CR), 0);
      fill(rig, LAST + 1, outsideEveryGrant(rig));
      io.write8(r.BAR_BUS_MASTER, out(r.CR), r.CR_RPBM | r.CR_INTERRUPTS);
    },
  });
