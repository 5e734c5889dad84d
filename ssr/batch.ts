/**
 * A transaction: changes to any number of regions that become one new state, or nothing.
 *
 * It builds on the last sealed state and writes only to free blocks, so ending it badly costs nothing but the time.
 */
import { randomBytes } from 'node:crypto';
import { BLOCKS_PER_KEY_MAX, ID_SIZE_BYTES } from './block-cipher.ts';
import { EMPTY_ROOT } from './block-io.ts';
import { TreeEdit } from './block-tree.ts';
import {
  checkRegionName,
  checkRegionSize,
  KEY_GENERATION_MAX,
  noRegion,
  RECORD_SIZE_BYTES,
  REGIONS_MAX,
  writeRecord,
} from './directory.ts';
import type { RegionMode, RegionRecord } from './directory.ts';
import { SsrError } from './errors.ts';
import { FreeMapEdit } from './extents.ts';
import { NO_CHANGES, withRoot } from './recent-changes.ts';
import { RegionEdit } from './region-edit.ts';
import { ownGeneration } from './volume-core.ts';
import type { VolumeCore, VolumeState } from './volume-core.ts';

export interface RegionOptions {
  readonly sizeBytes: number;
  readonly mode?: RegionMode;
}

/** What a transaction leaves of the volume's own trees. */
type OwnTrees = Pick<VolumeState, 'directory' | 'freeMap' | 'changes' | 'sealedBlocks'>;

export class Batch {
  readonly #core: VolumeCore;
  readonly #base: VolumeState;
  readonly #generation: number;
  readonly #version: number;
  readonly #freeMap: FreeMapEdit;
  readonly #edits = new Map<string, RegionEdit>();
  /** Regions that were created or deleted here; undefined for deleted. */
  readonly #changed = new Map<string, RegionRecord | undefined>();
  readonly #freedSlots: number[] = [];
  #slots: number;
  /** Of the volume's own trees. */
  #ownGeneration: number;
  #isResealing = false;
  #isOver = false;

  constructor(core: VolumeCore) {
    this.#core = core;
    this.#base = core.state;
    this.#generation = core.generation;
    this.#version = core.takeVersion();
    this.#freeMap = new FreeMapEdit(core.freeMap, this.#version);
    this.#slots = core.state.directorySlots;
    this.#ownGeneration = ownGeneration(core.state);
  }

  get isEmpty(): boolean {
    return this.#edits.size === 0 && this.#changed.size === 0;
  }

  #check(): void {
    if (this.#isOver) {
      throw new SsrError('SSR_CLOSED', 'the transaction is over', { help: 'begin another one' });
    }
    if (this.#generation !== this.#core.generation) {
      throw new SsrError('SSR_STORE_FAILED', 'a commit that this transaction builds on failed', {
        help: 'begin the transaction again',
      });
    }
  }

  #record(name: string): RegionRecord | undefined {
    return this.#changed.has(name) ? this.#changed.get(name) : this.#base.regions.get(name);
  }

  /** What reads and writes the region within this transaction. @throws SsrError `SSR_NO_REGION` */
  region(name: string): RegionEdit {
    this.#check();
    const known = this.#edits.get(name);
    if (known !== undefined) return known;
    const record = this.#record(name);
    if (record === undefined) throw noRegion(name);
    const identity = this.#core.identity(record);
    const edit = new RegionEdit(this.#core.io, identity, record, { allocator: this.#freeMap, version: this.#version });
    this.#edits.set(name, edit);
    return edit;
  }

  names(): string[] {
    const names = new Set(this.#base.regions.keys());
    for (const [name, record] of this.#changed) {
      if (record === undefined) names.delete(name);
      else names.add(name);
    }
    return [...names].sort();
  }

  /** A region of zeros; it takes no room until it is written. @throws SsrError `SSR_EXISTS`, `SSR_LIMIT` */
  create(name: string, options: RegionOptions): void {
    this.#check();
    checkRegionName(name);
    checkRegionSize(options.sizeBytes);
    if (this.#record(name) !== undefined) {
      throw new SsrError('SSR_EXISTS', `there is a region \`${name}\` already`, { help: 'choose another name' });
    }
    this.#changed.set(name, {
      name,
      slot: this.#takeSlot(),
      id: Uint8Array.from(randomBytes(ID_SIZE_BYTES)),
      mode: options.mode ?? 'encrypted',
      keyGeneration: 0,
      sizeBytes: options.sizeBytes,
      root: EMPTY_ROOT,
      sealedBlocks: 0,
    });
  }

  #takeSlot(): number {
    const freed = this.#freedSlots.pop();
    if (freed !== undefined) return freed;
    const used = new Set([...this.#base.regions.values()].map(({ slot }) => slot));
    for (const record of this.#changed.values()) if (record !== undefined) used.add(record.slot);
    for (let slot = 0; slot < REGIONS_MAX; slot += 1) {
      if (used.has(slot)) continue;
      this.#slots = Math.max(this.#slots, slot + 1);
      return slot;
    }
    throw new SsrError('SSR_LIMIT', `a volume holds at most ${REGIONS_MAX} regions`, { help: 'delete one first' });
  }

  /** Seals everything that is sealed with a key anew, under the next generation of each key. Nothing else may be changed. */
  resealAll(): void {
    this.#check();
    if (this.#ownGeneration >= KEY_GENERATION_MAX) {
      throw new SsrError('SSR_LIMIT', `the volume has had ${KEY_GENERATION_MAX} root keys`, {
        help: 'copy its regions to a new volume',
      });
    }
    this.#ownGeneration += 1;
    this.#isResealing = true;
    this.#freeMap.touchAll();
    for (const { name, mode } of this.#base.regions.values()) if (mode === 'encrypted') this.region(name).rotateKey();
  }

  delete(name: string): void {
    const edit = this.region(name);
    const record = this.#record(name);
    edit.clear();
    this.#edits.delete(name);
    this.#changed.set(name, undefined);
    if (record !== undefined) this.#freedSlots.push(record.slot);
  }

  /** Writes what is left to write and makes the result the volume's state. @returns its version */
  seal(): number {
    this.#check();
    const core = this.#core;
    const records = new Map(this.#changed);
    // What a commit writes of its regions now are nodes, if it is a small one; else this is a hint that comes to nothing.
    let blocks = 0;
    for (const edit of this.#edits.values()) blocks += edit.blocksToSeal;
    this.#freeMap.preferRow(blocks);
    for (const [name, edit] of this.#edits) records.set(name, edit.seal());
    const trees = this.#keepTrees(records) ?? this.#sealTrees(records);
    core.io.flushGathered();
    const regions = new Map(this.#base.regions);
    for (const [name, record] of records) {
      if (record === undefined) regions.delete(name);
      else regions.set(name, record);
    }
    this.#isOver = true;
    core.adopt({ version: this.#version, regions, directorySlots: this.#slots, ...trees }, this.#freeMap.freed);
    return this.#version;
  }

  /** Nothing but the contents of a few regions changed: the superblock says that, and directory and free map stay as they are. */
  #keepTrees(records: ReadonlyMap<string, RegionRecord | undefined>): OwnTrees | undefined {
    if (this.#isResealing || this.#changed.size > 0) return undefined;
    const { directory, freeMap, changes, sealedBlocks } = this.#base;
    let roots: typeof changes.roots | undefined = changes.roots;
    for (const [name, record] of records) {
      const old = this.#base.regions.get(name);
      if (record === undefined || record.sizeBytes !== old?.sizeBytes || record.keyGeneration !== old.keyGeneration) {
        return undefined;
      }
      roots = withRoot(roots, record);
      if (roots === undefined) return undefined;
    }
    const { flips } = this.#freeMap;
    if (flips === undefined) return undefined;
    this.#freeMap.keep(flips);
    return { directory, freeMap, changes: { roots, flips }, sealedBlocks };
  }

  /** Writes directory and free map, with what the superblock said in their place so far. */
  #sealTrees(records: Map<string, RegionRecord | undefined>): OwnTrees {
    for (const record of this.#base.regions.values()) {
      const isRecent = this.#base.changes.roots.some(({ slot }) => slot === record.slot);
      if (isRecent && !records.has(record.name)) records.set(record.name, record);
    }
    this.#freeMap.preferRow(2 + this.#base.directory.height + this.#base.freeMap.height);
    const directory = this.#sealDirectory(records);
    const freeMap = this.#freeMap.seal(this.#ownGeneration);
    const sealedBefore = this.#isResealing ? 0 : this.#base.sealedBlocks;
    const sealedBlocks = sealedBefore + directory.sealedBlocks + freeMap.sealedBlocks;
    if (sealedBlocks > BLOCKS_PER_KEY_MAX) {
      throw new SsrError('SSR_LIMIT', 'the volume has sealed 2^32 blocks of its own with one key', {
        help: 'rotate the root key',
      });
    }
    return { directory: directory.root, freeMap: freeMap.root, changes: NO_CHANGES, sealedBlocks };
  }

  #sealDirectory(records: ReadonlyMap<string, RegionRecord | undefined>) {
    const { io, directoryTree } = this.#core;
    const perBlock = io.blockSizeBytes / RECORD_SIZE_BYTES;
    const tree = new TreeEdit(io, directoryTree, this.#base.directory, this.#freeMap);
    const blocks = new Map<number, Uint8Array>();
    const blockOf = (slot: number): Uint8Array => {
      const index = Math.floor(slot / perBlock);
      let block = blocks.get(index);
      if (block !== undefined) return block;
      const entry = tree.leaf(index);
      const old = entry === undefined ? undefined : io.readShared(directoryTree, 0, index, entry);
      block = old?.slice() ?? new Uint8Array(io.blockSizeBytes);
      blocks.set(index, block);
      return block;
    };
    const put = (slot: number, record: RegionRecord | undefined): void => {
      writeRecord(blockOf(slot), (slot % perBlock) * RECORD_SIZE_BYTES, record);
    };
    if (this.#isResealing) for (const { index } of [...tree.leaves()]) blockOf(index * perBlock);
    // First what is gone: a new region may have taken its slot.
    for (const slot of this.#freedSlots) put(slot, undefined);
    for (const [name, record] of records) {
      const old = this.#base.regions.get(name);
      if (old !== undefined && old.slot !== record?.slot) put(old.slot, undefined);
    }
    for (const record of records.values()) if (record !== undefined) put(record.slot, record);
    const version = this.#version;
    const keyGeneration = this.#ownGeneration;
    for (const [index, block] of blocks) {
      const place = { version, keyGeneration, level: 0, index, address: this.#freeMap.allocate() };
      const entry = io.writeBlock(directoryTree, place, block);
      tree.setLeaf(index, entry);
      io.cache.put(entry.address, entry.seal, block);
    }
    const sealedBlocks = blocks.size + tree.dirtyNodes;
    return { root: tree.seal({ version, keyGeneration }), sealedBlocks };
  }

  /** Nothing happened. */
  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#core.io.dropGathered();
    this.#freeMap.abort(this.#generation === this.#core.generation);
  }
}
