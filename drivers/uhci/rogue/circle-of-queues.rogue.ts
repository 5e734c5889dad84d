/**
 * Benign: two queue heads in a circle, as drivers make them to use all of a frame (design guide 3.4.1).
 *
 * Nothing is wrong with it: the controller ends its walk with the frame.
 * Must be allowed.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import * as r from '../registers.ts';
import { rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const [first, second] = [0, 16].map((offset) => (rig.queues.address + offset) | r.LINK_QUEUE);
      rig.queues.write32(16, first ?? 0);
      rig.queues.write32(0, second ?? 0);
    },
  });
