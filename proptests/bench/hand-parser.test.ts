/** Two readings of the grammar agree on every specification: the tree is the same to the last span. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../drivers/package-root.ts';
import { Diagnostics } from '../../dsslang/diagnostics.ts';
import { compile } from '../../dsslang/index.ts';
import { parse } from '../../dsslang/parse.ts';
import { Source } from '../../dsslang/source.ts';
import { parseByHand } from './hand-parser.ts';
import { specificationOf } from './specification-text.ts';

const root = packageRoot();
const files = ['drivers', 'examples', 'dsslang'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.dss'))
    .map((name) => join(folder, name)),
);

function read(text: string): { tree: unknown; errors: boolean } {
  const source = new Source('x.dss', text);
  const diagnostics = new Diagnostics(source);
  const tree = parse(source, diagnostics);
  return { tree, errors: diagnostics.hasErrors };
}

void test('the hand-written parser builds the same tree, for every specification without mistakes of syntax', () => {
  let compared = 0;
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8');
    const { tree, errors } = read(text);
    if (errors) continue;
    assert.deepEqual(parseByHand(text), tree, file);
    compared += 1;
  }
  assert.ok(compared > 120, `${compared} compared`);
});

void test('generated specifications have just as many lines as asked for, compile without complaint, and read the same', () => {
  for (const lines of [100, 119, 500, 5000]) {
    const text = specificationOf(lines);
    assert.equal(text.split('\n').length - 1, lines);
    assert.deepEqual(compile(text).diagnostics, []);
    assert.deepEqual(parseByHand(text), read(text).tree);
  }
  assert.throws(() => specificationOf(99), RangeError);
});

void test('the hand-written parser refuses what is no specification', () => {
  for (const text of ['device', 'device d {', 'device d { register }', 'x', 'device d { on write R { x @ 1 } }', '/* '])
    assert.throws(() => parseByHand(text), SyntaxError, text);
});
