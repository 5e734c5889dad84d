/**
 * Has the controller read memory that is not its own, and send it to a device on the bus.
 *
 * Without a monitor whoever sits on the bus learns what lies there.
 * Must be refused by the check of an active descriptor against the grants.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { execute, foreign, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      execute(rig, r.PID_OUT, foreign(rig), 64);
    },
  });
