/**
 * Asks for an interrupt and never acknowledges it, so that the line stays high for ever.
 *
 * Without a monitor the processor does nothing but enter the handler.
 * Must be refused by the interrupt's deadline.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { executeOnce, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    interrupt() {
      // Looks away.
    },
    attack(rig) {
      // A device that is not there: after one try the controller gives up, which is an error to be told.
      executeOnce(rig);
    },
  });
