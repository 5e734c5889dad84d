/**
 * node:crypto as the engine of TPM sessions: about four times faster than the portable one on short messages.
 *
 * Randomness is drawn from the system in bulk, for nonces are 32 bytes and each command takes some: every byte is given out
 * once and wiped where it lay.
 */
import {
  createCipheriv,
  createDecipheriv,
  createECDH,
  createPrivateKey,
  randomBytes,
  randomFillSync,
  sign,
} from 'node:crypto';
import { hmacSha256Of, sha256Of } from '../hash/hmac.ts';
import { concatBytes } from './codec.ts';
import type { EccEngine, EccPoint, TpmCrypto } from './crypto.ts';

const CURVE = 'prime256v1';

function pointOf(uncompressed: Uint8Array): EccPoint {
  return { x: Uint8Array.from(uncompressed.subarray(1, 33)), y: Uint8Array.from(uncompressed.subarray(33, 65)) };
}

/** Left-pads to 32 bytes: OpenSSL gives scalars without leading zeros. */
function scalarOf(bytes: Uint8Array): Uint8Array {
  const scalar = new Uint8Array(32);
  scalar.set(bytes, 32 - bytes.length);
  return scalar;
}

const ecc: EccEngine = {
  generate() {
    const ecdh = createECDH(CURVE);
    const point = pointOf(ecdh.generateKeys());
    return { scalar: scalarOf(ecdh.getPrivateKey()), point };
  },
  publicPoint(scalar) {
    try {
      const ecdh = createECDH(CURVE);
      ecdh.setPrivateKey(scalar);
      return pointOf(ecdh.getPublicKey());
    } catch {
      return undefined;
    }
  },
  sharedX(scalar, point) {
    try {
      const ecdh = createECDH(CURVE);
      ecdh.setPrivateKey(scalar);
      return scalarOf(ecdh.computeSecret(concatBytes(Uint8Array.of(4), point.x, point.y)));
    } catch {
      return undefined;
    }
  },
  sign(scalar, message) {
    const point = ecc.publicPoint(scalar);
    if (point === undefined) throw new RangeError('scalar is not a P-256 private key');
    const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
    const jwk = { kty: 'EC', crv: 'P-256', d: base64(scalar), x: base64(point.x), y: base64(point.y) };
    const key = createPrivateKey({ key: jwk, format: 'jwk' });
    const signature = sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' });
    return { r: Uint8Array.from(signature.subarray(0, 32)), s: Uint8Array.from(signature.subarray(32, 64)) };
  },
};

const pool = new Uint8Array(2048);
/** What lies before it was given out. */
let poolAt = pool.length;

function random(length: number): Uint8Array {
  if (length > pool.length / 4) return new Uint8Array(randomBytes(length));
  if (poolAt + length > pool.length) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const taken = pool.slice(poolAt, poolAt + length);
  pool.fill(0, poolAt, poolAt + length);
  poolAt += length;
  return taken;
}

export const nodeCrypto: TpmCrypto = {
  random,
  sha256: sha256Of,
  hmacSha256: hmacSha256Of,
  aes128Cfb(direction, key, iv, data) {
    const cipher =
      direction === 'encrypt' ? createCipheriv('aes-128-cfb', key, iv) : createDecipheriv('aes-128-cfb', key, iv);
    // CFB is a stream: `final` has nothing left to give.
    return new Uint8Array(cipher.update(data));
  },
  ecc,
};
