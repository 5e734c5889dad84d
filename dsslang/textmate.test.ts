/** The highlighting grammar knows every word, marks whole files, and is committed as it is made. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { scopeOf, textmateGrammar } from './textmate.ts';
import { tokenize } from './lexer.ts';
import { keywords, Identifier } from './tokens.ts';

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const root = packageRoot();
const file = join(root, 'dsslang', 'dss.tmLanguage.json');

interface Pattern {
  readonly name?: string;
  readonly match?: string;
  readonly begin?: string;
  readonly end?: string;
  readonly patterns?: readonly Pattern[];
}
const { repository } = JSON.parse(textmateGrammar()) as { repository: Readonly<Record<string, Pattern>> };

function flatten(pattern: Pattern): Pattern[] {
  return [pattern, ...(pattern.patterns ?? []).flatMap(flatten)];
}
const all = Object.values(repository).flatMap(flatten);

test('dss.tmLanguage.json is what the token table says', () => {
  if (process.env['UPDATE'] === '1') writeFileSync(file, textmateGrammar());
  assert.equal(readFileSync(file, 'utf8'), textmateGrammar(), 'run this test with UPDATE=1');
});

test('every keyword is highlighted by exactly one pattern, as a whole word', () => {
  const patterns = repository['keywords']?.patterns ?? [];
  for (const word of keywords) {
    const own = patterns.filter((pattern) => new RegExp(`^(?:${pattern.match ?? ''})$`).test(word));
    assert.deepEqual(
      own.map((each) => each.name),
      [scopeOf(word)],
      word,
    );
    assert.ok(!patterns.some((pattern) => new RegExp(pattern.match ?? '').test(`${word}_x`)), word);
  }
});

test('every pattern is a regular expression', () => {
  for (const { match, begin, end } of all)
    for (const source of [match, begin, end])
      if (source !== undefined) assert.doesNotThrow(() => new RegExp(source), source);
});

test('in a real specification every token but names and brackets gets a scope', () => {
  const text = readFileSync(join(root, 'drivers/e1000/e1000.dss'), 'utf8');
  const patterns = all.flatMap(({ match }) => (match === undefined ? [] : [new RegExp(match)]));
  for (const token of tokenize(text).tokens) {
    if (token.tokenType === Identifier || /^[[\](){},:;.]$/.test(token.image)) continue;
    assert.ok(
      patterns.some((pattern) => pattern.exec(token.image)?.[0] === token.image),
      token.image,
    );
  }
});
