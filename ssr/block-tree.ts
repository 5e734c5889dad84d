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
import type { Entry, TreeRoot } from './entry.ts';

/** Gives out and takes back blocks of the store. */
export interface Allocator {
  allocate(): number;
  /** `version`: of the transaction that wrote the block; one that is still open may reuse its own at once. */
  free(address: number, version: number): void;
}

/** By level, then by index. */
type ByPlace<Value> = Map<number, Value>[];

function mapOf<Value>(places: ByPlace<Value>, level: number): Map<number, Value> {
  return (places[level] ??= new Map<number, Value>());
}

export interface TreeChange {
  readonly version: number;
  readonly keyGeneration: number;
}

export class TreeEdit {
  readonly #io: BlockIo;
  readonly #tree: TreeIdentity;
  readonly #allocator: Allocator;
  readonly #dirty: ByPlace<Uint8Array> = [];
  /** Addresses for changed nodes that `reserve` has taken. */
  readonly #reserved: ByPlace<number> = [];
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
    let count = 0;
    this.#dirty.forEach((nodes) => (count += nodes.size));
    return count;
  }

  /** Leaves that fit at this height. */
  #capacity(height: number): number {
    return this.#io.leavesUnder(height);
  }

  /** Node `index` of `level`, changed or not; undefined in a hole. */
  #node(level: number, index: number): Uint8Array | undefined {
    const dirty = this.#dirty[level]?.get(index);
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
    const dirty = this.#dirty[level]?.get(index);
    if (dirty !== undefined) return dirty;
    // Them first: where this node lies is then read from a copy, and not looked for from the root once more.
    if (level < this.#height) this.#dirtyNode(level + 1, Math.floor(index / this.#io.arity));
    const copy = this.#node(level, index)?.slice() ?? new Uint8Array(this.#io.nodeSizeBytes);
    mapOf(this.#dirty, level).set(index, copy);
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
    this.touchLeaf(index);
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
    if (entry === undefined && this.#dirty[level]?.has(index) !== true) return;
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
      const below = this.#dirty[this.#height]?.has(0) === true;
      this.#height += 1;
      if (old === undefined && !below) continue;
      const top = new Uint8Array(this.#io.nodeSizeBytes);
      writeEntry(top, 0, old);
      writeEntry(this.#rootEntry, 0, undefined);
      mapOf(this.#dirty, this.#height).set(0, top);
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
      this.#dirty[this.#height]?.delete(0);
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
    if (entry === undefined && this.#dirty[level]?.has(index) !== true) return;
    if (level > 0) {
      for (let child = 0; child < this.#io.arity; child += 1) {
        this.#cut(level - 1, index * this.#io.arity + child, leafCount);
      }
    }
    if (first < leafCount) return;
    this.#dirty[level]?.delete(index);
    const gone = this.#entry(level, index);
    if (gone === undefined) return;
    this.#allocator.free(gone.address, gone.version);
    this.#setEntry(level, index, undefined);
  }

  /**
   * Takes addresses for all changed nodes now: the free map must know them before its own blocks are sealed.
   * @returns for how many nodes this was done so far
   */
  reserve(): number {
    let count = 0;
    this.#dirty.forEach((nodes, level) => {
      const reserved = mapOf(this.#reserved, level);
      for (const index of nodes.keys()) if (!reserved.has(index)) reserved.set(index, this.#moveNode(level, index));
      count += reserved.size;
    });
    return count;
  }

  /** Frees where a node lay, and gives it another place. */
  #moveNode(level: number, index: number): number {
    const old = this.#entry(level, index);
    if (old !== undefined) this.#allocator.free(old.address, old.version);
    return this.#allocator.allocate();
  }

  /** Seals and writes all changed nodes, lowest level first. The edit is over. */
  seal({ version, keyGeneration }: TreeChange): TreeRoot {
    this.#dirty.forEach((nodes, level) => {
      // Sealing a node changes its parent, which is dirty already, so no map grows meanwhile.
      for (const index of [...nodes.keys()].sort((a, b) => a - b)) {
        const node = nodes.get(index);
        if (node === undefined) continue;
        const address = this.#reserved[level]?.get(index) ?? this.#moveNode(level, index);
        const entry = this.#io.writeBlock(this.#tree, { level, index, version, keyGeneration, address }, node);
        this.#setEntry(level, index, entry);
        this.#io.cache.put(entry.address, entry.seal, node);
      }
    });
    this.#dirty.length = 0;
    return { entry: this.#rootEntry.slice(), height: this.#height };
  }
}
