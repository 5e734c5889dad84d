/**
 * Sealing of blocks: what lies on the disk, and the 32 bytes in the parent that make it the only block accepted there.
 *
 * Encrypted: AES-256-GCM with a random 96-bit nonce; the seal is nonce and tag. Integrity-only: plain bytes; the seal is
 * SHA-256 over a prefix, the place and the bytes. Both bind the place: region, level, index and version, so that a block
 * cannot stand in for another block, another level, another region or an older self.
 * Nonces are random and never made of epochs or block numbers: after a crash the same epoch is used again, with other
 * contents. A key seals at most 2^32 blocks (SP 800-38D §8.3); regions count and refuse.
 */
import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import type { CipherGCM, KeyObject } from 'node:crypto';
import { SEAL_SIZE_BYTES } from './entry.ts';
import { PREFIX_SIZE_BYTES, TAG_LEAF, TAG_NODE, writePrefix } from './hash-engine.ts';
import { nodeEngine } from './hash/node.ts';
import { equalBytes } from './tpm/codec.ts';

export const ID_SIZE_BYTES = 16;
const NONCE_SIZE_BYTES = 12;
const TAG_SIZE_BYTES = 16;
/** SP 800-38D §8.3: with random nonces at most this many blocks for one key. */
export const BLOCKS_PER_KEY_MAX = 2 ** 32;

export interface BlockPlace {
  /** The region, or one of the volume's own trees. */
  readonly id: Uint8Array;
  readonly level: number;
  readonly index: number;
  readonly version: number;
}

/** Seals and opens the blocks of one tree. */
export interface BlockSealer {
  /** Does beforehand what can be done of sealing `count` blocks. Only a matter of when: a sealer seals without it. */
  makeReady?(count: number): void;
  /** Writes the block as it shall lie on the disk to `out` (same length) and returns its seal: 32 bytes. */
  seal(place: BlockPlace, plain: Uint8Array, out: Uint8Array): Uint8Array;
  /** Opens `stored` in place if it is the block that `seal` names, else returns false and `stored` is worthless. */
  open(place: BlockPlace, seal: Uint8Array, stored: Uint8Array): boolean;
}

const POOL_SIZE_BYTES = 6144;
/** Setting a cipher up is a third of sealing a block. A small commit seals so many blocks of one tree. */
const READY_CIPHERS_MAX = 4;

/** Where nonces come from. The tests count them. */
export interface NonceSource {
  next(): Uint8Array;
}

/** Fresh random nonces, drawn from the system in bulk: one call for each would cost a tenth of the encryption. */
export function randomNonces(): NonceSource {
  const pool = new Uint8Array(POOL_SIZE_BYTES);
  let at = POOL_SIZE_BYTES;
  return {
    next() {
      if (at === POOL_SIZE_BYTES) {
        randomFillSync(pool);
        at = 0;
      }
      at += NONCE_SIZE_BYTES;
      return pool.subarray(at - NONCE_SIZE_BYTES, at);
    },
  };
}

const AAD_SIZE_BYTES = ID_SIZE_BYTES + 24;

/** Big-endian halves: exact beyond 32 bits, and a third of the time of eight single bytes. */
function writeU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, Math.floor(value / 2 ** 32));
  view.setUint32(offset + 4, value >>> 0);
}

function writePlace(target: Uint8Array, view: DataView, offset: number, place: BlockPlace): void {
  target.set(place.id, offset);
  writeU64(view, offset + ID_SIZE_BYTES, place.level);
  writeU64(view, offset + ID_SIZE_BYTES + 8, place.index);
  writeU64(view, offset + ID_SIZE_BYTES + 16, place.version);
}

/** A cipher that has its nonce, and the seal that lacks the tag. Each seals one block. */
interface ReadyCipher {
  readonly cipher: CipherGCM;
  readonly seal: Uint8Array;
}

export function encryptingSealer(key: KeyObject, nonces: NonceSource): BlockSealer {
  const aad = new Uint8Array(AAD_SIZE_BYTES);
  const view = new DataView(aad.buffer);
  const ready: ReadyCipher[] = [];
  const makeCipher = (): ReadyCipher => {
    const seal = new Uint8Array(SEAL_SIZE_BYTES);
    seal.set(nonces.next());
    const nonce = seal.subarray(0, NONCE_SIZE_BYTES);
    return { seal, cipher: createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_SIZE_BYTES }) };
  };
  return {
    makeReady(count) {
      while (ready.length < Math.min(count, READY_CIPHERS_MAX)) ready.push(makeCipher());
    },
    seal(place, plain, out) {
      writePlace(aad, view, 0, place);
      const { cipher, seal } = ready.pop() ?? makeCipher();
      cipher.setAAD(aad);
      out.set(cipher.update(plain));
      cipher.final();
      seal.set(cipher.getAuthTag(), NONCE_SIZE_BYTES);
      return seal;
    },
    open(place, seal, stored) {
      writePlace(aad, view, 0, place);
      const decipher = createDecipheriv('aes-256-gcm', key, seal.subarray(0, NONCE_SIZE_BYTES), {
        authTagLength: TAG_SIZE_BYTES,
      });
      decipher.setAAD(aad);
      decipher.setAuthTag(seal.subarray(NONCE_SIZE_BYTES, NONCE_SIZE_BYTES + TAG_SIZE_BYTES));
      const plain = decipher.update(stored);
      try {
        decipher.final();
      } catch {
        return false;
      }
      stored.set(plain);
      return true;
    },
  };
}

/** For regions whose contents may be public but must be intact and fresh, as Nexus had them. */
export function hashingSealer(arity: number): BlockSealer {
  const digestOf = (place: BlockPlace, plain: Uint8Array): Uint8Array => {
    const message = new Uint8Array(PREFIX_SIZE_BYTES + AAD_SIZE_BYTES + plain.length);
    const tag = place.level === 0 ? TAG_LEAF : TAG_NODE;
    writePrefix(message, tag, place.level, { arity, leafSizeField: plain.length }, place.index);
    writePlace(message, new DataView(message.buffer), PREFIX_SIZE_BYTES, place);
    message.set(plain, PREFIX_SIZE_BYTES + AAD_SIZE_BYTES);
    const digest = new Uint8Array(SEAL_SIZE_BYTES);
    nodeEngine.hash(message, digest, 0);
    return digest;
  };
  return {
    seal(place, plain, out) {
      if (out !== plain) out.set(plain);
      return digestOf(place, plain);
    },
    open: (place, seal, stored) => equalBytes(digestOf(place, stored), seal),
  };
}
