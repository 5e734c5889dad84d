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
import { blockCount, createWasmEngine, LANES } from './wasm.ts';

/** Nanoseconds per message, batch or group of four, and per 64-byte block of it. Measured: docs/adr/0011-merkle-engines.md. */
const NODE_FIXED_NS = 350;
const NODE_BLOCK_NS = 40;
const WASM_BATCH_NS = 500;
const WASM_GROUP_NS = 180;
const WASM_GROUP_BLOCK_NS = 340;

/** True if the kernel is expected to hash `count` messages of this body size faster than `node:crypto`. */
export function kernelPays(count: number, bodySizeBytes: number): boolean {
  const blocks = blockCount(PREFIX_SIZE_BYTES + bodySizeBytes);
  const kernelNs = WASM_BATCH_NS + Math.ceil(count / LANES) * (WASM_GROUP_NS + blocks * WASM_GROUP_BLOCK_NS);
  return kernelNs < count * (NODE_FIXED_NS + blocks * NODE_BLOCK_NS);
}

/** `node:crypto` and the WebAssembly kernel, each where it is faster; `node:crypto` alone where there is no kernel. */
export function createFastestEngine(): HashEngine {
  const kernel = createWasmEngine();
  return {
    name: 'fastest',
    hash: (message, out, outOffset) => nodeEngine.hash(message, out, outOffset),
    hashMany(batch: HashBatch): void {
      const engine = kernel !== undefined && kernelPays(batch.count, batch.bodySizeBytes) ? kernel : nodeEngine;
      engine.hashMany(batch);
    },
  };
}
