/**
 * Which blocks of the store are in use: a bitmap, itself copy-on-write, and what may not be used again yet.
 *
 * Bits say what the state that they belong to uses, so a crash needs no clean-up: mounting a state mounts its bitmap, and
 * what an uncommitted transaction had written is free again. Blocks that a transaction frees are *held* in memory until
 * the anchor vouches for a state without them (else a crash would need them) and no snapshot reads them.
 * Blocks come first fit, so that the store stays short; the nodes that a small commit writes at its end come in a row.
 * A few changed bits may stay out of the bitmap for a while (`recent-changes.ts`). Sealing it needs blocks itself; `seal`
 * reserves until nothing changes, then writes what is then true.
 */
import type { BlockIo, TreeIdentity } from './block-io.ts';
import { TreeEdit } from './block-tree.ts';
import type { Allocator } from './block-tree.ts';
import { SsrError } from './errors.ts';
import { flip } from './recent-changes.ts';
import type { RecentChanges } from './recent-changes.ts';
import type { TreeRoot } from './entry.ts';

const FULL = 0xff;
/** Blocks in a row are looked for among so many: what is farther off would make the store longer than it need be. */
const ROW_SEARCH_BLOCKS = 512;

/** What the bits of a state are: those of the tree, with some the other way round. */
export interface FreeMapContents extends Pick<RecentChanges, 'flips'> {
  readonly root: TreeRoot;
}

/** Position of the lowest zero bit of a byte that is not full. */
function lowestZero(byte: number): number {
  return 31 - Math.clz32(~byte & (byte + 1));
}

function setBit(bits: Uint8Array, bit: number): void {
  bits[bit >> 3] = (bits[bit >> 3] ?? 0) | (1 << (bit & 7));
}

function clearBit(bits: Uint8Array, bit: number): void {
  bits[bit >> 3] = (bits[bit >> 3] ?? 0) & ~(1 << (bit & 7));
}

function toggleBit(bits: Uint8Array, bit: number): void {
  bits[bit >> 3] = (bits[bit >> 3] ?? 0) ^ (1 << (bit & 7));
}

/** The bitmap of the latest sealed state, as far as it was needed, and the held blocks. */
export class FreeMap {
  readonly io: BlockIo;
  readonly tree: TreeIdentity;
  readonly firstBlock: number;
  readonly capacityBlocks: number;
  #contents: FreeMapContents;
  readonly #clean = new Map<number, Uint8Array>();
  readonly #held = new Map<number, Uint8Array>();
  /** No block below it is free. */
  cursor: number;

  constructor(
    io: BlockIo,
    tree: TreeIdentity,
    options: { readonly contents: FreeMapContents; readonly firstBlock: number; readonly capacityBlocks: number },
  ) {
    this.io = io;
    this.tree = tree;
    this.firstBlock = options.firstBlock;
    this.capacityBlocks = options.capacityBlocks;
    this.#contents = options.contents;
    this.cursor = options.firstBlock;
  }

  get contents(): FreeMapContents {
    return this.#contents;
  }

  /** Blocks that one leaf of the bitmap speaks for. */
  get blocksPerLeaf(): number {
    return this.io.blockSizeBytes * 8;
  }

  leafOf(address: number): number {
    return Math.floor(address / this.blocksPerLeaf);
  }

  /** Bits of one leaf, not to be changed. @throws SsrError `SSR_BLOCK_CORRUPT` */
  leaf(index: number): Uint8Array {
    const known = this.#clean.get(index);
    if (known !== undefined) return known;
    const bits = new Uint8Array(this.io.blockSizeBytes);
    const entry = this.io.findLeaf(this.tree, this.#contents.root, index);
    if (entry !== undefined) this.io.readBlock(this.tree, 0, index, entry, bits);
    this.applyFlips(index, bits);
    this.#clean.set(index, bits);
    return bits;
  }

  /** Makes of a leaf as it lies on the disk what it is. */
  applyFlips(index: number, bits: Uint8Array): void {
    for (const address of this.#contents.flips) {
      if (this.leafOf(address) === index) toggleBit(bits, address % this.blocksPerLeaf);
    }
  }

  heldBits(leaf: number): Uint8Array | undefined {
    return this.#held.get(leaf);
  }

  hold(address: number): void {
    const leaf = this.leafOf(address);
    let bits = this.#held.get(leaf);
    if (bits === undefined) this.#held.set(leaf, (bits = new Uint8Array(this.io.blockSizeBytes)));
    setBit(bits, address % this.blocksPerLeaf);
  }

  /** The block may be used again as soon as no state that we seal uses it. */
  release(address: number): void {
    const bits = this.#held.get(this.leafOf(address));
    if (bits !== undefined) clearBit(bits, address % this.blocksPerLeaf);
    this.cursor = Math.min(this.cursor, address);
  }

  /** Takes on a transaction that ended well. */
  adopt(contents: FreeMapContents, leaves: ReadonlyMap<number, Uint8Array>, cursor: number): void {
    this.#contents = contents;
    for (const [leaf, bits] of leaves) this.#clean.set(leaf, bits);
    this.cursor = cursor;
  }

  /** Back to an earlier state; what is held is the caller's to release. */
  reset(contents: FreeMapContents): void {
    this.#contents = contents;
    this.#clean.clear();
    this.cursor = this.firstBlock;
  }
}

/** The changes of one transaction. */
export class FreeMapEdit implements Allocator {
  readonly #map: FreeMap;
  readonly #version: number;
  readonly #dirty = new Map<number, Uint8Array>();
  readonly #freed: number[] = [];
  readonly #base: FreeMapContents;
  /** Undefined once they are too many for a superblock. */
  #flips: number[] | undefined;
  #cursor: number;
  /** Where `preferRow` found blocks in a row: the next of them, and how many are left. */
  #row = { next: 0, left: 0 };

  constructor(map: FreeMap, version: number) {
    this.#map = map;
    this.#version = version;
    this.#cursor = map.cursor;
    this.#base = map.contents;
    this.#flips = [...map.contents.flips];
  }

  /** Blocks that this transaction freed and that are held because of it. */
  get freed(): readonly number[] {
    return this.#freed;
  }

  #change(leaf: number): Uint8Array {
    const dirty = this.#dirty.get(leaf);
    if (dirty !== undefined) return dirty;
    const copy = this.#map.leaf(leaf).slice();
    this.#dirty.set(leaf, copy);
    return copy;
  }

  #flip(address: number): void {
    if (this.#flips !== undefined && !flip(this.#flips, address)) this.#flips = undefined;
  }

  /** Every block of the bitmap is to be written again. */
  touchAll(): void {
    const { io, tree } = this.#map;
    for (const { index } of new TreeEdit(io, tree, this.#base.root, this).leaves()) this.#change(index);
  }

  /**
   * The next `count` blocks are wanted together and live as long as each other: they shall lie in a row, if there is one near
   * the first free block. One write and one range of the disk then take them all, where holes of one block would take as many.
   */
  preferRow(count: number): void {
    const first = this.#cursor;
    const end = Math.min(first + ROW_SEARCH_BLOCKS, this.#map.capacityBlocks);
    let left = 0;
    for (let address = first; address < end && left < count; address += 1) {
      left = this.#isFree(address) ? left + 1 : 0;
      this.#row = { next: address + 1 - left, left };
    }
    if (left < count) this.#row = { next: 0, left: 0 };
  }

  #isFree(address: number): boolean {
    const leaf = this.#map.leafOf(address);
    const bit = address % this.#map.blocksPerLeaf;
    const used = this.#dirty.get(leaf) ?? this.#map.leaf(leaf);
    const byte = (used[bit >> 3] ?? FULL) | (this.#map.heldBits(leaf)?.[bit >> 3] ?? 0);
    return (byte & (1 << (bit & 7))) === 0;
  }

  #takeFromRow(): number | undefined {
    const { next, left } = this.#row;
    if (left === 0) return undefined;
    this.#row = { next: next + 1, left: left - 1 };
    return this.#isFree(next) ? next : undefined;
  }

  #takeFirst(): number {
    const address = this.#search(this.#cursor, this.#map.capacityBlocks);
    if (address === undefined) {
      throw new SsrError('SSR_NO_SPACE', `all ${this.#map.capacityBlocks} blocks of the volume are in use`, {
        help: 'delete something and commit, or create a larger volume',
      });
    }
    this.#cursor = address + 1;
    return address;
  }

  /** @throws SsrError `SSR_NO_SPACE` */
  allocate(): number {
    const address = this.#takeFromRow() ?? this.#takeFirst();
    setBit(this.#change(this.#map.leafOf(address)), address % this.#map.blocksPerLeaf);
    this.#flip(address);
    return address;
  }

  /** First fit: what is freed is used again soon, and the store stays as short as it can. */
  #search(from: number, end: number): number | undefined {
    const perLeaf = this.#map.blocksPerLeaf;
    for (let leaf = Math.floor(from / perLeaf); leaf * perLeaf < end; leaf += 1) {
      const used = this.#dirty.get(leaf) ?? this.#map.leaf(leaf);
      const held = this.#map.heldBits(leaf);
      const start = Math.max(0, from - leaf * perLeaf);
      for (let at = start >> 3; at < used.length; at += 1) {
        let byte = (used[at] ?? FULL) | (held?.[at] ?? 0);
        if (at === start >> 3) byte |= (1 << (start & 7)) - 1;
        if (byte === FULL) continue;
        const address = leaf * perLeaf + at * 8 + lowestZero(byte);
        return address < end ? address : undefined;
      }
    }
    return undefined;
  }

  free(address: number, version: number): void {
    clearBit(this.#change(this.#map.leafOf(address)), address % this.#map.blocksPerLeaf);
    this.#flip(address);
    if (version === this.#version) {
      // Nobody but this transaction ever knew the block.
      this.#cursor = Math.min(this.#cursor, address);
      return;
    }
    this.#map.hold(address);
    this.#freed.push(address);
  }

  /** What the superblock has to say if the bitmap is not written; undefined if that is too much. */
  get flips(): readonly number[] | undefined {
    return this.#flips;
  }

  /** Ends the transaction and leaves the bitmap as it lies on the disk; the superblock says `flips`. */
  keep(flips: readonly number[]): void {
    this.#map.adopt({ root: this.#base.root, flips }, this.#dirty, this.#cursor);
  }

  /** Writes all bitmap blocks that are not as they lie on the disk. @returns the new root, and how many blocks were sealed */
  seal(keyGeneration: number): { root: TreeRoot; sealedBlocks: number } {
    const { io, tree: identity } = this.#map;
    const tree = new TreeEdit(io, identity, this.#base.root, this);
    for (const address of this.#base.flips) this.#change(this.#map.leafOf(address));
    const addresses = new Map<number, number>();
    let nodes = 0;
    for (let known = -1; known < addresses.size + nodes;) {
      known = addresses.size + nodes;
      for (const leaf of this.#dirty.keys()) {
        if (addresses.has(leaf)) continue;
        tree.touchLeaf(leaf);
        const old = tree.leaf(leaf);
        if (old !== undefined) this.free(old.address, old.version);
        addresses.set(leaf, this.allocate());
      }
      nodes = tree.reserve();
    }
    const version = this.#version;
    for (const [leaf, address] of addresses) {
      const bits = this.#dirty.get(leaf) ?? this.#map.leaf(leaf);
      const place = { version, keyGeneration, level: 0, index: leaf, address };
      tree.setFreedLeaf(leaf, io.writeBlock(identity, place, bits));
    }
    const root = tree.seal({ version, keyGeneration });
    this.#map.adopt({ root, flips: [] }, this.#dirty, this.#cursor);
    return { root, sealedBlocks: addresses.size + nodes };
  }

  /**
   * Nothing of the transaction happened: what it freed is in use as before. `isRootOurs` is false if the map has gone to
   * another state meanwhile, which then stays.
   */
  abort(isRootOurs: boolean): void {
    for (const address of this.#freed) this.#map.release(address);
    if (isRootOurs && this.#map.contents !== this.#base) this.#map.reset(this.#base);
  }
}
