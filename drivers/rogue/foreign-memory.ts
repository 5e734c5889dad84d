/**
 * Where memory that a rogue was not granted lies: what the rogues of every device that aims beyond its grants share.
 *
 * Both answers follow from the regions that the program was given itself; a driver knows no other addresses.
 */
import type { DeviceIo, DmaPurpose, DmaRegion } from '../../kernel/abi.ts';

const PAGE_BYTES = 4096;
const ISOLATED_TRIES_MAX = 8;

/** A rogue's `io`, and every region that it was granted. */
export interface Holdings {
  readonly io: DeviceIo;
  readonly regions: DmaRegion[];
}

/** A page that none of this driver's regions touches: above all of them, where other memory of the machine is. */
export function outsideEveryGrant({ regions }: Pick<Holdings, 'regions'>): number {
  const end = Math.max(...regions.map((region) => region.address + region.sizeBytes));
  return Math.ceil(end / PAGE_BYTES) * PAGE_BYTES + PAGE_BYTES;
}

/** A new region that none of this driver's own regions follows directly, so that one byte more is another's. */
export function allocateIsolated(rig: Holdings, sizeBytes: number, purpose: DmaPurpose): DmaRegion {
  let region = rig.io.allocate(sizeBytes, purpose);
  rig.regions.push(region);
  for (let tries = 0; tries < ISOLATED_TRIES_MAX && isFollowed(rig, region); tries += 1) {
    region = rig.io.allocate(sizeBytes, purpose);
    rig.regions.push(region);
  }
  return region;
}

function isFollowed({ regions }: Holdings, region: DmaRegion): boolean {
  return regions.some((other) => other.address === region.address + region.sizeBytes);
}
