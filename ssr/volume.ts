/**
 * A volume: regions on a store nobody trusts, kept fresh by a TPM. One writer, any number of snapshot readers.
 *
 * Commits follow each other. While one waits for the TPM, transactions that end meanwhile gather and go together in the
 * next one, with one NV write for all (group commit). What `commit` waits for is the volume's mode:
 *
 * - `sync`: the TPM vouches for it. Nothing acknowledged is ever lost, and nothing older is ever shown.
 * - `grouped`: the same, but commits wait for company (and for a token, if NV writes are limited).
 * - `durable-not-fresh`: the disk has it. A crash keeps it; an attacker with the disk can take it back to the last state
 *   that was anchored, until the next anchoring. Only for volumes that were created to allow it.
 *
 * When the TPM's answer to an advance is lost, nobody knows which state counts: the volume then refuses all further
 * changes, and opening it again asks the TPM.
 */
import type { AnchorPoint } from './anchor-slots.ts';
import type { Anchor } from './anchor.ts';
import { Batch } from './batch.ts';
import type { RegionOptions } from './batch.ts';
import type { RegionRecord } from './directory.ts';
import { SsrError } from './errors.ts';
import { sealKeyring } from './keys.ts';
import type { TpmAccess } from './keys.ts';
import { pause } from './pause.ts';
import { Region, Snapshot } from './region.ts';
import { forgetOtherSuperblocks, renewKeys } from './rotate-root.ts';
import { scrub } from './scrub.ts';
import type { ScrubReport } from './scrub.ts';
import type { Store } from './store/store.ts';
import { superblockOffset } from './superblock.ts';
import type { TokenState } from './superblock.ts';
import { refill, spend, waitMs } from './token-bucket.ts';
import type { TokenBucket } from './token-bucket.ts';
import { STORAGE_KEY_TEMPLATE } from './tpm/object-commands.ts';
import type { VolumeCore } from './volume-core.ts';

export type CommitMode = 'sync' | 'grouped' | 'durable-not-fresh';

export interface VolumeBehaviour {
  readonly mode: CommitMode;
  /** Limits NV writes; no limit if absent. */
  readonly tokenBucket: TokenBucket | undefined;
  /** How long a grouped commit waits for company. */
  readonly groupWindowMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

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
  readonly #anchor: Anchor;
  readonly #access: TpmAccess | undefined;
  readonly #behaviour: VolumeBehaviour;
  readonly opening: Opening;
  #tokens: TokenState;
  /** Changes outside a transaction function, until `commit` or `rollback`. */
  #batch: Batch | undefined;
  #isInTransaction = false;
  /** The last transaction function in the queue; never rejects. */
  #writer: Promise<unknown> = Promise.resolve();
  /** The publishing that runs, or ran last; never rejects. */
  #running: Promise<unknown> = Promise.resolve();
  /** The anchoring that will cover what is sealed now. */
  #next: Promise<void> | undefined;
  #suspended: SsrError | undefined;
  /** No new work is taken; what was begun is finished. */
  #isClosing = false;
  #isClosed = false;
  #nvWrites = 0;

  constructor(parts: VolumeParts) {
    this.#core = parts.core;
    this.#anchor = parts.anchor;
    this.#access = parts.access;
    this.#behaviour = parts.behaviour;
    this.opening = parts.opening;
    this.#tokens = parts.core.fixed.tokens;
  }

  /** The epoch that the TPM vouches for. */
  get epoch(): number {
    return this.#core.anchored.epoch;
  }

  /** NV writes since the volume was opened. */
  get nvWrites(): number {
    return this.#nvWrites;
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
    this.#checkPublishable();
  }

  #checkPublishable(): void {
    if (this.#isClosed) throw new SsrError('SSR_CLOSED', 'the volume is closed', { help: 'open it again' });
    if (this.#suspended !== undefined) throw this.#suspended;
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
    await this.#acknowledge(version);
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
      this.#checkPublishable();
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
    await this.#acknowledge(this.#core.state.version);
  }

  /** Forgets the open batch. */
  rollback(): void {
    this.#batch?.abort();
    this.#batch = undefined;
  }

  /** Has the TPM vouch for everything that has been committed, whatever the mode. */
  async makeFresh(): Promise<void> {
    this.#checkWritable();
    if (this.#core.isAhead) await this.#anchorSoon(0);
    else await this.#running;
  }

  /** Waits for what the mode promises of the transaction with this version. */
  async #acknowledge(version: number): Promise<void> {
    if (!this.#core.isAhead) await this.#running;
    else if (this.#behaviour.mode === 'sync') await this.#anchorSoon(0);
    else if (this.#behaviour.mode === 'grouped') await this.#anchorSoon(this.#behaviour.groupWindowMs);
    else {
      await this.#queue(() => this.#publishTentative());
      this.#anchorInBackground();
    }
    // Another commit may have taken this one along, and failed.
    if (this.#core.isLost(version)) {
      throw new SsrError('SSR_STORE_FAILED', 'the commit that took this one along failed', {
        help: 'nothing of it was committed; look at the disk and try again',
      });
    }
    if (this.#behaviour.mode !== 'durable-not-fresh' && this.#suspended !== undefined) throw this.#suspended;
  }

  // --- publishing ---------------------------------------------------------------------------------------------------

  /** One publishing at a time. */
  #queue(publish: () => Promise<void> | void): Promise<void> {
    const turn = this.#running.then(publish);
    this.#running = turn.catch(() => undefined);
    return turn;
  }

  /** Joins the anchoring that has not begun yet, or asks for one. */
  #anchorSoon(windowMs: number): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    const { tokenBucket, now } = this.#behaviour;
    const waiting = tokenBucket === undefined ? 0 : waitMs(tokenBucket, this.#tokens, now());
    const pauseMs = Math.max(windowMs, waiting);
    const next = (async () => {
      await pause(pauseMs);
      await this.#queue(() => {
        this.#next = undefined;
        return this.#publishAnchored();
      });
    })();
    this.#next = next;
    return next;
  }

  #anchorInBackground(): void {
    const { tokenBucket, now } = this.#behaviour;
    // Without tokens the next commit or `close` asks again; a timer would keep the process alive for it.
    if (tokenBucket !== undefined && waitMs(tokenBucket, this.#tokens, now()) > 0) return;
    // A failure is kept in #suspended and shown to whoever comes next.
    this.#anchorSoon(this.#behaviour.groupWindowMs).catch(() => undefined);
  }

  async #publishAnchored(): Promise<void> {
    this.#checkPublishable();
    const core = this.#core;
    if (!core.isAhead) return;
    const { tokenBucket, now } = this.#behaviour;
    const tokens = spend(tokenBucket === undefined ? this.#tokens : refill(tokenBucket, this.#tokens, now()));
    const { state } = core;
    const { point, bytes, offset } = core.prepare(false, tokens);
    // The flush takes as long as the making of the NV command, so both go on at once; the command is sent after the flush.
    let durable = Promise.resolve();
    try {
      for (const step of core.order.anchored) {
        if (step === 'superblock') core.store.write(offset, bytes);
        else if (step === 'flush') durable = flushSoon(core.store);
        else await this.#advance(point, durable);
      }
      await durable;
    } catch (error) {
      if (!isUnknown(error)) core.rollBack();
      throw error;
    }
    this.#tokens = tokens;
    core.published(state, point);
  }

  async #advance(point: AnchorPoint, durable: Promise<void>): Promise<void> {
    try {
      await this.#anchor.advance(point, durable);
    } catch (error) {
      if (isUnknown(error)) this.#suspended = error;
      throw error;
    }
    this.#nvWrites += 1;
  }

  #publishTentative(): void {
    this.#checkPublishable();
    const core = this.#core;
    if (!core.isAhead) return;
    const { state } = core;
    const { bytes, offset } = core.prepare(true, this.#tokens);
    try {
      for (const step of core.order.tentative) {
        if (step === 'superblock') core.store.write(offset, bytes);
        else core.store.flush();
      }
    } catch (error) {
      core.rollBack();
      throw error;
    }
    core.published(state, undefined);
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
      await this.#queue(async () => {
        this.#checkPublishable();
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
        await this.#publishAnchored();
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
    await this.#anchorSoon(0);
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
      if (this.#suspended === undefined && this.#core.isAhead) await this.#anchorSoon(0);
      await this.#running;
    } finally {
      this.#isClosed = true;
      this.#core.store.close();
      await this.#access?.tpm.endSession(this.#access.session).catch(() => undefined);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function isUnknown(error: unknown): error is SsrError {
  return error instanceof SsrError && error.code === 'SSR_COMMIT_UNKNOWN';
}

async function flushSoon(store: Store): Promise<void> {
  if (store.flushSoon !== undefined) await store.flushSoon();
  else store.flush();
}

function infoOf(record: RegionRecord): RegionInfo {
  const { name, sizeBytes, mode, keyGeneration, root } = record;
  return { name, sizeBytes, mode, keyGeneration, treeHeight: root.height };
}
