/**
 * Benign: sends a frame whose last byte is the last byte of its granted memory. The twin of `one-byte-past-grant`.
 *
 * Nothing is wrong with it. A check that is off by one the other way would refuse it.
 * Must be allowed.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { allocateIsolated, rogue, sendFrame } from './honest-setup.ts';

const FRAME_BYTES = 1000;

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const region = allocateIsolated(rig, 4096, 'device-reads');
      region.copyIn(region.sizeBytes - FRAME_BYTES, new Uint8Array(FRAME_BYTES).fill(0x5a));
      sendFrame(rig, region.address + region.sizeBytes - FRAME_BYTES, FRAME_BYTES);
    },
  });
