/**
 * The words of the language, as Chevrotain's token types. One table of keywords; everything else is an operator or a
 * literal. What finds them in a text is `lexer.ts`.
 */
import { createToken, Lexer, type TokenType } from 'chevrotain';

// `start_chars_hint` says by which letters a pattern can begin; without it the lexer takes every pattern apart at every start.
const digits = [...'0123456789'];
const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_'];

/** Whatever may stand where a name is expected: identifiers, and the keywords that start nothing there. */
export const NameToken = createToken({ name: 'Name', pattern: Lexer.NA, label: 'a name' });
export const Identifier = createToken({
  name: 'Identifier',
  pattern: /[A-Za-z_][A-Za-z0-9_]*/,
  start_chars_hint: letters,
  categories: [NameToken],
  label: 'a name',
});

export const keywords = [
  'device', 'match', 'pci', 'region', 'bar', 'memory', 'ports', 'config', 'size', 'const', 'register', 'at', 'stride',
  'access', 'ro', 'wo', 'rw', 'w1c', 'rc', 'platform', 'reserved', 'area', 'window', 'into', 'by', 'struct', 'machine',
  'var', 'max', 'ring', 'base', 'count', 'owned', 'head', 'when', 'on', 'write', 'read', 'report', 'in', 'require',
  'deny', 'let', 'if', 'then', 'else', 'for', 'interrupt', 'cause', 'acknowledge', 'mask', 'within', 'most', 'per',
  'second', 'burst', 'reset', 'wait', 'until', 'delay', 'invariant', 'and', 'or', 'not', 'implies', 'true', 'false',
  // Walks through memory, what is frozen, what specifications share.
  'next', 'while', 'mut', 'frozen', 'from', 'import', 'template', 'include', 'as', 'pool', 'filled',
  // state, time, actions
  'counter', 'modulo', 'saturating', 'table', 'freeze', 'engine', 'clock', 'deadline', 'rate', 'property', 'grant',
  'store', 'tick', 'forget', 'start', 'stop', 'spend', 'clamp', 'fifo', 'check',
] as const; // prettier-ignore

export type Keyword = (typeof keywords)[number];

/** Words that can never be names: each begins or joins something exactly where a name could stand. */
const reservedWords: ReadonlySet<Keyword> = new Set([
  'require', 'deny', 'let', 'if', 'then', 'else', 'for', 'in', 'on', 'and', 'or', 'not', 'implies', 'true', 'false', 'reserved',
  'mut',
]); // prettier-ignore

/** The token of each keyword. The lexer reads an identifier first and then looks its word up (`lexer.ts`). */
export const K = Object.fromEntries(
  keywords.map((word) => [
    word,
    createToken({
      name: `keyword_${word}`,
      pattern: word,
      categories: reservedWords.has(word) ? [] : [NameToken],
      label: `\`${word}\``,
    }),
  ]),
) as Record<Keyword, TokenType>;

const symbol = (name: string, text: string): TokenType => createToken({ name, pattern: text, label: `\`${text}\`` });

export const Open = symbol('Open', '{');
export const Close = symbol('Close', '}');
export const OpenSquare = symbol('OpenSquare', '[');
export const CloseSquare = symbol('CloseSquare', ']');
export const OpenRound = symbol('OpenRound', '(');
export const CloseRound = symbol('CloseRound', ')');
export const Comma = symbol('Comma', ',');
export const Colon = symbol('Colon', ':');
export const Semicolon = symbol('Semicolon', ';');
export const Dot = symbol('Dot', '.');
export const Arrow = symbol('Arrow', '->');
export const UpTo = symbol('UpTo', '..<');
export const Assign = symbol('Assign', '=');
export const Tilde = symbol('Tilde', '~');
/** All binary operators but the words `and`, `or`, `implies`; a category, so the parser consumes any of them. */
export const BinaryOperatorToken = createToken({ name: 'BinaryOperator', pattern: Lexer.NA, label: 'an operator' });
const operator = (name: string, text: string): TokenType =>
  createToken({ name, pattern: text, label: `\`${text}\``, categories: [BinaryOperatorToken] });
/** Operators that also stand outside expressions: `tx.A | tx.B`, `regs + 4`, `wait until CTRL.RST == 0`. */
export const Bar = operator('Bar', '|');
export const Plus = operator('Plus', '+');
export const Equal = operator('Equal', '==');
const operators = [
  Equal, operator('NotEqual', '!='), operator('ShiftLeft', '<<'), operator('ShiftRight', '>>'),
  operator('LessEqual', '<='), operator('GreaterEqual', '>='), operator('Less', '<'), operator('Greater', '>'),
  operator('AddWrap', '+%'), operator('SubWrap', '-%'), operator('MulWrap', '*%'), operator('AddSat', '+|'),
  operator('SubSat', '-|'), operator('Minus', '-'), operator('Star', '*'), operator('Slash', '/'),
  operator('Percent', '%'), operator('Caret', '^'), operator('Ampersand', '&'),
]; // prettier-ignore

/** `0x1F`, `0b101`, `4096`, `128K`, `10ms`: the unit belongs to the literal. `_` may separate digits. */
export const Integer = createToken({
  name: 'Integer',
  pattern: /(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|[0-9][0-9_]*)(?:K|M|G|us|ms|s)?(?![A-Za-z0-9_])/,
  start_chars_hint: digits,
  label: 'a number',
});
/** `0x`, `12ab`: begins like a number and is none. The parser takes it for one; `parse.ts` reports it. */
export const BadInteger = createToken({
  name: 'BadInteger',
  pattern: /[0-9][A-Za-z0-9_]*/,
  start_chars_hint: digits,
  categories: [Integer],
});
/** `8086:100e`, only after `match pci`: four hexadecimal digits on both sides. */
export const PciId = createToken({
  name: 'PciId',
  pattern: /[0-9a-fA-F]{4}:[0-9a-fA-F]{4}(?![0-9A-Za-z_])/,
  start_chars_hint: [...digits, ...'abcdefABCDEF'],
  label: 'a PCI id such as `8086:100e`',
});
export const Type = createToken({
  name: 'Type',
  pattern: /u[0-9]+(?![A-Za-z0-9_])/,
  start_chars_hint: ['u'],
  longer_alt: Identifier,
  label: 'a type such as `u32`',
});
export const Text = createToken({
  name: 'Text',
  pattern: /"[^"\n\r]*"/,
  start_chars_hint: ['"'],
  label: 'a reason in double quotes',
});
/** A text that runs into the end of its line. The parser takes it for a text; `parse.ts` reports it. */
export const OpenText = createToken({
  name: 'OpenText',
  pattern: /"[^"\n\r]*/,
  start_chars_hint: ['"'],
  categories: [Text],
});

export const DocComment = createToken({
  name: 'DocComment',
  pattern: /\/\/\/[^\n]*/,
  start_chars_hint: ['/'],
  group: 'documentation',
});
export const Comment = createToken({
  name: 'Comment',
  pattern: /\/\/[^\n]*/,
  start_chars_hint: ['/'],
  group: 'comments',
});
export const BlockComment = createToken({
  name: 'BlockComment',
  pattern: /\/\*[^]*?\*\//,
  start_chars_hint: ['/'],
  group: 'comments',
  line_breaks: true,
});
/** A comment that runs into the end of the file; reported by `parse.ts`. */
export const OpenComment = createToken({
  name: 'OpenComment',
  pattern: /\/\*[^]*/,
  start_chars_hint: ['/'],
  group: 'openComments',
  line_breaks: true,
});
export const Space = createToken({
  name: 'Space',
  pattern: /[ \t\r\n\uFEFF]+/,
  start_chars_hint: [...' \t\r\n\uFEFF'],
  group: Lexer.SKIPPED,
  line_breaks: true,
});

/** What the lexer finds in a text, in the order in which it tries: the longer operator first. */
export const lexedTokens: TokenType[] = [
  Space, DocComment, Comment, BlockComment, OpenComment, PciId, Integer, BadInteger, Text, OpenText, Type, Identifier,
  Arrow, UpTo, BinaryOperatorToken, NameToken, ...operators, Assign, Bar, Plus, Tilde,
  Open, Close, OpenSquare, CloseSquare, OpenRound, CloseRound, Comma, Colon, Semicolon, Dot,
]; // prettier-ignore

/** What the parser knows. */
export const allTokens: TokenType[] = [...lexedTokens, ...Object.values(K)];

/** Every operator as it is written, for highlighting. */
export const operatorTexts: readonly string[] = [...operators, Bar, Plus, Assign, Arrow, UpTo, Tilde].map(
  (each) => each.PATTERN as string,
);
