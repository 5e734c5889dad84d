/**
 * Memory that a device may be writing to while it is read: only what reads the same twice is whole.
 *
 * A device that never rests is not waited for: after some tries what was read last counts, and the next look corrects it.
 */
import type { MemoryAccess } from './memory-access.ts';

/** A device that writes while its memory is copied is asked again this often. */
const SETTLE_MAX = 8;

/**
 * Reads as many bytes as `seen` has; undefined if they are what was seen.
 * @param room two buffers of that length @returns the one of them that holds what was read
 */
export function readSettled(
  memory: MemoryAccess,
  address: number,
  seen: Uint8Array,
  room: { readonly first: Uint8Array; readonly second: Uint8Array },
): Uint8Array | undefined {
  let { first: now, second: again } = room;
  memory.read(address, now);
  if (Buffer.compare(now, seen) === 0) return undefined;
  for (let tries = 0; tries < SETTLE_MAX; tries += 1) {
    memory.read(address, again);
    if (Buffer.compare(now, again) === 0) break;
    [now, again] = [again, now];
  }
  return now;
}
