/**
 * SHA-256 from `node:crypto` (OpenSSL, with the processor's SHA instructions where there are any).
 *
 * The digest leaves OpenSSL as a latin1 string that is written into place: a Buffer result costs about 1 us more per
 * call for its ArrayBuffer and the garbage it leaves, several times the hash of a small node itself (measured). `crypto.hash` needs Node 20.12.
 */
import { hash as cryptoHash } from 'node:crypto';
import type { HashBatch, HashEngine } from '../hash-engine.ts';
import { bodyStart, DIGEST_SIZE_BYTES, PREFIX_SIZE_BYTES } from '../hash-engine.ts';

/** Node's `hash` takes 'latin1' as a result encoding, as its documentation of encodings says; the types leave it out. */
const hashToLatin1 = cryptoHash as unknown as (algorithm: 'sha256', data: Uint8Array, encoding: 'latin1') => string;

/** Char codes of a latin1 string are its bytes. A loop over 32 of them is faster than Buffer's own write (50 against 80 ns). */
function writeLatin1(text: string, out: Uint8Array, outOffset: number): void {
  for (let at = 0; at < DIGEST_SIZE_BYTES; at += 1) out[outOffset + at] = text.charCodeAt(at);
}

/** Message buffers by size. V8 allocates arrays over 64 bytes off its heap, for about 1 us: more than a hash. */
const messages = new Map<number, Uint8Array>();
const MESSAGES_KEPT_MAX = 16;
/** Up to here bytes are copied one by one: a view of them takes longer. */
const LOOPED_SIZE_MAX_BYTES = 96;

function messageOf(sizeBytes: number): Uint8Array {
  const kept = messages.get(sizeBytes);
  if (kept !== undefined) return kept;
  if (messages.size >= MESSAGES_KEPT_MAX) messages.clear();
  const made = new Uint8Array(sizeBytes);
  messages.set(sizeBytes, made);
  return made;
}

/** SHA-256 in an array of the caller's own. */
export function sha256(message: Uint8Array): Uint8Array {
  const digest = new Uint8Array(DIGEST_SIZE_BYTES);
  writeLatin1(hashToLatin1('sha256', message, 'latin1'), digest, 0);
  return digest;
}

function hashMany(batch: HashBatch): void {
  const { prefix, source, bodySizeBytes, indices, count, out } = batch;
  const message = messageOf(PREFIX_SIZE_BYTES + bodySizeBytes);
  message.set(prefix);
  message.fill(0, 8, 12);
  for (let k = 0; k < count; k += 1) {
    const index = indices[k] ?? 0;
    const start = bodyStart(batch, k);
    message[12] = index >>> 24;
    message[13] = index >>> 16;
    message[14] = index >>> 8;
    message[15] = index;
    if (bodySizeBytes > LOOPED_SIZE_MAX_BYTES) {
      message.set(source.subarray(start, start + bodySizeBytes), PREFIX_SIZE_BYTES);
    } else {
      for (let at = 0; at < bodySizeBytes; at += 1) message[PREFIX_SIZE_BYTES + at] = source[start + at] ?? 0;
    }
    writeLatin1(hashToLatin1('sha256', message, 'latin1'), out, index * DIGEST_SIZE_BYTES);
  }
}

/** The engine of Node's own OpenSSL. */
export const nodeEngine: HashEngine = {
  name: 'node',
  hash: (message, out, outOffset) => writeLatin1(hashToLatin1('sha256', message, 'latin1'), out, outOffset),
  hashMany,
};
