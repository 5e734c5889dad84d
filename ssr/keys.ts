/**
 * Keys: 64 secret bytes sealed in the TPM, and everything that is derived from them.
 *
 * The keyring is a root key R and the secret N of the anchor's NV indices, each TPM randomness xor host randomness, so
 * that neither source alone is trusted. It is sealed under the TPM's ECC storage key with a PolicyPCR: it opens on this
 * TPM, in this state of the platform, and without dictionary-attack protection. Every other key is HKDF-SHA256 of R.
 * A recovery key, if one is asked for, wraps the same 64 bytes with AES-256-GCM; it belongs offline, on paper.
 *
 * What it does not do: protect R while it is in this process's memory.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { tpmUnavailable } from './anchor.ts';
import { SsrError } from './errors.ts';
import { concatBytes } from './tpm/codec.ts';
import type { Tpm } from './tpm/client.ts';
import { pcrRead, policyPcr } from './tpm/commands.ts';
import { TpmError } from './tpm/errors.ts';
import { createSealed, load, STORAGE_KEY_TEMPLATE, unseal } from './tpm/object-commands.ts';
import type { LoadedKey, SealedBlob } from './tpm/object-commands.ts';
import { policyDigest } from './tpm/policy.ts';
import { NO_PASSWORD } from './tpm/session.ts';
import type { Session } from './tpm/session.ts';

const KEY_SIZE_BYTES = 32;
export const KEYRING_SIZE_BYTES = 2 * KEY_SIZE_BYTES;
export const RECOVERY_KEY_SIZE_BYTES = 32;
/** Secure boot policy: stable over kernel updates. Choose more to bind the keys tighter. */
export const DEFAULT_PCRS: readonly number[] = [7];

export interface Keyring {
  readonly root: Uint8Array;
  readonly anchorSecret: Uint8Array;
}

function hkdf(root: Uint8Array, salt: Uint8Array, label: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', root, salt, `refmon ssr ${label}`, KEY_SIZE_BYTES));
}

/** Keys the HMAC of superblocks. */
export function superblockKey(keyring: Keyring, volumeId: Uint8Array): Uint8Array {
  return hkdf(keyring.root, volumeId, 'superblock');
}

/** Encrypts one tree: a region, or one of the volume's own. */
export function blockKey(keyring: Keyring, id: Uint8Array, generation: number): KeyObject {
  return createSecretKey(hkdf(keyring.root, id, `blocks ${generation}`));
}

function keyringOf(bytes: Uint8Array): Keyring {
  return { root: bytes.slice(0, KEY_SIZE_BYTES), anchorSecret: bytes.slice(KEY_SIZE_BYTES) };
}

/** A keyring for a new volume. */
export async function makeKeyring(tpm: Tpm): Promise<Keyring> {
  const fromTpm = await tpm.random(KEYRING_SIZE_BYTES);
  const fromHost = randomBytes(KEYRING_SIZE_BYTES);
  const bytes = fromTpm.map((byte, at) => byte ^ (fromHost[at] ?? 0));
  // Authorization values compare without trailing zeros; a secret that ends in one would be shorter than it looks.
  if (bytes[KEYRING_SIZE_BYTES - 1] === 0) bytes[KEYRING_SIZE_BYTES - 1] = 1;
  return keyringOf(bytes);
}

/** What a volume holds of the TPM while it is open. */
export interface TpmAccess {
  readonly tpm: Tpm;
  readonly storageKey: LoadedKey;
  /** Salted; used by one command at a time. */
  readonly session: Session;
}

/** Loads the storage key and starts the session. End it with `endAccess`. @throws SsrError `SSR_TPM_UNAVAILABLE` */
export async function beginAccess(tpm: Tpm): Promise<TpmAccess> {
  try {
    const storageKey = await tpm.createPrimary({ template: STORAGE_KEY_TEMPLATE });
    try {
      return { tpm, storageKey, session: await tpm.startSession({ kind: 'hmac', saltKey: storageKey }) };
    } catch (error) {
      await tpm.flush(storageKey.handle);
      throw error;
    }
  } catch (cause) {
    throw tpmUnavailable(cause);
  }
}

/** Frees the storage key, which only opening and sealing need. */
export async function releaseStorageKey(access: TpmAccess): Promise<void> {
  await access.tpm.flush(access.storageKey.handle);
}

/** Seals the keyring to the present values of `pcrs`. */
export async function sealKeyring(access: TpmAccess, keyring: Keyring, pcrs: readonly number[]): Promise<SealedBlob> {
  const { tpm, storageKey, session } = access;
  try {
    const { digests } = await tpm.run(pcrRead(pcrs));
    const policy = policyDigest(tpm.crypto, [{ kind: 'pcr', pcrs, values: digests }]);
    const sealing = createSealed({
      parent: storageKey,
      data: concatBytes(keyring.root, keyring.anchorSecret),
      policy,
    });
    return await tpm.run(sealing, [{ kind: 'session', session, encrypt: 'command' }]);
  } catch (cause) {
    throw tpmUnavailable(cause);
  }
}

const REFUSED_CODES: ReadonlySet<string> = new Set([
  'TPM_RC_INTEGRITY',
  'TPM_RC_POLICY_FAIL',
  'TPM_RC_VALUE',
  'TPM_RC_SIZE',
  'TPM_RC_HASH',
  'TPM_RC_TYPE',
  'TPM_RC_BINDING',
  'TPM_RC_INSUFFICIENT',
  'TPM_RC_ATTRIBUTES',
  'TPM_RC_KEY',
]);

/** Part 2 §6.6.3: format one, with a parameter to blame. Blob and PCRs come from the disk, so the disk is to blame. */
function blamesParameter({ responseCode }: TpmError): boolean {
  return (responseCode & 0xc0) === 0xc0;
}

/**
 * The keyring, if this TPM opens the blob now; the TPM's refusal if not: the blob may come from anywhere.
 * @throws SsrError `SSR_TPM_UNAVAILABLE`
 */
export async function unsealKeyring(
  access: TpmAccess,
  blob: SealedBlob,
  pcrs: readonly number[],
): Promise<Keyring | TpmError> {
  const { tpm, storageKey } = access;
  let loaded: number | undefined;
  let session: Session | undefined;
  try {
    const object = await tpm.run(load(storageKey, blob), [NO_PASSWORD]);
    loaded = object.handle;
    session = await tpm.startSession({ kind: 'policy', saltKey: storageKey });
    await tpm.run(policyPcr(session.handle, pcrs));
    const named = { handle: object.handle, name: object.name };
    const bytes = await tpm.run(unseal(named), [{ kind: 'session', session, encrypt: 'response' }]);
    if (bytes.length !== KEYRING_SIZE_BYTES) throw new TpmError('Unseal', 0x095);
    return keyringOf(bytes);
  } catch (error) {
    if (error instanceof TpmError && (REFUSED_CODES.has(error.code) || blamesParameter(error))) return error;
    throw tpmUnavailable(error);
  } finally {
    if (session !== undefined) await tpm.endSession(session).catch(() => undefined);
    if (loaded !== undefined) await tpm.flush(loaded).catch(() => undefined);
  }
}

export function keysUnavailable(cause: TpmError): SsrError {
  return new SsrError('SSR_KEYS_UNAVAILABLE', `the TPM does not release the keys of this volume (${cause.message})`, {
    help: 'boot the platform in the state that the volume was sealed to, on the same TPM; or use the recovery key',
    cause,
  });
}

// --- the recovery key -----------------------------------------------------------------------------------------------

export function makeRecoveryKey(): Uint8Array {
  return Uint8Array.from(randomBytes(RECOVERY_KEY_SIZE_BYTES));
}

function wrappingKey(recoveryKey: Uint8Array, volumeId: Uint8Array): Uint8Array {
  if (recoveryKey.length !== RECOVERY_KEY_SIZE_BYTES) {
    throw new RangeError(`recoveryKey is ${recoveryKey.length} bytes long, not ${RECOVERY_KEY_SIZE_BYTES}`);
  }
  return hkdf(recoveryKey, volumeId, 'recovery');
}

/** nonce 12, ciphertext 64, tag 16. */
export function wrapKeyring(keyring: Keyring, recoveryKey: Uint8Array, volumeId: Uint8Array): Uint8Array {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', wrappingKey(recoveryKey, volumeId), nonce);
  const sealed = concatBytes(cipher.update(keyring.root), cipher.update(keyring.anchorSecret), cipher.final());
  return concatBytes(nonce, sealed, cipher.getAuthTag());
}

/** Undefined if this is not the recovery key of the volume. */
export function unwrapKeyring(wrapped: Uint8Array, recoveryKey: Uint8Array, volumeId: Uint8Array): Keyring | undefined {
  const decipher = createDecipheriv('aes-256-gcm', wrappingKey(recoveryKey, volumeId), wrapped.subarray(0, 12), {
    authTagLength: 16,
  });
  decipher.setAuthTag(wrapped.subarray(76, 92));
  try {
    return keyringOf(concatBytes(decipher.update(wrapped.subarray(12, 76)), decipher.final()));
  } catch {
    return undefined;
  }
}
