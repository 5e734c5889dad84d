import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BenchRow } from './bench-merkle.ts';
import { batchGoalVerdicts, benchMerkle, MERKLE_SYSTEMS } from './bench-merkle.ts';
import { SYSTEMS } from './bench-merkle-systems.ts';

test('measures our trees and a peer in processes of their own', async () => {
  const systems = [
    'ours binary',
    'ours arity 5',
    'ours arity 5, two threads',
    'ours binary node:crypto',
    '@zk-kit/lean-imt',
  ];
  const rows = await benchMerkle({ leaves: 4096, updates: 50, rounds: 1, systems });
  assert.equal(rows.length, 5 * systems.length);
  for (const row of rows.filter(({ system }) => system.startsWith('ours'))) {
    assert.equal(row.status, 'ok', row.note);
    // What so small a tree keeps of the heap is lost in the noise of a collection; that it was measured is all there is to say.
    if (row.task === 'memory') assert.equal(typeof row.bytes, 'number', row.name);
    else
      assert.ok((row.min_ns ?? 0) > 0 && (row.median_ns ?? 0) >= (row.min_ns ?? 0) && (row.ratio ?? 0) > 0, row.name);
  }
  assert.equal(rows.find(({ name }) => name === 'merkle build: ours binary')?.ratio, 1);
  for (const row of rows.filter(({ system }) => system === '@zk-kit/lean-imt')) {
    assert.ok(['ok', 'not offered'].includes(row.status), row.note);
  }
});

test('the list of systems is the systems that there are', () => {
  assert.deepEqual([...MERKLE_SYSTEMS], Object.keys(SYSTEMS));
});

test('a system that does not exist is a failure with a reason, not a number', async () => {
  const rows = await benchMerkle({ leaves: 64, updates: 1, rounds: 1, systems: ['imaginary'] });
  assert.ok(rows.every(({ status, note }) => status === 'failed' && note !== undefined));
});

test('the goal is judged by the way in which the peer is faster, tree by tree, and not at all without the peer', () => {
  const peer = (way: string, ratio: number, ratio_to_planned_two_threads: number): BenchRow => {
    const system = `@chainsafe/persistent-merkle-tree hashtree, ${way}`;
    return {
      name: `merkle batch: ${system}`,
      system,
      task: 'batch',
      status: 'ok',
      ratio,
      ratio_to_planned_two_threads,
    };
  };
  const rows = [peer('as documented', 5.2, 7), peer('level by level', 4.9, 5)];
  assert.deepEqual(batchGoalVerdicts(rows), [
    { system: 'ours binary', ratio: 4.9, isMet: false },
    { system: 'ours arity 5, two threads', ratio: 5, isMet: true },
  ]);
  assert.deepEqual(batchGoalVerdicts(rows.map((row) => ({ ...row, task: 'build' as const }))), []);
});
