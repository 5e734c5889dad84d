/**
 * The shape of a Merkle tree: how many nodes each level has, and who is whose child. Pure arithmetic, no hashing.
 *
 * Level 0 holds the leaves, each further level the parents of up to `arity` nodes below, and the last level one node, the
 * root. There is always at least one level above the leaves, so a tree of one leaf has a root over one child. The right
 * edge is ragged: the last leaf may be short and the last node of a level may have fewer children.
 */
import { DIGEST_SIZE_BYTES } from '../hash-engine.ts';

/** `data`: leaves are bytes that the tree hashes. `digests`: leaves are 32-byte digests that the caller made. */
export type LeafKind = 'data' | 'digests';

export interface TreeGeometry {
  /** Children per node, 2..`ARITY_MAX`. */
  readonly arity: number;
  /** 1..`LEAF_SIZE_MAX_BYTES`; 32 if the leaves are digests. */
  readonly leafSizeBytes: number;
  readonly leafKind?: LeafKind;
}

export interface TreeShape {
  readonly geometry: TreeGeometry;
  /** Bytes under the tree. */
  readonly sizeBytes: number;
  /** Nodes per level, leaves first; the last is 1. */
  readonly levels: readonly number[];
}

export const ARITY_MAX = 4096;
export const LEAF_SIZE_MAX_BYTES = 2 ** 26;
/** 2 GiB of leaf digests: what one typed array holds everywhere. */
export const LEAVES_MAX = 2 ** 26;

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, not ${typeof value}`);
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be an integer from ${min} to ${max}, not ${value}`);
  }
}

/** @throws TypeError or RangeError that names the field at fault */
export function checkGeometry(geometry: TreeGeometry): void {
  checkInteger('arity', geometry.arity, 2, ARITY_MAX);
  checkInteger('leafSizeBytes', geometry.leafSizeBytes, 1, LEAF_SIZE_MAX_BYTES);
  if (geometry.leafKind === 'digests' && geometry.leafSizeBytes !== DIGEST_SIZE_BYTES) {
    throw new RangeError(
      `leafSizeBytes must be ${DIGEST_SIZE_BYTES} when the leaves are digests, not ${geometry.leafSizeBytes}`,
    );
  }
}

/**
 * The shape of a tree over `sizeBytes` bytes. No bytes at all still make one, empty, leaf; no digests make a root without children.
 * @throws RangeError if the geometry is out of range, the tree would have more than `LEAVES_MAX` leaves, or digests do not fit `sizeBytes`
 */
export function treeShape(geometry: TreeGeometry, sizeBytes: number): TreeShape {
  checkGeometry(geometry);
  checkInteger('sizeBytes', sizeBytes, 0, Number.MAX_SAFE_INTEGER);
  const digests = geometry.leafKind === 'digests';
  if (digests && sizeBytes % DIGEST_SIZE_BYTES !== 0) {
    throw new RangeError(
      `sizeBytes must be a multiple of ${DIGEST_SIZE_BYTES} when the leaves are digests, not ${sizeBytes}`,
    );
  }
  const leafCount = Math.max(digests ? 0 : 1, Math.ceil(sizeBytes / geometry.leafSizeBytes));
  if (leafCount > LEAVES_MAX) {
    throw new RangeError(`a tree holds at most ${LEAVES_MAX} leaves, not ${leafCount}; use larger leaves`);
  }
  const levels = [leafCount];
  let count = leafCount;
  do {
    count = Math.max(1, Math.ceil(count / geometry.arity));
    levels.push(count);
  } while (count > 1);
  return { geometry, sizeBytes, levels };
}

/** The level of the root. */
export function rootLevel(shape: TreeShape): number {
  return shape.levels.length - 1;
}

export function leafCount(shape: TreeShape): number {
  return shape.levels[0] ?? 0;
}

/** Bytes of the leaf at `index`: the leaf size, or what is left for the last one. */
export function leafLength(shape: TreeShape, index: number): number {
  const { leafSizeBytes } = shape.geometry;
  return Math.max(0, Math.min(leafSizeBytes, shape.sizeBytes - index * leafSizeBytes));
}

/** Children of a node at `level` >= 1. */
export function childCount(shape: TreeShape, level: number, index: number): number {
  const below = shape.levels[level - 1] ?? 0;
  return Math.max(0, Math.min(shape.geometry.arity, below - index * shape.geometry.arity));
}

/** What the prefix of every message says of the leaf size: 0 marks leaves that are digests already. */
export function leafSizeField(geometry: TreeGeometry): number {
  return geometry.leafKind === 'digests' ? 0 : geometry.leafSizeBytes;
}
