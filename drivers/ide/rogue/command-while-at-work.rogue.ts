/**
 * Gives a second command while the drive works on the first.
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
      setup.program(io, 0, 1, false);
      setup.outTask(io, r.COMMAND, r.READ_SECTORS);
      setup.outTask(io, r.COMMAND, r.READ_SECTORS);
    },
  });
