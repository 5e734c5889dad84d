import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const refmon = fileURLToPath(new URL('../../bin/refmon.cjs', import.meta.url));

/** Runs `refmon ssr ...` in a process of its own, as a shell would. */
function ssr(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [refmon, 'ssr', ...args], { encoding: 'utf8' });
}

interface PlanDocument {
  readonly schema: number;
  readonly command: string;
  readonly status: string;
  readonly choice: { readonly leafSizeBytes: number; readonly arity: number };
  readonly closedForm?: { readonly leafSizeBytes: number; readonly snappedLeafSizeBytes: number };
  readonly runnersUp: readonly { readonly totalUs: number }[];
  readonly usualChoices: readonly { readonly name: string; readonly ratio: number }[];
  readonly comparisons: readonly {
    readonly leafSizeBytes: number;
    readonly predictedUs: number;
    readonly measuredUs: number;
    readonly error: number;
    readonly errorQuartiles: readonly [number, number];
    readonly turns: number;
  }[];
}

test('the prices of 2004 give the optimum of 2004, as one JSON document', () => {
  const run = ssr('plan', '--size', '64MiB', '--updates', '100', '--engine', 'sha1-2004', '--format', 'json');
  assert.equal(run.status, 0, run.stderr);
  const plan = JSON.parse(run.stdout) as PlanDocument;
  assert.deepEqual([plan.schema, plan.command, plan.status], [1, 'ssr plan', 'ok']);
  assert.deepEqual([plan.choice.leafSizeBytes, plan.choice.arity], [183, 2]);
  assert.equal(plan.closedForm?.leafSizeBytes.toFixed(1), '144.1');
  assert.equal(plan.closedForm.snappedLeafSizeBytes, 183);
  assert.match(plan.usualChoices[0]?.name ?? '', /4 KiB pages, binary tree/);
});

test('for people: the choice, the runners-up, the usual choices and the curve', () => {
  const run = ssr('plan', '--size', '1MiB', '--updates', '10', '--engine', 'sha1-2004', '--arity', '2,3,4');
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stdout, /^region of 1 MiB, 10 uniform updates a commit, engine sha1-2004\n/);
  assert.match(run.stdout, /choose 1\d\d B leaves, arity 4: /);
  assert.match(run.stdout, /144\.1 B for arity 2, at the end of its SHA block 183 B/);
  assert.match(run.stdout, /runners-up\n {2}1\d\d B leaves, arity 3/);
  assert.match(run.stdout, /4 KiB pages, binary tree +\d/);
  assert.match(run.stdout, /[▁▂▃▄▅▆▇█]{10}/);
});

test('measures the real update beside the model, and draws both as SVG', () => {
  const folder = mkdtempSync(join(tmpdir(), 'refmon-plan-'));
  try {
    const svg = join(folder, 'plan.svg');
    const run = ssr(
      'plan',
      '--size',
      '2MiB',
      '--updates',
      '50',
      '--engine',
      'node',
      '--measure',
      '--svg',
      svg,
      '--format',
      'json',
    );
    assert.equal(run.status, 0, run.stderr);
    const { comparisons } = JSON.parse(run.stdout) as PlanDocument;
    assert.ok(comparisons.length >= 6);
    // The target is 15 % on a quiet machine; a test shares its processor with others, so it allows a factor.
    for (const { leafSizeBytes, predictedUs, measuredUs, error, errorQuartiles, turns } of comparisons) {
      const ratio = measuredUs / predictedUs;
      assert.ok(ratio > 0.4 && ratio < 2.5, `${leafSizeBytes}: predicted ${predictedUs}, measured ${measuredUs}`);
      assert.ok(
        errorQuartiles[0] <= error && error <= errorQuartiles[1] && turns >= 3,
        `${leafSizeBytes}: ${turns} turns`,
      );
    }
    const drawing = readFileSync(svg, 'utf8');
    assert.match(drawing, /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    assert.equal(drawing.match(/<circle/g)?.length, comparisons.length + 1);
    assert.ok(!drawing.includes('NaN') && drawing.endsWith('</svg>\n'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the cost curve in docs/ is what the constants of 2004 draw', () => {
  const folder = mkdtempSync(join(tmpdir(), 'refmon-plan-'));
  const shown = fileURLToPath(new URL('../../docs/block-size.svg', import.meta.url));
  try {
    const update = process.env['UPDATE'] === '1';
    const svg = update ? shown : join(folder, 'plan.svg');
    const run = ssr('plan', '--size', '64MiB', '--updates', '100', '--engine', 'sha1-2004', '--svg', svg);
    assert.equal(run.status, 0, run.stderr);
    assert.equal(readFileSync(svg, 'utf8'), readFileSync(shown, 'utf8'), 'run this test with UPDATE=1');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('plans for a trace, and for Zipf and sequential workloads', () => {
  const folder = mkdtempSync(join(tmpdir(), 'refmon-plan-'));
  try {
    const trace = join(folder, 'writes.txt');
    writeFileSync(trace, '0 4096\n\n8192 4096\n\n0 4096\n');
    for (const workload of [`trace:${trace}`, 'zipf:1.0', 'zipf:1.2:scrambled', 'sequential:4096']) {
      const run = ssr('plan', '--size', '1MiB', '--engine', 'sha1-2004', '--workload', workload, '--format', 'json');
      assert.equal(run.status, 0, run.stderr);
      assert.ok((JSON.parse(run.stdout) as PlanDocument).choice.leafSizeBytes >= 16);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a mistake in usage exits with 2, says what is wrong on stderr and prints nothing on stdout', () => {
  const good = ['plan', '--size', '1MiB', '--engine', 'sha1-2004'];
  const mistakes: readonly (readonly [string[], RegExp])[] = [
    [['plan'], /--size/],
    [['plan', '--size', '64XB'], /give a size such as/],
    [['plan', '--size', '0'], /give a size such as/],
    [[...good, '--updates', '0'], /whole number/],
    [[...good, '--engine', 'md5'], /Allowed choices/],
    [[...good, '--workload', 'gauss'], /`gauss` is no workload/],
    [[...good, '--workload', 'sequential:2000000'], /sequential run must be/],
    [[...good, '--workload', 'trace:/does/not/exist'], /ENOENT/],
    [[...good, '--arity', '2,x'], /give arities/],
    [[...good, '--arity', '1'], /arit/],
    [[...good, '--measure'], /nothing to measure/],
    [[...good, '--svg', '/does/not/exist.svg'], /ENOENT/],
    [[...good, '--frobnicate'], /unknown option/],
  ];
  for (const [args, message] of mistakes) {
    const run = ssr(...args);
    assert.equal(run.status, 2, `${args.join(' ')}: ${run.stderr}`);
    assert.match(run.stderr, message);
    assert.equal(run.stdout, '');
  }
});
