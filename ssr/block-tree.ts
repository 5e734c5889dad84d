/**
 * Changing a copy-on-write tree: nodes on changed paths are copied into memory, then sealed bottom-up, each once.
 *
 * Invariant: the blocks of the tree that the edit began with are never overwritten; the edit frees them, and when they
 * may be used again is the free map's business (not before the anchor vouches for what replaces them).
 * A tree has fixed-size leaves numbered from 0 and holes where nothing was written; its height grows and shrinks with
 * the number of leaves, so that depth is that of the arity and not of a limit.
 */
import type { BlockIo, TreeIdentity } from './block-io.ts';
import { ENTRY_SIZE_BYTES, readEntry, writeEntry } from './entry.ts';
import type { Entry } from './entry.ts';
import type { TreeRoot } from './superblock.ts';

/** Gives out and takes back blocks of the store. */
export interface Allocator {
  allocate(): number;
  /** `version`: of the transaction that wrote the block; one that is still open may reuse its own at once. */
  free(address: number, version: number): void;
}

/** Levels and indices as one exact number: 2^44 nodes a level, 2^9 levels. */
const LEVEL_STEP = 2 ** 44;

export interface TreeChange {
  readonly version: number;
  readonly keyGeneration: number;
}

export class TreeEdit {
  readonly #io: BlockIo;
  readonly #tree: TreeIdentity;
  readonly #allocator: Allocator;
  readonly #dirty = new Map<number, Uint8Array>();
  readonly #rootEntry: Uint8Array;
  #height: number;

  constructor(io: BlockIo, tree: TreeIdentity, root: TreeRoot, allocator: Allocator) {
    this.#io = io;
    this.#tree = tree;
    this.#allocator = allocator;
    this.#rootEntry = root.entry.slice();
    this.#height = root.height;
  }

  get dirtyNodes(): number {
    return this.#dirty.size;
  }

  /** Leaves that fit at this height. */
  #capacity(height: number): number {
    return this.#io.leavesUnder(height);
  }

  /** Node `index` of `level`, changed or not; undefined in a hole. */
  #node(level: number, index: number): Uint8Array | undefined {
    const dirty = this.#dirty.get(level * LEVEL_STEP + index);
    if (dirty !== undefined) return dirty;
    const entry = this.#entry(level, index);
    return entry === undefined ? undefined : this.#io.readShared(this.#tree, level, index, entry);
  }

  /** The entry that names node `index` of `level`, as its parent has it. */
  #entry(level: number, index: number): Entry | undefined {
    if (level === this.#height) return readEntry(this.#rootEntry, 0);
    const parent = this.#node(level + 1, Math.floor(index / this.#io.arity));
    return parent === undefined ? undefined : readEntry(parent, (index % this.#io.arity) * ENTRY_SIZE_BYTES);
  }

  /** A node that may be changed; its ancestors are copied too, for they will change. */
  #dirtyNode(level: number, index: number): Uint8Array {
    const key = level * LEVEL_STEP + index;
    const dirty = this.#dirty.get(key);
    if (dirty !== undefined) return dirty;
    const copy = this.#node(level, index)?.slice() ?? new Uint8Array(this.#io.nodeSizeBytes);
    if (level < this.#height) this.#dirtyNode(level + 1, Math.floor(index / this.#io.arity));
    this.#dirty.set(key, copy);
    return copy;
  }

  #setEntry(level: number, index: number, entry: Entry | undefined): void {
    if (level === this.#height) {
      writeEntry(this.#rootEntry, 0, entry);
      return;
    }
    const parent = this.#dirtyNode(level + 1, Math.floor(index / this.#io.arity));
    writeEntry(parent, (index % this.#io.arity) * ENTRY_SIZE_BYTES, entry);
  }

  leaf(index: number): Entry | undefined {
    return index < this.#capacity(this.#height) ? this.#entry(0, index) : undefined;
  }

  /** Replaces a leaf and frees the old one. */
  setLeaf(index: number, entry: Entry | undefined): void {
    this.#grow(index + 1);
    const old = this.#entry(0, index);
    if (old !== undefined) this.#allocator.free(old.address, old.version);
    this.#setEntry(0, index, entry);
  }

  /** Replaces a leaf whose old block was freed before. */
  setFreedLeaf(index: number, entry: Entry): void {
    this.#setEntry(0, index, entry);
  }

  /** All leaves that are not holes, in order. Do not change the tree meanwhile. */
  *leaves(level = this.#height, index = 0): Generator<{ index: number; entry: Entry }> {
    const entry = this.#entry(level, index);
    if (level === 0) {
      if (entry !== undefined) yield { index, entry };
      return;
    }
    if (entry === undefined && !this.#dirty.has(level * LEVEL_STEP + index)) return;
    for (let child = 0; child < this.#io.arity; child += 1) {
      yield* this.leaves(level - 1, index * this.#io.arity + child);
    }
  }

  /** Makes the path to a leaf changed, so that sealing will need no further node for it. */
  touchLeaf(index: number): void {
    this.#grow(index + 1);
    if (this.#height > 0) this.#dirtyNode(1, Math.floor(index / this.#io.arity));
  }

  #grow(leafCount: number): void {
    while (this.#capacity(this.#height) < leafCount) {
      const old = readEntry(this.#rootEntry, 0);
      const below = this.#dirty.has(this.#height * LEVEL_STEP);
      this.#height += 1;
      if (old === undefined && !below) continue;
      const top = new Uint8Array(this.#io.nodeSizeBytes);
      writeEntry(top, 0, old);
      writeEntry(this.#rootEntry, 0, undefined);
      this.#dirty.set(this.#height * LEVEL_STEP, top);
    }
  }

  /** Keeps the first `leafCount` leaves and frees the rest, nodes included. */
  truncate(leafCount: number): void {
    this.#cut(this.#height, 0, leafCount);
    while (this.#height > 0 && this.#capacity(this.#height - 1) >= leafCount) {
      const top = this.#node(this.#height, 0);
      const child = top === undefined ? undefined : readEntry(top, 0);
      const kept = child === undefined ? undefined : { ...child, seal: child.seal.slice() };
      const old = readEntry(this.#rootEntry, 0);
      if (old !== undefined) this.#allocator.free(old.address, old.version);
      this.#dirty.delete(this.#height * LEVEL_STEP);
      writeEntry(this.#rootEntry, 0, kept);
      this.#height -= 1;
    }
  }

  /** Frees what lies at or after `leafCount` under a node; returns true if nothing is left of the node. */
  #cut(level: number, index: number, leafCount: number): void {
    const span = this.#capacity(level);
    const first = index * span;
    if (first + span <= leafCount) return;
    const entry = this.#entry(level, index);
    const key = level * LEVEL_STEP + index;
    if (entry === undefined && !this.#dirty.has(key)) return;
    if (level > 0) {
      for (let child = 0; child < this.#io.arity; child += 1) {
        this.#cut(level - 1, index * this.#io.arity + child, leafCount);
      }
    }
    if (first < leafCount) return;
    this.#dirty.delete(key);
    const gone = this.#entry(level, index);
    if (gone === undefined) return;
    this.#allocator.free(gone.address, gone.version);
    this.#setEntry(level, index, undefined);
  }

  /** Addresses for all changed nodes, taken now: the free map must know them before its own blocks are sealed. */
  reserve(reserved: Map<number, number>): void {
    for (const key of this.#dirty.keys()) {
      if (reserved.has(key)) continue;
      const level = Math.floor(key / LEVEL_STEP);
      const old = this.#entry(level, key % LEVEL_STEP);
      if (old !== undefined) this.#allocator.free(old.address, old.version);
      reserved.set(key, this.#allocator.allocate());
    }
  }

  /** Seals and writes all changed nodes, lowest level first. The edit is over. */
  seal(change: TreeChange, reserved?: ReadonlyMap<number, number>): TreeRoot {
    // Not `sort`: sealing a node changes its parent, which is dirty already, so the set does not grow.
    const keys = [...this.#dirty.keys()].sort((a, b) => a - b);
    for (const key of keys) {
      const level = Math.floor(key / LEVEL_STEP);
      const index = key % LEVEL_STEP;
      const node = this.#dirty.get(key);
      if (node === undefined) continue;
      let address = reserved?.get(key);
      if (address === undefined) {
        const old = this.#entry(level, index);
        if (old !== undefined) this.#allocator.free(old.address, old.version);
        address = this.#allocator.allocate();
      }
      const entry = this.#io.writeBlock(this.#tree, { ...change, level, index, address }, node);
      this.#setEntry(level, index, entry);
      this.#io.cache.put(entry.address, entry.seal, node);
    }
    this.#dirty.clear();
    return { entry: this.#rootEntry.slice(), height: this.#height };
  }
}
