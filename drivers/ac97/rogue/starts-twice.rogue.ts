/**
 * Tells an engine that runs to run, with foreign pointers in the entries behind the last valid one.
 *
 * Without a monitor QEMU's engine goes on with the next entry at once, behind the last valid one if it was there.
 * Must be refused by the rule on CR: a second start needs the whole list in order.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { LAST, fill, out, outsideEveryGrant, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      fill(rig, LAST + 1, outsideEveryGrant(rig));
      io.write8(r.BAR_BUS_MASTER, out(r.CR), r.CR_RPBM | r.CR_INTERRUPTS);
    },
  });
