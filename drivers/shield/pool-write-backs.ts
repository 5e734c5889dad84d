/**
 * What a device without a doorbell has written into its copies, carried back to the guest: in the guest's addresses, and the
 * word that says whose a structure is last. Where guest and device changed the same word, the guest's is kept.
 */
import type { PoolCopies } from './pool-copies.ts';
import { shapeOf, type PoolShape } from './pool-plan.ts';
import { bytesOf, keyOf, linksOf, type Structure } from './pool-structure.ts';
import type { GuestPages } from './shadow-pages.ts';
import type { MemoryAccess } from './memory-access.ts';

/** Looks at every copy. */
export function collectWriteBacks(copies: PoolCopies, guest: GuestPages, memory: MemoryAccess): void {
  for (const page of copies.pages()) {
    const now = page.look(memory);
    if (now === undefined) continue;
    const changed = new Map<Structure, number[]>();
    for (let index = 0; index < now.length; index += 1) {
      if (now[index] === page.seen[index]) continue;
      const value = now[index] ?? 0;
      page.seen[index] = value;
      const at = page.address + 4 * index;
      const structure = page.ownerAt(at);
      if (structure === undefined) continue;
      const word = (at - structure.place) / 4;
      structure.given[word] = value;
      const words = changed.get(structure);
      if (words === undefined) changed.set(structure, [word]);
      else words.push(word);
    }
    for (const [structure, words] of changed) deliver(structure, words, copies, guest, memory);
  }
}

function deliver(
  structure: Structure,
  words: readonly number[],
  copies: PoolCopies,
  guest: GuestPages,
  memory: MemoryAccess,
): void {
  const { pool, address, held, given } = structure;
  const shape = shapeOf(copies.plan, pool);
  // Replaced: what lies there now is another structure.
  if (copies.known.get(keyOf(pool, address)) !== structure) return;
  const before = held.slice();
  for (const word of words) held[word] = given[word] ?? 0;
  // Only now, with all words: whether one is an address may depend on another.
  for (const word of words) held[word] = toGuest(copies, shape, given[word] ?? 0, word, held);
  structure.links = linksOf(shape, address, held);
  const now = new Uint32Array(held.length);
  memory.read(address, new Uint8Array(now.buffer));
  const last = (word: number): number => (word === shape.owner?.word ? 1 : 0);
  for (const word of [...words].sort((left, right) => last(left) - last(right))) {
    if (now[word] !== before[word]) continue;
    const value = held[word] ?? 0;
    memory.write(address + 4 * word, bytesOf(value));
    guest.wrote(address + 4 * word, value);
  }
}

/** A word as the guest knows it: an address of a copy is that of what was copied. */
function toGuest(copies: PoolCopies, shape: PoolShape, value: number, word: number, words: Uint32Array): number {
  for (const { field, live } of shape.links) {
    if (field?.word !== word || !live(words)) continue;
    const target = copies.at((value & field.mask) >>> 0);
    if (target !== undefined) return ((value & ~field.mask) | target.address) >>> 0;
  }
  return value;
}
