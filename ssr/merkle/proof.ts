/**
 * Proofs that a leaf is in a tree, checked against nothing but a root that the verifier trusts.
 *
 * A proof is one string of bytes: a 24-byte header, then for every level from the leaf up the digests of the siblings,
 * left to right. Header, big-endian: version (1 byte, 1), a zero byte, arity (2), leaf size field (4, 0 for digests),
 * bytes under the tree (8), leaf index (8). The root's digest covers all of it: arity and leaf size are in every message,
 * the size in the root's, the index in the leaf's. So there is one proof per leaf and root, and no byte of it can change.
 *
 * The verifier fails closed: it computes from the header, within limits, how long the proof must be, before it hashes
 * anything. The work is bounded by the length of the proof, one hash a level. What it does not do: keep anything secret,
 * or say that the root is the latest one; that is the anchor's business.
 */
import type { HashEngine } from '../hash-engine.ts';
import {
  DIGEST_SIZE_BYTES,
  PREFIX_SIZE_BYTES,
  readUint,
  TAG_LEAF,
  TAG_NODE,
  TAG_ROOT,
  writePrefix,
  writeUint,
} from '../hash-engine.ts';
import { nobleEngine } from '../hash/noble.ts';
import type { TreeGeometry, TreeShape } from './shape.ts';
import {
  ARITY_MAX,
  childCount,
  leafCount,
  leafLength,
  LEAF_SIZE_MAX_BYTES,
  leafSizeField,
  LEAVES_MAX,
  rootLevel,
  treeShape,
} from './shape.ts';

export const PROOF_VERSION = 1;
export const PROOF_HEADER_SIZE_BYTES = 24;

/** Why a proof was refused. `malformed`: it is no proof at all. `mismatch`: it is a proof, of something else. */
export type ProofFault =
  { readonly fault: 'malformed'; readonly reason: string } | { readonly fault: 'mismatch'; readonly reason: string };

/** What an accepted proof shows, all of it covered by the root. */
export interface ProvenLeaf {
  readonly geometry: TreeGeometry;
  readonly sizeBytes: number;
  readonly index: number;
}

export type ProofVerdict = ({ readonly ok: true } & ProvenLeaf) | ({ readonly ok: false } & ProofFault);

/** The bytes that a proof of this leaf must have, header included. */
export function proofLength(shape: TreeShape, leafIndex: number): number {
  let siblings = 0;
  let index = leafIndex;
  for (let level = 1; level <= rootLevel(shape); level += 1) {
    index = Math.floor(index / shape.geometry.arity);
    siblings += childCount(shape, level, index) - 1;
  }
  return PROOF_HEADER_SIZE_BYTES + siblings * DIGEST_SIZE_BYTES;
}

/**
 * The proof of one leaf, with node digests taken from wherever they are kept.
 * @param readDigests copies `count` digests of `level` from `first` on into `into` at `at`
 */
export function encodeProof(
  shape: TreeShape,
  leafIndex: number,
  readDigests: (level: number, first: number, count: number, into: Uint8Array, at: number) => void,
): Uint8Array {
  const { arity } = shape.geometry;
  const proof = new Uint8Array(proofLength(shape, leafIndex));
  proof[0] = PROOF_VERSION;
  writeUint(proof, 2, 2, arity);
  writeUint(proof, 4, 4, leafSizeField(shape.geometry));
  writeUint(proof, 8, 8, shape.sizeBytes);
  writeUint(proof, 16, 8, leafIndex);
  let at = PROOF_HEADER_SIZE_BYTES;
  let index = leafIndex;
  for (let level = 0; level < rootLevel(shape); level += 1) {
    const parent = Math.floor(index / arity);
    const first = parent * arity;
    const end = first + childCount(shape, level + 1, parent);
    readDigests(level, first, index - first, proof, at);
    readDigests(level, index + 1, end - index - 1, proof, at + (index - first) * DIGEST_SIZE_BYTES);
    at += (end - first - 1) * DIGEST_SIZE_BYTES;
    index = parent;
  }
  return proof;
}

function malformed(reason: string): ProofVerdict {
  return { ok: false, fault: 'malformed', reason };
}

function mismatch(reason: string): ProofVerdict {
  return { ok: false, fault: 'mismatch', reason };
}

/** The header, or why it cannot be one. Every field is compared with its limit before anything is computed from it. */
function readHeader(proof: Uint8Array): { readonly shape: TreeShape; readonly index: number } | string {
  if (proof.length < PROOF_HEADER_SIZE_BYTES) return `shorter than its header of ${PROOF_HEADER_SIZE_BYTES} bytes`;
  if (proof[0] !== PROOF_VERSION || proof[1] !== 0) return 'not of a known version';
  const arity = readUint(proof, 2, 2);
  const leafSize = readUint(proof, 4, 4);
  const sizeBytes = readUint(proof, 8, 8);
  const index = readUint(proof, 16, 8);
  if (arity < 2 || arity > ARITY_MAX) return 'arity out of range';
  if (leafSize > LEAF_SIZE_MAX_BYTES) return 'leaf size out of range';
  const leafSizeBytes = leafSize === 0 ? DIGEST_SIZE_BYTES : leafSize;
  if (sizeBytes > LEAVES_MAX * leafSizeBytes || sizeBytes > Number.MAX_SAFE_INTEGER) return 'tree size out of range';
  if (leafSize === 0 && sizeBytes % DIGEST_SIZE_BYTES !== 0) return 'tree size is no multiple of a digest';
  const geometry: TreeGeometry = { arity, leafSizeBytes, leafKind: leafSize === 0 ? 'digests' : 'data' };
  const shape = treeShape(geometry, sizeBytes);
  if (index >= leafCount(shape)) return 'leaf index beyond the tree';
  return { shape, index };
}

/**
 * Does `proof` show that `leaf` is the leaf at `index` of the tree whose root is `root`? Never throws on a bad proof.
 * `leaf` is the leaf's bytes, or its digest if the tree's leaves are digests.
 * @throws TypeError if an argument is not what its name says
 */
export function verifyProof(
  claim: { readonly root: Uint8Array; readonly index: number; readonly leaf: Uint8Array; readonly proof: Uint8Array },
  engine: HashEngine = nobleEngine,
): ProofVerdict {
  for (const name of ['root', 'leaf', 'proof'] as const) {
    if (!(claim[name] instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array`);
  }
  if (claim.root.length !== DIGEST_SIZE_BYTES) throw new TypeError(`root must be ${DIGEST_SIZE_BYTES} bytes`);
  // A private copy: nobody can change a proof between its checks and its use.
  const proof = Uint8Array.from(claim.proof);
  const header = readHeader(proof);
  if (typeof header === 'string') return malformed(`the proof has a bad header: ${header}`);
  const { shape, index } = header;
  if (proof.length !== proofLength(shape, index)) return malformed('the proof has not the length its header implies');
  if (index !== claim.index) return mismatch(`the proof is of leaf ${index}, not of leaf ${claim.index}`);
  if (claim.leaf.length !== leafLength(shape, index)) return mismatch('the leaf has not the length the proof implies');
  const computed = rootFromProof(shape, index, claim.leaf, proof, engine);
  if (!computed.every((byte, at) => byte === claim.root[at])) return mismatch('the proof leads to another root');
  return { ok: true, geometry: shape.geometry, sizeBytes: shape.sizeBytes, index };
}

/** Hashes from the leaf to the root, with the siblings in their places. */
function rootFromProof(
  shape: TreeShape,
  leafIndex: number,
  leaf: Uint8Array,
  proof: Uint8Array,
  engine: HashEngine,
): Uint8Array {
  const { arity, leafKind } = shape.geometry;
  const prefixFields = { arity, leafSizeField: leafSizeField(shape.geometry) };
  const digest = new Uint8Array(DIGEST_SIZE_BYTES);
  if (leafKind === 'digests') {
    digest.set(leaf);
  } else {
    const message = new Uint8Array(PREFIX_SIZE_BYTES + leaf.length);
    writePrefix(message, TAG_LEAF, 0, prefixFields, leafIndex);
    message.set(leaf, PREFIX_SIZE_BYTES);
    engine.hash(message, digest, 0);
  }
  let at = PROOF_HEADER_SIZE_BYTES;
  let index = leafIndex;
  for (let level = 1; level <= rootLevel(shape); level += 1) {
    const position = index % arity;
    index = Math.floor(index / arity);
    const bodySizeBytes = childCount(shape, level, index) * DIGEST_SIZE_BYTES;
    const message = new Uint8Array(PREFIX_SIZE_BYTES + bodySizeBytes);
    const isRoot = level === rootLevel(shape);
    writePrefix(message, isRoot ? TAG_ROOT : TAG_NODE, level, prefixFields, isRoot ? shape.sizeBytes : index);
    const split = at + position * DIGEST_SIZE_BYTES;
    const end = at + bodySizeBytes - DIGEST_SIZE_BYTES;
    message.set(proof.subarray(at, split), PREFIX_SIZE_BYTES);
    message.set(digest, PREFIX_SIZE_BYTES + position * DIGEST_SIZE_BYTES);
    message.set(proof.subarray(split, end), PREFIX_SIZE_BYTES + (position + 1) * DIGEST_SIZE_BYTES);
    engine.hash(message, digest, 0);
    at = end;
  }
  return digest;
}
