/**
 * A Merkle tree of any arity and leaf size, kept as one flat array of digests per level.
 *
 * Invariant: after `commit`, every digest equals what `merkle/reference.ts` computes from the leaves, and the commit
 * hashed each changed node exactly once, however many changed leaves lie below it. Changes are a sorted list of single
 * leaves plus, for what was appended, one suffix of the level; divided by the arity both stay sorted, so equal parents
 * are neighbours and no marks are needed (Nexus kept a dirty bit per node and two work queues to the same end).
 *
 * The tree holds digests and the bytes of a short last leaf, never the data: whoever owns the data hands leaves in. It
 * does not read disks, encrypt, or know which root is the latest (NCA'04 for the tree, SOSP'11 for its place in an SSR).
 */
import type { HashEngine } from './hash-engine.ts';
import { DIGEST_SIZE_BYTES, TAG_NODE, TAG_ROOT } from './hash-engine.ts';
import { DirtyNodes } from './merkle/dirty.ts';
import { encodeProof } from './merkle/proof.ts';
import type { TreeGeometry, TreeShape } from './merkle/shape.ts';
import { childCount, leafCount, LEAVES_MAX, leafLength, rootLevel, treeShape } from './merkle/shape.ts';
import { TreeHasher } from './merkle/tree-hasher.ts';
import { nobleEngine } from './hash/noble.ts';

/** A new value for one leaf. */
export interface LeafChange {
  readonly index: number;
  readonly bytes: Uint8Array;
}

export type MerkleErrorCode = 'MERKLE_UNCOMMITTED' | 'MERKLE_COMMIT_FAILED';

/** The tree was asked for something that it cannot answer truthfully. */
export class MerkleError extends Error {
  readonly code: MerkleErrorCode;
  constructor(code: MerkleErrorCode, message: string) {
    super(message);
    this.name = 'MerkleError';
    this.code = code;
  }
}

/** Leaves are collected up to this many bytes before they are hashed as one batch. */
const STAGING_SIZE_BYTES = 65_536;
const STAGED_LEAVES_MAX = 1024;

export class MerkleTree {
  readonly #hasher: TreeHasher;
  readonly #engine: HashEngine;
  #shape: TreeShape;
  /** Digests of each level; may have room for more than the level holds. Always starts on a word. */
  #levels: Uint8Array[];
  /** Where the root of the last commit was: if the tree has grown since, that node is an ordinary one now. */
  #committedRootLevel: number | undefined;
  readonly #dirty = new DirtyNodes();
  /** While a commit hashes, and for good if it was broken off: then the levels are of two trees. */
  #isHalfCommitted = false;
  /** The bytes of the last leaf, if it is short. */
  readonly #tail: Uint8Array;
  #tailChanged = true;
  readonly #staged: Uint8Array;
  readonly #stagedIndices: Uint32Array;
  #stagedCount = 0;

  private constructor(geometry: TreeGeometry, engine: HashEngine, expectedSizeBytes: number) {
    this.#hasher = new TreeHasher(engine, geometry);
    this.#engine = engine;
    this.#shape = treeShape(geometry, 0);
    this.#levels = allocateLevels(engine, treeShape(geometry, expectedSizeBytes));
    this.#tail = new Uint8Array(geometry.leafSizeBytes);
    const slots = Math.max(1, Math.floor(STAGING_SIZE_BYTES / geometry.leafSizeBytes));
    this.#staged = new Uint8Array(Math.min(slots, STAGED_LEAVES_MAX) * geometry.leafSizeBytes);
    this.#stagedIndices = new Uint32Array(Math.min(slots, STAGED_LEAVES_MAX));
    this.#dirty.addSuffix(0);
  }

  /**
   * An empty tree to append to; `expectedSizeBytes` saves growing its arrays.
   * @throws RangeError if the geometry or the expected size is out of range
   */
  static create(geometry: TreeGeometry, engine: HashEngine = nobleEngine, expectedSizeBytes = 0): MerkleTree {
    return new MerkleTree({ ...geometry }, engine, expectedSizeBytes);
  }

  /** The committed tree over `data`; for leaves of kind `digests`, `data` is the digests one after the other. */
  static build(geometry: TreeGeometry, data: Uint8Array, engine: HashEngine = nobleEngine): MerkleTree {
    const tree = MerkleTree.create(geometry, engine, data.length);
    tree.append(data);
    tree.commit();
    return tree;
  }

  get shape(): TreeShape {
    return this.#shape;
  }

  /** Bytes of memory that the digests take. */
  get digestsSizeBytes(): number {
    return this.#levels.reduce((sum, level) => sum + level.length, 0);
  }

  /**
   * Adds bytes at the end, in chunks of any size; the tree keeps at most one leaf of them. For digests: whole ones only.
   * @throws RangeError if the tree would become too large; the tree is then unchanged
   */
  append(chunk: Uint8Array): void {
    const { leafSizeBytes } = this.#shape.geometry;
    const before = this.#shape.sizeBytes;
    const grown = treeShape(this.#shape.geometry, before + chunk.length);
    if (chunk.length === 0) return;
    this.#flushStaged();
    this.#reshape(grown);
    const firstChanged = Math.floor(before / leafSizeBytes);
    this.#dirty.addSuffix(firstChanged);
    let at = 0;
    let index = firstChanged;
    const tailBytes = before % leafSizeBytes;
    if (tailBytes > 0) {
      at = Math.min(leafSizeBytes - tailBytes, chunk.length);
      this.#tail.set(chunk.subarray(0, at), tailBytes);
      this.#tailChanged = true;
      if (tailBytes + at < leafSizeBytes) return;
      this.#hashLeaves(this.#tail, 0, index, 1);
      index += 1;
    }
    const whole = Math.floor((chunk.length - at) / leafSizeBytes);
    this.#hashLeaves(chunk, at, index, whole);
    this.#tail.set(chunk.subarray(at + whole * leafSizeBytes));
    this.#tailChanged = true;
  }

  /**
   * Replaces one leaf. Its node is hashed soon, its ancestors at the next `commit`.
   * @throws RangeError if there is no such leaf or `bytes` has not exactly its length
   */
  setLeaf(index: number, bytes: Uint8Array): void {
    const length = this.#checkLeaf(index, bytes);
    const { leafSizeBytes, leafKind } = this.#shape.geometry;
    if (leafKind === 'digests') {
      this.#digests(0).set(bytes, index * DIGEST_SIZE_BYTES);
      this.#dirty.add(index);
      return;
    }
    if (length < leafSizeBytes) {
      this.#tail.set(bytes);
      this.#tailChanged = true;
      this.#dirty.addSuffix(index);
      return;
    }
    if (this.#stagedCount === this.#stagedIndices.length) this.#flushStaged();
    this.#staged.set(bytes, this.#stagedCount * leafSizeBytes);
    this.#stagedIndices[this.#stagedCount] = index;
    this.#stagedCount += 1;
    this.#dirty.add(index);
  }

  /** Replaces one leaf and hashes its path: `setLeaf` and `commit`. Returns the new root. */
  update(index: number, bytes: Uint8Array): Uint8Array {
    this.setLeaf(index, bytes);
    return this.commit();
  }

  /**
   * Replaces many leaves and hashes each changed node once; of two values for one leaf the later counts. Returns the root.
   * @throws RangeError at the first bad change; changes before it stay pending, as with `setLeaf`
   */
  updateBatch(changes: Iterable<LeafChange>): Uint8Array {
    for (const { index, bytes } of changes) this.setLeaf(index, bytes);
    return this.commit();
  }

  /**
   * Changes how many bytes are under the tree. New bytes are zeros, as in a file that is made longer.
   * @param lastLeaf the bytes of the last leaf after shrinking, needed only if that leaf becomes shorter
   * @throws RangeError if the tree would become too large, or `lastLeaf` is missing or of the wrong length
   */
  resize(sizeBytes: number, lastLeaf?: Uint8Array): void {
    const before = this.#shape.sizeBytes;
    const { geometry } = this.#shape;
    const next = treeShape(geometry, sizeBytes);
    if (sizeBytes >= before) {
      const zeros = new Uint8Array(Math.min(sizeBytes - before, Math.max(STAGING_SIZE_BYTES, geometry.leafSizeBytes)));
      for (let rest = sizeBytes - before; rest > 0; rest -= zeros.length) {
        this.append(rest < zeros.length ? zeros.subarray(0, rest) : zeros);
      }
      return;
    }
    const shortBytes = sizeBytes % geometry.leafSizeBytes;
    if (shortBytes > 0 && lastLeaf?.length !== shortBytes) {
      throw new RangeError(`lastLeaf must be the ${shortBytes} bytes of the leaf that becomes shorter`);
    }
    this.#flushStaged();
    this.#reshape(next);
    if (shortBytes > 0 && lastLeaf !== undefined) this.#tail.set(lastLeaf);
    this.#tailChanged = true;
    // The right edge has lost children even where the last leaf stays whole.
    this.#dirty.addSuffix(Math.max(0, leafCount(next) - 1));
  }

  /**
   * Hashes every node above a changed leaf, each once, and returns the root: 32 bytes of the caller's own.
   * @throws what the engine throws; MerkleError `MERKLE_COMMIT_FAILED` ever after
   */
  commit(): Uint8Array {
    if (this.#isHalfCommitted) {
      throw new MerkleError('MERKLE_COMMIT_FAILED', 'a commit of this tree was broken off; build the tree anew');
    }
    this.#flushStaged();
    if (this.#dirty.isEmpty) return this.root();
    this.#isHalfCommitted = true;
    this.#hashTail();
    const top = rootLevel(this.#shape);
    const { arity } = this.#shape.geometry;
    this.#dirty.sort(leafCount(this.#shape));
    for (let level = 1; level < top; level += 1) {
      const nodes = this.#shape.levels[level] ?? 0;
      this.#dirty.toParents(arity, nodes);
      if (level === this.#committedRootLevel) this.#dirty.addSuffix(0);
      this.#hashDirtyNodes(level, nodes);
    }
    this.#hashRoot(top);
    this.#committedRootLevel = top;
    this.#dirty.clear();
    this.#isHalfCommitted = false;
    return this.root();
  }

  /**
   * The root of the last commit, a copy.
   * @throws MerkleError `MERKLE_UNCOMMITTED` if something changed since
   */
  root(): Uint8Array {
    this.#checkCommitted();
    return this.readDigests(rootLevel(this.#shape), 0, 1);
  }

  /**
   * The proof that leaf `index` is in the committed tree; `verifyProof` checks it.
   * @throws MerkleError `MERKLE_UNCOMMITTED`; RangeError if there is no such leaf
   */
  prove(index: number): Uint8Array {
    this.#checkCommitted();
    this.#checkIndex(index);
    return encodeProof(this.#shape, index, (level, first, count, into, at) => {
      into.set(this.#digests(level).subarray(first * DIGEST_SIZE_BYTES, (first + count) * DIGEST_SIZE_BYTES), at);
    });
  }

  /**
   * A copy of `count` committed digests of one level, for whoever stores the tree.
   * @throws MerkleError `MERKLE_UNCOMMITTED`; RangeError if the level has no such nodes
   */
  readDigests(level: number, first: number, count: number): Uint8Array {
    this.#checkCommitted();
    const nodes = this.#shape.levels[level] ?? 0;
    if (!(Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 0 && first + count <= nodes)) {
      throw new RangeError(`level ${level} has ${nodes} nodes; there are no ${count} from ${first} on`);
    }
    return this.#digests(level).slice(first * DIGEST_SIZE_BYTES, (first + count) * DIGEST_SIZE_BYTES);
  }

  #digests(level: number): Uint8Array {
    const digests = this.#levels[level];
    if (digests === undefined) throw new RangeError(`the tree has no level ${level}`);
    return digests;
  }

  #checkCommitted(): void {
    if (this.#dirty.isEmpty) return;
    throw new MerkleError('MERKLE_UNCOMMITTED', 'the tree has changes that are not committed; call commit() first');
  }

  #checkIndex(index: number): void {
    const leaves = leafCount(this.#shape);
    if (Number.isInteger(index) && index >= 0 && index < leaves) return;
    throw new RangeError(`index must be an integer from 0 to ${leaves - 1}, not ${index}`);
  }

  #checkLeaf(index: number, bytes: Uint8Array): number {
    this.#checkIndex(index);
    if (!(bytes instanceof Uint8Array)) throw new TypeError('bytes must be a Uint8Array');
    const length = leafLength(this.#shape, index);
    if (bytes.length !== length) throw new RangeError(`leaf ${index} is ${length} bytes long, not ${bytes.length}`);
    return length;
  }

  /** Takes on a new shape. If it has no room, all levels get room for twice the old number of leaves, or for it. */
  #reshape(shape: TreeShape): void {
    const old = this.#levels;
    const fits = shape.levels.every((count, level) => (old[level]?.length ?? 0) >= count * DIGEST_SIZE_BYTES);
    if (!fits) {
      const { geometry, sizeBytes } = shape;
      const doubled = Math.min(2 * leafCount(this.#shape), LEAVES_MAX) * geometry.leafSizeBytes;
      this.#levels = allocateLevels(this.#engine, treeShape(geometry, Math.max(sizeBytes, doubled)));
      old.forEach((digests, level) => this.#levels[level]?.set(digests));
    }
    this.#shape = shape;
  }

  /** Hashes `count` whole leaves that lie one after the other in `source`. */
  #hashLeaves(source: Uint8Array, sourceStart: number, first: number, count: number): void {
    if (this.#shape.geometry.leafKind === 'digests') {
      const end = sourceStart + count * DIGEST_SIZE_BYTES;
      this.#digests(0).set(source.subarray(sourceStart, end), first * DIGEST_SIZE_BYTES);
    } else {
      this.#hasher.leafRange(source, sourceStart, first, count, this.#digests(0));
    }
  }

  /** Hashes the collected leaves. The same leaf twice in one batch: engines go in order, so the later value stays. */
  #flushStaged(): void {
    const count = this.#stagedCount;
    this.#stagedCount = 0;
    if (count > 0) this.#hasher.leafList(this.#staged, this.#stagedIndices, count, this.#digests(0));
  }

  /** Hashes the last leaf if it is short (or empty: a tree over nothing has one empty leaf). */
  #hashTail(): void {
    const last = leafCount(this.#shape) - 1;
    if (!this.#tailChanged || last < 0) return;
    this.#tailChanged = false;
    const length = leafLength(this.#shape, last);
    if (length < this.#shape.geometry.leafSizeBytes)
      this.#hasher.leaf(this.#tail.subarray(0, length), last, this.#digests(0));
  }

  /** Hashes the dirty nodes of one level below the root: the full ones in batches, a ragged last one alone. */
  #hashDirtyNodes(level: number, nodes: number): void {
    const dirty = this.#dirty;
    const children = childCount(this.#shape, level, nodes - 1);
    const isRagged = children < this.#shape.geometry.arity;
    const fullNodes = isRagged ? nodes - 1 : nodes;
    const raggedIsListed = dirty.count > 0 && dirty.list[dirty.count - 1] === fullNodes;
    const [below, out] = [this.#digests(level - 1), this.#digests(level)];
    this.#hasher.nodeList(level, dirty.list, raggedIsListed ? dirty.count - 1 : dirty.count, below, out);
    this.#hasher.nodeRange(level, dirty.suffixStart, fullNodes, below, out);
    if (isRagged && (raggedIsListed || dirty.suffixStart < nodes)) {
      this.#hasher.node(TAG_NODE, { level, index: nodes - 1, children, indexField: nodes - 1 }, below, out);
    }
  }

  #hashRoot(level: number): void {
    const place = { level, index: 0, children: childCount(this.#shape, level, 0), indexField: this.#shape.sizeBytes };
    this.#hasher.node(TAG_ROOT, place, this.#digests(level - 1), this.#digests(level));
  }
}

/** Room for the digests of every level of this shape. */
function allocateLevels(engine: HashEngine, shape: TreeShape): Uint8Array[] {
  const sizesBytes = shape.levels.map((count) => Math.max(1, count) * DIGEST_SIZE_BYTES);
  return engine.allocate?.(sizesBytes) ?? sizesBytes.map((size) => new Uint8Array(size));
}

export type { TreeGeometry, TreeShape } from './merkle/shape.ts';
export { verifyProof } from './merkle/proof.ts';
export type { ProofVerdict } from './merkle/proof.ts';
