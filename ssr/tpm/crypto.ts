/**
 * The cryptography that TPM sessions need, behind one small interface, so that the client and the simulated TPM run
 * both on node:crypto (`crypto-node.ts`, fast) and in a browser (`crypto-portable.ts`, on @noble/hashes).
 *
 * The key derivations of TPM 2.0 Part 1 §11.4.10 are written here once, over whichever engine is given.
 */
import { concatBytes, u32Bytes } from './codec.ts';

/** A point on P-256; coordinates are 32 bytes, big-endian, with leading zeros. */
export interface EccPoint {
  readonly x: Uint8Array;
  readonly y: Uint8Array;
}

/** P-256. Scalars are 32 bytes, big-endian. */
export interface EccEngine {
  generate(): { readonly scalar: Uint8Array; readonly point: EccPoint };
  /** The public point of a scalar, or undefined if the scalar is 0 or not below the group order. */
  publicPoint(scalar: Uint8Array): EccPoint | undefined;
  /** The x coordinate of scalar × point (ECDH), or undefined if the point is not on the curve. */
  sharedX(scalar: Uint8Array, point: EccPoint): Uint8Array | undefined;
  /** ECDSA over a SHA-256 digest that is already made. */
  sign(scalar: Uint8Array, message: Uint8Array): { readonly r: Uint8Array; readonly s: Uint8Array };
}

export interface TpmCrypto {
  random(length: number): Uint8Array;
  sha256(...parts: readonly Uint8Array[]): Uint8Array;
  hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  /** AES-128 in CFB mode with 128-bit feedback; returns a new array. */
  aes128Cfb(direction: 'encrypt' | 'decrypt', key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array;
  /** Undefined where the engine has no elliptic curves; salted sessions and asymmetric keys are then refused. */
  readonly ecc: EccEngine | undefined;
}

/** KDFa: counter mode of SP 800-108 over HMAC-SHA256, as Part 1 §11.4.10.2 lays it out. */
export function kdfa(
  crypto: TpmCrypto,
  key: Uint8Array,
  label: string,
  contextU: Uint8Array,
  contextV: Uint8Array,
  bits: number,
): Uint8Array {
  const labelZ = concatBytes(new TextEncoder().encode(label), new Uint8Array(1));
  const blocks: Uint8Array[] = [];
  for (let i = 1; (i - 1) * 256 < bits; i += 1) {
    blocks.push(crypto.hmacSha256(key, u32Bytes(i), labelZ, contextU, contextV, u32Bytes(bits)));
  }
  return concatBytes(...blocks).subarray(0, bits / 8);
}

/** KDFe for one SHA-256 block: SP 800-56A concatenation, Part 1 §11.4.10.3. */
export function kdfe(
  crypto: TpmCrypto,
  z: Uint8Array,
  label: string,
  partyU: Uint8Array,
  partyV: Uint8Array,
): Uint8Array {
  const labelZ = concatBytes(new TextEncoder().encode(label), new Uint8Array(1));
  return crypto.sha256(u32Bytes(1), z, labelZ, partyU, partyV);
}

/** Parameter encryption, Part 1 §21.3: key and IV from the session's secret and both nonces, newer first. */
export function cryptParameter(
  crypto: TpmCrypto,
  direction: 'encrypt' | 'decrypt',
  sessionValue: Uint8Array,
  nonceNewer: Uint8Array,
  nonceOlder: Uint8Array,
  data: Uint8Array,
): Uint8Array {
  const keyAndIv = kdfa(crypto, sessionValue, 'CFB', nonceNewer, nonceOlder, 256);
  return crypto.aes128Cfb(direction, keyAndIv.subarray(0, 16), keyAndIv.subarray(16, 32), data);
}
