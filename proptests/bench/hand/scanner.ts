/** The tokens of the language, scanned by hand: one pass over character codes. For `../hand-parser.ts` only. */
import { keywords } from '../../../dsslang/tokens.ts';

export type TokenKind = 'name' | 'keyword' | 'number' | 'pci' | 'type' | 'text' | 'symbol' | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const words: ReadonlySet<string> = new Set(keywords);
/** Longest first, so that `+|` is not taken for `+`. */
const symbols3 = new Set(['..<']);
const symbols2 = new Set(['->', '==', '!=', '<<', '>>', '<=', '>=', '+%', '-%', '*%', '+|', '-|']);

const isDigit = (code: number): boolean => code >= 48 && code <= 57;
const isWord = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || isDigit(code) || code === 95;
const isHex = (code: number): boolean => isDigit(code) || (code >= 97 && code <= 102) || (code >= 65 && code <= 70);

/** What a file consists of: its tokens, then `end`; and its `///` comments, for documentation. */
export interface Scanned {
  readonly tokens: readonly Token[];
  readonly documentation: readonly { readonly start: number; readonly text: string }[];
}

/** @throws SyntaxError at what belongs to no token */
export function scan(text: string): Scanned {
  const tokens: Token[] = [];
  const documentation: { start: number; text: string }[] = [];
  let at = 0;
  const push = (kind: TokenKind, end: number): void => {
    tokens.push({ kind, text: text.slice(at, end), start: at, end });
    at = end;
  };
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 32 || code === 10 || code === 9 || code === 13 || code === 0xfeff) {
      at += 1;
    } else if (code === 47 && text.charCodeAt(at + 1) === 47) {
      const end = lineEnd(text, at);
      if (text.charCodeAt(at + 2) === 47) documentation.push({ start: at, text: text.slice(at, end) });
      at = end;
    } else if (code === 47 && text.charCodeAt(at + 1) === 42) {
      const end = text.indexOf('*/', at + 2);
      if (end === -1) throw new SyntaxError(`comment without an end at ${at}`);
      at = end + 2;
    } else if (isPciId(text, at)) push('pci', at + 9);
    else if (isWord(code)) {
      let end = at + 1;
      while (isWord(text.charCodeAt(end))) end += 1;
      push(wordKind(text, at, end), end);
    } else if (code === 34) {
      const end = text.indexOf('"', at + 1);
      if (end === -1 || end > lineEnd(text, at)) throw new SyntaxError(`text without an end at ${at}`);
      push('text', end + 1);
    } else push('symbol', at + symbolLength(text, at));
  }
  tokens.push({ kind: 'end', text: '', start: text.length, end: text.length });
  return { tokens, documentation };
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end === -1 ? text.length : end;
}

function isPciId(text: string, at: number): boolean {
  if (text.charCodeAt(at + 4) !== 58 || isWord(text.charCodeAt(at + 9))) return false;
  for (const offset of [0, 1, 2, 3, 5, 6, 7, 8]) if (!isHex(text.charCodeAt(at + offset))) return false;
  return true;
}

function wordKind(text: string, start: number, end: number): TokenKind {
  const first = text.charCodeAt(start);
  if (isDigit(first)) return 'number';
  if (first === 117 && end > start + 1) {
    let digits = start + 1;
    while (digits < end && isDigit(text.charCodeAt(digits))) digits += 1;
    if (digits === end) return 'type';
  }
  return words.has(text.slice(start, end)) ? 'keyword' : 'name';
}

function symbolLength(text: string, at: number): number {
  if (symbols3.has(text.slice(at, at + 3))) return 3;
  if (symbols2.has(text.slice(at, at + 2))) return 2;
  if ('{}[](),:;.=~|+<>-*/%^&'.includes(text[at] ?? ' ')) return 1;
  throw new SyntaxError(`\`${text[at]}\` at ${at} belongs to no token`);
}
