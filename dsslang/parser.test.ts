import assert from 'node:assert/strict';
import test from 'node:test';
import { Lexer } from 'chevrotain';
import { Diagnostics } from './diagnostics.ts';
import { nestingError } from './nesting.ts';
import { parse } from './parse.ts';
import { phrases } from './parser-messages.ts';
import { DssParser } from './parser.ts';
import { CHAIN_MAX, integerValue, NESTING_MAX } from './parser/leaves.ts';
import { Source } from './source.ts';
import { tokenize } from './lexer.ts';
import { keywords, lexedTokens } from './tokens.ts';
import type { Expression } from './ast.ts';

test('the lexer has no definition error and no token that another makes unreachable', () => {
  const validated = new Lexer(lexedTokens, { positionTracking: 'onlyOffset', skipValidations: false });
  assert.deepEqual(validated.lexerDefinitionErrors, []);
});

test('what the tokens say they begin with is true: the lexer finds the same without it', () => {
  const plain = new Lexer(lexedTokens, { positionTracking: 'onlyOffset', skipValidations: true, safeMode: true });
  const characters = Array.from({ length: 0x180 }, (_, code) => String.fromCharCode(code));
  const text = [
    ...characters,
    '\uFEFF',
    '8086:100e',
    'abcd:ef01',
    'u32',
    '0x1F',
    '12ab',
    '"t',
    '/// d',
    '/* c */',
    '..<',
    '->',
  ]
    .flatMap((each) => [each, `${each}1 `, `${each}a `, `${each}=\n`])
    .join(' ');
  const shape = (lexed: ReturnType<typeof tokenize>): unknown => ({
    tokens: lexed.tokens.map(({ image, startOffset }) => [image, startOffset]),
    errors: lexed.errors.map(({ offset, length }) => [offset, length]),
    groups: Object.values(lexed.groups).flatMap((group) => group.map(({ image }) => image)),
  });
  assert.deepEqual(shape(tokenize(text)), shape(plain.tokenize(text)));
});

test('the grammar has no ambiguity, no left recursion and no unresolved rule', () => {
  assert.doesNotThrow(() => new DssParser({ recovery: true, validate: true }));
});

test('every rule of the grammar has a phrase, and no phrase is stale', () => {
  assert.deepEqual(
    Object.keys(phrases).sort(),
    Object.keys(new DssParser({ recovery: false }).getGAstProductions()).sort(),
  );
});

test('every keyword is read as itself, also when a longer name begins with it', () => {
  for (const word of keywords) {
    const [token, longer] = tokenize(`${word} ${word}_x`).tokens;
    assert.equal(token?.tokenType.name, `keyword_${word}`);
    assert.equal(longer?.tokenType.name, 'Identifier');
  }
});

test('integers: bases, separators, units of size and of time', () => {
  for (const [image, value] of [
    ['0', 0n], ['42', 42n], ['4_096', 4096n], ['0x2A', 42n], ['0XfF', 255n], ['0b1010_1', 21n], ['128K', 131072n],
    ['2M', 2097152n], ['1G', 1073741824n], ['5us', 5n], ['10ms', 10_000n], ['3s', 3_000_000n], ['0x10K', 16384n],
    ['18446744073709551615', (1n << 64n) - 1n],
  ] as const) {
    assert.equal(integerValue(image), value, image);
    const { tokens, errors } = tokenize(image);
    assert.deepEqual([tokens.length, tokens[0]?.tokenType.name, errors.length], [1, 'Integer', 0], image);
  }
}); // prettier-ignore

/** The expression as it was understood, every operation in brackets. */
function understood(text: string): string {
  const source = new Source('t', `device d { on write R(v) { x = ${text} } }`);
  const diagnostics = new Diagnostics(source);
  const item = parse(source, diagnostics).devices[0]?.items[0];
  assert.deepEqual(diagnostics.sorted(), [], text);
  const statement = item?.kind === 'handler' ? item.body[0] : undefined;
  return statement?.kind === 'assign' ? show(statement.value) : '?';
}

function show(e: Expression): string {
  switch (e.kind) {
    case 'integer':
      return e.value.toString();
    case 'boolean':
      return String(e.value);
    case 'name':
      return e.name.text;
    case 'member':
      return `${show(e.of)}.${e.member.text}`;
    case 'index':
      return `${show(e.of)}[${show(e.index)}]`;
    case 'slice':
      return `${show(e.of)}[${show(e.high)}:${show(e.low)}]`;
    case 'call':
      return `${show(e.callee)}(${e.args.map(show).join(',')})`;
    case 'unary':
      return `(${e.operator} ${show(e.operand)})`;
    case 'binary':
      return `(${show(e.left)} ${e.operator} ${show(e.right)})`;
    case 'choice':
      return `(if ${show(e.condition)} then ${show(e.consequent)} else ${show(e.alternative)})`;
    case 'error':
      return 'ERROR';
  }
}

test('precedence: bits bind tighter than comparisons, implies groups to the right, everything else to the left', () => {
  for (const [text, tree] of [
    ['v & 3 == 0', '((v & 3) == 0)'],
    ['a | b ^ c & d', '(a | (b ^ (c & d)))'],
    ['a << 1 + b', '(a << (1 + b))'],
    ['a + b << 1', '((a + b) << 1)'],
    ['a + b * c - d', '((a + (b * c)) - d)'],
    ['a - b - c', '((a - b) - c)'],
    ['a -| b +% c -% d +| e', '((((a -| b) +% c) -% d) +| e)'],
    ['a / b % c *% d * e', '((((a / b) % c) *% d) * e)'],
    ['a < b and b < c or c == d', '(((a < b) and (b < c)) or (c == d))'],
    ['a implies b implies c', '(a implies (b implies c))'],
    ['a or b implies c and d', '((a or b) implies (c and d))'],
    ['a == b == c', '((a == b) == c)'],
    ['not a and b', '((not a) and b)'],
    ['not a == b', '((not a) == b)'],
    ['~a & b', '((~ a) & b)'],
    ['~a.F[3:1]', '(~ a.F[3:1])'],
    ['if a then b else c + 1', '(if a then b else (c + 1))'],
    ['1 + if a then b else c', '(1 + (if a then b else c))'],
    ['if a then if b then 1 else 2 else 3', '(if a then (if b then 1 else 2) else 3)'],
    ['(a + b) * c', '((a + b) * c)'],
    ['device.reads(a, min(b, 1))[0]', 'device.reads(a,min(b,1))[0]'],
  ] as const) {
    assert.equal(understood(text), tree, text);
  }
});

test('nesting is counted where it nests, not where much stands in a row', () => {
  const error = (text: string): string | undefined => nestingError(tokenize(text).tokens)?.what;
  assert.equal(error('('.repeat(NESTING_MAX)), undefined);
  assert.equal(error('('.repeat(NESTING_MAX + 1)), 'levels of brackets');
  assert.equal(error('() '.repeat(1000)), undefined);
  assert.equal(error('not '.repeat(CHAIN_MAX)), undefined);
  assert.equal(error('not '.repeat(CHAIN_MAX + 1)), 'prefixes in a row');
  assert.equal(error('(not '.repeat(40) + 'not '.repeat(CHAIN_MAX - 39)), 'prefixes in a row');
  assert.equal(error('x = not a '.repeat(1000)), undefined);
  assert.equal(error('x = if a then b else c '.repeat(1000)), undefined);
  assert.equal(error('require a "r" else deny '.repeat(1000)), undefined);
  assert.equal(error('if a { x = 1 } else { x = 2 } '.repeat(1000)), undefined);
  assert.equal(error('if a { if b { } } ' + 'else if a { if b { } } '.repeat(CHAIN_MAX + 1)), '`else`s in a row');
});
