/**
 * Benign: receives a packet whose last byte is the last byte of its memory. The twin of `one-byte-past-grant`.
 *
 * Nothing is wrong with it. A check that is off by one the other way would refuse it.
 * Must be allowed.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { BUFFER_BYTES, execute, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      execute(rig, r.PID_IN, rig.buffer.address + BUFFER_BYTES - 64, 64);
    },
  });
