/**
 * Has the controller write what a device says to memory that is not its own.
 *
 * Without a monitor a driver overwrites the kernel by way of a mouse.
 * Must be refused by the check of an active descriptor against the grants.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { execute, foreign, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      execute(rig, r.PID_IN, foreign(rig), 64);
    },
  });
