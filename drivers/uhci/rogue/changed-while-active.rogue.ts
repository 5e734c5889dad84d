/**
 * Changes the buffer of a descriptor that the controller owns, to one that is its own as well.
 *
 * Without the rule the controller may act on half of the old descriptor and half of the new one.
 * Must be refused by the rule that an active descriptor belongs to the controller.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { execute, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      // A controller that was quicker has given the descriptor back, and the change is no crime: so it is tried some times.
      for (let attempt = 0; attempt < 10; attempt += 1) {
        execute(rig, r.PID_IN, rig.buffer.address, 64);
        rig.descriptors.write32(12, rig.buffer.address + 64);
      }
    },
  });
