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
import type { Kernel, MemoryKind } from './kernel.ts';
import { createKernel } from './kernel.ts';
import type { Sha256x4 } from './sha256x4.ts';
import { DIGESTS_AT, KERNEL_SIZE_BYTES, MESSAGES_AT, MESSAGES_SIZE_BYTES, setPadding } from './sha256x4.ts';

const ARENA_MIN_SIZE_BYTES = 1 << 18;
const ARENA_MAX_SIZE_BYTES = 2 ** 32;
const VECTOR_SIZE_BYTES = 16;
/** What the kernel wants at least: prefix and body fill a block. */
const BODY_MIN_SIZE_BYTES = 48;
const LANES = 4;
/** Nodes in one call: the list lies where messages would. */
const LIST_MAX = MESSAGES_SIZE_BYTES / 4;

/** A second kernel has its scratch where this one has no digests: in an arena they go to their places. */
export const HELPER_SCRATCH_AT = DIGESTS_AT;

/** Nodes that lie in an arena: what `hashNodes` wants to know but for the list. */
export interface NodesJob {
  readonly groups: number;
  readonly bodies: number;
  readonly bodySizeBytes: number;
  readonly target: number;
  readonly word0: number;
  readonly word1: number;
}

export interface Arena {
  readonly kernel: Kernel;
  readonly list: Uint32Array;
  /** The size of body that the kernel has the padding for. */
  bodySizeBytes: number;
}

const arenas = new WeakMap<ArrayBufferLike, Arena>();

/** Arrays of these sizes, zeros, in one memory; undefined if they are too small or too large for one. */
export function allocateInArena(sizesBytes: readonly number[], kind: MemoryKind = 'own'): Uint8Array[] | undefined {
  const padded = sizesBytes.map((size) => Math.ceil(size / VECTOR_SIZE_BYTES) * VECTOR_SIZE_BYTES);
  const total = padded.reduce((sum, size) => sum + size, KERNEL_SIZE_BYTES);
  if (total < ARENA_MIN_SIZE_BYTES || total > ARENA_MAX_SIZE_BYTES) return undefined;
  const kernel = createKernel(total, kind);
  if (kernel === undefined) return undefined;
  const { buffer } = kernel.memory;
  const list = new Uint32Array(buffer, MESSAGES_AT, LIST_MAX);
  arenas.set(buffer, { kernel, list, bodySizeBytes: 0 });
  let at = KERNEL_SIZE_BYTES;
  return sizesBytes.map((size, k) => {
    const array = new Uint8Array(buffer, at, size);
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

/** Some groups of the job's list. */
export function hashPart(kernel: Sha256x4, job: NodesJob, first: number, groups: number): void {
  const list = MESSAGES_AT + first * LANES * 4;
  kernel.hashNodes(list, groups, job.bodies, job.bodySizeBytes, job.target, job.word0, job.word1);
}

/** The whole list. */
export function hashAlone({ kernel }: Arena, job: NodesJob): void {
  hashPart(kernel, job, 0, job.groups);
}

/** Hashes a batch of this arena's (see `arenaOf`), list after list, each as `hash` does it. */
export function hashInArena(arena: Arena, batch: HashBatch, hash = hashAlone): void {
  const { kernel, list } = arena;
  const { prefix, source, bodySizeBytes, indices, count, out } = batch;
  if (arena.bodySizeBytes !== bodySizeBytes) setPadding(kernel.memory.buffer, PREFIX_SIZE_BYTES + bodySizeBytes);
  arena.bodySizeBytes = bodySizeBytes;
  // Of the index only the low four bytes are ever used: see LEAVES_MAX.
  const [word0, word1] = [readUint(prefix, 0, 4), readUint(prefix, 4, 4)];
  const [bodies, target] = [source.byteOffset, out.byteOffset];
  for (let from = 0; from < count; from += LIST_MAX) {
    const step = Math.min(LIST_MAX, count - from);
    const groups = Math.ceil(step / LANES);
    // Lanes that would idle do the last node again.
    for (let k = 0; k < groups * LANES; k += 1) list[k] = indices[from + Math.min(k, step - 1)] ?? 0;
    hash(arena, { groups, bodies, bodySizeBytes, target, word0, word1 });
  }
}
