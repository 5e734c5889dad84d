/**
 * The Merkle tree by its definition: short, recursive, slow, and what the fast one is held to.
 *
 * A leaf's digest is SHA-256(prefix(00, level 0, index) || bytes); a node's is SHA-256(prefix(01, level, index) ||
 * digests of its children); the root's is the same with tag 02 and, in place of its index 0, the bytes under the tree.
 * `hash-engine.ts` lays out the prefix. Nothing is cached and nothing shared with the fast tree but the prefix writer.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes } from '@noble/hashes/utils.js';
import { DIGEST_SIZE_BYTES, PREFIX_SIZE_BYTES, TAG_LEAF, TAG_NODE, TAG_ROOT, writePrefix } from '../hash-engine.ts';
import type { Tag } from '../hash-engine.ts';
import type { TreeGeometry } from './shape.ts';

function digest(geometry: TreeGeometry, tag: Tag, level: number, index: number, body: Uint8Array): Uint8Array {
  const prefix = new Uint8Array(PREFIX_SIZE_BYTES);
  const leafSizeField = geometry.leafKind === 'digests' ? 0 : geometry.leafSizeBytes;
  writePrefix(prefix, tag, level, { arity: geometry.arity, leafSizeField }, index);
  return sha256(concatBytes(prefix, body));
}

/** The digest of the node at (level, index) over `data`, the root excepted. */
function nodeDigest(geometry: TreeGeometry, data: Uint8Array, level: number, index: number): Uint8Array {
  const spanBytes = geometry.leafSizeBytes * geometry.arity ** level;
  if (level === 0) {
    const bytes = data.subarray(index * spanBytes, (index + 1) * spanBytes);
    return geometry.leafKind === 'digests' ? bytes : digest(geometry, TAG_LEAF, 0, index, bytes);
  }
  return digest(geometry, TAG_NODE, level, index, children(geometry, data, level, index));
}

/** The digests of the children of (level, index), one after the other. */
function children(geometry: TreeGeometry, data: Uint8Array, level: number, index: number): Uint8Array {
  const leaves = Math.max(geometry.leafKind === 'digests' ? 0 : 1, Math.ceil(data.length / geometry.leafSizeBytes));
  const below = Math.ceil(leaves / geometry.arity ** (level - 1));
  const digests: Uint8Array[] = [];
  for (let child = index * geometry.arity; child < Math.min(below, (index + 1) * geometry.arity); child += 1) {
    digests.push(nodeDigest(geometry, data, level - 1, child));
  }
  return concatBytes(...digests);
}

/** The root of the tree over `data`, 32 bytes. */
export function referenceRoot(geometry: TreeGeometry, data: Uint8Array): Uint8Array {
  const leaves = Math.max(1, Math.ceil(data.length / geometry.leafSizeBytes));
  let level = 1;
  while (geometry.arity ** level < leaves) level += 1;
  const root = digest(geometry, TAG_ROOT, level, data.length, children(geometry, data, level, 0));
  if (root.length !== DIGEST_SIZE_BYTES) throw new Error('SHA-256 is 32 bytes');
  return root;
}
