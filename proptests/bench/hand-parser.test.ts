/** Two readings of the grammar agree on every specification: the tree is the same to the last span, and no construct is left out. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../drivers/package-root.ts';
import { Diagnostics } from '../../dsslang/diagnostics.ts';
import type * as ast from '../../dsslang/ast.ts';
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

/** The examples of the guide, in a device where they are parts of one. */
const examples = [...readFileSync(join(root, 'docs/language.md'), 'utf8').matchAll(/^```dss$\n([^]*?)^```$/gm)].map(
  ([, text = '']) => (/^(\/\/[^\n]*\n)*(device|import|template) /.test(text) ? text : `device example {\n${text}}\n`),
);

function read(text: string): { tree: ast.SourceFile; errors: boolean } {
  const source = new Source('x.dss', text);
  const diagnostics = new Diagnostics(source);
  const tree = parse(source, diagnostics);
  return { tree, errors: diagnostics.hasErrors };
}

/** Every `kind` of node in a tree. */
function kindsIn(tree: unknown, kinds: Set<string>): Set<string> {
  if (typeof tree !== 'object' || tree === null) return kinds;
  if ('kind' in tree && typeof tree.kind === 'string') kinds.add(tree.kind);
  for (const child of Object.values(tree)) kindsIn(child, kinds);
  return kinds;
}

const itemKinds: Record<ast.Item['kind'], true> = {
  match: true, region: true, const: true, register: true, area: true, window: true, struct: true, machine: true, var: true,
  ring: true, include: true, handler: true, event: true, in: true, counter: true, table: true, freeze: true, clock: true,
  deadline: true, rate: true, engine: true, interrupt: true, frozen: true, pool: true, check: true, reset: true,
  invariant: true,
}; // prettier-ignore
const statementKinds: Record<ast.Statement['kind'], true> = {
  require: true, assign: true, transition: true, let: true, deny: true, if: true, for: true, table: true, list: true,
  mut: true, count: true, forget: true, start: true, stop: true, spend: true, check: true,
}; // prettier-ignore

void test('the hand-written parser builds the same tree, for every specification and example without mistakes of syntax', () => {
  const kinds = new Set<string>();
  let compared = 0;
  const compare = (text: string, title: string): boolean => {
    const { tree, errors } = read(text);
    if (errors) return false;
    assert.deepEqual(parseByHand(text), tree, title);
    kindsIn(tree, kinds);
    compared += 1;
    return true;
  };
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8');
    // The golden cases of mistakes, and they alone, may be unreadable.
    if (!compare(text, file)) assert.match(file, /^dsslang\/ui\/(?!ok\/)/);
  }
  for (const text of examples) assert.ok(compare(text, text), text);
  assert.ok(compared > 190, `${compared} compared`);
  for (const kind of [...Object.keys(itemKinds), ...Object.keys(statementKinds)]) assert.ok(kinds.has(kind), kind);
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
