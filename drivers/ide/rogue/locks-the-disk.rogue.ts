/**
 * Sets a password: after the next power cycle the disk is nobody's.
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
      setup.outTask(io, r.COMMAND, r.SECURITY_SET_PASSWORD);
    },
  });
