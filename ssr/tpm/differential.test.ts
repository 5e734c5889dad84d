/** The simulated TPM against swtpm, over random command sequences. More of it: `refmon verify ssr --part tpm`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareTpms } from '../testing/tpm-differential.ts';
import { isSwtpmInstalled } from './index.ts';

const SEQUENCES = 200;
const SEED = 20260;

const skip = isSwtpmInstalled() ? false : 'swtpm is not installed: sudo apt-get install swtpm';

test('random command sequences: the simulated TPM answers as swtpm does', { skip }, async (t) => {
  const { commands, succeeded, responseCodes, mismatch } = await compareTpms({ sequences: SEQUENCES, seed: SEED });
  t.diagnostic(
    `differential TPM commands compared: ${commands} (${succeeded} succeeded), ${responseCodes} different response codes, seed ${SEED}`,
  );
  assert.equal(mismatch, undefined);
  assert.ok(commands > SEQUENCES * 20);
  assert.ok(succeeded > commands / 4, 'most sequences must reach past the checks');
});
