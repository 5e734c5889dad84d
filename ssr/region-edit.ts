/**
 * Reading a region, and changing it within a transaction.
 *
 * Changed blocks wait in a small buffer, then go to fresh blocks of the store at once: what a transaction writes is
 * bounded by the disk and not by memory. Only entries, one in 48 bytes per block, stay until the transaction ends.
 */
import type { BlockIo, TreeIdentity } from './block-io.ts';
import { TreeEdit } from './block-tree.ts';
import type { Allocator } from './block-tree.ts';
import { BLOCKS_PER_KEY_MAX } from './block-cipher.ts';
import { checkRegionSize, KEY_GENERATION_MAX } from './directory.ts';
import type { RegionRecord } from './directory.ts';
import { SsrError } from './errors.ts';
import type { Entry } from './entry.ts';

/** Changed blocks are held back up to this many bytes per region, so that small writes to one block are sealed once. */
const BUFFER_SIZE_BYTES = 1 << 20;
/** Memory for changed nodes of one region in one transaction: about 5 GiB of data at the default geometry. */
const DIRTY_NODES_SIZE_MAX_BYTES = 64 << 20;

function checkCount(what: string, value: number): void {
  if (!Number.isInteger(value) || value < 0)
    throw new RangeError(`${what} must be a whole number from 0, not ${value}`);
}

function checkRange(record: { name: string; sizeBytes: number }, offset: number, length: number): void {
  checkCount('offset', offset);
  checkCount('length', length);
  if (offset + length > record.sizeBytes) {
    throw new RangeError(
      `region \`${record.name}\` has ${record.sizeBytes} bytes; there are no ${length} at offset ${offset}`,
    );
  }
}

/** Calls `visit` for each block that the range touches: block index, where in the block, where in the range, how many. */
function forEachBlock(
  blockSizeBytes: number,
  offset: number,
  length: number,
  visit: (index: number, within: number, at: number, count: number) => void,
): void {
  for (let at = 0; at < length;) {
    const within = (offset + at) % blockSizeBytes;
    const count = Math.min(blockSizeBytes - within, length - at);
    visit((offset + at - within) / blockSizeBytes, within, at, count);
    at += count;
  }
}

/** Reads a range; `find` says where a block lies. Holes read as zeros. */
function readRange(
  io: BlockIo,
  tree: TreeIdentity,
  source: { find(index: number): Entry | undefined; buffered(index: number): Uint8Array | undefined },
  offset: number,
  length: number,
): Uint8Array {
  const out = new Uint8Array(length);
  const { blockSizeBytes } = io;
  let scratch: Uint8Array | undefined;
  forEachBlock(blockSizeBytes, offset, length, (index, within, at, count) => {
    const buffered = source.buffered(index);
    if (buffered !== undefined) {
      out.set(buffered.subarray(within, within + count), at);
      return;
    }
    const entry = source.find(index);
    if (entry === undefined) return;
    if (count === blockSizeBytes) {
      io.readBlock(tree, 0, index, entry, out.subarray(at, at + count));
      return;
    }
    scratch ??= new Uint8Array(blockSizeBytes);
    io.readBlock(tree, 0, index, entry, scratch);
    out.set(scratch.subarray(within, within + count), at);
  });
  return out;
}

/**
 * Reads from a committed region.
 * @throws RangeError past its end; SsrError `SSR_BLOCK_CORRUPT`, `SSR_STORE_FAILED`
 */
export function readRegion(
  io: BlockIo,
  tree: TreeIdentity,
  record: RegionRecord,
  offset: number,
  length: number,
): Uint8Array {
  checkRange(record, offset, length);
  const source = { find: (index: number) => io.findLeaf(tree, record.root, index), buffered: () => undefined };
  return readRange(io, tree, source, offset, length);
}

export class RegionEdit {
  readonly #io: BlockIo;
  readonly #tree: TreeIdentity;
  readonly #allocator: Allocator;
  readonly #version: number;
  readonly #nodes: TreeEdit;
  readonly #buffer = new Map<number, Uint8Array>();
  #record: RegionRecord;
  /** Under the present key, this transaction included. */
  #sealedBlocks: number;

  constructor(
    io: BlockIo,
    tree: TreeIdentity,
    record: RegionRecord,
    transaction: { readonly allocator: Allocator; readonly version: number },
  ) {
    this.#io = io;
    this.#tree = tree;
    this.#record = record;
    this.#sealedBlocks = record.sealedBlocks;
    this.#allocator = transaction.allocator;
    this.#version = transaction.version;
    this.#nodes = new TreeEdit(io, tree, record.root, transaction.allocator);
  }

  get sizeBytes(): number {
    return this.#record.sizeBytes;
  }

  /** At least so many blocks are not written yet. */
  get blocksToSeal(): number {
    return this.#buffer.size + this.#nodes.dirtyNodes;
  }

  read(offset: number, length: number): Uint8Array {
    checkRange(this.#record, offset, length);
    const source = {
      find: (index: number) => this.#nodes.leaf(index),
      buffered: (index: number) => this.#buffer.get(index),
    };
    return readRange(this.#io, this.#tree, source, offset, length);
  }

  /** Writes within the region; the bytes are copied. @throws RangeError past its end */
  write(offset: number, bytes: Uint8Array): void {
    if (!(bytes instanceof Uint8Array)) throw new TypeError('bytes must be a Uint8Array');
    checkRange(this.#record, offset, bytes.length);
    forEachBlock(this.#io.blockSizeBytes, offset, bytes.length, (index, within, at, count) => {
      const part = bytes.subarray(at, at + count);
      // Whole blocks go straight out: a copy of each would cost a sixth of writing it.
      if (count === this.#io.blockSizeBytes && !this.#buffer.has(index)) this.#sealBlock(index, part);
      else this.#blockToChange(index).set(part, within);
    });
    this.#checkLimits();
  }

  #blockToChange(index: number): Uint8Array {
    const buffered = this.#buffer.get(index);
    if (buffered !== undefined) return buffered;
    if (this.#buffer.size * this.#io.blockSizeBytes >= BUFFER_SIZE_BYTES) this.#spill();
    const block = new Uint8Array(this.#io.blockSizeBytes);
    const entry = this.#nodes.leaf(index);
    if (entry !== undefined) this.#io.readBlock(this.#tree, 0, index, entry, block);
    this.#buffer.set(index, block);
    return block;
  }

  #sealBlock(index: number, block: Uint8Array): void {
    const { keyGeneration } = this.#record;
    const place = { level: 0, index, version: this.#version, keyGeneration, address: this.#allocator.allocate() };
    this.#nodes.setLeaf(index, this.#io.writeBlock(this.#tree, place, block));
    this.#sealedBlocks += 1;
  }

  /** Seals the buffered blocks in order, so that neighbours lie together. */
  #spill(): void {
    for (const index of [...this.#buffer.keys()].sort((a, b) => a - b)) {
      const block = this.#buffer.get(index);
      if (block !== undefined) this.#sealBlock(index, block);
    }
    this.#buffer.clear();
    this.#checkLimits();
  }

  #checkLimits(): void {
    if (this.#sealedBlocks + this.#nodes.dirtyNodes > BLOCKS_PER_KEY_MAX) {
      throw new SsrError('SSR_LIMIT', `region \`${this.#record.name}\` has sealed 2^32 blocks with one key`, {
        region: this.#record.name,
        help: 'rotate its key',
      });
    }
    if (this.#nodes.dirtyNodes * this.#io.nodeSizeBytes > DIRTY_NODES_SIZE_MAX_BYTES) {
      throw new SsrError('SSR_LIMIT', `one transaction changes too much of region \`${this.#record.name}\``, {
        region: this.#record.name,
        help: 'commit in parts',
      });
    }
  }

  /** New bytes are zeros and take no room; what is cut off is freed. */
  resize(sizeBytes: number): void {
    checkRegionSize(sizeBytes);
    const { blockSizeBytes } = this.#io;
    if (sizeBytes < this.#record.sizeBytes) {
      const kept = Math.ceil(sizeBytes / blockSizeBytes);
      for (const index of this.#buffer.keys()) if (index >= kept) this.#buffer.delete(index);
      this.#nodes.truncate(kept);
      // If the region grows again, zeros must come, not what was cut off.
      const tail = sizeBytes % blockSizeBytes;
      const last = kept - 1;
      if (tail > 0 && (this.#buffer.has(last) || this.#nodes.leaf(last) !== undefined)) {
        this.#blockToChange(last).fill(0, tail);
      }
    }
    this.#record = { ...this.#record, sizeBytes };
  }

  /** Seals everything anew under a fresh key. */
  rotateKey(): void {
    const keyGeneration = this.#record.keyGeneration + 1;
    if (keyGeneration > KEY_GENERATION_MAX) {
      throw new SsrError('SSR_LIMIT', `region \`${this.#record.name}\` has had ${KEY_GENERATION_MAX} keys`, {
        help: 'copy it into a new region',
      });
    }
    this.#spill();
    this.#record = { ...this.#record, keyGeneration };
    this.#sealedBlocks = 0;
    for (const index of [...this.#nodes.leaves()].map((leaf) => leaf.index)) this.#blockToChange(index);
  }

  /** Frees every block: the region is being deleted. */
  clear(): void {
    this.#buffer.clear();
    this.#nodes.truncate(0);
  }

  seal(): RegionRecord {
    if (this.#buffer.size > 0) this.#spill();
    const { keyGeneration } = this.#record;
    const sealedBlocks = this.#sealedBlocks + this.#nodes.dirtyNodes;
    const root = this.#nodes.seal({ version: this.#version, keyGeneration });
    return { ...this.#record, root, sealedBlocks };
  }
}
