import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInterruptLine, PENDING_EDGES_MAX } from './interrupts.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('only a change of level is an edge, and nothing is delivered at once', async () => {
  const line = createInterruptLine();
  const edges: number[] = [];
  line.listen((level) => edges.push(level));
  for (const level of [1, 1, 0, 0, 1] as const) line.note(level);
  assert.deepEqual(edges, []);
  await turn();
  assert.deepEqual(edges, [1, 0, 1]);
});

test('what a handler causes is delivered in a later turn, so timers and messages come between', async () => {
  const line = createInterruptLine();
  let calls = 0;
  line.listen((level) => {
    calls += 1;
    line.note(level === 1 ? 0 : 1);
  });
  line.note(1);
  await turn();
  assert.equal(calls, 1);
  await turn();
  assert.equal(calls, 2);
  line.stop();
  await turn();
  assert.equal(calls, 2);
});

test('keeps the limit of waiting edges, and one more drops the oldest pair but not the last level', async () => {
  for (const [noted, delivered] of [
    [PENDING_EDGES_MAX, PENDING_EDGES_MAX],
    [PENDING_EDGES_MAX + 1, PENDING_EDGES_MAX - 1],
  ] as const) {
    const line = createInterruptLine();
    const edges: number[] = [];
    line.listen((level) => edges.push(level));
    for (let count = 0; count < noted; count += 1) line.note(count % 2 === 0 ? 1 : 0);
    await turn();
    assert.equal(edges.length, delivered);
    assert.equal(edges.at(-1), noted % 2);
    assert.ok(edges.every((edge, index) => edge === (index + 1) % 2));
  }
});

test('a handler that throws does not swallow the edges behind it', () => {
  const line = createInterruptLine();
  const edges: number[] = [];
  line.listen((level) => {
    edges.push(level);
    if (edges.length === 1) throw new Error('driver fault');
  });
  line.note(1);
  line.note(0);
  assert.throws(() => line.deliver(), /driver fault/);
  line.deliver();
  assert.deepEqual(edges, [1, 0]);
});
