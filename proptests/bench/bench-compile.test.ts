/** The bench of the compiler measures what it says, on a scale that a test can afford. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../drivers/package-root.ts';
import { benchCompile } from './bench-compile.ts';

const root = packageRoot();

void test('the bench has a row for each reader, each length and each start, and lines do not grow dearer without end', (t) => {
  const result = benchCompile({
    specification: readFileSync(join(root, 'drivers/e1000/e1000.dss'), 'utf8'),
    command: join(root, 'bin/refmon.cjs'),
    rounds: 7,
    lines: [500, 5000],
    starts: 2,
  });
  assert.deepEqual(
    result.warm.map((row) => row.name),
    ['e1000', '500 lines'].flatMap((text) => [`${text}: parsed by hand`, `${text}: parsed`, `${text}: compiled`]),
  );
  assert.equal(result.growth.length, 6);
  assert.deepEqual(
    result.cold.map((row) => row.name),
    ['node -e 0', 'refmon check'],
  );
  for (const row of [...result.warm, ...result.growth, ...result.cold]) assert.ok(row.median_ns > 0, row.name);
  for (const row of result.warm) t.diagnostic(`${row.name}: ${row.ratio.toFixed(2)} x`);
  // Ten times the lines in square time would be ten times dearer each; memory alone makes it 2 to 4 (measured, also by
  // hand). The best rounds: a test runs beside others.
  for (const work of ['parsed', 'compiled']) {
    const [short, long] = result.growth.filter((row) => row.name.startsWith(`${work},`));
    assert.ok((long?.min_ns ?? Infinity) < 8 * (short?.min_ns ?? 0), work);
  }
});

void test('a text that does not compile is no measurement', () => {
  const bad = { specification: 'device d { }', command: 'unused' };
  assert.throws(() => benchCompile({ ...bad, rounds: 1 }), { code: 'BENCH_SPECIFICATION' });
});
