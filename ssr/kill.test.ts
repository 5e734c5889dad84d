/** kill -9 at random moments, in a loop, on a real file and a real TPM: nothing acknowledged is ever lost. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SsrError } from './errors.ts';
import { openFileStore } from './store/file-store.ts';
import { isSwtpmInstalled } from './tpm/index.ts';

const skip = isSwtpmInstalled() ? false : 'swtpm is not installed: sudo apt-get install swtpm';
const KILLS = Number(process.env['SSR_KILLS'] ?? 25);
const CHILD = fileURLToPath(new URL('./testing/kill-child.js', import.meta.url));

interface Life {
  readonly found: number;
  readonly acknowledged: number;
  readonly wasSecondRefused: boolean;
}

/** One life of the writer: it is killed some time after it has said what it found. */
function live(args: readonly string[], path: string): Promise<Life> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CHILD, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    let errors = '';
    let wasSecondRefused = false;
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.stdout.on('data', (chunk: Buffer) => {
      const isFirst = !text.includes('found');
      text += chunk.toString();
      if (!isFirst || !text.includes('found')) return;
      try {
        openFileStore({ path }).close();
      } catch (error) {
        wasSecondRefused = error instanceof SsrError && error.code === 'SSR_STORE_LOCKED';
      }
      setTimeout(() => child.kill('SIGKILL'), randomInt(0, 60));
    });
    child.once('exit', (_code, signal) => {
      const found = Number(/found (\d+)/.exec(text)?.[1] ?? NaN);
      const last = [...text.matchAll(/acknowledged (\d+)\n/g)].at(-1)?.[1];
      if (signal !== 'SIGKILL' || Number.isNaN(found))
        reject(new Error(`the writer ended by itself: ${errors}${text}`));
      else resolve({ found, acknowledged: Number(last ?? found), wasSecondRefused });
    });
  });
}

void test(
  'a writer killed at random moments always opens again with the last acknowledged number, or the one in flight',
  { skip },
  async (context) => {
    const directory = mkdtempSync(join(tmpdir(), 'refmon-kill-'));
    const stateDirectory = mkdtempSync(join(tmpdir(), 'refmon-kill-tpm-'));
    try {
      const path = join(directory, 'store');
      const key = randomBytes(32).toString('hex');
      let { acknowledged } = await live([path, stateDirectory, key, 'new'], path);
      let inFlight = 0;
      for (let kill = 1; kill < KILLS; kill += 1) {
        const life = await live([path, stateDirectory, key], path);
        assert.ok(
          life.found === acknowledged || life.found === acknowledged + 1,
          `${life.found} after ${acknowledged}`,
        );
        assert.ok(life.wasSecondRefused, 'a second opener got in');
        if (life.found > acknowledged) inFlight += 1;
        acknowledged = life.acknowledged;
      }
      context.diagnostic(`${KILLS} kills, ${acknowledged} commits, the one in flight was kept ${inFlight} times`);
      assert.ok(acknowledged > 0);
    } finally {
      rmSync(directory, { recursive: true });
      rmSync(stateDirectory, { recursive: true });
    }
  },
);
