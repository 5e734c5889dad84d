/**
 * Receives a packet whose last byte lies one past its memory.
 *
 * Without a monitor the byte behind is overwritten.
 * Must be refused by the end-exact check of the buffer.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { BUFFER_BYTES, execute, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      execute(rig, r.PID_IN, rig.buffer.address + BUFFER_BYTES - 63, 64);
    },
  });
