/**
 * Crashes and attacks on a real TPM: swtpm is rewound to the state of each case and the volume opened through it.
 * More of it: `refmon verify ssr --part swtpm`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exploreCrashes } from './testing/crash-world.ts';
import { OPERATIONS } from './testing/operations.ts';
import { rewindableSwtpm } from './testing/rewindable-tpm.ts';
import { isSwtpmInstalled } from './tpm/index.ts';

const skip = isSwtpmInstalled() ? false : 'swtpm is not installed: sudo apt-get install swtpm';
const SEQUENCES = 34;

void test(
  'crashes around every flush and NV command of a real TPM end in an acknowledged state or a refusal',
  { skip },
  async (context) => {
    await using tpm = await rewindableSwtpm();
    const report = await exploreCrashes({
      tpm,
      operations: OPERATIONS,
      depth: 3,
      attacksPerOperation: 12,
      imagesPerMoment: 80,
      sequencesMax: SEQUENCES,
      isEachCaseThroughTpm: true,
    });
    const cases = report.crashCases + report.attackCases;
    context.diagnostic(
      `swtpm: ${cases} cases (${report.crashCases} crashes, ${report.attackCases} attacks), each through a rewound TPM; ` +
        `mounted ${report.mounted}, violations ${report.violations.length}`,
    );
    assert.deepEqual(report.violations, []);
    assert.ok(cases >= 5000);
  },
);
