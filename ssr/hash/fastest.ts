/**
 * The engine that picks engines: for each batch, the one that its cost line says is cheaper.
 *
 * The WebAssembly kernel hashes four messages for about the price of one, `node:crypto` pays a fixed price per call but
 * uses the processor's SHA instructions. So the kernel wins for many short messages (levels of a tree) and OpenSSL for
 * long ones (leaves of a page) or lone ones (the top of a tree). All engines give the same digests: a wrong choice costs
 * time and nothing else.
 */
import type { HashBatch, HashEngine } from '../hash-engine.ts';
import { PREFIX_SIZE_BYTES } from '../hash-engine.ts';
import { nodeEngine } from './node.ts';
import { allocateInArena, arenaOf } from './wasm-arena.ts';
import { blockCount, createWasmEngine, LANES } from './wasm.ts';

/** Nanoseconds per message, batch or group of four, and per 64-byte block of it. Measured: docs/adr/0011-merkle-engines.md. */
const NODE_FIXED_NS = 350;
const NODE_BLOCK_NS = 40;
const WASM_GROUP_BLOCK_NS = 340;
/** What laying messages out and copying digests costs, beside the same where messages lie already. */
const COPIED = { batchNs: 500, groupNs: 180 };
const IN_PLACE = { batchNs: 150, groupNs: 20 };

/** True if the kernel is expected to hash `count` messages of this body size faster than `node:crypto`. */
export function kernelPays(count: number, bodySizeBytes: number, isInPlace: boolean): boolean {
  const { batchNs, groupNs } = isInPlace ? IN_PLACE : COPIED;
  const blocks = blockCount(PREFIX_SIZE_BYTES + bodySizeBytes);
  const kernelNs = batchNs + Math.ceil(count / LANES) * (groupNs + blocks * WASM_GROUP_BLOCK_NS);
  return kernelNs < count * (NODE_FIXED_NS + blocks * NODE_BLOCK_NS);
}

/** `node:crypto` and the WebAssembly kernel, each where it is faster; `node:crypto` alone where there is no kernel. */
export function createFastestEngine(): HashEngine {
  const kernel = createWasmEngine();
  const hash: HashEngine['hash'] = (message, out, outOffset) => nodeEngine.hash(message, out, outOffset);
  if (kernel === undefined) return { name: 'fastest', hash, hashMany: (batch) => nodeEngine.hashMany(batch) };
  return {
    name: 'fastest',
    allocate: allocateInArena,
    hash,
    hashMany(batch: HashBatch): void {
      const { count, bodySizeBytes } = batch;
      // For a lone node it would take a tenth of its time to find out where it lies.
      const pays = count > 1 && kernelPays(count, bodySizeBytes, arenaOf(batch) !== undefined);
      (pays ? kernel : nodeEngine).hashMany(batch);
    },
  };
}
