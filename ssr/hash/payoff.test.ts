import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Payoff } from './payoff.ts';

/** Jobs until the next that is shared. */
function restOf(payoff: Payoff): number {
  let jobs = 0;
  while (!payoff.next()) jobs += 1;
  return jobs;
}

function recordWindow(payoff: Payoff, savedMs: number): void {
  for (let job = 0; job < 32; job += 1) {
    assert.ok(payoff.next());
    payoff.record(savedMs);
  }
}

test('a helper that saves nothing is left alone for longer and longer, up to a limit, and for less again once it does', () => {
  const payoff = new Payoff();
  const rests: number[] = [];
  for (let window = 0; window < 9; window += 1) {
    recordWindow(payoff, -0.1);
    rests.push(restOf(payoff));
  }
  assert.deepEqual(rests, [64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096]);
  recordWindow(payoff, 0.1);
  recordWindow(payoff, 0.1);
  assert.equal(restOf(payoff), 0);
  recordWindow(payoff, 0);
  assert.equal(restOf(payoff), 1024);
});

test('one job that was held up does not undo what the others of its window saved', () => {
  const payoff = new Payoff();
  for (let job = 0; job < 32; job += 1) payoff.record(job === 7 ? -3 : 0.1);
  assert.ok(payoff.next());
});
