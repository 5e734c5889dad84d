/**
 * SHA-256 from `@noble/hashes`: pure JavaScript, runs anywhere, audited. The oracle that the other engines must equal.
 * Seven to thirteen times slower than OpenSSL with SHA instructions (measured), so it is the last choice for speed.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import type { HashBatch, HashEngine } from '../hash-engine.ts';
import { bodyStart, DIGEST_SIZE_BYTES, PREFIX_SIZE_BYTES, writeUint } from '../hash-engine.ts';

function hashMany(batch: HashBatch): void {
  const message = new Uint8Array(PREFIX_SIZE_BYTES + batch.bodySizeBytes);
  message.set(batch.prefix);
  for (let k = 0; k < batch.count; k += 1) {
    const index = batch.indices[k] ?? 0;
    const start = bodyStart(batch, k);
    writeUint(message, 8, 8, index);
    message.set(batch.source.subarray(start, start + batch.bodySizeBytes), PREFIX_SIZE_BYTES);
    batch.out.set(sha256(message), index * DIGEST_SIZE_BYTES);
  }
}

/** The portable engine. Stateless, so one object serves everybody. */
export const nobleEngine: HashEngine = {
  name: 'noble',
  hash: (message, out, outOffset) => out.set(sha256(message), outOffset),
  hashMany,
};
