/**
 * Gives SET MAX ADDRESS with the bit that makes the smaller size permanent.
 *
 * Must be refused by the rule on COMMAND.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ io }) {
      setup.program(io, 1000, 1, false);
      setup.outTask(io, r.COMMAND, r.SET_MAX);
    },
  });
