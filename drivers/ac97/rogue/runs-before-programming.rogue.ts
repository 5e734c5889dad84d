/**
 * Starts an engine that was never told its list, after a reset that made it forget the last one.
 *
 * Without a monitor the controller takes its entries from address 0.
 * Must be refused by the rule on CR: the list is programmed before the engine starts.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { out, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      setup.resetEngine(io, r.PCM_OUT);
      io.write8(r.BAR_BUS_MASTER, out(r.CR), r.CR_RPBM);
    },
  });
