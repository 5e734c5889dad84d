/**
 * Sends a frame whose last byte lies one past the end of its granted memory. `exactly-at-grant-end` is its honest twin.
 *
 * Without a monitor one foreign byte leaves the machine; a check that is off by one would let it pass.
 * Must be refused by the rule on TDT: each buffer ends inside its grant.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { allocateIsolated, rogue, sendFrame } from './honest-setup.ts';

const FRAME_BYTES = 1000;

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const region = allocateIsolated(rig, 4096, 'device-reads');
      const start = region.address + region.sizeBytes - FRAME_BYTES;
      sendFrame(rig, start, FRAME_BYTES + 1);
    },
  });
