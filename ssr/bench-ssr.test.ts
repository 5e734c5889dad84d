/** The bench measures what it says. Targets depend on the machine and are the bench's own business. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { benchSsr, ssrBenchText } from './bench-ssr.ts';

void test('the bench has a row for every claim, one NV write per commit, and opens large regions like small ones', async (context) => {
  const rows = await benchSsr({ size: 4 * 1024 * 1024, commits: 100 });
  context.diagnostic(ssrBenchText(rows));
  assert.deepEqual(
    rows.filter((row) => row.target !== undefined).map((row) => row.target),
    ['1', '<= 1.3', '>= 0.6', '>= 0.7', '<= 1.3'],
  );
  assert.equal(rows[0]?.value, 1);
  for (const row of rows) assert.ok(row.value > 0, row.name);
  // Constant time, with room for a busy machine: a scan of 1 GiB would take a thousand times as long.
  assert.ok((rows.at(-1)?.ratio ?? Infinity) < 5);
});
