/**
 * Gives DOWNLOAD MICROCODE: the drive would run the attacker's program, for good, and lie to every later monitor.
 *
 * Must be refused by the table of commands.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack({ io }) {
      setup.program(io, 0, 1, false);
      setup.outTask(io, r.COMMAND, r.DOWNLOAD_MICROCODE);
    },
  });
