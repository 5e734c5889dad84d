import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTrace, TRACE_ACCESSES_MAX } from './trace.ts';

test('empty lines end commits; comments are skipped', () => {
  const commits = parseTrace('# boot\n0 16\n4096 8 # header\n\n\n12 1\n', 100);
  assert.deepEqual(commits, [
    [
      { offset: 0, lengthBytes: 16 },
      { offset: 4096, lengthBytes: 8 },
    ],
    [{ offset: 12, lengthBytes: 1 }],
  ]);
});

test('without empty lines the trace is cut into commits of the given size', () => {
  const sizes = parseTrace('1 1\n2 1\n3 1\n4 1\n5 1', 2).map((commit) => commit.length);
  assert.deepEqual(sizes, [2, 2, 1]);
});

test('refuses what is no access, an empty trace, and one access too many', () => {
  assert.throws(() => parseTrace('0 16\n4 x', 1), /line 2 of the trace is `4 x`/);
  assert.throws(() => parseTrace('0 0', 1), /line 1/);
  assert.throws(() => parseTrace('-1 5', 1), /line 1/);
  assert.throws(() => parseTrace('# nothing\n\n', 1), /no accesses/);
  assert.equal(parseTrace('1 1\n'.repeat(TRACE_ACCESSES_MAX), 1e6)[0]?.length, TRACE_ACCESSES_MAX);
  assert.throws(() => parseTrace('1 1\n'.repeat(TRACE_ACCESSES_MAX + 1), 1), /more than 200000/);
});
