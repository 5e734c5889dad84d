/**
 * kill -9 at random moments, in a loop, on a real file and a real TPM: nothing acknowledged is ever lost.
 *
 * Each life is a process (`kill-child.ts`) that opens the volume, says what it found and then commits a rising number until
 * it is killed. swtpm dies with it at whatever point it has reached. A second opener is tried meanwhile.
 */
import { spawn } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../drivers/package-root.ts';
import { SsrError } from '../errors.ts';
import { openFileStore } from '../store/file-store.ts';

const CHILD = join(packageRoot(), 'dist/ssr/testing/kill-child.js');
/** A life ends within so many milliseconds after it began to write. */
const LIFE_MAX_MS = 60;

interface Life {
  readonly found: number;
  readonly acknowledged: number;
  readonly wasSecondRefused: boolean;
}

export interface KillReport {
  readonly kills: number;
  readonly commits: number;
  /** How often the commit that was in flight had made it. */
  readonly inFlightKept: number;
  readonly violations: readonly string[];
}

export interface KillOptions {
  readonly kills: number;
  /** Called after each life with the number of them. True ends the loop. */
  readonly isTimeUp?: (kills: number) => boolean;
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
      setTimeout(() => child.kill('SIGKILL'), randomInt(0, LIFE_MAX_MS));
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

/** Kills writers one after the other. A life that cannot open the volume, or finds another number, is a violation and the last one. */
export async function killLoop({ kills: wanted, isTimeUp }: KillOptions): Promise<KillReport> {
  const directory = mkdtempSync(join(tmpdir(), 'refmon-kill-'));
  const stateDirectory = mkdtempSync(join(tmpdir(), 'refmon-kill-tpm-'));
  const path = join(directory, 'store');
  const key = randomBytes(32).toString('hex');
  const violations: string[] = [];
  let commits = 0;
  let inFlightKept = 0;
  let kills = 0;
  try {
    while (kills < wanted && violations.length === 0) {
      const args = [path, stateDirectory, key, ...(kills === 0 ? ['new'] : [])];
      const life = await live(args, path).catch((error: unknown) => (error as Error).message);
      kills += 1;
      if (typeof life === 'string') violations.push(life);
      else {
        const isLost = life.found !== commits && life.found !== commits + 1;
        if (isLost) violations.push(`found ${life.found} after ${commits} was acknowledged`);
        if (!life.wasSecondRefused) violations.push('a second opener got in');
        if (life.found > commits) inFlightKept += 1;
        commits = life.acknowledged;
      }
      if (isTimeUp?.(kills) === true) break;
    }
    return { kills, commits, inFlightKept, violations };
  } finally {
    rmSync(directory, { recursive: true });
    rmSync(stateDirectory, { recursive: true });
  }
}
