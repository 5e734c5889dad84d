/**
 * Documentation is executed: every `console` block of the README and of docs/ is run and its output compared.
 *
 * In a block, a line that begins with `$ ` is a command, continued by lines that begin with `> `; the lines after it are
 * what it must print (stdout and stderr, in that order). A line `...` stands for any lines, `…` within a line for any text. `# exit 3` after a command says its code.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { packageRoot } from '../drivers/package-root.ts';

const root = packageRoot();
const scratch = mkdtempSync(join(tmpdir(), 'refmon-docs-'));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

interface Step {
  command: string;
  readonly exit: number;
  readonly expected: readonly string[];
  readonly line: number;
}

function stepsOf(markdown: string): Step[] {
  const steps: Step[] = [];
  const lines = markdown.split('\n');
  let inBlock = false;
  let expected: string[] | undefined;
  lines.forEach((line, index) => {
    if (line.startsWith('```')) {
      inBlock = line.trim() === '```console';
      expected = undefined;
    } else if (inBlock && line.startsWith('$ ')) {
      const exit = /\s+# exit (\d+)$/.exec(line);
      expected = [];
      steps.push({
        command: line.slice(2).replace(/\s+# exit \d+$/, ''),
        exit: exit === null ? 0 : Number(exit[1]),
        expected,
        line: index + 1,
      });
    } else if (inBlock && /^>( |$)/.test(line) && expected?.length === 0) {
      const step = steps.at(-1);
      if (step !== undefined) step.command += `\n${line.slice(2)}`;
    } else if (inBlock) expected?.push(line);
  });
  return steps;
}

/** Does the output have the expected lines, with `...` for any lines and `…` for any text? */
function matches(expected: readonly string[], actual: readonly string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return actual.length === 0;
  if (first === '...') return actual.some((_, index) => matches(rest, actual.slice(index))) || matches(rest, []);
  const [line, ...others] = actual;
  if (line === undefined) return false;
  const pattern = first
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${pattern}$`).test(line) && matches(rest, others);
}

const trimmed = (lines: readonly string[]): string[] =>
  lines
    .join('\n')
    .trim()
    .split('\n')
    .map((line) => line.trimEnd());

const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((file) => join('docs', file)),
  ...readdirSync(join(root, 'examples'), { recursive: true, encoding: 'utf8' }).map((file) => join('examples', file)),
].filter((file) => file.endsWith('.md') && existsSync(join(root, file)));

for (const page of pages) {
  for (const step of stepsOf(readFileSync(join(root, page), 'utf8'))) {
    void test(`${page}:${step.line}: ${step.command.split('\n')[0]}`, () => {
      const done = spawnSync('bash', ['-c', step.command], {
        cwd: root,
        encoding: 'utf8',
        timeout: 120_000,
        env: {
          ...process.env,
          PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`,
          NO_COLOR: '1',
          SCRATCH: scratch,
        },
      });
      const output = trimmed(`${done.stdout}${done.stderr}`.split('\n'));
      assert.equal(done.status, step.exit, output.join('\n'));
      const expected = trimmed(step.expected);
      if (!matches(expected, output)) assert.deepEqual(output, expected);
    });
  }
}

void test('the documentation has commands to run', () => {
  assert.ok(pages.some((page) => stepsOf(readFileSync(join(root, page), 'utf8')).length > 0));
});
