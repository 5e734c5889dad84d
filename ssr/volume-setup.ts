/**
 * What creating, opening and recovering a volume have in common: options, access to the TPM, cleaning up after failures.
 *
 * Invariant: whatever fails, the store is closed and the TPM has none of our keys or sessions left.
 */
import type { AnchorPlace, AnchorPoint } from './anchor-slots.ts';
import { formatAnchor, openAnchor, tpmUnavailable } from './anchor.ts';
import type { removeAnchor } from './anchor.ts';
import type { Anchor } from './anchor.ts';
import { SsrError } from './errors.ts';
import { beginAccess, releaseStorageKey, superblockKey } from './keys.ts';
import type { Keyring, TpmAccess } from './keys.ts';
import type { CommitMode, VolumeBehaviour } from './publisher.ts';
import { decideMount } from './recovery.ts';
import type { GenuineSuperblock } from './recovery.ts';
import type { Store } from './store/store.ts';
import { isGenuine, superblockDigest } from './superblock.ts';
import type { AllegedSuperblock } from './superblock.ts';
import type { TokenBucket } from './token-bucket.ts';
import type { Tpm } from './tpm/client.ts';
import { equalBytes } from './tpm/codec.ts';
import { VolumeCore } from './volume-core.ts';
import { safeProtocol } from './protocol.ts';
import type { CoreOptions } from './volume-core.ts';
import type { Protocol } from './protocol.ts';
import { Volume } from './volume.ts';

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
  readonly removeAnchor?: typeof removeAnchor;
}

export function behaviourOf(options: OpenOptions | CreateOptions): VolumeBehaviour {
  return {
    mode: options.mode ?? 'sync',
    tokenBucket: options.tokenBucket,
    groupWindowMs: options.groupWindowMs ?? 2,
    now: options.now ?? Date.now,
  };
}

export function coreOptions(options: OpenOptions | CreateOptions, keyring: Keyring, seams: Seams): CoreOptions {
  return {
    store: options.store,
    keyring,
    cacheSizeBytes: options.cacheSizeBytes ?? DEFAULT_CACHE_SIZE_BYTES,
    protocol: seams.protocol ?? safeProtocol(),
  };
}

export function checkInteger(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be an integer from ${min} to ${max}, not ${value}`);
  }
}

/** Runs `body`; if it fails, nothing stays open. */
export async function orCloseStore<Result>(store: Store, body: () => Promise<Result>): Promise<Result> {
  try {
    return await body();
  } catch (error) {
    store.close();
    throw error;
  }
}

/** Runs `body` with the TPM; the storage key is freed in any case, the session if `body` fails. */
export async function withAccess<Result>(tpm: Tpm, body: (access: TpmAccess) => Promise<Result>): Promise<Result> {
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

export async function anchorAnew(
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

export function notFreshRefused(): SsrError {
  return new SsrError('SSR_LIMIT', 'the volume does not permit durable-not-fresh commits', {
    help: 'create it with allowNotFresh, or use mode sync or grouped',
  });
}

export function volumeOf(
  parts: { options: OpenOptions | CreateOptions; core: VolumeCore; anchor: Anchor; access: TpmAccess },
  found: { wasSlotTorn: boolean; wasRolledForward: boolean },
): Volume {
  const { options, core, anchor, access } = parts;
  const opening = { epoch: core.anchored.epoch, ...found };
  return new Volume({ core, anchor, access, behaviour: behaviourOf(options), opening });
}

export function notAVolume(store: Store): SsrError {
  return new SsrError('SSR_NOT_A_VOLUME', `${store.name} holds no superblock`, {
    help: 'if it did before, it was overwritten: put a copy of the latest state back',
  });
}

export function genuineAmong(
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
