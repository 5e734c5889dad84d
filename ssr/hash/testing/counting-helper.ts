/**
 * A job for the stress of `shared-job.test.ts`: owner and helper count, in memory that they share, how often each group was done.
 *
 * As a program it is the helper. Counting is not atomic, as hashing is not: only the protocol keeps the two apart.
 */
import { isMainThread, workerData } from 'node:worker_threads';
import { SharedJob } from '../shared-job.ts';

export interface CountingData {
  readonly cells: Int32Array<SharedArrayBuffer>;
  readonly counts: Int32Array<SharedArrayBuffer>;
}

/** Takes some microseconds, as hashing does, and now and then many. */
export function countGroups(counts: Int32Array<SharedArrayBuffer>, first: number, groups: number): void {
  const until = performance.now() + (first % 64 === 56 ? 0.02 : 0.002);
  while (performance.now() < until);
  for (let group = first; group < first + groups; group += 1) counts[group] = (counts[group] ?? 0) + 1;
}

if (!isMainThread) {
  const { cells, counts } = workerData as CountingData;
  const shared = new SharedJob(cells);
  let seen = 0;
  for (let number = shared.next(seen); number !== undefined; number = shared.next(seen)) {
    const entered = shared.enter();
    if (entered === undefined) continue;
    seen = number;
    shared.leave(shared.hashClaims(entered.job.groups, (first, groups) => countGroups(counts, first, groups)));
  }
}
