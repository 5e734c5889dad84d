/**
 * The engine for places without node:crypto, such as a browser: SHA-256 and HMAC from @noble/hashes, AES-128 below.
 *
 * It has no elliptic curves: give `portableCrypto(ecc)` an `EccEngine` if salted sessions are wanted.
 * The cipher (FIPS 197) looks tables up by secret values, so it leaks them through the cache: it serves the simulated
 * TPM, which protects nothing, and must not be used where secrets matter.
 */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { randomBytes } from '@noble/hashes/utils.js';
import { concatBytes } from './codec.ts';
import type { EccEngine, TpmCrypto } from './crypto.ts';

const BLOCK = 16;
const ROUNDS = 10;

/** Multiplication by x in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1. */
function timesX(value: number): number {
  return ((value << 1) ^ (value & 0x80 ? 0x1b : 0)) & 0xff;
}

/** FIPS 197 §5.1.1: the inverse in GF(2^8), then an affine map; made by walking the powers of the generator 3. */
function makeSbox(): Uint8Array {
  const sbox = new Uint8Array(256);
  let p = 1;
  let q = 1;
  do {
    p = p ^ timesX(p);
    q ^= q << 1;
    q ^= q << 2;
    q ^= q << 4;
    q &= 0xff;
    if (q & 0x80) q ^= 0x09;
    const rotated = q ^ rotate8(q, 1) ^ rotate8(q, 2) ^ rotate8(q, 3) ^ rotate8(q, 4);
    sbox[p] = rotated ^ 0x63;
  } while (p !== 1);
  sbox[0] = 0x63;
  return sbox;
}

function rotate8(value: number, by: number): number {
  return ((value << by) | (value >> (8 - by))) & 0xff;
}

const SBOX = makeSbox();

/** FIPS 197 §5.2, eleven round keys in a row. */
function expandKey(key: Uint8Array): Uint8Array {
  const words = new Uint8Array(BLOCK * (ROUNDS + 1));
  words.set(key);
  let constant = 1;
  for (let at = BLOCK; at < words.length; at += 4) {
    const last = [0, 1, 2, 3].map((i) => words[at - 4 + i] ?? 0);
    if (at % BLOCK === 0) {
      const [a = 0, b = 0, c = 0, d = 0] = last;
      last[0] = (SBOX[b] ?? 0) ^ constant;
      last[1] = SBOX[c] ?? 0;
      last[2] = SBOX[d] ?? 0;
      last[3] = SBOX[a] ?? 0;
      constant = timesX(constant);
    }
    for (let i = 0; i < 4; i += 1) words[at + i] = (words[at + i - BLOCK] ?? 0) ^ (last[i] ?? 0);
  }
  return words;
}

/** FIPS 197 §5.1: one block; CFB needs the forward direction only. */
function encryptBlock(roundKeys: Uint8Array, block: Uint8Array): Uint8Array {
  let state: Uint8Array = block.map((byte, i) => byte ^ (roundKeys[i] ?? 0));
  for (let round = 1; round <= ROUNDS; round += 1) {
    const shifted = state.map((_, i) => SBOX[state[(i + 4 * (i & 3)) & 15] ?? 0] ?? 0);
    state = round === ROUNDS ? shifted : mixColumns(shifted);
    for (let i = 0; i < BLOCK; i += 1) state[i] = (state[i] ?? 0) ^ (roundKeys[round * BLOCK + i] ?? 0);
  }
  return state;
}

function mixColumns(state: Uint8Array): Uint8Array {
  return state.map((byte, i) => {
    const column = i & ~3;
    const at = (offset: number): number => state[column + ((i + offset) & 3)] ?? 0;
    return timesX(byte ^ at(1)) ^ at(1) ^ at(2) ^ at(3);
  });
}

function aes128Cfb(direction: 'encrypt' | 'decrypt', key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  const roundKeys = expandKey(key);
  const out = new Uint8Array(data.length);
  let feedback = iv;
  for (let at = 0; at < data.length; at += BLOCK) {
    const pad = encryptBlock(roundKeys, feedback);
    const input = data.subarray(at, at + BLOCK);
    for (let i = 0; i < input.length; i += 1) out[at + i] = (input[i] ?? 0) ^ (pad[i] ?? 0);
    feedback = direction === 'encrypt' ? out.subarray(at, at + BLOCK) : input;
  }
  return out;
}

export function portableCrypto(ecc?: EccEngine): TpmCrypto {
  return {
    random: (length) => randomBytes(length),
    sha256: (...parts) => sha256(concatBytes(...parts)),
    hmacSha256: (key, ...parts) => hmac(sha256, key, concatBytes(...parts)),
    aes128Cfb,
    ecc,
  };
}
