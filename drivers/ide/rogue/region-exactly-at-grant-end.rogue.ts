/**
 * Benign: reads a sector that ends exactly at the end of its memory. The twin of `region-one-word-past-grant`.
 *
 * Must be allowed: a rule that refuses it is off by one.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { allocateIsolated, layRegion, rogue, startTransfer } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const page = allocateIsolated(rig, 4096, 'device-writes');
      layRegion(rig, page.address + page.sizeBytes - 512, 512);
      startTransfer(rig, true, 1);
    },
  });
