/**
 * `fastest` with a second thread: long lists of nodes that lie in an arena are hashed by this thread and a helper together.
 *
 * For large trees with large batches on a machine with an idle processor: see docs/adr/0011-merkle-engines.md for what it
 * brings. Asked for by name and never chosen silently, since it takes a thread. Where there is one processor, or no WebAssembly
 * with vectors and shared memory, it is `fastest` by another name. Digests are the same everywhere.
 */
import { availableParallelism } from 'node:os';
import type { HashBatch, HashEngine } from '../hash-engine.ts';
import { createFastestEngine, kernelPays } from './fastest.ts';
import { hashTogether } from './helper.ts';
import { compiledModule } from './kernel.ts';
import { allocateInArena, arenaOf, hashInArena } from './wasm-arena.ts';

/** Of 64 nodes two threads make 1.2 to 1.9 times as many in the same time as one, of 32 no more (measured). */
const SHARED_COUNT_MIN = 64;

/** Two threads for long lists of nodes, `fastest` for everything else. */
export function createParallelEngine(): HashEngine {
  const fastest = createFastestEngine();
  const name = 'parallel';
  if (availableParallelism() < 2 || compiledModule('shared') === undefined) return { ...fastest, name };
  return {
    ...fastest,
    name,
    allocate: (sizesBytes) => allocateInArena(sizesBytes, 'shared'),
    hashMany(batch: HashBatch): void {
      const arena = batch.count >= SHARED_COUNT_MIN ? arenaOf(batch) : undefined;
      const pays = arena !== undefined && kernelPays(batch.count, batch.bodySizeBytes, true);
      if (pays) hashInArena(arena, batch, hashTogether);
      else fastest.hashMany(batch);
    },
  };
}
