import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchMerkle } from './bench-merkle.ts';

test('measures our trees in processes of their own, and says so of a peer that is not there', async () => {
  const systems = ['ours binary', 'ours arity 5', 'ours binary node:crypto', '@zk-kit/lean-imt'];
  const rows = await benchMerkle({ leaves: 4096, updates: 50, rounds: 1, systems });
  assert.equal(rows.length, 4 * systems.length);
  for (const row of rows.filter(({ system }) => system.startsWith('ours'))) {
    assert.equal(row.status, 'ok', row.note);
    // What so small a tree keeps of the heap is lost in the noise of a collection; that it was measured is all there is to say.
    if (row.task === 'memory') assert.equal(typeof row.bytes, 'number', row.name);
    else assert.ok((row.median_ns ?? 0) > 0 && (row.ratio ?? 0) > 0, row.name);
  }
  assert.equal(rows.find(({ name }) => name === 'merkle build: ours binary')?.ratio, 1);
  for (const row of rows.filter(({ system }) => system === '@zk-kit/lean-imt')) {
    assert.ok(['ok', 'peer not installed', 'not offered'].includes(row.status), row.note);
    if (row.status === 'peer not installed') assert.equal(row.median_ns, undefined);
  }
});

test('a system that does not exist is a failure with a reason, not a number', async () => {
  const rows = await benchMerkle({ leaves: 64, updates: 1, rounds: 1, systems: ['imaginary'] });
  assert.ok(rows.every(({ status, note }) => status === 'failed' && note !== undefined));
});
