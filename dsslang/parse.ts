/**
 * Text to tree, with every mistake reported in our own words. Never throws on bad input; always returns a tree.
 *
 * Guards before the parser runs: size, nesting and literal size, so that no later pass can be driven out of stack or
 * time by a hostile file.
 */
import type { IToken } from 'chevrotain';
import type { SourceFile } from './ast.ts';
import type { Diagnostics } from './diagnostics.ts';
import { unpack } from './parser-messages.ts';
import { CHAIN_MAX, dssParser, integerValue, NESTING_MAX, spanOf } from './parser.ts';
import { span, type Source, type Span } from './source.ts';
import {
  Close,
  CloseRound,
  CloseSquare,
  Integer,
  K,
  lexer,
  Open,
  OpenRound,
  OpenSquare,
  Tilde,
  type LexResult,
} from './tokens.ts';

const empty = (source: Source): SourceFile => ({ span: span(0, source.text.length), devices: [] });

/** @returns the tree; empty if the file could not be read at all */
export function parse(source: Source, diagnostics: Diagnostics): SourceFile {
  const lexed = lexer.tokenize(source.text);
  reportLexerErrors(source, lexed, diagnostics);
  if (!checkNesting(lexed.tokens, diagnostics)) return empty(source);
  checkLiterals(lexed.tokens, diagnostics);

  const parser = dssParser();
  parser.input = lexed.tokens;
  parser.tooLong = [];
  const file = parser.file() as SourceFile | undefined;
  for (const place of parser.tooLong) diagnostics.add('DSS006', { max: CHAIN_MAX }, place);
  // A mistake in the text already explains what the parser stumbles over at the same place.
  const lexerPlaces = new Set(lexed.errors.map((error) => source.position(error.offset).line));
  let lastLine = -1;
  for (const error of parser.errors) {
    const previous = 'previousToken' in error ? (error.previousToken as IToken | undefined) : undefined;
    const place = placeOf(error.token, previous, source);
    const line = source.position(place.start).line;
    // One mistake often makes the parser stumble twice on one line: only the first is the author's.
    if (line === lastLine || lexerPlaces.has(line)) continue;
    lastLine = line;
    diagnostics.add('DSS001', unpack(error.message), place);
  }
  parser.input = [];
  return file === undefined ? empty(source) : attachDocumentation(file, lexed);
}

/** Where to point: at the unexpected token, or just behind the last one at the end of the file. */
function placeOf(token: IToken, previous: IToken | undefined, source: Source): Span {
  const at = spanOf(token);
  if (at.end > at.start) return at;
  const end =
    previous === undefined || Number.isNaN(previous.startOffset) ? source.text.trimEnd().length : spanOf(previous).end;
  return span(Math.max(0, end - 1), Math.max(end, 0));
}

function reportLexerErrors(source: Source, lexed: LexResult, diagnostics: Diagnostics): void {
  for (const error of lexed.errors) {
    const place = span(error.offset, error.offset + error.length);
    const text = source.slice(place);
    if (text.startsWith('"')) diagnostics.add('DSS003', {}, span(place.start, place.start + 1));
    else if (text.startsWith('/*')) diagnostics.add('DSS010', {}, span(place.start, place.start + 2));
    else {
      const shown = text.length > 20 ? `${text.slice(0, 17)}...` : text;
      diagnostics.add('DSS002', { text: shown.replace(/[^\x20-\x7E]/g, '\uFFFD') }, place);
    }
  }
}

const opening = new Set([Open, OpenRound, OpenSquare]);
const closing = new Set([Close, CloseRound, CloseSquare]);
/** Prefix operators nest without brackets. */
const prefixes = new Set([K.not, Tilde, K.if, K.else]);

function checkNesting(tokens: readonly IToken[], diagnostics: Diagnostics): boolean {
  let depth = 0;
  let prefixRun = 0;
  let elseRun = 0;
  for (const token of tokens) {
    if (token.tokenType === K.else) elseRun += 1;
    else if (token.tokenType === K.on || token.tokenType === K.device) elseRun = 0;
    if (opening.has(token.tokenType)) depth += 1;
    else if (closing.has(token.tokenType)) depth = Math.max(0, depth - 1);
    if (prefixes.has(token.tokenType)) prefixRun += 1;
    else if (closing.has(token.tokenType)) prefixRun = 0;
    if (depth > NESTING_MAX || prefixRun > 4 * NESTING_MAX || elseRun > CHAIN_MAX) {
      diagnostics.add('DSS006', { max: NESTING_MAX }, spanOf(token));
      return false;
    }
  }
  return true;
}

function checkLiterals(tokens: readonly IToken[], diagnostics: Diagnostics): void {
  for (const token of tokens) {
    if (token.tokenType !== Integer) continue;
    if (/^0[xXbB]_*$/.test(token.image)) diagnostics.add('DSS011', { digits: token.image }, spanOf(token));
    else if (token.image.length > 100 || integerValue(token.image) >= 1n << 64n) {
      const digits = token.image.length > 40 ? `${token.image.slice(0, 37)}...` : token.image;
      diagnostics.add('DSS007', { digits }, spanOf(token));
    }
  }
}

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
