/**
 * Receives into memory that was granted for sending only.
 *
 * Without a monitor the direction of a grant means nothing.
 * Must be refused by the check of the buffer for its packet's direction.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { execute, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      execute(rig, r.PID_IN, io.allocate(64, 'device-reads').address, 64);
    },
  });
