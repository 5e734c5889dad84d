/** The protocol of `shared-job.ts`, step by step and under stress. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { SharedJob } from './shared-job.ts';
import type { CountingData } from './testing/counting-helper.ts';
import { countGroups } from './testing/counting-helper.ts';
import type { NodesJob } from './wasm-arena.ts';

const jobOf = (groups: number): NodesJob => ({
  groups,
  bodies: 65_536,
  bodySizeBytes: 64,
  target: 2 ** 32 - 32,
  word0: 0x01020002,
  word1: 0xfffffffe,
});

test('a helper that comes before a job opens, or after it was closed, finds the door shut and is outside', () => {
  const shared = new SharedJob();
  assert.equal(shared.enter(), undefined);
  shared.open(7, jobOf(100));
  shared.hashClaims(100, () => undefined);
  assert.ok(shared.close(1000));
  assert.equal(shared.enter(), undefined);
  shared.open(8, jobOf(100));
  assert.ok(shared.close(1000), 'nobody was left inside');
});

test('a helper that is inside sees the whole job, and addresses up to 4 GiB', () => {
  const shared = new SharedJob();
  shared.open(7, jobOf(100));
  const entered = shared.enter();
  assert.equal(entered?.memoryId, 7);
  const { job } = entered ?? {};
  assert.deepEqual({ ...job, target: (job?.target ?? 0) >>> 0, word1: (job?.word1 ?? 0) >>> 0 }, jobOf(100));
});

test('each group is claimed once, whoever claims it, and the last part may be short', () => {
  for (const groups of [1, 7, 8, 9, 2048]) {
    const shared = new SharedJob();
    shared.open(1, jobOf(groups));
    const counts = new Array<number>(groups).fill(0);
    const count = (first: number, some: number): void => {
      for (let group = first; group < first + some; group += 1) counts[group] = (counts[group] ?? 0) + 1;
    };
    let isFirst = true;
    const byOwner = shared.hashClaims(groups, (first, some) => {
      count(first, some);
      if (!isFirst) return;
      isFirst = false;
      assert.ok(shared.enter());
      shared.leave(shared.hashClaims(groups, count));
    });
    assert.deepEqual(counts, new Array(groups).fill(1));
    assert.equal(byOwner + shared.groupsByHelper, groups);
  }
});

test('the owner waits as long as the helper is inside, and says if it never leaves or failed', () => {
  const staying = new SharedJob();
  staying.open(1, jobOf(8));
  staying.enter();
  const before = performance.now();
  assert.equal(staying.close(250), false);
  assert.ok(performance.now() - before >= 250);

  const failing = new SharedJob();
  failing.open(1, jobOf(8));
  failing.enter();
  failing.fail();
  assert.equal(failing.close(10_000), false);
});

test('each side speaks before it looks: the helper says that it is inside, the owner that the door is shut', (t) => {
  const said: string[] = [];
  for (const operation of ['add', 'load', 'store'] as const) {
    const atomically = Atomics[operation].bind(Atomics) as (...of: readonly unknown[]) => number;
    t.mock.method(Atomics, operation, (...of: readonly unknown[]) => {
      said.push(`${operation} ${String(of[1])}`);
      return atomically(...of);
    });
  }
  const shared = new SharedJob();
  shared.enter();
  assert.deepEqual(said.slice(0, 2), ['store 32', 'load 0']);
  shared.open(1, jobOf(8));
  said.length = 0;
  shared.close(1000);
  assert.deepEqual(said.slice(0, 2), ['add 0', 'load 32']);
});

test('after the end there is no next job', () => {
  const shared = new SharedJob();
  shared.end();
  assert.equal(shared.next(0), undefined);
});

test('in thousands of jobs with a real helper each group is done exactly once before the job is over', async () => {
  const shared = new SharedJob();
  const counts = new Int32Array(new SharedArrayBuffer(4 * 2048));
  const workerData: CountingData = { cells: shared.cells, counts };
  const helper = new Worker(new URL('./testing/counting-helper.js', import.meta.url), { workerData });
  helper.unref();
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const wrong: string[] = [];
  const giveUpAt = performance.now() + 60_000;
  // A busy machine has no processor for the helper at first.
  const isDone = (jobs: number): boolean => jobs >= 5000 && shared.groupsByHelper >= 10_000;
  for (let jobs = 0; !isDone(jobs) && performance.now() < giveUpAt; jobs += 1) {
    const groups = 1 + random(random(10) === 0 ? 2048 : 100);
    shared.open(1, jobOf(groups));
    shared.hashClaims(groups, (first, some) => countGroups(counts, first, some));
    assert.ok(shared.close(60_000));
    const at = counts.findIndex((count, group) => count !== (group < groups ? 1 : 0));
    if (at >= 0 && wrong.length < 5) wrong.push(`job ${jobs} of ${groups}: group ${at} ${counts[at]} times`);
    counts.fill(0);
    // Sometimes long enough for the helper to fall asleep.
    for (const until = performance.now() + random(8) * 0.02; performance.now() < until;);
  }
  shared.end();
  helper.ref();
  await new Promise((resolve) => helper.on('exit', resolve));
  assert.deepEqual(wrong, []);
  assert.ok(shared.groupsByHelper >= 10_000, `${shared.groupsByHelper} groups by the helper`);
});
