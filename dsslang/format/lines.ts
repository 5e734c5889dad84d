/**
 * A specification as lines of pieces: tokens and comments in the order written. White space is forgotten here, except
 * where lines end. Blank lines are kept as empty lines, at most one in a row and none at the edges of a block.
 */
import type { IToken } from 'chevrotain';
import {
  BinaryOperatorToken,
  Close,
  CloseRound,
  CloseSquare,
  Identifier,
  Integer,
  NameToken,
  Open,
  OpenRound,
  OpenSquare,
  PciId,
  Text,
  Type,
} from '../tokens.ts';
import { tokenize } from '../lexer.ts';

/**
 * What a piece is for the layout. `reserved` words can never be names (`require`, `if`); `word`s are keywords that may be.
 */
export type PieceKind =
  | 'open' | 'close' | 'name' | 'word' | 'reserved' | 'number' | 'text' | 'operator' | 'mark'
  | 'lineComment' | 'blockComment'; // prettier-ignore

export interface Piece {
  readonly text: string;
  readonly kind: PieceKind;
  /** Spaces before it; 0 for the first of a line. */
  gap: number;
}

/** A column stop: the piece that starts a column, and what it must share with its neighbours. */
export interface Stop {
  readonly piece: number;
  readonly label: string;
}

export interface Line {
  readonly pieces: Piece[];
  indent: number;
  /** Brackets open at its begin. */
  depth: number;
  /** Goes on with what the line before left unfinished. */
  continues: boolean;
  stops: readonly Stop[];
}

const opening = new Set([Open, OpenRound, OpenSquare]);
const closing = new Set([Close, CloseRound, CloseSquare]);

export const isComment = (piece: Piece): boolean => piece.kind === 'lineComment' || piece.kind === 'blockComment';

function kindOf({ tokenType }: IToken): PieceKind {
  const categories = tokenType.CATEGORIES ?? [];
  if (opening.has(tokenType)) return 'open';
  if (closing.has(tokenType)) return 'close';
  if (tokenType === Identifier) return 'name';
  if (tokenType === Integer || categories.includes(Integer)) return 'number';
  if (tokenType === Text || categories.includes(Text)) return 'text';
  if (categories.includes(BinaryOperatorToken)) return 'operator';
  if (/^keyword_/.test(tokenType.name)) return categories.includes(NameToken) ? 'word' : 'reserved';
  return tokenType === Type || tokenType === PciId ? 'number' : 'mark';
}

/** Trailing spaces of a comment are white space as well. */
const tidyComment = (image: string): string => image.replace(/[ \t]*\r?\n/g, '\n').trimEnd();

/** @returns the lines, without blank ones at the begin and the end */
export function readLines(text: string): Line[] {
  const lexed = tokenize(text);
  const groups: readonly (readonly IToken[] | undefined)[] = Object.values(lexed.groups);
  const comments = groups.flatMap((group) => group ?? []);
  const found: { at: number; image: string; kind: PieceKind; end: number }[] = [
    ...lexed.tokens.map((token) => ({
      at: token.startOffset,
      image: token.image,
      kind: kindOf(token),
      end: token.startOffset + token.image.length,
    })),
    ...comments.map((token) => ({
      at: token.startOffset,
      image: tidyComment(token.image),
      kind: token.image.startsWith('//') ? ('lineComment' as const) : ('blockComment' as const),
      end: token.startOffset + token.image.length,
    })),
  ].sort((a, b) => a.at - b.at);

  const lines: Line[] = [];
  let end = 0;
  for (const each of found) {
    const breaks = newLines(text, end, each.at);
    if (breaks > 0 || lines.length === 0) {
      if (breaks > 1 && lines.length > 0) lines.push(emptyLine());
      lines.push(emptyLine());
    }
    lines.at(-1)?.pieces.push({ text: each.image, kind: each.kind, gap: 0 });
    end = each.end;
  }
  return lines.filter((line, index) => line.pieces.length > 0 || !atEdge(lines[index - 1], lines[index + 1]));
}

const emptyLine = (): Line => ({ pieces: [], indent: 0, depth: 0, continues: false, stops: [] });

function newLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at !== -1 && at < to && count < 2; at = text.indexOf('\n', at + 1))
    count += 1;
  return count;
}

/** Is a blank line between these two the first or the last of a block? */
function atEdge(before: Line | undefined, after: Line | undefined): boolean {
  const last = before?.pieces.findLast((piece) => !isComment(piece));
  const opensBlock = last?.kind === 'open' && !(before?.pieces.every(isComment) ?? true);
  return opensBlock || after?.pieces[0]?.kind === 'close';
}
