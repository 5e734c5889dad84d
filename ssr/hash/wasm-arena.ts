/**
 * Trees that live inside the kernel's memory: their nodes are hashed where they lie, without a copy.
 *
 * Copying bodies in and digests out costs as much as a quarter of the hashing, and at 1000 scattered nodes a level it is
 * the larger part of a commit. So an engine may be asked for the arrays of a tree's levels (`HashEngine.allocate`): it
 * makes one memory for all of them and a kernel that works there. Whoever hashes a batch whose source and target are
 * such arrays gets the quick way; every other batch is copied as before, with the same digests.
 *
 * The memory lives as long as its arrays. A small tree is not worth a memory of its own (V8 reserves gigabytes of address
 * space for each); a tree beyond 4 GiB, or when no memory is to be had, has ordinary arrays.
 */
import type { HashBatch } from '../hash-engine.ts';
import { PREFIX_SIZE_BYTES, readUint } from '../hash-engine.ts';
import type { Sha256x4 } from './sha256x4.ts';
import { instantiateSha256x4, KERNEL_SIZE_BYTES, MESSAGES_AT, MESSAGES_SIZE_BYTES, setPadding } from './sha256x4.ts';

const ARENA_MIN_SIZE_BYTES = 1 << 18;
const ARENA_MAX_SIZE_BYTES = 2 ** 32;
const VECTOR_SIZE_BYTES = 16;
/** What the kernel wants at least: prefix and body fill a block. */
const BODY_MIN_SIZE_BYTES = 48;
const LANES = 4;
/** Nodes in one call: the list lies where messages would. */
const LIST_MAX = MESSAGES_SIZE_BYTES / 4;

interface Arena {
  readonly kernel: Sha256x4;
  readonly list: Uint32Array;
  /** The size of body that the kernel has the padding for. */
  bodySizeBytes: number;
}

const arenas = new WeakMap<ArrayBufferLike, Arena>();

/** Arrays of these sizes, zeros, in one memory; undefined if they are too small or too large for one. */
export function allocateInArena(sizesBytes: readonly number[]): Uint8Array[] | undefined {
  const padded = sizesBytes.map((size) => Math.ceil(size / VECTOR_SIZE_BYTES) * VECTOR_SIZE_BYTES);
  const total = padded.reduce((sum, size) => sum + size, KERNEL_SIZE_BYTES);
  if (total < ARENA_MIN_SIZE_BYTES || total > ARENA_MAX_SIZE_BYTES) return undefined;
  const kernel = instantiateSha256x4(total);
  if (kernel === undefined) return undefined;
  const list = new Uint32Array(kernel.memory, MESSAGES_AT, LIST_MAX);
  arenas.set(kernel.memory, { kernel, list, bodySizeBytes: 0 });
  let at = KERNEL_SIZE_BYTES;
  return sizesBytes.map((size, k) => {
    const array = new Uint8Array(kernel.memory, at, size);
    at += padded[k] ?? 0;
    return array;
  });
}

/** The arena in which this batch can be hashed where it lies. */
export function arenaOf(batch: HashBatch): Arena | undefined {
  const { source, out, gather, sourceStart, strideBytes, bodySizeBytes } = batch;
  if (!gather || source.buffer !== out.buffer || sourceStart !== 0 || strideBytes !== bodySizeBytes) return undefined;
  if (bodySizeBytes < BODY_MIN_SIZE_BYTES || bodySizeBytes % VECTOR_SIZE_BYTES !== 0) return undefined;
  return arenas.get(source.buffer);
}

/** Hashes a batch of this arena's; see `arenaOf`. */
export function hashInArena(arena: Arena, batch: HashBatch): void {
  const { kernel, list } = arena;
  const { prefix, source, bodySizeBytes, indices, count, out } = batch;
  if (arena.bodySizeBytes !== bodySizeBytes) setPadding(kernel, PREFIX_SIZE_BYTES + bodySizeBytes);
  arena.bodySizeBytes = bodySizeBytes;
  // Of the index only the low four bytes are ever used: see LEAVES_MAX.
  const [word0, word1] = [readUint(prefix, 0, 4), readUint(prefix, 4, 4)];
  for (let from = 0; from < count; from += LIST_MAX) {
    const step = Math.min(LIST_MAX, count - from);
    const groups = Math.ceil(step / LANES);
    // Lanes that would idle do the last node again.
    for (let k = 0; k < groups * LANES; k += 1) list[k] = indices[from + Math.min(k, step - 1)] ?? 0;
    kernel.hashNodes(MESSAGES_AT, groups, source.byteOffset, bodySizeBytes, out.byteOffset, word0, word1);
  }
}
