/**
 * Blocks between memory and store: sealed on their way out, verified on their way in.
 *
 * `readBlock` is the only way from the disk into the volume (superblocks aside) and it never returns a byte that its
 * parent's entry does not vouch for. Writes to neighbouring addresses are gathered into one call.
 */
import type { BlockSealer } from './block-cipher.ts';
import { ENTRY_SIZE_BYTES, readEntry } from './entry.ts';
import type { Entry, TreeRoot } from './entry.ts';
import { SsrError } from './errors.ts';
import { NodeCache } from './node-cache.ts';
import type { Store } from './store/store.ts';

/** A tree's name and its keys, by generation. */
export interface TreeIdentity {
  /** For messages. */
  readonly name: string;
  readonly id: Uint8Array;
  /** @throws RangeError for a generation that never was */
  sealer(keyGeneration: number): BlockSealer;
}

/** Neighbouring blocks go out in writes of at most this size: whole blocks of any size. */
const GATHER_SIZE_BYTES = 1 << 18;

export class BlockIo {
  readonly store: Store;
  readonly blockSizeBytes: number;
  readonly arity: number;
  readonly cache: NodeCache;
  /** Made at the first write: readers need none. */
  #gathered = new Uint8Array(0);
  #gatheredFrom = 0;
  #gatheredBytes = 0;
  /** Blocks that each sealer has sealed since `makeReady`. */
  readonly #sealed = new Map<BlockSealer, number>();

  constructor(store: Store, geometry: { blockSizeBytes: number; arity: number; cacheSizeBytes: number }) {
    this.store = store;
    this.blockSizeBytes = geometry.blockSizeBytes;
    this.arity = geometry.arity;
    this.cache = new NodeCache(geometry.cacheSizeBytes);
  }

  /** Bytes of a node: it may be smaller than the block that it lies in. */
  get nodeSizeBytes(): number {
    return this.arity * ENTRY_SIZE_BYTES;
  }

  /** Leaves that fit under a node of this level. */
  leavesUnder(level: number): number {
    let leaves = 1;
    for (let at = 0; at < level; at += 1) leaves *= this.arity;
    return leaves;
  }

  /**
   * Reads and verifies one block into `into`, whose length is the block's.
   * @throws SsrError `SSR_BLOCK_CORRUPT` with region, level and block; `into` is then zeroed
   */
  readBlock(tree: TreeIdentity, level: number, index: number, entry: Entry, into: Uint8Array): void {
    this.flushGathered();
    const count = this.store.read(entry.address * this.blockSizeBytes, into);
    const place = { id: tree.id, level, index, version: entry.version };
    if (count === into.length && tree.sealer(entry.keyGeneration).open(place, entry.seal, into)) return;
    into.fill(0);
    const what = level === 0 ? `block ${index}` : `node ${index} of level ${level}`;
    const why = count < into.length ? 'is cut short' : 'is not what was written';
    throw new SsrError('SSR_BLOCK_CORRUPT', `${tree.name}: ${what} ${why} (at block ${entry.address} of the store)`, {
      region: tree.name,
      level,
      block: index,
      help: 'restore it from a backup; `refmon ssr scrub` lists all damage',
    });
  }

  /** A verified node, or a leaf of the volume's own trees, shared through the cache: not to be changed. */
  readShared(tree: TreeIdentity, level: number, index: number, entry: Entry): Uint8Array {
    const cached = this.cache.get(entry.address, entry.seal);
    if (cached !== undefined) return cached;
    const bytes = new Uint8Array(level === 0 ? this.blockSizeBytes : this.nodeSizeBytes);
    this.readBlock(tree, level, index, entry, bytes);
    this.cache.put(entry.address, entry.seal, bytes);
    return bytes;
  }

  /** Seals `plain` and writes it to `address`, perhaps later. @returns the entry that names it */
  writeBlock(
    tree: TreeIdentity,
    target: { level: number; index: number; version: number; keyGeneration: number; address: number },
    plain: Uint8Array,
  ): Entry {
    const { level, index, version, keyGeneration, address } = target;
    if (this.#gathered.length === 0) this.#gathered = new Uint8Array(GATHER_SIZE_BYTES);
    const offset = address * this.blockSizeBytes;
    const end = this.#gatheredFrom + this.#gatheredBytes;
    if (this.#gatheredBytes > 0 && (offset !== end || this.#gatheredBytes === this.#gathered.length)) {
      this.flushGathered();
    }
    if (this.#gatheredBytes === 0) this.#gatheredFrom = offset;
    const sealer = tree.sealer(keyGeneration);
    this.#sealed.set(sealer, (this.#sealed.get(sealer) ?? 0) + 1);
    const outEnd = this.#gatheredBytes + plain.length;
    const out = this.#gathered.subarray(this.#gatheredBytes, outEnd);
    const seal = sealer.seal({ id: tree.id, level, index, version }, plain, out);
    this.#gatheredBytes += this.blockSizeBytes;
    // What a node leaves of its block is written too: the next block then follows in the same write.
    this.#gathered.fill(0, outEnd, this.#gatheredBytes);
    return { address, keyGeneration, version, seal };
  }

  /** To be called when there is time: sets up what the next transaction needs, if it is like the last one. */
  makeReady(): void {
    for (const [sealer, count] of this.#sealed) sealer.makeReady?.(count);
    this.#sealed.clear();
  }

  /** Hands what is gathered to the store. */
  flushGathered(): void {
    const count = this.#gatheredBytes;
    if (count === 0) return;
    this.#gatheredBytes = 0;
    this.store.write(this.#gatheredFrom, this.#gathered.subarray(0, count));
  }

  dropGathered(): void {
    this.#gatheredBytes = 0;
  }

  /**
   * The entry of leaf `index` of a tree that nobody is changing; undefined for a hole.
   * @throws SsrError `SSR_BLOCK_CORRUPT`
   */
  findLeaf(tree: TreeIdentity, root: TreeRoot, index: number): Entry | undefined {
    let entry = readEntry(root.entry, 0);
    let span = this.leavesUnder(root.height);
    if (index >= span) return undefined;
    for (let level = root.height; level > 0 && entry !== undefined; level -= 1) {
      const node = this.readShared(tree, level, Math.floor(index / span), entry);
      span /= this.arity;
      entry = readEntry(node, (Math.floor(index / span) % this.arity) * ENTRY_SIZE_BYTES);
    }
    return entry;
  }
}

export const EMPTY_ROOT: TreeRoot = { entry: new Uint8Array(ENTRY_SIZE_BYTES), height: 0 };
