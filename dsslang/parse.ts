/**
 * Text to tree, with every mistake reported in our own words. Never throws on bad input; always returns a tree.
 *
 * Guards before the parser runs: nesting and literal size, so that no later pass can be driven out of stack or time by a
 * hostile file. (`compile.ts` has refused a file that is too large.)
 */
import { EOF, type IToken } from 'chevrotain';
import type { SourceFile } from './ast.ts';
import { didYouMean, type Diagnostics } from './diagnostics.ts';
import { nestingError } from './nesting.ts';
import { unpack } from './parser-messages.ts';
import { tokenize, type LexResult } from './lexer.ts';
import { readTokens } from './parser.ts';
import { CHAIN_MAX, integerValue, spanOf } from './parser/leaves.ts';
import { mendSlips, slipAt } from './slips.ts';
import { span, type Source, type Span } from './source.ts';
import { BadInteger, Dot, Identifier, Integer, K, keywords, type Keyword, OpenText } from './tokens.ts';

/**
 * @param base where the source stands among all the text of the compilation (`sources.ts`)
 * @returns the tree; empty if the file could not be read at all
 */
export function parse(source: Source, diagnostics: Diagnostics, base = 0): SourceFile {
  const { sources } = diagnostics;
  const empty: SourceFile = {
    span: span(base, base + source.text.length),
    imports: [],
    templates: [],
    devices: [],
    unread: undefined,
  };
  const lexed = shifted(tokenize(source.text), base);
  const errorsBefore = diagnostics.errors;
  reportLexerErrors(lexed, diagnostics);
  const swallowed = reportOpenEnded(lexed, diagnostics);
  const nesting = nestingError(lexed.tokens);
  if (nesting !== undefined) {
    diagnostics.add('DSS006', { what: nesting.what, max: nesting.max }, spanOf(nesting.token));
    return empty;
  }
  if (!checkLiterals(lexed.tokens, diagnostics)) return empty;

  nameTheDevice(lexed.tokens);
  const tokens = mendSlips(lexed.tokens, diagnostics);
  const { file, errors, tooLong } = readTokens(tokens);
  for (const place of tooLong) diagnostics.add('DSS006', { what: 'operators in a row', max: CHAIN_MAX }, place);
  // A character that does not belong there already explains what the parser stumbles over in the same line.
  const explained = new Set(lexed.errors.map((error) => sources.position(error.offset).line));
  const indices = errors.length === 0 ? new Map<IToken, number>() : new Map(tokens.map((token, at) => [token, at]));
  let lastLine = -1;
  let braceMissing = false;
  let slipped = false;
  for (const error of errors) {
    const previous = 'previousToken' in error ? (error.previousToken as IToken | undefined) : undefined;
    const place = placeOf(error.token, previous, lexed.tokens);
    const line = sources.position(place.start).line;
    // One mistake often makes the parser stumble twice on one line: only the first is the author's.
    if (line === lastLine || explained.has(line) || place.end > swallowed) continue;
    // Where a `{` is missing, its `}` closes too much: that the file then ends too early, or too late, is an echo.
    if (braceMissing && isAtTheEnd(error.token, tokens)) continue;
    const isChange = error.context.ruleStack.at(-1) === 'change';
    const slip = slipAt(error, indices.get(error.token) ?? tokens.length, tokens);
    // What follows a statement of another language is mostly the rest of it.
    const echo = slipped && isChange && slip === undefined;
    slipped = slip !== undefined;
    if (echo) continue;
    lastLine = line;
    if (slip === undefined)
      diagnostics.add('DSS001', unpack(error.message), place, { help: meantKeyword(error.token, previous) });
    else slip(diagnostics);
    braceMissing ||= slipped && error.context.ruleStack.at(-1) === 'block';
  }
  const unread =
    diagnostics.errors > errorsBefore
      ? unreadNames(
          lexed.tokens,
          errors.map((error) => error.token),
        )
      : undefined;
  return file === undefined ? empty : { ...attachDocumentation(file, lexed), unread };
}

const isAtTheEnd = (token: IToken, tokens: readonly IToken[]): boolean =>
  token.tokenType === EOF || token === tokens.at(-1);

/** All offsets `base` further on. */
function shifted(lexed: LexResult, base: number): LexResult {
  if (base === 0) return lexed;
  for (const token of [...lexed.tokens, ...Object.values(lexed.groups).flat()]) token.startOffset += base;
  for (const error of lexed.errors) error.offset += base;
  return lexed;
}

/** In `device.reads(...)` the word is a name: left a keyword, recovery would take it for the begin of another device. */
function nameTheDevice(tokens: readonly IToken[]): void {
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] as IToken;
    if (token.tokenType !== K.device || tokens[at + 1]?.tokenType !== Dot) continue;
    token.tokenType = Identifier;
    if (Identifier.tokenTypeIdx !== undefined) token.tokenTypeIdx = Identifier.tokenTypeIdx;
  }
}

/** A word of the language that the author may have wanted to write. */
function meantKeyword(token: IToken, previous: IToken | undefined): string | undefined {
  for (const each of [token, previous]) {
    if (each?.tokenType !== Identifier) continue;
    const close = didYouMean(each.image, keywords);
    if (close !== undefined) return `did you mean \`${close}\`?`;
  }
  return undefined;
}

const declaringWords: readonly Keyword[] = [
  'region', 'const', 'register', 'area', 'window', 'struct', 'machine', 'var', 'ring',
  'counter', 'table', 'clock', 'deadline', 'rate', 'engine',
  'mut', 'frozen', 'pool', 'template', 'check',
  'as', // and the prefix of an include
]; // prettier-ignore
const declaring = new Set(declaringWords.map((word) => K[word]));

/** Names that stand in declarations, read or not, of a file with mistakes: their uses are no further mistakes. */
function unreadNames(tokens: readonly IToken[], wrong: readonly IToken[]): ReadonlySet<string> {
  const misspelled = new Set(wrong);
  const names = new Set<string>();
  for (const [at, token] of tokens.entries()) {
    const next = tokens[at + 1];
    if (next === undefined) continue;
    const declares =
      declaring.has(token.tokenType) ||
      misspelled.has(token) ||
      (token.tokenType === Identifier && didYouMean(token.image, declaringWords) !== undefined);
    if (declares) names.add(next.image);
  }
  return names;
}

/** Where to point: at the unexpected token, or at the last one if the file ends too early. */
function placeOf(token: IToken, previous: IToken | undefined, tokens: readonly IToken[]): Span {
  const at = spanOf(token);
  if (at.end > at.start) return at;
  const last = previous !== undefined && spanOf(previous).end > 0 ? previous : tokens.at(-1);
  return last === undefined ? span(0, 0) : spanOf(last);
}

function reportLexerErrors(lexed: LexResult, diagnostics: Diagnostics): void {
  for (const error of lexed.errors) {
    const place = span(error.offset, error.offset + error.length);
    const text = diagnostics.sources.slice(span(place.start, Math.min(place.end, place.start + 40)));
    const shown = place.end - place.start > 20 ? `${text.slice(0, 17)}...` : text;
    if (text === '!') {
      diagnostics.add('DSS013', { found: '!', word: 'not' }, place);
      continue;
    }
    const help = text.startsWith('#')
      ? 'a comment begins with `//`'
      : /[\u2018-\u201F\u00AB\u00BB']/.test(text)
        ? 'a text stands between plain double quotes: `"`'
        : undefined;
    diagnostics.add('DSS002', { text: shown }, place, { help });
  }
}

/**
 * Texts and comments that are never closed.
 * @returns the offset from where on the parser's own complaints are only echoes: brackets may have been swallowed
 */
function reportOpenEnded(lexed: LexResult, diagnostics: Diagnostics): number {
  let swallowed = Infinity;
  for (const token of lexed.tokens) {
    if (token.tokenType !== OpenText) continue;
    diagnostics.add('DSS003', {}, span(token.startOffset, token.startOffset + 1));
    if (/[{}()[\]]/.test(token.image)) swallowed = Math.min(swallowed, token.startOffset);
  }
  for (const comment of lexed.groups['openComments'] ?? []) {
    diagnostics.add('DSS010', {}, span(comment.startOffset, comment.startOffset + 2));
    // What is missing is missing at the last token before the comment.
    swallowed = Math.min(swallowed, (lexed.tokens.at(-1)?.startOffset ?? 0) - 1);
  }
  return swallowed;
}

/** Nothing can be wrong with it, and most are such: a few digits, in a base that nobody mistakes. */
const isPlain = (image: string): boolean => image.length <= 10 && /^(?:0|[1-9][0-9]*|0x[0-9a-fA-F]+)$/.test(image);

/** @returns false if a literal is so long that even reading its value would take too much time */
function checkLiterals(tokens: readonly IToken[], diagnostics: Diagnostics): boolean {
  let readable = true;
  for (const token of tokens) {
    if (token.tokenType === BadInteger) {
      diagnostics.add('DSS011', { text: shortened(token.image) }, spanOf(token));
    } else if (token.tokenType === Integer && !isPlain(token.image)) {
      const tooLong = token.image.length > 100;
      if (/^0[xXbB]_*(K|M|G|us|ms|s)?$/.test(token.image)) {
        diagnostics.add('DSS011', { text: shortened(token.image) }, spanOf(token));
      } else if (tooLong || integerValue(token.image) >= 1n << 64n) {
        diagnostics.add('DSS007', { digits: shortened(token.image) }, spanOf(token));
        readable &&= !tooLong;
      } else if (/^0[0-7_]*[1-9][0-7_]*$/.test(token.image) && Number(token.image.replaceAll('_', '')) > 7)
        diagnostics.add('DSS405', { digits: token.image, value: integerValue(token.image).toString() }, spanOf(token));
    }
  }
  return readable;
}

const shortened = (image: string): string => (image.length > 40 ? `${image.slice(0, 37)}...` : image);

/** The `///` lines right before a device describe it. */
function attachDocumentation(file: SourceFile, lexed: LexResult): SourceFile {
  const lines = lexed.groups['documentation'] ?? [];
  let from = 0;
  const devices = file.devices
    .filter((device) => device !== undefined)
    .map((device) => {
      const before = lines.filter((line) => line.startOffset >= from && line.startOffset < device.span.start);
      from = device.span.end;
      return { ...device, documentation: before.map((line) => line.image.replace(/^\/\/\/ ?/, '')).join('\n') };
    });
  return { ...file, devices };
}
