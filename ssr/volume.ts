/**
 * A volume: regions on a store nobody trusts, kept fresh by a TPM. One writer, any number of snapshot readers.
 *
 * Changes go into one open batch, or into a transaction function; both end as one new state or as nothing. What happens
 * to that state, and when a commit returns, is in `publisher.ts`.
 */
import type { Anchor } from './anchor.ts';
import { Batch } from './batch.ts';
import type { RegionOptions } from './batch.ts';
import type { RegionRecord } from './directory.ts';
import { SsrError } from './errors.ts';
import { sealKeyring } from './keys.ts';
import type { TpmAccess } from './keys.ts';
import { Publisher } from './publisher.ts';
import type { VolumeBehaviour } from './publisher.ts';
import { Region, Snapshot } from './region.ts';
import { forgetOtherSuperblocks, renewKeys } from './rotate-root.ts';
import { scrub } from './scrub.ts';
import type { ScrubReport } from './scrub.ts';
import { superblockOffset } from './superblock.ts';
import { STORAGE_KEY_TEMPLATE } from './tpm/object-commands.ts';
import type { VolumeCore } from './volume-core.ts';

/** What happened when the volume was opened. */
export interface Opening {
  readonly epoch: number;
  /** A power cut tore the TPM's NV write of the next epoch; the next commit mends it. */
  readonly wasSlotTorn: boolean;
  /** A durable state that was not anchored yet was found and anchored. */
  readonly wasRolledForward: boolean;
}

export interface RegionInfo {
  readonly name: string;
  readonly sizeBytes: number;
  readonly mode: RegionRecord['mode'];
  readonly keyGeneration: number;
  readonly treeHeight: number;
}

/** A transaction in the hands of its function. */
export interface Transaction {
  region(name: string): Region;
  create(name: string, options: RegionOptions): Region;
  delete(name: string): void;
}

export interface VolumeParts {
  readonly core: VolumeCore;
  readonly anchor: Anchor;
  readonly access: TpmAccess | undefined;
  readonly behaviour: VolumeBehaviour;
  readonly opening: Opening;
}

export class Volume {
  readonly #core: VolumeCore;
  readonly #publisher: Publisher;
  readonly #access: TpmAccess | undefined;
  readonly opening: Opening;
  /** Changes outside a transaction function, until `commit` or `rollback`. */
  #batch: Batch | undefined;
  #isInTransaction = false;
  /** The last transaction function in the queue; never rejects. */
  #writer: Promise<unknown> = Promise.resolve();
  /** No new work is taken; what was begun is finished. */
  #isClosing = false;

  constructor(parts: VolumeParts) {
    this.#core = parts.core;
    this.#publisher = new Publisher(parts.core, parts.anchor, parts.behaviour);
    this.#access = parts.access;
    this.opening = parts.opening;
  }

  /** The epoch that the TPM vouches for. */
  get epoch(): number {
    return this.#core.anchored.epoch;
  }

  /** NV writes since the volume was opened. */
  get nvWrites(): number {
    return this.#publisher.nvWrites;
  }

  get volumeId(): Uint8Array {
    return this.#core.fixed.volumeId.slice();
  }

  get geometry(): { blockSizeBytes: number; arity: number; capacityBytes: number } {
    const { blockSizeBytes, arity, capacityBlocks } = this.#core.fixed;
    return { blockSizeBytes, arity, capacityBytes: blockSizeBytes * capacityBlocks };
  }

  get anchorIndices(): number[] {
    const { firstIndex, slotCount } = this.#core.fixed.anchor;
    return Array.from({ length: slotCount }, (_, slot) => firstIndex + slot);
  }

  #checkOpen(): void {
    if (this.#isClosing) throw new SsrError('SSR_CLOSED', 'the volume is closed', { help: 'open it again' });
  }

  #checkWritable(): void {
    this.#checkOpen();
    this.#publisher.check();
  }

  /** The batch for changes outside transaction functions. */
  #openBatch(): Batch {
    this.#checkWritable();
    if (this.#isInTransaction) {
      throw new SsrError('SSR_TRANSACTION_OPEN', 'a transaction is running', {
        help: 'write through the transaction, or wait for its end',
      });
    }
    return (this.#batch ??= new Batch(this.#core));
  }

  // --- regions ------------------------------------------------------------------------------------------------------

  list(): RegionInfo[] {
    this.#checkOpen();
    return [...this.#core.state.regions.values()].map(infoOf).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * A handle that reads what was last written, committed or not, and writes into the open batch.
   * @throws SsrError `SSR_NO_REGION`
   */
  region(name: string): Region {
    this.#checkOpen();
    if (this.#batch === undefined) this.#core.findRegion(this.#core.state, name);
    else this.#batch.region(name);
    return new Region(name, this.#core, {
      forWriting: () => this.#openBatch(),
      forReading: () => {
        this.#checkOpen();
        return this.#batch;
      },
    });
  }

  /** A region of zeros in the open batch; it is there for good after `commit`. */
  create(name: string, options: RegionOptions): Region {
    this.#openBatch().create(name, options);
    return this.region(name);
  }

  delete(name: string): void {
    this.#openBatch().delete(name);
  }

  /** Everything as of the last transaction that ended, whatever is written meanwhile. Close it. */
  snapshot(): Snapshot {
    this.#checkOpen();
    return new Snapshot(this.#core);
  }

  // --- transactions -------------------------------------------------------------------------------------------------

  /**
   * Runs `change` alone, then commits. If it throws, nothing happened.
   * @throws what `change` throws; SsrError as `commit`
   */
  async transaction<Result>(change: (transaction: Transaction) => Result | Promise<Result>): Promise<Result> {
    const turn = this.#writer.then(() => this.#runTransaction(change));
    this.#writer = turn.catch(() => undefined);
    const { result, version } = await turn;
    await this.#publisher.acknowledge(version);
    return result;
  }

  #checkNoBatch(): void {
    if (this.#batch === undefined) return;
    throw new SsrError('SSR_TRANSACTION_OPEN', 'there are changes that are not committed', {
      help: 'call commit() or rollback() before a transaction',
    });
  }

  async #runTransaction<Result>(
    change: (transaction: Transaction) => Result | Promise<Result>,
  ): Promise<{ result: Result; version: number }> {
    this.#checkNoBatch();
    this.#checkWritable();
    const batch = new Batch(this.#core);
    this.#isInTransaction = true;
    try {
      const open = (): Batch => batch;
      const region = (name: string): Region => new Region(name, this.#core, { forWriting: open, forReading: open });
      const result = await change({
        region,
        create: (name, options) => {
          batch.create(name, options);
          return region(name);
        },
        delete: (name) => batch.delete(name),
      });
      this.#publisher.check();
      return { result, version: batch.seal() };
    } catch (error) {
      batch.abort();
      throw error;
    } finally {
      this.#isInTransaction = false;
    }
  }

  /**
   * Ends the open batch and waits for what the mode promises. Without changes it makes earlier ones fresh.
   * @throws SsrError `SSR_COMMIT_UNKNOWN` (open again to learn the outcome), `SSR_STORE_FAILED`, `SSR_NO_SPACE`: nothing was committed
   */
  async commit(): Promise<void> {
    this.#checkWritable();
    const batch = this.#batch;
    this.#batch = undefined;
    if (batch !== undefined && !batch.isEmpty) {
      try {
        batch.seal();
      } catch (error) {
        batch.abort();
        throw error;
      }
    }
    await this.#publisher.acknowledge(this.#core.state.version);
  }

  /** Forgets the open batch. */
  rollback(): void {
    this.#batch?.abort();
    this.#batch = undefined;
  }

  /** Has the TPM vouch for everything that has been committed, whatever the mode. */
  async makeFresh(): Promise<void> {
    this.#checkWritable();
    await this.#publisher.makeFresh();
  }

  // --- care ---------------------------------------------------------------------------------------------------------

  /** Seals a region anew under a fresh key, and commits. */
  async rotateKey(name: string): Promise<void> {
    await this.transaction((transaction) => {
      transaction.region(name).rotateKey();
    });
  }

  /**
   * Makes a new root key, seals the whole volume anew under it, and commits; then the superblocks with the old sealed
   * key are overwritten. Needs as much free room as the encrypted regions take, and has the TPM vouch for it in any mode.
   * @param recoveryKey of the volume, if it has one: it will open the new key too
   * @throws SsrError `SSR_KEYS_UNAVAILABLE` without that; otherwise as `commit`
   */
  async rotateRootKey(recoveryKey?: Uint8Array): Promise<void> {
    const turn = this.#writer.then(() => this.#runRotation(recoveryKey));
    this.#writer = turn.catch(() => undefined);
    await turn;
  }

  async #runRotation(recoveryKey: Uint8Array | undefined): Promise<void> {
    this.#checkNoBatch();
    this.#checkWritable();
    const core = this.#core;
    this.#isInTransaction = true;
    try {
      const present = { keyring: core.keyring, superblock: core.fixed };
      const renewed = await this.#withStorageKey((access) => renewKeys(access, present, recoveryKey));
      // In the queue, so that nothing is published between sealing and anchoring: it would carry the new key unanchored.
      await this.#publisher.queue(async () => {
        this.#publisher.check();
        core.beginRotation(renewed);
        const batch = new Batch(core);
        try {
          batch.resealAll();
          batch.seal();
        } catch (error) {
          batch.abort();
          core.undoRotation();
          throw error;
        }
        await this.#publisher.publishAnchored();
        forgetOtherSuperblocks(core.store, superblockOffset({ ...core.fixed, isTentative: false, ...core.anchored }));
      });
    } finally {
      this.#isInTransaction = false;
    }
  }

  async #withStorageKey<Result>(body: (access: TpmAccess) => Promise<Result>): Promise<Result> {
    const access = this.#access;
    if (access === undefined) throw new SsrError('SSR_TPM_UNAVAILABLE', 'the volume has no TPM', { help: 'open it' });
    const storageKey = await access.tpm.createPrimary({ template: STORAGE_KEY_TEMPLATE });
    try {
      return await body({ ...access, storageKey });
    } finally {
      await access.tpm.flush(storageKey.handle);
    }
  }

  /**
   * Seals the keys to the present values of other PCRs, or of the same ones before an upgrade changes them; and commits.
   */
  async reseal(pcrs: readonly number[] = this.#core.fixed.pcrs): Promise<void> {
    this.#checkWritable();
    const core = this.#core;
    const sealedKeys = await this.#withStorageKey((access) => sealKeyring(access, core.keyring, pcrs));
    core.replaceKeys({ sealedKeys, pcrs });
    const batch = new Batch(this.#core);
    batch.seal();
    await this.#publisher.anchorSoon();
  }

  /** Reads and verifies everything; damage is listed, not thrown. */
  scrub(onProgress?: (doneBytes: number, totalBytes: number) => void): Promise<ScrubReport> {
    this.#checkOpen();
    return scrub(this.#core, onProgress);
  }

  /** Commits nothing: changes since the last commit are dropped. Anchors what is durable, then lets go of store and TPM. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.rollback();
    this.#isClosing = true;
    await this.#writer;
    try {
      await this.#publisher.close();
    } finally {
      this.#core.store.close();
      await this.#access?.tpm.endSession(this.#access.session).catch(() => undefined);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function infoOf(record: RegionRecord): RegionInfo {
  const { name, sizeBytes, mode, keyGeneration, root } = record;
  return { name, sizeBytes, mode, keyGeneration, treeHeight: root.height };
}
