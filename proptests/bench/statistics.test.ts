import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meanOfMiddle, measure, quantile, type Contender } from './statistics.ts';

test('a quantile is exact at the ends, in the middle and between two samples', () => {
  assert.equal(quantile([3, 1, 2], 0), 1);
  assert.equal(quantile([3, 1, 2], 0.5), 2);
  assert.equal(quantile([3, 1, 2], 1), 3);
  assert.equal(quantile([4, 1, 2, 3], 0.5), 2.5);
  assert.throws(() => quantile([], 0.5), RangeError);
  assert.throws(() => quantile([1], 1.1), RangeError);
});

test('the mean of the middle half leaves out a quarter on either side, and nothing of less than four', () => {
  assert.equal(meanOfMiddle([7]), 7);
  assert.equal(meanOfMiddle([9, 1, 2]), 4);
  assert.equal(meanOfMiddle([1000, 2, 4, -1000]), 3);
  assert.equal(meanOfMiddle([8, 1, 7, 2, 6, 3, 5, 100]), 5.25);
  assert.throws(() => meanOfMiddle([]), RangeError);
});

function recorder(name: string, log: string[], result = 0): Contender {
  return {
    name,
    events: 2,
    expected: 0,
    prepare: () => log.push(`prepare ${name}`),
    run: () => {
      log.push(`run ${name}`);
      return result;
    },
  };
}

test('contenders take turns, every other round backwards, each prepared before it runs', () => {
  const log: string[] = [];
  const rows = measure([recorder('a', log), recorder('b', log)], { rounds: 1, warmups: 1, baseline: 'b' });
  const turns = ['a', 'b', 'b', 'a'].flatMap((name) => [`prepare ${name}`, `run ${name}`]);
  assert.deepEqual(log, turns);
  assert.deepEqual(
    rows.map(({ name, rounds, events }) => ({ name, rounds, events })),
    [
      { name: 'a', rounds: 1, events: 2 },
      { name: 'b', rounds: 1, events: 2 },
    ],
  );
  assert.equal(rows[1]?.ratio, 1);
});

test('a run that returns something else voids the measurement', () => {
  const options = { rounds: 1, warmups: 0, baseline: 'liar' };
  assert.throws(() => measure([recorder('liar', [], 1)], options), { code: 'BENCH_RESULT_DIFFERS' });
});

test('no rounds, or a baseline that does not take part, is refused', () => {
  assert.throws(() => measure([recorder('a', [])], { rounds: 0, warmups: 0, baseline: 'a' }), RangeError);
  assert.throws(() => measure([recorder('a', [])], { rounds: 1, warmups: 0, baseline: 'z' }), RangeError);
});
