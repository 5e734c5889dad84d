/**
 * Creating, opening and recovering volumes: where store, TPM and keys meet.
 *
 * Opening: read the four superblocks; have the TPM unseal the keys that they carry; keep the superblocks that those keys
 * made; read the anchor; decide (`recovery.ts`); mount. Nothing is written, unless a durable state must be anchored first.
 * An alleged superblock may name any keys and any NV indices: what decides is which keys the TPM releases, whether the
 * superblock was made with them, and whether the indices answer to the secret beside them.
 */
import { randomBytes } from 'node:crypto';
import type { Anchor } from './anchor.ts';
import { chooseAnchorPlace, formatAnchor, openAnchor, removeAnchor, tpmUnavailable } from './anchor.ts';
import { SLOT_COUNT_MAX, SLOT_COUNT_MIN } from './anchor-slots.ts';
import type { AnchorPlace, AnchorPoint } from './anchor-slots.ts';
import { ID_SIZE_BYTES } from './block-cipher.ts';
import { EMPTY_ROOT } from './block-io.ts';
import { ENTRY_SIZE_BYTES } from './entry.ts';
import { SsrError } from './errors.ts';
import {
  beginAccess,
  DEFAULT_PCRS,
  keysUnavailable,
  makeKeyring,
  releaseStorageKey,
  sealKeyring,
  superblockKey,
  unsealKeyring,
  unwrapKeyring,
  wrapKeyring,
} from './keys.ts';
import type { Keyring, TpmAccess } from './keys.ts';
import { decideMount } from './recovery.ts';
import type { GenuineSuperblock, MountDecision } from './recovery.ts';
import type { Store } from './store/store.ts';
import {
  ARITY_MIN,
  BLOCK_SIZE_MAX_BYTES,
  BLOCK_SIZE_MIN_BYTES,
  DATA_START_BYTES,
  isGenuine,
  superblockDigest,
  superblockOffset,
  SUPERBLOCK_PLACE_SIZE_BYTES,
  SUPERBLOCK_PLACES,
  SUPERBLOCK_SIZE_BYTES,
} from './superblock.ts';
import type { AllegedSuperblock, Superblock } from './superblock.ts';
import type { TokenBucket } from './token-bucket.ts';
import { equalBytes } from './tpm/codec.ts';
import type { Tpm } from './tpm/client.ts';
import { TpmError } from './tpm/errors.ts';
import { Volume } from './volume.ts';
import type { CommitMode, VolumeBehaviour } from './volume.ts';
import { readSuperblocks, safeProtocol, VolumeCore } from './volume-core.ts';
import type { CoreOptions, Protocol } from './volume-core.ts';

export const DEFAULT_BLOCK_SIZE_BYTES = 4096;
export const DEFAULT_ARITY = 32;
export const DEFAULT_CAPACITY_BYTES = 2 ** 40;
export const DEFAULT_CACHE_SIZE_BYTES = 16 * 2 ** 20;

export interface OpenOptions {
  /** Taken over: closed with the volume, or when opening fails. */
  readonly store: Store;
  /** Started. The volume uses it until it is closed; others may use it too. */
  readonly tpm: Tpm;
  /** `sync` by default. */
  readonly mode?: CommitMode;
  readonly tokenBucket?: TokenBucket;
  readonly groupWindowMs?: number;
  /** Memory for verified nodes; 16 MiB by default. */
  readonly cacheSizeBytes?: number;
  /** Refuse any other volume: without it, whoever owns the TPM and the disk could swap the whole volume for one of theirs. */
  readonly expectVolumeId?: Uint8Array;
  readonly now?: () => number;
}

export interface CreateOptions extends Omit<OpenOptions, 'expectVolumeId'> {
  /** A power of two from 512 to 65536; 4096 by default. `refmon ssr plan` helps to choose. */
  readonly blockSizeBytes?: number;
  /** Children of a node: 2 to a 48th of the block size; 32 by default. */
  readonly arity?: number;
  /** Most bytes that the store may take, regions and their trees together; 1 TiB by default. */
  readonly capacityBytes?: number;
  /** PCRs whose present values the keys are sealed to; 7 by default. */
  readonly pcrs?: readonly number[];
  /** NV indices to use in turn: more of them wear less; 2 by default. */
  readonly slotCount?: number;
  /** 32 bytes that open the volume when the TPM does not. Keep them offline. */
  readonly recoveryKey?: Uint8Array;
  /** Permit `durable-not-fresh` commits, whose loss by an attacker nobody notices. */
  readonly allowNotFresh?: boolean;
}

/** Test seams beside the options; the product passes nothing. */
export interface Seams {
  readonly protocol?: Protocol;
  readonly decide?: typeof decideMount;
  readonly openAnchor?: typeof openAnchor;
}

function behaviourOf(options: OpenOptions | CreateOptions): VolumeBehaviour {
  return {
    mode: options.mode ?? 'sync',
    tokenBucket: options.tokenBucket,
    groupWindowMs: options.groupWindowMs ?? 2,
    now: options.now ?? Date.now,
  };
}

function coreOptions(options: OpenOptions | CreateOptions, keyring: Keyring, seams: Seams): CoreOptions {
  return {
    store: options.store,
    keyring,
    cacheSizeBytes: options.cacheSizeBytes ?? DEFAULT_CACHE_SIZE_BYTES,
    protocol: seams.protocol ?? safeProtocol(),
  };
}

function checkInteger(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be an integer from ${min} to ${max}, not ${value}`);
  }
}

function geometryOf(options: CreateOptions): { blockSizeBytes: number; arity: number; capacityBlocks: number } {
  const blockSizeBytes = options.blockSizeBytes ?? DEFAULT_BLOCK_SIZE_BYTES;
  checkInteger('blockSizeBytes', blockSizeBytes, BLOCK_SIZE_MIN_BYTES, BLOCK_SIZE_MAX_BYTES);
  if ((blockSizeBytes & (blockSizeBytes - 1)) !== 0) throw new RangeError('blockSizeBytes must be a power of two');
  const arityMax = Math.floor(blockSizeBytes / ENTRY_SIZE_BYTES);
  const arity = options.arity ?? Math.min(DEFAULT_ARITY, arityMax);
  checkInteger('arity', arity, ARITY_MIN, arityMax);
  const capacityBytes = options.capacityBytes ?? DEFAULT_CAPACITY_BYTES;
  checkInteger('capacityBytes', capacityBytes, DATA_START_BYTES + 16 * blockSizeBytes, 2 ** 46);
  return { blockSizeBytes, arity, capacityBlocks: Math.floor(capacityBytes / blockSizeBytes) };
}

/** Runs `body`; if it fails, nothing stays open. */
async function orCloseStore<Result>(store: Store, body: () => Promise<Result>): Promise<Result> {
  try {
    return await body();
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Runs `body` with the TPM; the storage key is freed in any case, the session if `body` fails. */
async function withAccess<Result>(tpm: Tpm, body: (access: TpmAccess) => Promise<Result>): Promise<Result> {
  const access = await beginAccess(tpm);
  try {
    return await body(access);
  } catch (error) {
    await tpm.endSession(access.session).catch(() => undefined);
    throw tpmUnavailable(error);
  } finally {
    await releaseStorageKey(access).catch(() => undefined);
  }
}

// --- create -----------------------------------------------------------------------------------------------------------

/**
 * Makes an empty volume on a store that holds none, and opens it.
 * @throws SsrError `SSR_EXISTS`, `SSR_TPM_UNAVAILABLE`, `SSR_STORE_FAILED`; RangeError for geometry out of range
 */
export function createVolume(options: CreateOptions, seams: Seams = {}): Promise<Volume> {
  return orCloseStore(options.store, async () => {
    const geometry = geometryOf(options);
    const slotCount = options.slotCount ?? SLOT_COUNT_MIN;
    checkInteger('slotCount', slotCount, SLOT_COUNT_MIN, SLOT_COUNT_MAX);
    const pcrs = options.pcrs ?? DEFAULT_PCRS;
    if (pcrs.length < 1) throw new RangeError('pcrs must name at least one PCR');
    if (options.mode === 'durable-not-fresh' && options.allowNotFresh !== true) throw notFreshRefused();
    if (readSuperblocks(options.store).length > 0) {
      throw new SsrError('SSR_EXISTS', `there is a volume on ${options.store.name}`, {
        help: 'choose another store, or remove this one',
      });
    }
    return withAccess(options.tpm, async (access) => {
      const keyring = await makeKeyring(options.tpm);
      const volumeId = Uint8Array.from(randomBytes(ID_SIZE_BYTES));
      const superblock: Superblock = {
        ...geometry,
        isTentative: false,
        epoch: slotCount,
        version: 1,
        volumeId,
        allowsNotFresh: options.allowNotFresh ?? false,
        directory: EMPTY_ROOT,
        directorySlots: 0,
        freeMap: EMPTY_ROOT,
        sealedBlocks: 0,
        previousDigest: new Uint8Array(32),
        anchor: await chooseAnchorPlace(options.tpm, slotCount),
        pcrs,
        sealedKeys: await sealKeyring(access, keyring, pcrs),
        wrappedKeys:
          options.recoveryKey === undefined ? undefined : wrapKeyring(keyring, options.recoveryKey, volumeId),
        tokens: { tokens: options.tokenBucket?.burst ?? 0, atMs: behaviourOf(options).now() },
      };
      const core = VolumeCore.format(coreOptions(options, keyring, seams), superblock);
      const anchor = await anchorAnew(access, keyring, superblock.anchor, core.anchored, seams);
      return volumeOf({ options, core, anchor, access }, { wasSlotTorn: false, wasRolledForward: false });
    });
  });
}

async function anchorAnew(
  access: TpmAccess,
  keyring: Keyring,
  place: AnchorPlace,
  point: AnchorPoint,
  seams: Seams,
): Promise<Anchor> {
  const nv = { tpm: access.tpm, session: access.session, secret: keyring.anchorSecret };
  await formatAnchor(nv, place, point);
  const anchor = (seams.openAnchor ?? openAnchor)(nv, place);
  const reading = await anchor.read();
  if (reading.kind === 'destroyed' || reading.point.epoch !== point.epoch) {
    throw new SsrError('SSR_TPM_UNAVAILABLE', 'the TPM did not keep what was written to it', {
      help: 'use another TPM',
    });
  }
  return anchor;
}

function notFreshRefused(): SsrError {
  return new SsrError('SSR_LIMIT', 'the volume does not permit durable-not-fresh commits', {
    help: 'create it with allowNotFresh, or use mode sync or grouped',
  });
}

function volumeOf(
  parts: { options: OpenOptions | CreateOptions; core: VolumeCore; anchor: Anchor; access: TpmAccess },
  found: { wasSlotTorn: boolean; wasRolledForward: boolean },
): Volume {
  const { options, core, anchor, access } = parts;
  const opening = { epoch: core.anchored.epoch, ...found };
  return new Volume({ core, anchor, access, behaviour: behaviourOf(options), opening });
}

// --- open -------------------------------------------------------------------------------------------------------------

/**
 * Opens a volume, or says why it must not be opened. Takes the same time whatever the regions' sizes.
 * @throws SsrError: see `recovery.ts` for refusals; `SSR_NOT_A_VOLUME`, `SSR_KEYS_UNAVAILABLE`, `SSR_TPM_UNAVAILABLE`
 */
export function openVolume(options: OpenOptions, seams: Seams = {}): Promise<Volume> {
  return orCloseStore(options.store, () => {
    const alleged = readSuperblocks(options.store);
    if (alleged.length === 0) throw notAVolume(options.store);
    return withAccess(options.tpm, async (access) => {
      const { keyring, anchor, decision } = await findMount(access, alleged, options, seams);
      const { mount, rollForward, tornSlot } = decision;
      if (options.mode === 'durable-not-fresh' && !mount.superblock.allowsNotFresh) throw notFreshRefused();
      const core = VolumeCore.mount(coreOptions(options, keyring, seams), mount, rollForward?.superblock);
      if (rollForward !== undefined) await anchorFoundState(core, anchor);
      const found = { wasSlotTorn: tornSlot !== undefined, wasRolledForward: rollForward !== undefined };
      return volumeOf({ options, core, anchor, access }, found);
    });
  });
}

function notAVolume(store: Store): SsrError {
  return new SsrError('SSR_NOT_A_VOLUME', `${store.name} holds no superblock`, {
    help: 'if it did before, it was overwritten: put a copy of the latest state back',
  });
}

/** Two futures of one state must never both be seen: what was found is anchored before anyone reads it. */
async function anchorFoundState(core: VolumeCore, anchor: Anchor): Promise<void> {
  const { point, bytes, offset } = core.prepare(false, core.fixed.tokens);
  core.store.write(offset, bytes);
  core.store.flush();
  await anchor.advance(point);
  core.published(core.state, point);
}

interface Mount {
  readonly keyring: Keyring;
  readonly anchor: Anchor;
  readonly decision: MountDecision;
}

/** Usually all superblocks carry the same keys; after resealing, or an attack, there may be several to try. */
async function findMount(
  access: TpmAccess,
  alleged: readonly AllegedSuperblock[],
  options: OpenOptions,
  seams: Seams,
): Promise<Mount> {
  const decide = seams.decide ?? decideMount;
  let refusal: unknown;
  let sealRefusal: TpmError | undefined;
  let isAnyGenuine = false;
  const tried: Keyring[] = [];
  for (const candidate of alleged) {
    const keyring = await unsealKeyring(access, candidate.superblock.sealedKeys, candidate.superblock.pcrs);
    if (keyring instanceof TpmError) {
      sealRefusal ??= keyring;
      continue;
    }
    if (tried.some((other) => isSameKeyring(other, keyring))) continue;
    tried.push(keyring);
    const genuine = genuineAmong(alleged, keyring, options.expectVolumeId);
    const newest = genuine.reduce<GenuineSuperblock | undefined>(
      (best, one) => (best === undefined || one.superblock.epoch > best.superblock.epoch ? one : best),
      undefined,
    );
    if (newest === undefined) continue;
    isAnyGenuine = true;
    const nv = { tpm: access.tpm, session: access.session, secret: keyring.anchorSecret };
    const anchor = (seams.openAnchor ?? openAnchor)(nv, newest.superblock.anchor);
    try {
      return { keyring, anchor, decision: decide(await anchor.read(), genuine) };
    } catch (error) {
      refusal ??= error;
    }
  }
  if (isAnyGenuine) throw refusal;
  if (sealRefusal !== undefined) throw keysUnavailable(sealRefusal);
  throw notAVolume(options.store);
}

function isSameKeyring(a: Keyring, b: Keyring): boolean {
  return equalBytes(a.root, b.root) && equalBytes(a.anchorSecret, b.anchorSecret);
}

function genuineAmong(
  alleged: readonly AllegedSuperblock[],
  keyring: Keyring,
  expectVolumeId: Uint8Array | undefined,
): GenuineSuperblock[] {
  return alleged
    .filter(
      (one) =>
        (expectVolumeId === undefined || equalBytes(one.superblock.volumeId, expectVolumeId)) &&
        isGenuine(one, superblockKey(keyring, one.superblock.volumeId)),
    )
    .map(({ superblock, bytes }) => ({ superblock, digest: superblockDigest(bytes) }));
}

// --- recover ----------------------------------------------------------------------------------------------------------

export interface RecoverOptions extends OpenOptions {
  readonly recoveryKey: Uint8Array;
  /**
   * Must be true. Without the anchor nobody can know whether this is the latest state: whoever could write the disk
   * chose what you will see.
   */
  readonly acceptLoss: true;
  readonly pcrs?: readonly number[];
}

/**
 * Opens a volume whose TPM is gone, cleared or destroyed, by its recovery key, and anchors it anew in `tpm`.
 * Takes the newest state on the disk; says nothing about freshness, because nothing can be said.
 * @throws SsrError `SSR_NOT_A_VOLUME`, `SSR_KEYS_UNAVAILABLE` for a wrong recovery key; TypeError without consent
 */
export function recoverVolume(options: RecoverOptions, seams: Seams = {}): Promise<Volume> {
  return orCloseStore(options.store, () => {
    if ((options.acceptLoss as unknown) !== true) {
      throw new TypeError('acceptLoss must be true: a recovered volume may be any earlier state of itself');
    }
    const { keyring, newest } = unwrapNewest(readSuperblocks(options.store), options);
    return withAccess(options.tpm, async (access) => {
      const fresh = await makeKeyring(options.tpm);
      // The root key must stay, for the blocks are sealed with it; the anchor's secret may have been seen.
      const rekeyed: Keyring = { root: keyring.root, anchorSecret: fresh.anchorSecret };
      const { superblock } = newest;
      const pcrs = options.pcrs ?? superblock.pcrs;
      const { slotCount } = superblock.anchor;
      const renewed: Superblock = {
        ...superblock,
        isTentative: false,
        // The other place than the old one's, which stays readable until the new one is anchored.
        epoch: superblock.epoch + slotCount + ((slotCount + 1) % 2),
        previousDigest: newest.digest,
        anchor: await chooseAnchorPlace(options.tpm, slotCount),
        pcrs,
        sealedKeys: await sealKeyring(access, rekeyed, pcrs),
        wrappedKeys: wrapKeyring(rekeyed, options.recoveryKey, superblock.volumeId),
      };
      const core = VolumeCore.format(coreOptions(options, rekeyed, seams), renewed);
      const anchor = await anchorAnew(access, rekeyed, renewed.anchor, core.anchored, seams);
      forgetOthers(options.store, superblockOffset(renewed));
      // If this is the same TPM, the old anchor would still vouch for a copy of the disk from before.
      const old = { tpm: access.tpm, session: access.session, secret: keyring.anchorSecret };
      await removeAnchor(old, superblock.anchor);
      return volumeOf({ options, core, anchor, access }, { wasSlotTorn: false, wasRolledForward: false });
    });
  });
}

function unwrapNewest(
  alleged: readonly AllegedSuperblock[],
  options: RecoverOptions,
): { keyring: Keyring; newest: GenuineSuperblock } {
  if (alleged.length === 0) throw notAVolume(options.store);
  let best: { keyring: Keyring; newest: GenuineSuperblock } | undefined;
  for (const candidate of alleged) {
    const { wrappedKeys, volumeId } = candidate.superblock;
    const keyring = wrappedKeys && unwrapKeyring(wrappedKeys, options.recoveryKey, volumeId);
    if (keyring === undefined) continue;
    for (const newest of genuineAmong([candidate], keyring, options.expectVolumeId)) {
      const { epoch, version } = newest.superblock;
      const other = best?.newest.superblock;
      const isNewer = other === undefined || epoch > other.epoch || (epoch === other.epoch && version > other.version);
      if (isNewer) best = { keyring, newest };
    }
  }
  if (best !== undefined) return best;
  throw new SsrError('SSR_KEYS_UNAVAILABLE', 'the recovery key opens nothing on this disk', {
    help: 'check the key; a volume that was created without one has none',
  });
}

function forgetOthers(store: Store, kept: number): void {
  for (let place = 0; place < SUPERBLOCK_PLACES; place += 1) {
    const offset = place * SUPERBLOCK_PLACE_SIZE_BYTES;
    if (offset !== kept) store.write(offset, new Uint8Array(SUPERBLOCK_SIZE_BYTES));
  }
  store.flush();
}
