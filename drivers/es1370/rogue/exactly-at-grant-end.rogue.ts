/**
 * The honest twin of `one-word-past-grant`: plays a buffer that ends exactly where its memory does.
 *
 * Must be allowed: a rule that is wrong by one would refuse it.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { BUFFER_BYTES, allocateIsolated, play, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const region = allocateIsolated(rig, BUFFER_BYTES, 'device-reads');
      play(rig, region.address, BUFFER_BYTES);
    },
  });
