/**
 * Helper threads that do not do as they should, for tests.
 *
 * `die`: ends with an error before any job. `stay`: goes into a job, claims and never leaves. `fail`: claims and fails inside.
 * `tarry`: claims, sleeps for a while, hashes and leaves.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { HelperData, MemoryMessage } from '../helper-thread.ts';
import { instantiate } from '../kernel.ts';
import { SharedJob } from '../shared-job.ts';
import type { Sha256x4 } from '../sha256x4.ts';
import { HELPER_SCRATCH_AT, hashPart } from '../wasm-arena.ts';

export interface OddData extends HelperData {
  readonly does: 'die' | 'stay' | 'fail' | 'tarry';
}

const { cells, module, does } = workerData as OddData;
const shared = new SharedJob(cells);
const TARRY_MS = 300;

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** The one memory of the test; the message lies ready before its first job opens. */
function takeKernel(): Sha256x4 | undefined {
  const message = parentPort === null ? undefined : receiveMessageOnPort(parentPort);
  return message && instantiate(module, (message.message as MemoryMessage).memory, HELPER_SCRATCH_AT);
}

if (does === 'die') throw new Error('this helper dies before it does anything');
let seen = 0;
// It may come when all is claimed, and then it is the next job that it is odd in: the memory is told only once.
let kernel: Sha256x4 | undefined;
for (let number = shared.next(seen); number !== undefined; number = shared.next(seen)) {
  const entered = shared.enter();
  if (entered === undefined) continue;
  seen = number;
  kernel ??= takeKernel();
  const { job } = entered;
  const hashed = shared.hashClaims(job.groups, (first, groups) => {
    if (does === 'fail' || kernel === undefined) {
      shared.fail();
      throw new Error('this helper fails inside of a job');
    }
    sleep(does === 'stay' ? 2 ** 30 : TARRY_MS);
    hashPart(kernel, job, first, groups);
  });
  shared.leave(hashed);
}
