/** kill -9 at random moments, in a loop, on a real file and a real TPM. More of it: `refmon verify ssr --part kill`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killLoop } from './testing/kill-loop.ts';
import { isSwtpmInstalled } from './tpm/index.ts';

const skip = isSwtpmInstalled() ? false : 'swtpm is not installed: sudo apt-get install swtpm';
const KILLS = 25;

void test(
  'a writer killed at random moments always opens again with the last acknowledged number, or the one in flight',
  { skip },
  async (context) => {
    const { kills, commits, inFlightKept, violations } = await killLoop({ kills: KILLS });
    context.diagnostic(`${kills} kills, ${commits} commits, the one in flight was kept ${inFlightKept} times`);
    assert.deepEqual(violations, []);
    assert.equal(kills, KILLS);
    assert.ok(commits > 0);
  },
);
