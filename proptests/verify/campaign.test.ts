/** How campaigns run and end; and one real one, small, from the command line. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../drivers/package-root.ts';
import { runCampaign } from './campaign.ts';
import type { Campaign, CampaignPart, PartFindings } from './campaign.ts';

const clean: PartFindings = { cases: 3, violations: [] };

function part(name: string, findings: PartFindings): CampaignPart {
  return { name, meaning: name, run: () => Promise.resolve(findings) };
}

function campaign(...parts: CampaignPart[]): Campaign {
  return {
    name: 'numbers',
    summary: '',
    description: '',
    sizes: [{ name: 'count', meaning: '', usual: 5, max: 9 }],
    parts,
  };
}

const outcome = async (...parts: CampaignPart[]) =>
  (await runCampaign(campaign(...parts), { seed: 1, sizes: {} })).outcome;

void test('violated beats unfinished beats held; what could not run has not held', async () => {
  const broken = part('broken', { cases: 1, violations: [{ what: 'wrong', history: '' }] });
  const short = part('short', { ...clean, isUnfinished: true });
  const absent = part('absent', { cases: 0, violations: [], missing: 'not installed' });
  assert.equal(await outcome(part('good', clean)), 'held');
  assert.equal(await outcome(part('good', clean), short), 'unfinished');
  assert.equal(await outcome(absent, part('good', clean)), 'unfinished');
  assert.equal(await outcome(short, broken, absent), 'violated');
});

void test('the budget is shared among the parts that are left', async () => {
  let clock = 0;
  const shares: number[] = [];
  const hungry = (name: string): CampaignPart => ({
    name,
    meaning: name,
    run: ({ isTimeUp }) => {
      const began = clock;
      while (!isTimeUp()) clock += 1;
      shares.push(clock - began);
      return Promise.resolve({ ...clean, isUnfinished: true });
    },
  });
  const modest = part('modest', clean);
  await runCampaign(campaign(hungry('a'), modest, hungry('b')), {
    seed: 1,
    sizes: {},
    budgetSeconds: 0.9,
    now: () => clock,
  });
  assert.deepEqual(shares, [300, 600]);
});

void test('a replay runs the one case that it names; unknown parts, sizes and cases are refused', async () => {
  const replayed: string[] = [];
  const parts = [
    part('plain', clean),
    {
      ...part('named', clean),
      replay: (name: string) => {
        replayed.push(name);
        return Promise.resolve(clean);
      },
    },
  ];
  const run = (request: object) => runCampaign(campaign(...parts), { seed: 1, sizes: {}, ...request });
  assert.deepEqual((await run({ replay: 'named:3:4' })).parts.map((one) => one.part), ['named']); // prettier-ignore
  assert.deepEqual(replayed, ['3:4']);
  await assert.rejects(run({ replay: 'plain:1' }), /cannot be run again/);
  await assert.rejects(run({ parts: ['nobody'] }), /has no part `nobody`; its parts are plain, named/);
  await assert.rejects(run({ sizes: { width: 1 } }), /has no size `width`/);
});

interface VerifyDocument {
  readonly command: string;
  readonly status: string;
  readonly seed: number;
  readonly cases: number;
  readonly sizes: Readonly<Record<string, number>>;
  readonly parts: readonly { readonly part: string; readonly outcome: string; readonly cases: number }[];
}

function verify(...args: string[]): { status: number | null; document: VerifyDocument } {
  const command = [join(packageRoot(), 'bin/refmon.cjs'), 'verify', ...args, '--format', 'json'];
  const done = spawnSync(process.execPath, command, { encoding: 'utf8' });
  return { status: done.status, document: JSON.parse(done.stdout) as VerifyDocument };
}

void test('`refmon verify ssr` answers as one document: 0 held, 4 out of time, 2 for a part that it has not', () => {
  const held = verify('ssr', '--part', 'crash', '--depth', '1', '--attacks', '12', '--seed', '7');
  assert.equal(held.status, 0);
  assert.deepEqual([held.document.command, held.document.status, held.document.seed], ['verify ssr', 'held', 7]);
  assert.equal(held.document.sizes['depth'], 1);
  const replay = verify('ssr', '--replay', 'crash:0.3', '--attacks', '12', '--seed', '7');
  assert.equal(replay.status, 0);
  assert.ok(replay.document.cases > 0 && replay.document.cases < held.document.cases);
  const short = verify('ssr', '--part', 'crash', '--depth', '3', '--budget', '0');
  assert.deepEqual([short.status, short.document.parts[0]?.outcome], [4, 'unfinished']);
  assert.equal(verify('ssr', '--part', 'nobody').status, 2);
});
