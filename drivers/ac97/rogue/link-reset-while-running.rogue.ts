/**
 * Puts the link into its cold reset while an engine runs, so that the controller forgets where its list was.
 *
 * Without a monitor the next start takes its entries from address 0.
 * Must be refused by the rule on GLOB_CNT: every engine is stopped first.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack() {
      io.write32(r.BAR_BUS_MASTER, r.GLOB_CNT, 0);
    },
  });
