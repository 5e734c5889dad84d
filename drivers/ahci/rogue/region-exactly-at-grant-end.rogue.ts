/**
 * Benign: reads a sector that ends exactly at the end of its memory. The twin of `region-one-word-past-grant`.
 *
 * Must be allowed: a rule that refuses it is off by one.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { allocateIsolated } from '../../rogue/foreign-memory.ts';
import { readSector, rogue } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const page = allocateIsolated(rig, 4096, 'device-writes');
      readSector(rig, page.address + page.sizeBytes - 512);
    },
  });
