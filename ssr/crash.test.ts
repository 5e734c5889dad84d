/**
 * Every crash point of every short history on the simulated TPM, attacks included; and the protocols that must fail there.
 * More of it: `refmon verify ssr`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { exploreCrashes } from './testing/crash-world.ts';
import type { WorldReport } from './testing/crash-options.ts';
import { MUTANTS } from './testing/mutants.ts';
import { OPERATIONS, TORN_WRITE } from './testing/operations.ts';
import { rewindableSimulated } from './testing/rewindable-tpm.ts';

const CASES_MIN = 100_000;

function tell(context: TestContext, what: string, report: WorldReport): void {
  const refused = [...report.refused].map(([code, count]) => `${code} ${count}`).join(', ');
  context.diagnostic(
    `${what}: crash cases run ${report.crashCases + report.attackCases} (${report.crashCases} crashes, ${report.attackCases} attacks), ` +
      `${report.sequences} histories, mounted ${report.mounted}, refused: ${refused}; violations ${report.violations.length}`,
  );
}

void test('every crash of every history up to length three, and every attack tried there, ends in an acknowledged state or a refusal', async (context) => {
  await using tpm = rewindableSimulated(new Uint8Array(32).fill(1));
  const report = await exploreCrashes({
    tpm,
    operations: [...OPERATIONS, TORN_WRITE],
    depth: 3,
    attacksPerOperation: 130,
    imagesPerMoment: 80,
  });
  tell(context, 'sync commits, simulated TPM', report);
  assert.deepEqual(report.violations, []);
  assert.ok(report.crashCases + report.attackCases >= CASES_MIN);
  for (const code of ['SSR_ROLLBACK_DETECTED', 'SSR_FORK_DETECTED', 'SSR_BLOCK_CORRUPT'])
    assert.ok((report.refused.get(code) ?? 0) > 0, `${code} never happened: the world is too tame`);
});

void test('commits that write directory and free map, which the superblock can speak for no longer, are no less safe', async (context) => {
  await using tpm = rewindableSimulated(new Uint8Array(32).fill(4));
  const report = await exploreCrashes({
    tpm,
    operations: [...OPERATIONS, TORN_WRITE],
    depth: 2,
    attacksPerOperation: 60,
    imagesPerMoment: 60,
    isChangesFull: true,
  });
  tell(context, 'superblocks full of changes', report);
  assert.deepEqual(report.violations, []);
});

void test('random longer histories end no differently', async (context) => {
  const seed = Date.now() % 1_000_000;
  const walks = { count: 12, length: 9, seed };
  await using tpm = rewindableSimulated();
  const report = await exploreCrashes({
    tpm,
    operations: [...OPERATIONS, TORN_WRITE],
    depth: 0,
    walks,
    attackSeed: seed,
    attacksPerOperation: 60,
    imagesPerMoment: 60,
  });
  tell(context, `random histories, seed ${seed}`, report);
  assert.deepEqual(report.violations, []);
  assert.ok(report.sequences > walks.count);
});

void test('durable-not-fresh: a crash keeps what was acknowledged; an attacker reaches no further back than the anchor', async (context) => {
  await using tpm = rewindableSimulated(new Uint8Array(32).fill(2));
  const report = await exploreCrashes({
    tpm,
    operations: OPERATIONS,
    depth: 3,
    attacksPerOperation: 40,
    imagesPerMoment: 60,
    isNotFresh: true,
    sequencesMax: 160,
  });
  tell(context, 'durable-not-fresh commits, simulated TPM', report);
  assert.deepEqual(report.violations, []);
});

void test('every unsafe protocol is caught', async (context) => {
  const survivors: string[] = [];
  for (const mutant of MUTANTS) {
    await using tpm = rewindableSimulated(new Uint8Array(32).fill(3));
    const { cases, violation } = await mutant.run(tpm);
    if (violation === undefined) survivors.push(mutant.name);
    const how = violation === undefined ? 'SURVIVED' : `caught after ${cases} cases: ${violation.what}`;
    context.diagnostic(`mutant | ${mutant.name} | ${how}`);
  }
  context.diagnostic(`mutants caught ${MUTANTS.length - survivors.length} of ${MUTANTS.length}`);
  assert.deepEqual(survivors, []);
});
