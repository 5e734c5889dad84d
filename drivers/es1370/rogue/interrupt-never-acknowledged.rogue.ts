/**
 * Takes its interrupts and never acknowledges any, so that the line stays high for ever.
 *
 * Without a monitor the processor does nothing but enter the handler: livelock.
 * Must be refused at the interrupt's deadline: the cause was not read, let alone acknowledged.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    interrupt() {
      // Looks away.
    },
    attack() {
      // Its periods end by themselves.
    },
  });
