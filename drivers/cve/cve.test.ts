/** Every bug for real: QEMU dies or leaks without the monitor; behind it the attack is refused by its rule, and honest work goes on. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { leftovers } from '../backing/qemu/testing/harness.ts';
import { findProgram } from '../backing/qemu/programs.ts';
import { BUGS, bugNamed } from './catalogue.ts';
import { runBug } from './run.ts';

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
