import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

function root(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const read = (name: string): string => readFileSync(join(root(), name), 'utf8');

test('the rules that the interpreter cites are just the rules that docs/semantics.md states', () => {
  const files = ['interpreter.ts', 'interpreter/statements.ts', 'interpreter/expressions.ts'];
  const text = files.map((file) => read(`dsslang/${file}`)).join('\n');
  const cited = new Set([...text.matchAll(/\bS(\d+):/g)].map((match) => Number(match[1])));
  const stated = [...read('docs/semantics.md').matchAll(/^## S(\d+)\. /gm)].map((match) => Number(match[1]));
  assert.deepEqual(
    stated,
    Array.from({ length: stated.length }, (_, index) => index + 1),
  );
  assert.deepEqual(
    [...cited].sort((a, b) => a - b),
    stated,
  );
});

test('every rule is tested by name, and takes two to six lines', () => {
  const tests = read('dsslang/interpreter.test.ts');
  const sections = read('docs/semantics.md').split(/^## S/m).slice(1);
  for (const section of sections) {
    const number = /^\d+/.exec(section)?.[0] ?? '';
    assert.match(tests, new RegExp(`test\\('[^']*\\bS${number}\\b`), `S${number}`);
    const lines = section
      .split('\n')
      .slice(1)
      .filter((line) => line.trim() !== '').length;
    assert.ok(lines >= 2 && lines <= 6, `S${number} has ${lines} lines`);
  }
});
