/**
 * The second thread's life, seen from the first: started when there is something to share, ended with the first tree that is
 * garbage, given up when it fails.
 *
 * One helper for all trees of this thread. It does not keep the process alive. *It lets go of memories by ending*: a thread that
 * sleeps collects no garbage, so when a tree that it knew is garbage the helper ends, and the next long list starts another.
 *
 * A helper that failed inside of a job, or does not leave one, may still write into the tree, or has not written what it
 * claimed. Then hashing throws and the tree is lost (`MerkleTree` refuses to go on); other trees do without a helper from then
 * on. A helper that does not pay, as the processors are busy, is left alone for a while (`payoff.ts`).
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { HelperData, MemoryMessage } from './helper-thread.ts';
import { compiledModule } from './kernel.ts';
import type { WasmModule } from './kernel.ts';
import { Payoff } from './payoff.ts';
import { SharedJob } from './shared-job.ts';
import type { Arena, NodesJob } from './wasm-arena.ts';
import { hashAlone, hashPart } from './wasm-arena.ts';

/** A claim takes microseconds. On a machine under load, or in a process under a debugger, seconds. */
const PATIENCE_MS = 10_000;
/** Bounds what trees hold that are garbage, until the event loop turns and they are noticed. */
const MEMORIES_MAX = 8;
const HEAP_MB = 16;
const YOUNG_HEAP_MB = 2;

/** The helper took a part of the work and did not bring it back: the digests of the batch are not to be trusted. */
export class HelperLostError extends Error {
  readonly code = 'HASH_HELPER_LOST';
  constructor() {
    super('the helper thread did not finish its part of a batch; build the tree anew');
    this.name = 'HelperLostError';
  }
}

/** Beside this file, or from the command line's bundle. */
function helperProgram(): URL {
  const here = new URL('./helper-thread.js', import.meta.url);
  return existsSync(fileURLToPath(here)) ? here : new URL('../ssr/hash/helper-thread.js', import.meta.url);
}

function startProgram(workerData: HelperData): Worker {
  const resourceLimits = { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: YOUNG_HEAP_MB };
  return new Worker(helperProgram(), { name: 'refmon hash helper', workerData, env: {}, execArgv: [], resourceLimits });
}

/** One thread that helps. Jobs are in arenas whose memory is shared. */
export class Helper {
  readonly #shared = new SharedJob();
  readonly #worker: Worker;
  readonly #patienceMs: number;
  readonly #ids = new WeakMap<Arena, number>();
  readonly #payoff = new Payoff();
  #memories = 0;
  #isGone = false;

  constructor(module: WasmModule, start = startProgram, patienceMs = PATIENCE_MS) {
    this.#patienceMs = patienceMs;
    this.#worker = start({ cells: this.#shared.cells, module });
    this.#worker.unref();
    // Outside of a job a helper may die as it likes: it is missing, no more. Inside, the owner notices at once or by patience.
    this.#worker.on('error', () => (this.#isGone = true));
    this.#worker.on('exit', () => (this.#isGone = true));
  }

  /** It has ended, died or been lost, as far as is known. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Groups of four nodes that it has hashed. */
  get groupsHashed(): number {
    return this.#shared.groupsByHelper;
  }

  /** It knows as many memories as it may, and this is another. */
  isFullFor(arena: Arena): boolean {
    return this.#memories === MEMORIES_MAX && !this.#ids.has(arena);
  }

  /** @throws HelperLostError */
  hash(arena: Arena, job: NodesJob): void {
    if (this.#isGone || !this.#payoff.next()) {
      hashAlone(arena, job);
      return;
    }
    const start = performance.now();
    // What the owner would take alone is judged by its quickest part: nobody has taken the processor away during that one.
    let quickestMs = Infinity;
    let partStart = start;
    this.#shared.open(this.#idOf(arena), job);
    const own = this.#shared.hashClaims(job.groups, (first, groups) => {
      hashPart(arena.kernel, job, first, groups);
      const now = performance.now();
      quickestMs = Math.min(quickestMs, (now - partStart) / groups);
      partStart = now;
    });
    if (!this.#shared.close(this.#patienceMs)) {
      this.#isGone = true;
      void this.#worker.terminate();
      throw new HelperLostError();
    }
    // Of a helper that was absent there is nothing to say, and without a part of one's own nothing is known.
    if (own > 0 && own < job.groups) this.#payoff.record(quickestMs * job.groups - (performance.now() - start));
  }

  /** Ends the thread; if it has yet to start, then. */
  end(): void {
    this.#isGone = true;
    this.#shared.end();
  }

  /** The number of the arena's memory, which the helper is told the first time. */
  #idOf(arena: Arena): number {
    const known = this.#ids.get(arena);
    if (known !== undefined) return known;
    this.#memories += 1;
    const { memory } = arena.kernel;
    this.#ids.set(arena, this.#memories);
    this.#worker.postMessage({ id: this.#memories, memory } satisfies MemoryMessage);
    garbage.register(memory.buffer, this);
    return this.#memories;
  }
}

let current: Helper | undefined;
/** The process may have no more threads, or none at all. */
let isRefused = false;

const garbage = new FinalizationRegistry<Helper>(end);

function end(helper: Helper): void {
  helper.end();
  if (current === helper) current = undefined;
}

/** The helper of this thread, if it has been needed and has not ended since. */
export function currentHelper(): Helper | undefined {
  return current;
}

function startHelper(): Helper | undefined {
  const module = compiledModule('shared');
  try {
    return module && new Helper(module);
  } catch {
    isRefused = true;
    return undefined;
  }
}

/**
 * Hashes nodes of an arena whose memory is shared, together with the helper.
 * @throws HelperLostError
 */
export function hashTogether(arena: Arena, job: NodesJob): void {
  if (current?.isFullFor(arena) === true) end(current);
  if (!isRefused) current ??= startHelper();
  if (current === undefined) hashAlone(arena, job);
  else current.hash(arena, job);
}
