/**
 * Changes the number of sectors while the drive works on a command.
 *
 * Must be refused by the rule on COUNT.
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
      setup.outTask(io, r.COUNT, 200);
    },
  });
