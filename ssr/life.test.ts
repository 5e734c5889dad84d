/** Power cuts inside `create` and `recover`, at every flush and NV command. More of it: `refmon verify ssr --part life`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { exploreLife } from './testing/life-world.ts';
import type { LifeReport } from './testing/life-world.ts';
import { rewindableSimulated, rewindableSwtpm } from './testing/rewindable-tpm.ts';
import { isSwtpmInstalled } from './tpm/index.ts';

function tell(context: TestContext, tpm: string, report: LifeReport): void {
  const { cases, attacks, moments, recoveredAgain, violations } = report;
  context.diagnostic(
    `create and recover, ${tpm}: ${cases + attacks} crash cases run (${cases} crashes, ${attacks} attacks) at ${moments} moments, ` +
      `${recoveredAgain} opened by the recovery key alone, violations ${violations.length}`,
  );
  assert.deepEqual(violations, []);
}

void test('a power cut inside create or recover leaves a volume, a refusal, or what the recovery key opens', async (context) => {
  const makeTpm = () => Promise.resolve(rewindableSimulated());
  const report = await exploreLife({ makeTpm, imagesPerMoment: 10, attacksPerMoment: 3 });
  tell(context, 'simulated TPM', report);
  assert.ok(report.cases > 100 && report.recoveredAgain > 0);
});

const skip = isSwtpmInstalled() ? false : 'swtpm is not installed: sudo apt-get install swtpm';

void test('and so it does on swtpm', { skip }, async (context) => {
  const report = await exploreLife({ makeTpm: rewindableSwtpm, imagesPerMoment: 2, attacksPerMoment: 1 });
  tell(context, 'swtpm', report);
  assert.ok(report.cases > 50);
});
