/**
 * Has the drive interrupt, and never reads the status register that acknowledges it.
 *
 * Must be refused by the interrupt automaton when the deadline comes.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ io }) {
      setup.outTask(io, r.COMMAND, r.CHECK_POWER);
    },
    interrupt: () => undefined,
  });
