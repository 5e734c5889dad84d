/**
 * Publishing: from sealed states to a disk that has them and a TPM that vouches for them.
 *
 * Commits follow each other. While one waits for the TPM, transactions that end meanwhile gather and go together in the
 * next one, with one NV write for all (group commit). What an acknowledgement waits for is the volume's mode:
 *
 * - `sync`: the TPM vouches for it. Nothing acknowledged is ever lost, and nothing older is ever shown.
 * - `grouped`: the same, but commits wait for company (and for a token, if NV writes are limited).
 * - `durable-not-fresh`: the disk has it. A crash keeps it; an attacker with the disk can take it back to the last state
 *   that was anchored, until the next anchoring. Only for volumes that were created to allow it.
 *
 * When the TPM's answer to an advance is lost, nobody knows which state counts: the publisher then refuses all further
 * changes, and opening the volume again asks the TPM.
 */
import type { AnchorPoint } from './anchor-slots.ts';
import type { Anchor } from './anchor.ts';
import { SsrError } from './errors.ts';
import { pause } from './pause.ts';
import type { Store } from './store/store.ts';
import { superblockDigest } from './superblock.ts';
import type { TokenState } from './superblock.ts';
import { refill, spend, waitMs } from './token-bucket.ts';
import type { TokenBucket } from './token-bucket.ts';
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

function isUnknown(error: unknown): error is SsrError {
  return error instanceof SsrError && error.code === 'SSR_COMMIT_UNKNOWN';
}

async function flushSoon(store: Store): Promise<void> {
  if (store.flushSoon !== undefined) await store.flushSoon();
  else store.flush();
}

export class Publisher {
  readonly #core: VolumeCore;
  readonly #anchor: Anchor;
  readonly #behaviour: VolumeBehaviour;
  #tokens: TokenState;
  /** The publishing that runs, or ran last; never rejects. */
  #running: Promise<unknown> = Promise.resolve();
  /** The anchoring that will cover what is sealed now. */
  #next: Promise<void> | undefined;
  #suspended: SsrError | undefined;
  #isClosed = false;
  #nvWrites = 0;

  constructor(core: VolumeCore, anchor: Anchor, behaviour: VolumeBehaviour) {
    this.#core = core;
    this.#anchor = anchor;
    this.#behaviour = behaviour;
    this.#tokens = core.fixed.tokens;
  }

  get nvWrites(): number {
    return this.#nvWrites;
  }

  /** @throws SsrError `SSR_CLOSED`; the error after which nobody knows which state counts */
  check(): void {
    if (this.#isClosed) throw new SsrError('SSR_CLOSED', 'the volume is closed', { help: 'open it again' });
    if (this.#suspended !== undefined) throw this.#suspended;
  }

  /**
   * Waits for what the mode promises of the transaction with this version.
   * @throws SsrError `SSR_COMMIT_UNKNOWN`, `SSR_STORE_FAILED`, `SSR_NO_SPACE`
   */
  async acknowledge(version: number): Promise<void> {
    const { mode, groupWindowMs } = this.#behaviour;
    if (!this.#core.isAhead) await this.#running;
    else if (mode === 'sync') await this.anchorSoon();
    else if (mode === 'grouped') await this.anchorSoon(groupWindowMs);
    else {
      await this.queue(() => this.#publishTentative());
      this.#anchorInBackground();
    }
    // Another commit may have taken this one along, and failed.
    if (this.#core.isLost(version)) {
      throw new SsrError('SSR_STORE_FAILED', 'the commit that took this one along failed', {
        help: 'nothing of it was committed; look at the disk and try again',
      });
    }
    if (mode !== 'durable-not-fresh' && this.#suspended !== undefined) throw this.#suspended;
  }

  /** Has the TPM vouch for everything that is sealed, whatever the mode. */
  async makeFresh(): Promise<void> {
    if (this.#core.isAhead) await this.anchorSoon();
    else await this.#running;
  }

  /** One publishing at a time. */
  queue(publish: () => Promise<void> | void): Promise<void> {
    const turn = this.#running.then(publish);
    this.#running = turn.catch(() => undefined);
    return turn;
  }

  /** Joins the anchoring that has not begun yet, or asks for one, to begin when there is a token for it. */
  anchorSoon(windowMs = 0): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    const { tokenBucket, now } = this.#behaviour;
    const waiting = tokenBucket === undefined ? 0 : waitMs(tokenBucket, this.#tokens, now());
    const next = (async () => {
      await pause(Math.max(windowMs, waiting));
      await this.queue(() => {
        this.#next = undefined;
        return this.publishAnchored();
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
    this.anchorSoon(this.#behaviour.groupWindowMs).catch(() => undefined);
  }

  /** In the queue only: writes the superblock of what is sealed, flushes, and advances the anchor. */
  async publishAnchored(): Promise<void> {
    this.check();
    const core = this.#core;
    if (!core.isAhead) return;
    const { tokenBucket, now } = this.#behaviour;
    const tokens = spend(tokenBucket === undefined ? this.#tokens : refill(tokenBucket, this.#tokens, now()));
    const { state } = core;
    const { epoch, bytes, offset } = core.prepare(false, tokens);
    // The flush takes as long as the making of the NV command, so both go on at once; the command is sent after the flush.
    let durable = Promise.resolve();
    let point: AnchorPoint | undefined;
    try {
      for (const step of core.order.anchored) {
        if (step === 'superblock') core.store.write(offset, bytes);
        else if (step === 'flush') durable = flushSoon(core.store);
        else await this.#advance((point = { epoch, digest: superblockDigest(bytes) }), durable);
      }
      await durable;
    } catch (error) {
      if (!isUnknown(error)) core.rollBack();
      throw error;
    }
    this.#tokens = tokens;
    core.published(state, point);
    // In a later turn, so that nobody waits for it who waited for this commit.
    setImmediate(() => core.io.makeReady());
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
    this.check();
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

  /** Anchors what is durable, unless that cannot be; then publishes nothing any more. */
  async close(): Promise<void> {
    try {
      if (this.#suspended === undefined && this.#core.isAhead) await this.anchorSoon();
      await this.#running;
    } finally {
      this.#isClosed = true;
    }
  }
}
