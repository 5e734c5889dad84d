/**
 * A volume without its TPM: the synchronous heart, from verified superblock to verified bytes and back.
 *
 * Three kinds of state follow each other. A *sealed* state is a transaction that ended: its blocks are written, its root is
 * in memory. A *published* state has a superblock on the disk. The *anchored* state is the one that the TPM vouches for.
 * Invariant: until a state is anchored, no block and no superblock of the anchored state is overwritten.
 *
 * Who calls the TPM, and when, is in `publisher.ts`; the order of a commit's steps is in `protocol.ts` and nowhere else.
 */
import type { AnchorPoint } from './anchor-slots.ts';
import { BlockIo } from './block-io.ts';
import type { TreeIdentity } from './block-io.ts';
import { noRegion, readRecord, RECORD_SIZE_BYTES, REGIONS_MAX } from './directory.ts';
import type { RegionRecord } from './directory.ts';
import { readEntry } from './entry.ts';
import type { TreeRoot } from './entry.ts';
import { FreeMap } from './extents.ts';
import { KeyEras, treeKey } from './key-eras.ts';
import { superblockKey } from './keys.ts';
import type { Keyring } from './keys.ts';
import type { Protocol } from './protocol.ts';
import type { RecentChanges } from './recent-changes.ts';
import type { GenuineSuperblock } from './recovery.ts';
import { RetiredBlocks } from './retired-blocks.ts';
import type { RenewedKeys } from './rotate-root.ts';
import type { Store } from './store/store.ts';
import { DATA_START_BYTES, encodeSuperblock, superblockDigest, superblockOffset } from './superblock.ts';
import type { Superblock, TokenState } from './superblock.ts';
import { TreeIdentities } from './tree-identities.ts';

/** What a transaction left behind, complete and immutable. */
export interface VolumeState {
  readonly version: number;
  readonly regions: ReadonlyMap<string, RegionRecord>;
  readonly directory: TreeRoot;
  readonly directorySlots: number;
  readonly freeMap: TreeRoot;
  /** What those two trees do not say yet. */
  readonly changes: RecentChanges;
  readonly sealedBlocks: number;
}

export interface CoreOptions {
  readonly store: Store;
  readonly keyring: Keyring;
  readonly cacheSizeBytes: number;
  readonly protocol: Protocol;
}

/** The key generation of the volume's own trees: one for both, and it rises only when the root key does. */
export function ownGeneration(state: Pick<VolumeState, 'freeMap'>): number {
  return readEntry(state.freeMap.entry, 0)?.keyGeneration ?? 0;
}

export class VolumeCore {
  readonly store: Store;
  readonly io: BlockIo;
  readonly freeMap: FreeMap;
  readonly directoryTree: TreeIdentity;
  readonly #eras: KeyEras;
  readonly #protocol: Protocol;
  #macKey: Uint8Array | undefined;
  /** While a rotation of the root key is not anchored: what superblocks said before it. */
  #beforeRotation: Superblock | undefined;
  readonly #identities: TreeIdentities;
  /** What every superblock of this volume says alike; and the keys, until they are sealed anew. */
  #fixed: Superblock;
  #anchored: AnchorPoint;
  #state: VolumeState;
  #published: VolumeState;
  readonly #retired: RetiredBlocks;
  /** Versions that were sealed and then thrown away, as (first, last). */
  readonly #lost: { readonly first: number; readonly last: number }[] = [];
  #nextVersion: number;
  /** Rises when sealed states are thrown away: transactions that built on them are void. */
  generation = 0;

  private constructor(options: CoreOptions, base: GenuineSuperblock, current: Superblock) {
    const { superblock } = base;
    this.store = options.store;
    this.#eras = new KeyEras(options.keyring);
    this.#protocol = options.protocol;
    this.#fixed = superblock;
    this.#anchored = { epoch: superblock.epoch, digest: base.digest };
    this.io = new BlockIo(options.store, { ...superblock, cacheSizeBytes: options.cacheSizeBytes });
    this.#identities = new TreeIdentities(this.#eras, options.protocol, superblock.arity);
    this.directoryTree = this.#identities.own('directory');
    this.freeMap = new FreeMap(this.io, this.#identities.own('free map'), {
      contents: { root: current.freeMap, flips: current.changes.flips },
      firstBlock: Math.ceil(DATA_START_BYTES / superblock.blockSizeBytes),
      capacityBlocks: superblock.capacityBlocks,
    });
    const { version, directory, directorySlots, freeMap, changes, sealedBlocks } = current;
    const regions = this.#loadRegions(current);
    this.#state = { version, regions, directory, directorySlots, freeMap, changes, sealedBlocks };
    this.#published = this.#state;
    this.#retired = new RetiredBlocks(this.freeMap, superblock.version);
    this.#nextVersion = version + 1;
  }

  /** A volume from what recovery decided; reads superblocks and directory only, whatever the regions' sizes. */
  static mount(options: CoreOptions, base: GenuineSuperblock, current = base.superblock): VolumeCore {
    return new VolumeCore(options, base, current);
  }

  /** Writes the first superblock of an empty volume. Durable on return; to be anchored by the caller. */
  static format(options: CoreOptions, superblock: Superblock): VolumeCore {
    const bytes = encodeSuperblock(superblock, superblockKey(options.keyring, superblock.volumeId));
    options.store.write(superblockOffset(superblock), bytes);
    options.store.flush();
    return new VolumeCore(options, { superblock, digest: superblockDigest(bytes) }, superblock);
  }

  get state(): VolumeState {
    return this.#state;
  }

  get anchored(): AnchorPoint {
    return this.#anchored;
  }

  get fixed(): Superblock {
    return this.#fixed;
  }

  get keyring(): Keyring {
    return this.#eras.current;
  }

  get order(): Protocol['order'] {
    return this.#protocol.order;
  }

  /** True if something sealed is not anchored yet. */
  get isAhead(): boolean {
    return this.#state.version > this.#retired.anchoredVersion;
  }

  identity(record: RegionRecord): TreeIdentity {
    return this.#identities.of(record);
  }

  #loadRegions({ directory, directorySlots, changes }: Superblock): Map<string, RegionRecord> {
    const regions = new Map<string, RegionRecord>();
    const perBlock = this.io.blockSizeBytes / RECORD_SIZE_BYTES;
    const block = new Uint8Array(this.io.blockSizeBytes);
    for (let slot = 0; slot < Math.min(directorySlots, REGIONS_MAX); slot += 1) {
      if (slot % perBlock === 0) {
        const index = slot / perBlock;
        const entry = this.io.findLeaf(this.directoryTree, directory, index);
        block.fill(0);
        if (entry !== undefined) this.io.readBlock(this.directoryTree, 0, index, entry, block);
      }
      const record = readRecord(block, (slot % perBlock) * RECORD_SIZE_BYTES, slot);
      const recent = changes.roots.find((other) => other.slot === slot);
      if (record !== undefined) regions.set(record.name, { ...record, ...recent });
    }
    return regions;
  }

  takeVersion(): number {
    return this.#nextVersion;
  }

  /** A transaction ended well: its state is the one that others see, though it is not durable yet. */
  adopt(state: VolumeState, freed: readonly number[]): void {
    this.#state = state;
    this.#nextVersion = state.version + 1;
    this.#retired.add(state.version, freed);
  }

  /** The superblock for the present state, as it is to be written. */
  prepare(isTentative: boolean, tokens: TokenState): { epoch: number; bytes: Uint8Array; offset: number } {
    const { version, directory, directorySlots, freeMap, changes, sealedBlocks } = this.#state;
    const superblock: Superblock = {
      ...this.#fixed,
      isTentative,
      epoch: this.#anchored.epoch + 1,
      version,
      directory,
      directorySlots,
      freeMap,
      changes,
      sealedBlocks,
      previousDigest: this.#anchored.digest,
      tokens,
    };
    this.#macKey ??= superblockKey(this.keyring, superblock.volumeId);
    const bytes = encodeSuperblock(superblock, this.#macKey);
    return { epoch: superblock.epoch, bytes, offset: superblockOffset(superblock) };
  }

  /** The state with this version is durable and will be found after a crash (if `point` is given, surely). */
  published(state: VolumeState, point: AnchorPoint | undefined): void {
    this.#published = state;
    if (point === undefined) return;
    this.#anchored = point;
    this.#beforeRotation = undefined;
    this.#retired.anchored(state.version);
  }

  /** Publishing failed: sealed states that are not durable are gone, and so is whatever was built on them. */
  rollBack(): void {
    this.generation += 1;
    this.undoRotation();
    const { version } = this.#published;
    if (this.#state.version > version) this.#lost.push({ first: version + 1, last: this.#state.version });
    this.#retired.forgetAfter(version);
    this.#state = this.#published;
    this.freeMap.reset({ root: this.#state.freeMap, flips: this.#state.changes.flips });
  }

  /** True for a transaction that ended well but could not be made durable. */
  isLost(version: number): boolean {
    return this.#lost.some(({ first, last }) => version >= first && version <= last);
  }

  /** Keeps the blocks of the present state from being used again until the function returned is called. */
  pin(): { state: VolumeState; unpin: () => void } {
    const state = this.#state;
    return { state, unpin: this.#retired.pin(state.version) };
  }

  /** Superblocks from now on carry these. */
  replaceKeys(fields: Pick<Superblock, 'sealedKeys' | 'pcrs'>): void {
    this.#fixed = { ...this.#fixed, ...fields };
  }

  /**
   * From now on everything is sealed under another root key. The next state must be sealed anew as a whole and be anchored before
   * anything else is published; if that fails, `undoRotation` or `rollBack`.
   */
  beginRotation({ keyring, fields }: RenewedKeys): void {
    const own = ownGeneration(this.#state) + 1;
    const first = new Map([this.directoryTree, this.freeMap.tree].map(({ id }) => [treeKey(id), own]));
    for (const { id, keyGeneration } of this.#state.regions.values()) first.set(treeKey(id), keyGeneration + 1);
    this.#eras.begin(keyring, first);
    this.#beforeRotation = this.#fixed;
    this.#fixed = { ...this.#fixed, ...fields };
    this.#macKey = undefined;
  }

  undoRotation(): void {
    if (this.#beforeRotation === undefined) return;
    this.#eras.undo();
    this.#fixed = this.#beforeRotation;
    this.#beforeRotation = undefined;
    this.#macKey = undefined;
  }

  findRegion(state: VolumeState, name: string): RegionRecord {
    const record = state.regions.get(name);
    if (record !== undefined) return record;
    throw noRegion(name);
  }
}
