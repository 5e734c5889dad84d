/**
 * What a Merkle tree asks of a hash engine: many SHA-256 digests of short, domain-separated messages.
 *
 * Every message is a 16-byte prefix followed by a body, so that no two places of a tree ever hash the same message:
 *
 *     byte 0      tag: 00 leaf, 01 inner node, 02 root
 *     byte 1      level: 0 for leaves, 1 for their parents, ...
 *     bytes 2-3   arity of the tree, big-endian
 *     bytes 4-7   leaf size in bytes, big-endian; 0 when the leaves are digests that the caller made
 *     bytes 8-15  index within the level, big-endian; for the root: the number of bytes under the tree
 *
 * The tag stops a leaf from being passed off as a node, level and index stop swaps and grafts, arity, leaf size and the
 * size in the root make one root stand for one shape. The prefix is free where it matters most: 16 + 64 bytes fill the
 * same two SHA-256 blocks as the 64 bytes of two children alone (FIPS 180-4, section 5.1.1: 9 bytes of padding).
 *
 * Engines agree on every byte and differ only in speed; `@noble/hashes` is the oracle for the others. An engine trusts
 * its caller to stay inside the arrays: bounds are the tree's duty, checked once per operation and not once per hash.
 */

export const DIGEST_SIZE_BYTES = 32;
export const PREFIX_SIZE_BYTES = 16;

export const TAG_LEAF = 0;
export const TAG_NODE = 1;
export const TAG_ROOT = 2;
export type Tag = typeof TAG_LEAF | typeof TAG_NODE | typeof TAG_ROOT;

/** Engines of one thread: their prices are lines, which the block-size model knows. */
export type SerialEngineName = 'noble' | 'node' | 'wasm' | 'fastest';
export type EngineName = SerialEngineName | 'parallel';

/**
 * Many messages of one length. Message k is the prefix with `indices[k]` as its index, then `bodySizeBytes` bytes of
 * `source`; its digest goes to `out` at `indices[k] * 32`. The body starts at `sourceStart + p * strideBytes`, where p is
 * `indices[k]` if `gather` is set (nodes scattered over a level) and k otherwise (bodies that lie one after the other).
 */
export interface HashBatch {
  /** 16 bytes; the engine copies them and writes each index into its own copy. */
  readonly prefix: Uint8Array;
  readonly source: Uint8Array;
  readonly sourceStart: number;
  readonly strideBytes: number;
  readonly bodySizeBytes: number;
  readonly gather: boolean;
  readonly indices: Uint32Array;
  readonly count: number;
  readonly out: Uint8Array;
}

export interface HashEngine {
  readonly name: EngineName;
  /**
   * Arrays of these sizes, filled with zeros, between which this engine hashes batches without copying; undefined if it
   * has none of this size. Only a matter of speed: it hashes between any arrays.
   */
  readonly allocate?: (sizesBytes: readonly number[]) => Uint8Array[] | undefined;
  /** SHA-256 of `message`, written to `out` at `outOffset`. */
  hash(message: Uint8Array, out: Uint8Array, outOffset: number): void;
  /** Hashes a whole batch. `out` and `source` may be different arrays only. */
  hashMany(batch: HashBatch): void;
}

/** Writes the 16-byte prefix described above to the start of `target`. `index` is exact up to 2^53. */
export function writePrefix(
  target: Uint8Array,
  tag: Tag,
  level: number,
  geometry: { readonly arity: number; readonly leafSizeField: number },
  index: number,
): void {
  target[0] = tag;
  target[1] = level;
  writeUint(target, 2, 2, geometry.arity);
  writeUint(target, 4, 4, geometry.leafSizeField);
  writeUint(target, 8, 8, index);
}

/** Big-endian, `sizeBytes` bytes; plain arithmetic, so that it is exact beyond 32 bits. */
export function writeUint(target: Uint8Array, offset: number, sizeBytes: number, value: number): void {
  let rest = value;
  for (let at = offset + sizeBytes - 1; at >= offset; at -= 1) {
    target[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

/** Big-endian. Values beyond 2^53 lose their low bits: compare with a limit before you use one. */
export function readUint(source: Uint8Array, offset: number, sizeBytes: number): number {
  let value = 0;
  for (let at = offset; at < offset + sizeBytes; at += 1) value = value * 256 + (source[at] ?? 0);
  return value;
}

/** Where the body of the batch's k-th message starts in its source. */
export function bodyStart(batch: HashBatch, k: number): number {
  const position = batch.gather ? (batch.indices[k] ?? 0) : k;
  return batch.sourceStart + position * batch.strideBytes;
}
