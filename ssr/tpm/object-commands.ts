/**
 * Commands about keys and sealed data: CreatePrimary, Create, Load, Unseal, Quote (TPM 2.0 Part 3 §12, §24, §18).
 *
 * Three templates are enough for refmon: a P-256 storage key that is the same at each start (the SRK), a P-256 ECDSA
 * attestation key, and a sealed blob that only a policy opens. All carry noDA: with dictionary-attack protection three
 * power cuts with the *correct* secret would lock the TPM.
 */
import { ByteReader, ByteWriter, encodePcrSelection } from './codec.ts';
import type { Command, Entity } from './commands.ts';
import { OWNER } from './commands.ts';
import type { EccPoint } from './crypto.ts';
import { TpmTransportError } from './errors.ts';
import * as spec from './spec.ts';

const EMPTY = new Uint8Array(0);

const KEY_ATTRIBUTES =
  spec.TPMA_OBJECT_FIXED_TPM |
  spec.TPMA_OBJECT_FIXED_PARENT |
  spec.TPMA_OBJECT_SENSITIVE_DATA_ORIGIN |
  spec.TPMA_OBJECT_USER_WITH_AUTH |
  spec.TPMA_OBJECT_NO_DA |
  spec.TPMA_OBJECT_RESTRICTED;

function eccTemplate(attributes: number, parameters: readonly number[]): Uint8Array {
  const writer = new ByteWriter().u16(spec.TPM_ALG_ECC).u16(spec.TPM_ALG_SHA256).u32(attributes).sized(EMPTY);
  for (const parameter of parameters) writer.u16(parameter);
  return writer.u16(0).u16(0).done();
}

/** TPMT_PUBLIC of a storage key: AES-128-CFB for its children, no scheme, P-256, no KDF. */
export const STORAGE_KEY_TEMPLATE: Uint8Array = eccTemplate(KEY_ATTRIBUTES | spec.TPMA_OBJECT_DECRYPT, [
  spec.TPM_ALG_AES,
  128,
  spec.TPM_ALG_CFB,
  spec.TPM_ALG_NULL,
  spec.TPM_ECC_NIST_P256,
  spec.TPM_ALG_NULL,
]);

/** TPMT_PUBLIC of an attestation key: restricted to signing what the TPM itself says, ECDSA with SHA-256. */
export const ATTESTATION_KEY_TEMPLATE: Uint8Array = eccTemplate(KEY_ATTRIBUTES | spec.TPMA_OBJECT_SIGN, [
  spec.TPM_ALG_NULL,
  spec.TPM_ALG_ECDSA,
  spec.TPM_ALG_SHA256,
  spec.TPM_ECC_NIST_P256,
  spec.TPM_ALG_NULL,
]);

/** What sealed blobs get by default: bound to this TPM and parent, noDA, and *no* userWithAuth, so only the policy opens it. */
export const SEALED_ATTRIBUTES: number =
  spec.TPMA_OBJECT_FIXED_TPM | spec.TPMA_OBJECT_FIXED_PARENT | spec.TPMA_OBJECT_NO_DA;

/** A key that is loaded. `name` is as the TPM alleges it; `Tpm.createPrimary` compares it with `publicArea`. */
export interface LoadedKey extends Entity {
  readonly publicArea: Uint8Array;
  readonly point: EccPoint;
}

/** The public point at the end of a TPMT_PUBLIC of an ECC key. */
function pointOf(publicArea: Uint8Array): EccPoint {
  const reader = new ByteReader(publicArea);
  if (reader.u16() !== spec.TPM_ALG_ECC)
    throw new TpmTransportError('TPM_BAD_RESPONSE', 'the TPM made a key that is not ECC');
  reader.take(6);
  reader.sized();
  if (reader.u16() !== spec.TPM_ALG_NULL) reader.take(4);
  if (reader.u16() !== spec.TPM_ALG_NULL) reader.take(2);
  const curve = reader.u16();
  if (curve !== spec.TPM_ECC_NIST_P256)
    throw new TpmTransportError('TPM_BAD_RESPONSE', 'the TPM made a key on a curve other than P-256');
  if (reader.u16() !== spec.TPM_ALG_NULL) reader.take(2);
  const point = { x: padded(reader.sized()), y: padded(reader.sized()) };
  reader.end();
  return point;
}

/** Coordinates may come without leading zeros. */
function padded(coordinate: Uint8Array): Uint8Array {
  if (coordinate.length > 32) throw new TpmTransportError('TPM_BAD_RESPONSE', 'a coordinate is longer than 32 bytes');
  const whole = new Uint8Array(32);
  whole.set(coordinate, 32 - coordinate.length);
  return whole;
}

function sensitive(authValue: Uint8Array, data: Uint8Array): Uint8Array {
  return new ByteWriter().sized(authValue).sized(data).done();
}

/** creationData, creationHash, creationTicket: they prove to others who made an object; refmon asks for no such proof. */
function skipCreation(response: ByteReader): void {
  response.sized();
  response.sized();
  response.take(6);
  response.sized();
}

export interface PrimaryKey {
  readonly template: Uint8Array;
  /** OWNER by default: the key is the same until TPM2_Clear. */
  readonly hierarchy?: Entity;
  readonly authValue?: Uint8Array;
}

export function createPrimary(key: PrimaryKey): Command<LoadedKey> {
  const parameters = new ByteWriter().sized(sensitive(key.authValue ?? EMPTY, EMPTY)).sized(key.template);
  return {
    name: 'CreatePrimary',
    handles: [key.hierarchy ?? OWNER],
    parameters: parameters.sized(EMPTY).u32(0).done(),
    decode(response, handle) {
      const publicArea = response.sized();
      skipCreation(response);
      return { handle, name: response.sized(), publicArea, point: pointOf(publicArea) };
    },
  };
}

/** What a parent needs to load an object again. Both parts may be kept on an untrusted disk. */
export interface SealedBlob {
  readonly private: Uint8Array;
  readonly public: Uint8Array;
}

export interface Sealing {
  readonly parent: Entity;
  /** At most 128 bytes. */
  readonly data: Uint8Array;
  /** 32-byte policy digest; empty means that no policy ever opens it. */
  readonly policy: Uint8Array;
  readonly authValue?: Uint8Array;
  readonly attributes?: number;
}

export function createSealed(sealing: Sealing): Command<SealedBlob> {
  const template = new ByteWriter().u16(spec.TPM_ALG_KEYEDHASH).u16(spec.TPM_ALG_SHA256);
  template
    .u32(sealing.attributes ?? SEALED_ATTRIBUTES)
    .sized(sealing.policy)
    .u16(spec.TPM_ALG_NULL)
    .sized(EMPTY);
  const parameters = new ByteWriter().sized(sensitive(sealing.authValue ?? EMPTY, sealing.data)).sized(template.done());
  return {
    name: 'Create',
    handles: [sealing.parent],
    parameters: parameters.sized(EMPTY).u32(0).done(),
    decode(response) {
      const blob = { private: response.sized(), public: response.sized() };
      skipCreation(response);
      return blob;
    },
  };
}

export function load(parent: Entity, blob: SealedBlob): Command<Entity> {
  const parameters = new ByteWriter().sized(blob.private).sized(blob.public).done();
  return {
    name: 'Load',
    handles: [parent],
    parameters,
    decode: (response, handle) => ({ handle, name: response.sized() }),
  };
}

export function unseal(object: Entity): Command<Uint8Array> {
  return { name: 'Unseal', handles: [object], parameters: EMPTY, decode: (response) => response.sized() };
}

export interface Quote {
  /** The TPMS_ATTEST as signed. */
  readonly attested: Uint8Array;
  /** ECDSA r and s, 32 bytes each. */
  readonly signature: { readonly r: Uint8Array; readonly s: Uint8Array };
}

/** `nonce` is the verifier's, so that an old quote cannot stand for a new one. */
export function quote(key: Entity, nonce: Uint8Array, pcrs: readonly number[]): Command<Quote> {
  const parameters = new ByteWriter().sized(nonce).u16(spec.TPM_ALG_NULL).bytes(encodePcrSelection(pcrs)).done();
  return {
    name: 'Quote',
    handles: [key],
    parameters,
    decode(response) {
      const attested = response.sized();
      if (response.u16() !== spec.TPM_ALG_ECDSA || response.u16() !== spec.TPM_ALG_SHA256) {
        throw new TpmTransportError('TPM_BAD_RESPONSE', 'the quote is not signed with ECDSA and SHA-256');
      }
      return { attested, signature: { r: padded(response.sized()), s: padded(response.sized()) } };
    },
  };
}
