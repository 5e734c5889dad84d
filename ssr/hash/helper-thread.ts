/**
 * The program of the second thread that hashes: waits for a job, claims parts of it until none is left, waits again.
 *
 * It learns of memories by messages, which it reads when a job is in one that it does not know. See `shared-job.ts` for who may
 * touch what when, and `helper.ts` for its life.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { WasmMemory, WasmModule } from './kernel.ts';
import { instantiate } from './kernel.ts';
import { SharedJob } from './shared-job.ts';
import type { Sha256x4 } from './sha256x4.ts';
import { HELPER_SCRATCH_AT, hashPart } from './wasm-arena.ts';

export interface HelperData {
  readonly cells: Int32Array<SharedArrayBuffer>;
  readonly module: WasmModule;
}

export interface MemoryMessage {
  readonly id: number;
  readonly memory: WasmMemory;
}

const { cells, module } = workerData as HelperData;
const shared = new SharedJob(cells);
const kernels = new Map<number, Sha256x4>();

function takeMemories(): void {
  if (parentPort === null) return;
  for (let next = receiveMessageOnPort(parentPort); next !== undefined; next = receiveMessageOnPort(parentPort)) {
    const { id, memory } = next.message as MemoryMessage;
    const kernel = instantiate(module, memory, HELPER_SCRATCH_AT);
    if (kernel !== undefined) kernels.set(id, kernel);
  }
}

try {
  let seen = 0;
  for (let number = shared.next(seen); number !== undefined; number = shared.next(seen)) {
    const entered = shared.enter();
    if (entered === undefined) continue;
    const kernel = kernels.get(entered.memoryId);
    if (kernel === undefined) {
      shared.leave();
      takeMemories();
      continue;
    }
    const { job } = entered;
    const hashed = shared.hashClaims(job.groups, (first, groups) => hashPart(kernel, job, first, groups));
    seen = number;
    shared.leave(hashed);
  }
} catch (error) {
  shared.fail();
  throw error;
}
