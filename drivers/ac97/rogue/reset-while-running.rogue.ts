/**
 * Resets an engine that runs, which the data sheet forbids: what it does then is undefined.
 *
 * Without a monitor its registers and what it is doing part ways.
 * Must be refused by the rule on CR: an engine is paused before its reset.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { out, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write8(r.BAR_BUS_MASTER, out(r.CR), r.CR_RR);
    },
  });
