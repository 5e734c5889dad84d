/** Hash engines by name, for command lines and configuration. */
import type { EngineName, HashEngine, SerialEngineName } from '../hash-engine.ts';
import { createFastestEngine } from './fastest.ts';
import { nobleEngine } from './noble.ts';
import { nodeEngine } from './node.ts';
import { createParallelEngine } from './parallel.ts';
import { createWasmEngine } from './wasm.ts';

export const SERIAL_ENGINE_NAMES: readonly SerialEngineName[] = ['noble', 'node', 'wasm', 'fastest'];
export const ENGINE_NAMES: readonly EngineName[] = [...SERIAL_ENGINE_NAMES, 'parallel'];

/**
 * An engine, ready to hash.
 * @throws Error with code `ENV_WASM_SIMD_MISSING` if `wasm` is asked for on a machine without WebAssembly vectors
 */
export function openEngine(name: EngineName): HashEngine {
  switch (name) {
    case 'noble':
      return nobleEngine;
    case 'node':
      return nodeEngine;
    case 'fastest':
      return createFastestEngine();
    case 'parallel':
      return createParallelEngine();
    case 'wasm': {
      const engine = createWasmEngine();
      if (engine !== undefined) return engine;
      const message = 'this machine runs no WebAssembly with 128-bit vectors; use the engine `node` or `noble`';
      throw Object.assign(new Error(message), { code: 'ENV_WASM_SIMD_MISSING' });
    }
  }
}
