/**
 * SHA-256 and HMAC-SHA256 (RFC 2104) of short messages that come in parts, by `node:crypto`'s one-shot hash.
 *
 * The parts are laid one after the other in one buffer, for a hash object costs three times what hashing a few hundred bytes
 * does, and an HMAC object four times. Longer messages go through those objects. What was laid out is wiped: it may be a key.
 */
import { createHash, createHmac } from 'node:crypto';
import { sha256 } from './node.ts';

const BLOCK_SIZE_BYTES = 64;
const MESSAGE_SIZE_MAX_BYTES = 2048;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

const scratch = new Uint8Array(BLOCK_SIZE_BYTES + MESSAGE_SIZE_MAX_BYTES);

function sizeOf(parts: readonly Uint8Array[]): number {
  let size = 0;
  for (const part of parts) size += part.length;
  return size;
}

/** Hashes what lies in the scratch buffer up to where the parts end that are laid from `start` on. */
function hashLaidOut(start: number, parts: readonly Uint8Array[]): Uint8Array {
  let end = start;
  for (const part of parts) {
    scratch.set(part, end);
    end += part.length;
  }
  const digest = sha256(scratch.subarray(0, end));
  scratch.fill(0, 0, end);
  return digest;
}

export function sha256Of(...parts: readonly Uint8Array[]): Uint8Array {
  if (sizeOf(parts) <= MESSAGE_SIZE_MAX_BYTES) return hashLaidOut(0, parts);
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

export function hmacSha256Of(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  if (key.length > BLOCK_SIZE_BYTES || sizeOf(parts) > MESSAGE_SIZE_MAX_BYTES) {
    const hmac = createHmac('sha256', key);
    for (const part of parts) hmac.update(part);
    return new Uint8Array(hmac.digest());
  }
  layPad(key, INNER_PAD);
  const inner = hashLaidOut(BLOCK_SIZE_BYTES, parts);
  layPad(key, OUTER_PAD);
  return hashLaidOut(BLOCK_SIZE_BYTES, [inner]);
}

/** The key, filled up with zeros to one block, with a constant added to each byte. */
function layPad(key: Uint8Array, constant: number): void {
  for (let at = 0; at < BLOCK_SIZE_BYTES; at += 1) scratch[at] = (key[at] ?? 0) ^ constant;
}
