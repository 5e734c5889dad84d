/**
 * Has a queue head walked as a transfer descriptor: what is harmless as one is an attack as the other.
 *
 * Without types of memory the links of queue heads become buffers.
 * Must be refused by the rule that an element leads to descriptors in their own pool.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      rig.queues.write32(4, rig.queues.address + 16);
    },
  });
