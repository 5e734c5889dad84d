/**
 * Golden diagnostics: every specification under `dsslang/ui` against exactly what its author would read. `UPDATE=1`
 * writes the expectations anew; look at the difference before committing it.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { compile, compileBytes, type CompileResult } from './compile.ts';
import { emitJs } from './emit/js.ts';
import { loadFrom } from './load.ts';
import { catalogue } from './messages.ts';
import { renderDiagnostics } from './render.ts';
import { SOURCE_BYTES_MAX } from './source.ts';

/** The checkout: compiled tests run from `dist/`, their specifications stay in the source tree. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const root = join(packageRoot(), 'dsslang', 'ui');
const cases = readdirSync(root, { recursive: true, encoding: 'utf8' })
  // What cases import is no case.
  .filter((name) => name.endsWith('.dss') && !name.includes('/parts/'))
  .sort();

function compileCase(name: string): CompileResult {
  const load = loadFrom(join(root, name), name);
  return compileBytes(readFileSync(join(root, name)), name, { load, strict: name.startsWith('strict/') });
}

const printed = (result: CompileResult): string => {
  const text = renderDiagnostics(result.diagnostics, result.dropped);
  return text === '' ? 'no diagnostics\n' : `${text}\n`;
};

for (const name of cases) {
  test(`ui/${name} says exactly what is expected`, () => {
    const actual = printed(compileCase(name));
    const golden = join(root, name.replace(/\.dss$/, '.expected'));
    if (process.env['UPDATE'] === '1') writeFileSync(golden, actual);
    assert.equal(actual, readFileSync(golden, 'utf8'));
  });
}

test('every golden file belongs to a specification', () => {
  const expected = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((each) =>
    each.endsWith('.expected'),
  );
  assert.deepEqual(expected.map((each) => each.replace(/\.expected$/, '.dss')).sort(), cases);
});

test('every case begins with a comment that names the codes it shows, and shows just those', () => {
  for (const name of cases) {
    const [first = ''] = readFileSync(join(root, name), 'utf8').split('\n');
    assert.match(first, /^\/\/ /, name);
    const promised = new Set(first.match(/DSS\d{3}/g) ?? []);
    const shown = new Set<string>(compileCase(name).diagnostics.map((each) => each.code));
    assert.deepEqual([...shown].sort(), [...promised].sort(), name);
  }
});

test('cases in ok compile without a word, in warn and strict with warnings only, elsewhere not at all', () => {
  for (const name of cases) {
    const { program, diagnostics } = compileCase(name);
    const errors = diagnostics.filter((each) => each.severity === 'error').length;
    if (name.startsWith('ok/')) assert.deepEqual(diagnostics, [], name);
    const warns = name.startsWith('warn/') || name.startsWith('strict/');
    if (warns) assert.ok(diagnostics.length > 0, name);
    const compiles = name.startsWith('ok/') || warns;
    assert.equal(errors === 0, compiles, name);
    assert.equal(program !== undefined, compiles, name);
    if (program !== undefined) assert.match(emitJs(program), /export function createMonitor/);
  }
});

test('the underline covers exactly the text of the span', () => {
  for (const name of cases) {
    for (const { source, span, code } of compileCase(name).diagnostics) {
      const text = source.slice(span);
      assert.ok(span.start >= 0 && span.end <= source.text.length, `${name} ${code}`);
      assert.equal(text, text.trim(), `${name} ${code}: \`${text}\``);
      assert.ok(text !== '' || source.text === '', `${name} ${code}: nothing is underlined`);
    }
  }
});

// Bytes that no text file in a repository should hold.
const oversized = compileBytes(new Uint8Array(SOURCE_BYTES_MAX + 1).fill(0x20), 'large.dss');
const binary = compileBytes(new TextEncoder().encode('device d {\n  // caf\u00E9\n}').with(20, 0xff), 'binary.dss');

test('DSS004: bytes that are not UTF-8 are shown where they stand', () => {
  assert.equal(
    printed(binary),
    [
      'error[DSS004]: the file is not UTF-8 text (first bad byte in line 2)',
      ' --> binary.dss:2:9',
      '  |',
      '2 |   // caf\uFFFD\uFFFD',
      '  |         ^',
      '  = help: save it as UTF-8',
      '',
      '1 error',
      '',
    ].join('\n'),
  );
});

test('DSS005: a file of the largest size is read, one byte more is refused unread', () => {
  assert.match(printed(oversized), /^error\[DSS005\]: the file has 524289 bytes; a specification has at most 524288\n/);
  const largest = compileBytes(new Uint8Array(SOURCE_BYTES_MAX).fill(0x20), 'large.dss');
  assert.deepEqual(
    largest.diagnostics.map((each) => each.code),
    ['DSS008'],
  );
});

const deep = compile('import "./a0.dss" device d {}', 'deep.dss', {
  load: ({ path }) => `import "./a${Number(/\d+/.exec(path)?.[0]) + 1}.dss"`,
});

test('DSS053: imports of imports end', () => {
  assert.match(
    printed(deep),
    /^error\[DSS053\]: one specification has at most 16 imports of imports\n --> a15.dss:1:9\n/,
  );
});

test('a file of control characters cannot drive the terminal of its reader', () => {
  const { diagnostics } = compile('device d \u001B[2J\u202E { \u0007 }');
  assert.ok(diagnostics.length > 0);
  assert.doesNotMatch(renderDiagnostics(diagnostics), /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202A-\u202E]/);
});

test('every code of the catalogue is shown by some case', () => {
  const shown = new Set(
    [...cases.map(compileCase), oversized, binary, deep].flatMap((result) =>
      result.diagnostics.map((each) => each.code),
    ),
  );
  assert.deepEqual([...shown].sort(), Object.keys(catalogue).sort());
});
