/**
 * Reads a sector whose last word lies one word past the end of its memory. `region-exactly-at-grant-end` is its honest twin.
 *
 * Must be refused by the rule on BMICOM: each region ends inside its grant.
 */
import type { DeviceIo } from '../../../kernel/abi.ts';
import { allocateIsolated, layRegion, rogue, startTransfer } from './honest-setup.ts';

export default (io: DeviceIo) =>
  rogue(io, {
    attack(rig) {
      const page = allocateIsolated(rig, 4096, 'device-writes');
      layRegion(rig, page.address + page.sizeBytes - 510, 512);
      startTransfer(rig, true, 1);
    },
  });
