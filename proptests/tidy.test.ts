/**
 * The house's own rules, as tests: which room may import which, who may print, how a file begins.
 * Runs over the source tree, not over what was built.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../drivers/package-root.ts';

const root = packageRoot();
const rooms = ['bin', 'dsslang', 'ssr', 'kernel', 'drivers', 'proptests', 'examples'] as const;
type Room = (typeof rooms)[number];

interface SourceText {
  readonly path: string;
  readonly room: Room;
  readonly text: string;
}

const sources: SourceText[] = rooms.flatMap((room) =>
  readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({ path: join(room, file), room, text: readFileSync(join(root, room, file), 'utf8') })),
);

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

function importsOf(text: string): Import[] {
  const found: Import[] = [];
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s+)?[^'";]*?from\s+'([^']+)'/gm)) {
    found.push({ specifier: match[2] ?? '', typeOnly: match[1] !== undefined });
  }
  for (const match of text.matchAll(/^import\s+'([^']+)'/gm))
    found.push({ specifier: match[1] ?? '', typeOnly: false });
  for (const match of text.matchAll(/\bimport\('([^']+)'\)/g))
    found.push({ specifier: match[1] ?? '', typeOnly: false });
  return found;
}

/** Room of the file that a relative import names, and its path in the package. */
function target(from: string, specifier: string): { room: string; path: string } | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const path = relative(root, resolve(root, dirname(from), specifier));
  return { room: path.split('/')[0] ?? '', path };
}

const isTest = (path: string): boolean => path.endsWith('.test.ts') || path.includes('/testing/');

/** May `from` import `to`? Leaves import no other room; tests may also use what they test against. */
function allowed(from: SourceText, to: { room: string; path: string }, typeOnly: boolean): boolean {
  if (to.room === from.room || from.room === 'proptests') return true;
  // A command's terminal is handed to it; the rooms know its type only.
  if (to.path === 'bin/terminal.ts') return typeOnly;
  if (to.path === 'bin/numbers.ts') return from.path.endsWith('/cli.ts');
  switch (from.room) {
    case 'bin':
      return to.path.endsWith('/cli.ts') || (typeOnly && to.path.endsWith('/index.ts'));
    case 'kernel':
      return (
        to.path === 'dsslang/runtime.ts' || to.path === 'ssr/index.ts' || (isTest(from.path) && to.room === 'dsslang')
      );
    case 'drivers':
      return (
        ['dsslang/index.ts', 'dsslang/runtime.ts', 'kernel/abi.ts', 'kernel/index.ts', 'ssr/index.ts'].includes(
          to.path,
        ) || isTest(from.path)
      );
    default:
      return isTest(from.path) && to.path === 'drivers/package-root.ts';
  }
}

void test('rooms import along the arrows of the architecture', () => {
  const wrong: string[] = [];
  for (const source of sources) {
    for (const { specifier, typeOnly } of importsOf(source.text)) {
      const to = target(source.path, specifier);
      if (to !== undefined && !allowed(source, to, typeOnly)) wrong.push(`${source.path} -> ${to.path}`);
    }
  }
  assert.deepEqual(wrong, []);
});

void test('examples import only the published package', () => {
  const wrong = sources
    .filter((source) => source.room === 'examples')
    .flatMap((source) => importsOf(source.text).map(({ specifier }) => ({ path: source.path, specifier })))
    .filter(({ specifier }) => specifier.startsWith('..'));
  assert.deepEqual(wrong, []);
});

void test('chevrotain is imported by the language only, and ses by the kernel only', () => {
  const owners: Readonly<Record<string, Room>> = { chevrotain: 'dsslang', ses: 'kernel', commander: 'bin' };
  const wrong = sources.flatMap((source) =>
    importsOf(source.text)
      .filter(({ specifier }) => owners[specifier] !== undefined && owners[specifier] !== source.room)
      .filter(({ specifier }) => !(specifier === 'commander' && source.path.endsWith('/cli.ts')))
      .map(({ specifier }) => `${source.path} -> ${specifier}`),
  );
  assert.deepEqual(wrong, []);
});

void test('only commands print or end the process', () => {
  const wrong = sources
    // A `-child` is a process of its own, whose standard output is its answer.
    .filter(({ path, room }) => room !== 'bin' && !/(\/cli|-child)\.ts$/.test(path) && !isTest(path))
    .filter(({ text }) => /\bconsole\.|process\.(stdout|stderr)\b|process\.exit\(/.test(withoutComments(text)))
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

function withoutComments(text: string): string {
  return text.replace(/\/\*[^]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
}

void test('every source file begins by saying what it is', () => {
  const wrong = sources
    .filter(({ path, text }) => !path.endsWith('.test.ts') && !/^(\/\*\*|\/\/)/.test(text))
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

void test('no test is skipped for good or focused, and none is empty', () => {
  const wrong = sources
    .filter(({ path }) => path.endsWith('.test.ts') && path !== 'proptests/tidy.test.ts')
    .filter(
      ({ text }) =>
        /\.(only|todo)\(|skip: true/.test(text) ||
        !/\b(test|it|qemuTest|describe(Inline|Isolated))\(/.test(text) ||
        !/assert|(network|audio)Conformance|describe(Inline|Isolated)/.test(text),
    )
    .map(({ path }) => path);
  assert.deepEqual(wrong, []);
});
