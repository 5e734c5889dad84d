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

if (does === 'die') throw new Error('this helper dies before it does anything');
let seen = 0;
for (let number = shared.next(seen); number !== undefined; number = shared.next(seen)) {
  const entered = shared.enter();
  if (entered === undefined || parentPort === null) continue;
  seen = number;
  const { job } = entered;
  const message = receiveMessageOnPort(parentPort)?.message as MemoryMessage;
  const kernel = instantiate(module, message.memory, HELPER_SCRATCH_AT);
  const hashed = shared.hashClaims(job.groups, (first, groups) => {
    if (does === 'fail') {
      shared.fail();
      throw new Error('this helper fails inside of a job');
    }
    sleep(does === 'stay' ? 2 ** 30 : TARRY_MS);
    if (kernel !== undefined) hashPart(kernel, job, first, groups);
  });
  shared.leave(hashed);
}
