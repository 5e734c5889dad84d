/**
 * Hashes leaves and nodes of one tree into its level arrays: batches where bodies have one length, alone where not.
 *
 * Knows prefixes and the layout of a level (digest i at byte 32 i), not which nodes are dirty nor how many there are.
 * `below` and `out` are the arrays of a node's children's level and of its own; the caller has checked all bounds.
 */
import type { HashEngine, Tag } from '../hash-engine.ts';
import { DIGEST_SIZE_BYTES, PREFIX_SIZE_BYTES, TAG_LEAF, TAG_NODE, writePrefix } from '../hash-engine.ts';
import type { TreeGeometry } from './shape.ts';
import { leafSizeField } from './shape.ts';

/** Indices handed to an engine at a time. */
const RANGE_STEP = 4096;

export class TreeHasher {
  readonly #engine: HashEngine;
  readonly #geometry: TreeGeometry;
  readonly #batchPrefixes: Uint8Array[] = [];
  /** The last lone message, kept because a fresh array of that size costs more than hashing it. */
  #message = new Uint8Array(0);

  constructor(engine: HashEngine, geometry: TreeGeometry) {
    this.#engine = engine;
    this.#geometry = geometry;
  }

  /** `count` whole leaves that lie one after the other in `source` are leaves `first`, `first + 1`, ... */
  leafRange(source: Uint8Array, sourceStart: number, first: number, count: number, out: Uint8Array): void {
    forEachRange(first, first + count, (indices, step, from) => {
      const start = sourceStart + (from - first) * this.#geometry.leafSizeBytes;
      this.#leafBatch(source, start, indices, step, out);
    });
  }

  /** `count` whole leaves that lie one after the other from the start of `source` are the leaves listed. In that order. */
  leafList(source: Uint8Array, indices: Uint32Array, count: number, out: Uint8Array): void {
    this.#leafBatch(source, 0, indices, count, out);
  }

  /** One leaf of any length. */
  leaf(bytes: Uint8Array, index: number, out: Uint8Array): void {
    this.#alone(TAG_LEAF, 0, index, bytes, out, index);
  }

  /** The listed nodes of `level`, all with the full number of children. */
  nodeList(level: number, indices: Uint32Array, count: number, below: Uint8Array, out: Uint8Array): void {
    if (count === 0) return;
    const bodySizeBytes = this.#geometry.arity * DIGEST_SIZE_BYTES;
    const prefix = this.#batchPrefix(level);
    // Written out: this is called for every level of every update, and a spread takes as long as half a hash.
    this.#engine.hashMany({
      prefix,
      source: below,
      sourceStart: 0,
      strideBytes: bodySizeBytes,
      bodySizeBytes,
      gather: true,
      indices,
      count,
      out,
    });
  }

  /** The nodes `first` to `end - 1` of `level`, all with the full number of children; none if `end` <= `first`. */
  nodeRange(level: number, first: number, end: number, below: Uint8Array, out: Uint8Array): void {
    forEachRange(first, end, (indices, step) => this.nodeList(level, indices, step, below, out));
  }

  /** One node with `children` children, of any tag; `indexField` is what its prefix says of its place. */
  node(
    tag: Tag,
    place: { readonly level: number; readonly index: number; readonly children: number; readonly indexField: number },
    below: Uint8Array,
    out: Uint8Array,
  ): void {
    const start = place.index * this.#geometry.arity * DIGEST_SIZE_BYTES;
    const body = below.subarray(start, start + place.children * DIGEST_SIZE_BYTES);
    this.#alone(tag, place.level, place.indexField, body, out, place.index);
  }

  #leafBatch(source: Uint8Array, sourceStart: number, indices: Uint32Array, count: number, out: Uint8Array): void {
    const bodySizeBytes = this.#geometry.leafSizeBytes;
    const prefix = this.#batchPrefix(0);
    const place = { source, sourceStart, strideBytes: bodySizeBytes, bodySizeBytes, gather: false };
    this.#engine.hashMany({ prefix, ...place, indices, count, out });
  }

  #alone(tag: Tag, level: number, indexField: number, body: Uint8Array, out: Uint8Array, index: number): void {
    const sizeBytes = PREFIX_SIZE_BYTES + body.length;
    if (this.#message.length !== sizeBytes) this.#message = new Uint8Array(sizeBytes);
    this.#writePrefix(this.#message, tag, level, indexField);
    this.#message.set(body, PREFIX_SIZE_BYTES);
    this.#engine.hash(this.#message, out, index * DIGEST_SIZE_BYTES);
  }

  /** The prefix for batches of one level: made once, as engines write the indices themselves. */
  #batchPrefix(level: number): Uint8Array {
    const known = this.#batchPrefixes[level];
    if (known !== undefined) return known;
    const made = new Uint8Array(PREFIX_SIZE_BYTES);
    this.#writePrefix(made, level === 0 ? TAG_LEAF : TAG_NODE, level, 0);
    this.#batchPrefixes[level] = made;
    return made;
  }

  #writePrefix(target: Uint8Array, tag: Tag, level: number, indexField: number): void {
    const { arity } = this.#geometry;
    writePrefix(target, tag, level, { arity, leafSizeField: leafSizeField(this.#geometry) }, indexField);
  }
}

/** Calls `visit` with the indices from `first` to `end - 1`, some thousands at a time. */
function forEachRange(
  first: number,
  end: number,
  visit: (indices: Uint32Array, step: number, from: number) => void,
): void {
  if (!(end > first)) return;
  const indices = new Uint32Array(Math.min(RANGE_STEP, end - first));
  for (let from = first; from < end; from += RANGE_STEP) {
    const step = Math.min(RANGE_STEP, end - from);
    for (let k = 0; k < step; k += 1) indices[k] = from + k;
    visit(indices, step, from);
  }
}
