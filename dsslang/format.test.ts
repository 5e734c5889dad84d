/** The formatter changes white space only, the same way whatever white space was there, and has nothing to do twice. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import * as fc from 'fast-check';
import { format } from './format.ts';
import { readLines } from './format/lines.ts';

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const root = packageRoot();
const specifications = (folder: string): string[] =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.dss'))
        .map((name) => join(folder, name))
        .sort()
    : [];
const shipped = ['drivers', 'examples', 'dsslang/std', 'dsslang/init'].flatMap(specifications);
const all = [...shipped, ...specifications('dsslang/ui')];
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
/** Those without mistakes of syntax. */
const readable = all.filter((file) => format(read(file), file).text !== undefined);

function formatted(text: string): string {
  const { text: result, diagnostics } = format(text);
  assert.ok(result !== undefined, diagnostics.map((each) => each.message).join('\n'));
  return result;
}

const pieces = (text: string): string[] => readLines(text).flatMap((line) => line.pieces.map((piece) => piece.text));

test('formatting keeps every token and every comment, and has nothing to do twice', () => {
  assert.ok(readable.length > 40, `${readable.length} specifications are readable`);
  for (const file of readable) {
    const once = formatted(read(file));
    assert.deepEqual(pieces(once), pieces(read(file)), file);
    assert.equal(formatted(once), once, file);
  }
});

test('every shipped specification is formatted', () => {
  assert.ok(shipped.length > 1);
  for (const file of shipped) assert.equal(formatted(read(file)), read(file), `run: refmon fmt ${file}`);
});

test('a file with mistakes of syntax is left alone and the mistakes are told', () => {
  for (const file of all.filter((each) => !readable.includes(each))) {
    const { text, diagnostics } = format(read(file), file);
    assert.equal(text, undefined, file);
    assert.ok(
      diagnostics.some((each) => each.severity === 'error'),
      file,
    );
  }
});

/** The text with other white space between the same pieces on the same lines. */
function respaced(text: string, spaces: readonly number[]): string {
  let next = 0;
  const some = (least: number): string => {
    next += 1;
    return ' '.repeat(least + (spaces[next % spaces.length] ?? 0));
  };
  return readLines(text)
    .map((line) => `${some(0)}${line.pieces.map((piece) => `${piece.text}${some(1)}`).join('')}`)
    .join('\n');
}

test('the result does not depend on the spaces that were there', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...readable),
      fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 50 }),
      (file, spaces) => {
        const text = read(file);
        assert.equal(formatted(respaced(text, spaces)), formatted(text));
      },
    ),
    { numRuns: 60 },
  );
});

test('lines may be broken anywhere: formatting stays idempotent and keeps all pieces', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...readable),
      fc.array(fc.constantFrom(' ', '  ', '\n', '\n\n\n', '\t', '\r\n'), { minLength: 1, maxLength: 40 }),
      (file, gaps) => {
        let next = 0;
        const lines = readLines(read(file)).flatMap((line) => line.pieces);
        const text = lines
          .map(({ text: piece, kind }) => {
            next += 1;
            return `${piece}${kind === 'lineComment' ? '\n' : ''}${gaps[next % gaps.length] ?? ' '}`;
          })
          .join('');
        const once = formatted(text);
        assert.equal(formatted(once), once);
        assert.deepEqual(pieces(once), pieces(text));
      },
    ),
    { numRuns: 100 },
  );
});

const cases: readonly (readonly [title: string, from: string, to: string])[] = [
  ['indents by brackets and spaces operators', 'device d{\non write R( v ){\nx=v+1\n}\n}', 'device d {\n  on write R(v) {\n    x = v + 1\n  }\n}\n'],
  ['collapses blank lines and drops those at the edges of a block', 'device d {\n\n\n  var x : u8\n\n\n\n  var y : u8\n\n}\n\n', 'device d {\n  var x : u8\n\n  var y : u8\n}\n'],
  ['aligns the declarations of a list', 'device d {\nregister A at r+0 : u8 rw\narea LONG at r + 4 size 4 : ro\n}', 'device d {\n  register A    at r+0 : u8 rw\n  area     LONG at r+4 size 4 : ro\n}\n'],
  ['aligns reasons and comments', 'device d {\non write R(v) {\nrequire v < 1 "a" // x\nrequire v < 1000 "bb"\ny = 1 // z\n}\n}', 'device d {\n  on write R(v) {\n    require v < 1     "a"  // x\n    require v < 1000  "bb"\n    y = 1                  // z\n  }\n}\n'],
  ['separates statements that share a line', 'device d { on write R(v) { x = 1 tx -> On require v < 3 "no" } }', 'device d { on write R(v) { x = 1  tx -> On  require v < 3 "no" } }\n'],
  ['indents what continues a line', 'device d {\non write R(v) {\nlet s = if v == 0\nthen 1\nelse 2\n}\n}', 'device d {\n  on write R(v) {\n    let s = if v == 0\n      then 1\n      else 2\n  }\n}\n'],
  ['keeps block comments as they are', 'device d {\n/* one\n     two */ var x : u8 /* three */\n}', 'device d {\n  /* one\n     two */ var x : u8 /* three */\n}\n'],
  ['does not make a PCI id of a range of bits', 'device d { on write R(v) { x = v[FACE : BEEF] } }', 'device d { on write R(v) { x = v[FACE : BEEF] } }\n'],
]; // prettier-ignore

for (const [title, from, to] of cases) test(title, () => assert.equal(formatted(from), to));

test('an empty file stays empty, and one too large is refused', () => {
  assert.equal(format('').text, '');
  assert.equal(format(' \n\n').text, '');
  assert.deepEqual(
    format(' '.repeat(5 * 1024 * 1024)).diagnostics.map((each) => each.code),
    ['DSS005'],
  );
});
