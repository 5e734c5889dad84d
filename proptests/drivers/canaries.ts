/**
 * Canaries: memory around a driver's grants that the device must never write, on devices that keep no record of their DMA.
 *
 * All memory that grants can come from is painted before the driver starts. Afterwards the grants have been zeroed, by the
 * RVM or, where the driver's thread had to be killed, by the kernel, which zeroes everything up to the last grant's guard
 * page. So each byte beside a grant must be as it was painted, or belong to a stretch that is zero from end to end.
 */
import { PAGE_BYTES, type Granted, type OpenBacking } from '../../kernel/index.ts';

/** From the start of the memory for DMA. */
const PAINTED_BYTES = 4 << 20;
/** Bytes that follow from their address, so that a copy from elsewhere does not look alive; none is zero. */
const CANARIES = Uint8Array.from({ length: PAINTED_BYTES }, (_, index) => ((index * 151 + (index >> 8)) & 0xff) | 1);

export function paintCanaries(open: OpenBacking): void {
  const device = open.attachHere();
  device.writeMemory(open.dma.base, CANARIES);
  device.detach();
}

/** @returns where a canary has changed, in words; undefined if all are alive */
export function deadCanary(open: OpenBacking, grants: readonly Granted[]): string | undefined {
  const device = open.attachHere();
  const seen = new Uint8Array(PAINTED_BYTES);
  device.readMemory(open.dma.base, seen);
  device.detach();
  for (const [from, to] of stretchesBeside(open.dma.base, grants)) {
    const stretch = seen.subarray(from, to);
    const alive = Buffer.compare(stretch, CANARIES.subarray(from, to)) === 0;
    const reclaimed = to < PAINTED_BYTES && stretch.every((byte) => byte === 0);
    if (!alive && !reclaimed)
      return `a canary between 0x${(open.dma.base + from).toString(16)} and 0x${(open.dma.base + to).toString(16)} has changed`;
  }
  return undefined;
}

/** The stretches of painted memory between grants, and the one behind the last grant and its guard page. */
function stretchesBeside(base: number, grants: readonly Granted[]): (readonly [from: number, to: number])[] {
  const stretches: (readonly [number, number])[] = [];
  let from = 0;
  for (const { address, sizeBytes } of [...grants].sort((a, b) => a.address - b.address)) {
    if (address - base > from) stretches.push([from, address - base]);
    from = address - base + sizeBytes;
  }
  const behind = grants.length === 0 ? 0 : (Math.ceil(from / PAGE_BYTES) + 1) * PAGE_BYTES;
  if (behind > from) stretches.push([from, Math.min(behind, PAINTED_BYTES)]);
  if (behind >= PAINTED_BYTES) throw new RangeError('the grants leave no room for canaries');
  return [...stretches, [behind, PAINTED_BYTES]];
}
