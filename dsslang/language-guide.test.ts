/**
 * `docs/language.md` is executed: every good example compiles without a word and is formatted, every bad one gets exactly
 * the diagnostic printed under it, and every sequence is put to the interpreter and to the emitted JavaScript. `UPDATE=1`
 * writes the page anew; look at the difference before committing it.
 *
 * A fence is `dss`, `dss wrong`, `text` (what the compiler prints about the wrong one above), or `trace` (see
 * `testing/transcript.ts`). An example that does not begin with `device`, `import` or `template` stands in the frame below.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { compile, type CompileResult } from './compile.ts';
import { emitJs } from './emit/js.ts';
import { format } from './format.ts';
import { InterpretedMonitor } from './interpreter/monitor.ts';
import { loadFrom } from './load.ts';
import { keywords } from './tokens.ts';
import { renderDiagnostics } from './render.ts';
import { load } from './testing.ts';
import { languageFolder } from './testing/device-bench.ts';
import { Bench, readTranscript } from './testing/transcript.ts';

const page = join(languageFolder(), '..', 'docs', 'language.md');
const markdown = readFileSync(page, 'utf8');

/** The first line of every example that is not a whole file; `docs/language.md` shows it. */
const FRAME = 'device example { match pci 1234:5678 region regs = bar 0 memory 4K reset { delay 1ms }';

interface Fence {
  readonly kind: string;
  readonly text: string;
  readonly line: number;
}

function fencesOf(text: string): Fence[] {
  const fences: Fence[] = [];
  let open: { kind: string; from: number } | undefined;
  const lines = text.split('\n');
  lines.forEach((line, at) => {
    const fence = /^```(.*)$/.exec(line);
    if (fence === null) return;
    if (open === undefined) open = { kind: fence[1] ?? '', from: at + 1 };
    else {
      fences.push({ kind: open.kind, text: `${lines.slice(open.from, at).join('\n')}\n`, line: open.from });
      open = undefined;
    }
  });
  return fences;
}

const isWhole = (text: string): boolean => /^(\/\/[^\n]*\n)*(device|import|template) /.test(text);
const whole = (text: string): string => (isWhole(text) ? text : `${FRAME}\n${text}}\n`);

function compileExample(text: string): CompileResult {
  return compile(whole(text), 'example.dss', { load: loadFrom(page, 'example.dss') });
}

const fences = fencesOf(markdown);
const frameOf = (fence: Fence): Fence | undefined =>
  fences.findLast((each) => each.kind === 'dss' && each.line < fence.line);

/** What the page must say in this fence; undefined if it is free. */
async function contentOf(fence: Fence): Promise<string | undefined> {
  switch (fence.kind) {
    case 'dss':
      return formatted(fence.text);
    case 'trace':
      return judged(fence.text, frameOf(fence)?.text ?? '');
    case 'text': {
      const before = fences.findLast((each) => each.line < fence.line);
      if (before?.kind !== 'dss wrong') return undefined;
      const printed = renderDiagnostics(compileExample(before.text).diagnostics);
      return `${printed.replace(/\n\n\d+ (error|warning)s?$/, '')}\n`;
    }
    default:
      return undefined;
  }
}

function formatted(text: string): string {
  const result = format(whole(text)).text ?? '';
  if (isWhole(text)) return result;
  // In the frame everything stands two columns further right.
  const inside = result.split('\n').slice(result.split('\n').length - text.split('\n').length - 1, -2);
  return `${inside.map((line) => line.replace(/^ {2}/, '')).join('\n')}\n`;
}

/** The transcript with the verdicts of both monitors, which must agree. */
async function judged(transcript: string, example: string): Promise<string> {
  const { program } = compileExample(example);
  assert.ok(program !== undefined);
  const bench = new Bench(program);
  const interpreted = new InterpretedMonitor(program, bench);
  const emitted = (await load(emitJs(program))).createMonitor(bench);
  const lines = readTranscript(transcript);
  const column = Math.max(...lines.map((each) => each.operation.length)) + 2;
  const out = lines.map(({ operation }) => {
    if (bench.prepare(operation)) return operation;
    const verdict = bench.run(operation, interpreted);
    assert.equal(bench.run(operation, emitted), verdict, `${operation}: interpreter and JavaScript differ`);
    return verdict === undefined ? operation : `${operation.padEnd(column)}${verdict}`;
  });
  return `${out.join('\n')}\n`;
}

if (process.env['UPDATE'] === '1') {
  let text = markdown;
  for (const fence of fences) {
    const content = await contentOf(fence);
    if (content !== undefined)
      text = text.replace(`\`\`\`${fence.kind}\n${fence.text}`, () => `\`\`\`${fence.kind}\n${content}`);
  }
  writeFileSync(page, text);
}

for (const fence of process.env['UPDATE'] === '1' ? [] : fences) {
  const place = `docs/language.md:${fence.line}`;
  if (fence.kind === 'dss') {
    test(`${place}: the example compiles without a word`, () => {
      const { program, diagnostics } = compileExample(fence.text);
      assert.equal(renderDiagnostics(diagnostics), '');
      assert.ok(program !== undefined);
    });
  }
  test(`${place}: this \`${fence.kind}\` is what the compiler and the monitor say`, async () => {
    if (fence.kind === 'dss wrong') assert.notDeepEqual(compileExample(fence.text).diagnostics, []);
    else assert.equal(fence.text, (await contentOf(fence)) ?? fence.text, 'UPDATE=1 writes it anew');
  });
}

test('the guide has nothing but examples, sequences and what is printed', () => {
  for (const { kind, line } of fences)
    assert.ok(['dss', 'dss wrong', 'text', 'trace'].includes(kind), `docs/language.md:${line}: \`${kind}\``);
});

test('the guide shows the frame that its examples stand in', () => {
  assert.ok(markdown.includes(`\`\`\`text\n${FRAME}\n`));
});

test('the guide uses every word of the language', () => {
  const text = fences
    .filter((each) => each.kind === 'dss')
    .map((each) => each.text)
    .join('\n');
  const missing = keywords.filter((word) => !new RegExp(`\\b${word}\\b`).test(`${FRAME}\n${text}`));
  assert.deepEqual(missing, []);
});
