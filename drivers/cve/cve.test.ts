/** Every bug for real: QEMU dies or leaks without the monitor; behind it the attack is refused by its rule, and honest work goes on. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { leftovers } from '../backing/qemu/testing/harness.ts';
import { findProgram } from '../backing/qemu/programs.ts';
import { packageRoot } from '../package-root.ts';
import { BUGS, bugNamed, cvesOf } from './catalogue.ts';
import { CVES } from './known.ts';
import { cvePage } from './page.ts';
import { runBug, runIfPossible } from './run.ts';
import { numbers, standingOf } from './standing.ts';

describe('published bugs', { concurrency: 2 }, () => {
  for (const bug of BUGS) {
    const { program } = bug.board;
    const skip = findProgram(program) === undefined ? `${program} is not installed` : false;
    const title = bug.effect === 'silent' ? 'its trace is refused' : 'fires on this QEMU and is stopped';
    test(`${bug.id}: ${title}, and the honest driver works`, { skip, timeout: 120_000 }, async (context) => {
      const result = await runBug(bug);
      assert.deepEqual(result.problems, []);
      assert.equal(
        result.status,
        bug.effect === 'silent' ? 'trace refused' : 'fired and stopped',
        JSON.stringify(result),
      );
      for (const attack of result.attacks)
        assert.match(attack.rule, new RegExp(`^${bug.specification}:\\d+:\\d+$`), attack.attack);
      context.diagnostic(`${result.milliseconds} ms, ${result.benignOperations} honest operations`);
    });
  }
});

test('nothing is left behind: no QEMU, no file, no core', () => {
  assert.deepEqual(leftovers(), { files: [], qemus: [] });
  assert.deepEqual(
    readdirSync('.').filter((name) => /^core(\.|$)/.test(name)),
    [],
  );
});

test('a bug has a name of its own, found in any case, and an unknown one is a typed error', () => {
  assert.equal(new Set(BUGS.map(({ id }) => id)).size, BUGS.length);
  assert.equal(bugNamed('ZYNQMP_CAN-00').id, 'zynqmp_can-00');
  assert.throws(() => bugNamed('CVE-1999-0001'), { code: 'CVE_UNKNOWN' });
});

test('every CVE stands in one place, and each that an attack names is known', () => {
  const known = new Set(CVES.map(({ id }) => id));
  assert.equal(known.size, CVES.length);
  assert.deepEqual(
    BUGS.flatMap(cvesOf).filter((id) => !known.has(id)),
    [],
  );
  const sums = numbers();
  const firedCves = CVES.filter((cve) => standingOf(cve).status === 'fired and stopped').length;
  assert.equal(firedCves + sums.traceRefused + sums.outOfScope + sums.ruleKnownNotWritten, sums.known);
});

test('docs/cve.md is what the catalogue says', async () => {
  const file = join(packageRoot(), 'docs', 'cve.md');
  const page = await cvePage();
  if (process.env['UPDATE'] === '1') writeFileSync(file, page);
  assert.equal(readFileSync(file, 'utf8'), page);
  const readme = readFileSync(join(packageRoot(), 'README.md'), 'utf8');
  const sums = numbers();
  for (const row of [
    `stopped | ${sums.firedAndStopped} bugs`,
    `refused | ${sums.traceRefused} CVEs`,
    `scope | ${sums.outOfScope} CVEs`,
  ])
    assert.ok(readme.includes(row), row);
});

test('a missing QEMU is a typed error that says what to install', async () => {
  const path = process.env['PATH'];
  process.env['PATH'] = '/nowhere';
  try {
    const told = await runIfPossible(bugNamed('fimd-00'));
    assert.ok(told.status === 'not run' && told.code === 'ENV_QEMU_MISSING');
    assert.match(told.message, /apt-get install qemu-system-arm/);
    await assert.rejects(runBug(bugNamed('fimd-00')), { code: 'ENV_QEMU_MISSING', message: /qemu-system-arm`?$/ });
    await assert.rejects(runBug(bugNamed('ehci-01')), { code: 'ENV_QEMU_MISSING', message: /qemu-system-x86`?$/ });
  } finally {
    process.env['PATH'] = path;
  }
});
