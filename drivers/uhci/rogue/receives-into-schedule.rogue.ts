/**
 * Has a device overwrite the driver's own queue heads: links that nobody has looked at.
 *
 * Without a monitor a device that plays along lays any schedule.
 * Must be refused by the check of the buffer: command memory is not written by what comes in.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { execute, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      execute(rig, r.PID_IN, rig.queues.address, 16);
    },
  });
