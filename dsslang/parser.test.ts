/** The grammar against what the parser skips at every start: its own validation, and that every rule has words. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { phrases } from './parser-messages.ts';
import { dssParser } from './parser.ts';
import { compile } from './compile.ts';
import { keywords } from './tokens.ts';

test('every rule of the grammar has a phrase, and every phrase a rule', () => {
  const rules = Object.keys(dssParser().getGAstProductions());
  assert.deepEqual(Object.keys(phrases).sort(), [...rules].sort());
});

test('a word of the language that begins no part of a statement can name a variable', () => {
  const reserved = new Set([
    'require', 'deny', 'let', 'if', 'then', 'else', 'for', 'in', 'on', 'and', 'or', 'not', 'implies', 'true', 'false', 'reserved',
  ]); // prettier-ignore
  for (const word of keywords) {
    const { diagnostics } = compile(`device d {
      match pci 8086:100e
      region r0 = bar 0 memory 4K
      register R at r0+0 : u32 rw
      var ${word} : u8
      on write R(v) { ${word} = v[7:0] if ${word} == 3 { ${word} = 4 } }
      reset { delay 1ms }
    }`);
    assert.equal(diagnostics.length === 0, !reserved.has(word), word);
  }
});
