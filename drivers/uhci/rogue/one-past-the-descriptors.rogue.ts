/**
 * Links its queue to the descriptor one past the last of its own.
 *
 * Without a monitor the controller takes for a descriptor what lies behind.
 * Must be refused by the rule that an element leads to a descriptor of the pool, whole.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      rig.queues.write32(4, rig.descriptors.address + rig.descriptors.sizeBytes);
    },
  });
