/**
 * Columns: where neighbouring lines say the same kind of thing, their parts stand below each other.
 *
 * A line has stops, found from its tokens: the name and the `at`, `:` or `=` of a declaration on one line, the braces and
 * statements of a handler on one line, the reason of a clause, the comment at its end. Lines that follow each other at one
 * depth and agree in a stop's label form a section and share the column; a blank line or a comment of its own ends it.
 */
import { isComment, type Line, type Stop } from './lines.ts';
import { beginsStatement, isLastReason, WIDE_GAP } from './spacing.ts';

/** A part that would begin beyond this column follows its line with a plain gap, and pushes nobody else. */
export const COLUMN_MAX = 80;

/** The first word of a declaration, a name, an index perhaps, and then one of these. */
const afterName = new Set(['at', ':', '=']);

export function stopsOf(line: Line): readonly Stop[] {
  if (line.continues) return [];
  return declarationStops(line) ?? fieldStops(line) ?? handlerStops(line) ?? clauseStop(line) ?? reasonStop(line) ?? [];
}

/** `register MTA[128] at ...`, `region io = ...`, `var head : u16`. */
function declarationStops({ pieces }: Line): Stop[] | undefined {
  const [word, name, next] = pieces;
  if (word?.kind !== 'word' && word?.text !== 'let') return undefined;
  if (name === undefined || (name.kind !== 'name' && name.kind !== 'word') || next === undefined) return undefined;
  let after = 2;
  if (next.text === '[') after = pieces.findIndex((piece) => piece.text === ']') + 1;
  const separator = after < 2 ? undefined : pieces[after];
  if (separator === undefined || !afterName.has(separator.text)) return undefined;
  // What holds declarations of its own is a heading, not a row; a register's fields may fill several lines.
  if (pieces.at(-1)?.text === '{' && word.text !== 'register') return [];
  // Registers, areas and windows are one list of places; other declarations stand only beside their own kind.
  const kind = separator.text === 'at' ? 'place' : `${word.text} ${separator.text}`;
  return [
    { piece: 1, label: kind },
    { piece: after, label: kind },
  ];
}

/** `length : u16 at 8`. */
function fieldStops({ pieces }: Line): Stop[] | undefined {
  const [name, colon] = pieces;
  if ((name?.kind !== 'name' && name?.kind !== 'word') || colon?.text !== ':') return undefined;
  const at = pieces.findIndex((piece) => piece.text === 'at');
  return [{ piece: 1, label: ':' }, ...(at === -1 ? [] : [{ piece: at, label: 'at' }])];
}

/** `on write TDH { deny "..." }`: the whole handler on one line. */
function handlerStops({ pieces }: Line): Stop[] | undefined {
  const [on] = pieces;
  const open = pieces.findIndex((piece) => piece.text === '{');
  const last = pieces.findLastIndex((piece) => !isComment(piece));
  if (on?.text !== 'on' || open === -1 || matching(pieces, open) !== last) return undefined;
  const statements: Stop[] = [];
  let depth = 0;
  for (let at = open + 1; at < last; at += 1) {
    if (pieces[at]?.kind === 'open') depth += 1;
    else if (pieces[at]?.kind === 'close') depth -= 1;
    if (depth === 0 && beginsStatement(pieces, at)) statements.push({ piece: at, label: 'statement' });
  }
  // Statements form columns only where each handler has as many.
  const label = `statement of ${statements.length}`;
  return [{ piece: open, label: 'handler' }, ...statements.map((stop) => ({ ...stop, label }))];
}

function matching(pieces: Line['pieces'], open: number): number {
  let depth = 0;
  for (let at = open; at < pieces.length; at += 1) {
    if (pieces[at]?.kind === 'open') depth += 1;
    else if (pieces[at]?.kind === 'close') depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

const CLAUSE = 'clause';

/** `count txCount`: a list of at least three clauses, each of which begins with another word. */
function clauseStop({ pieces }: Line): Stop[] | undefined {
  const [word, value] = pieces;
  const aligned = word?.kind === 'word' && (value?.kind === 'name' || value?.kind === 'number');
  return aligned && !pieces.some((piece) => piece.text === '{') ? [{ piece: 1, label: CLAUSE }] : undefined;
}

function isClauseList(run: readonly Line[]): boolean {
  return run.length >= 3 && new Set(run.map((line) => line.pieces[0]?.text)).size === run.length;
}

function reasonStop({ pieces }: Line): Stop[] | undefined {
  const at = pieces.findIndex((_, index) => isLastReason(pieces, index));
  return at === -1 ? undefined : [{ piece: at, label: 'reason' }];
}

/** Lines are set from left to right: a column moves all that follows it on its line. */
export function alignColumns(lines: readonly Line[]): void {
  for (const section of sections(lines)) alignFrom(section, 0);
}

function alignFrom(section: readonly Line[], column: number): void {
  for (const run of runs(section, (line) => line.stops[column]?.label)) {
    const stop = run[0]?.stops[column];
    if (stop === undefined || (stop.label === CLAUSE && !isClauseList(run))) continue;
    // Blocks that each fill several lines are no table.
    if (run.length > 1 && run.some((line) => line.pieces.at(-1)?.kind !== 'open')) align(run, column);
    alignFrom(run, column + 1);
  }
}

function align(run: readonly Line[], column: number): void {
  const placed = run.map((line) => ({ line, at: line.stops[column]?.piece ?? 0 }));
  // The width before the stop with the gap of a lone line; what lies too far right goes its own way.
  const natural = placed.map(({ line, at }) => ({ line, at, width: columnOf(line, at) }));
  const within = natural.filter(({ width }) => width <= COLUMN_MAX);
  const target = Math.max(0, ...within.map(({ width }) => width));
  for (const { line, at, width } of within) {
    const piece = line.pieces[at];
    if (piece !== undefined) piece.gap += target - width;
  }
}

/** The column, from 0, at which a piece stands. */
function columnOf(line: Line, at: number): number {
  let column = line.indent;
  for (const [index, piece] of line.pieces.entries()) {
    column += piece.gap;
    if (index === at) return column;
    const lastBreak = piece.text.lastIndexOf('\n');
    column = lastBreak === -1 ? column + piece.text.length : piece.text.length - lastBreak - 1;
  }
  return column;
}

/** Comments at the ends of lines that follow each other, whether or not each line has one. */
export function alignComments(lines: readonly Line[]): void {
  for (const section of sections(lines, true)) {
    const ends = section.flatMap((line) => {
      const last = line.pieces.length - 1;
      const comment = line.pieces[last];
      return comment?.kind === 'lineComment' && last > 0 ? [{ line, comment, column: columnOf(line, last) }] : [];
    });
    const within = ends.filter(({ column }) => column <= COLUMN_MAX + WIDE_GAP);
    const target = Math.max(0, ...within.map(({ column }) => column));
    for (const { comment, column } of within) comment.gap += target - column;
  }
}

/**
 * Lines at one depth without a blank line or a comment of its own between them. What a line holds in its brackets does not
 * end its section, unless `closed`.
 */
function* sections(lines: readonly Line[], closed = false): Generator<readonly Line[]> {
  const open = new Map<number, Line[]>();
  for (const line of lines) {
    const [first] = line.pieces;
    const ends = first === undefined || isComment(first);
    for (const [depth, section] of [...open]) {
      // A blank line inside of a block does not part what stands around the block.
      const parted = ends ? true : depth > line.depth || (closed && depth < line.depth);
      if (!parted) continue;
      yield section;
      open.delete(depth);
    }
    if (ends || first.kind === 'close') continue;
    const section = open.get(line.depth);
    if (section === undefined) open.set(line.depth, [line]);
    else section.push(line);
  }
  yield* open.values();
}

/** Neighbours with the same key. */
function runs(section: readonly Line[], key: (line: Line) => string | undefined): Line[][] {
  const found: Line[][] = [];
  let last: string | undefined;
  for (const line of section) {
    const own = key(line);
    const run = found.at(-1);
    if (run !== undefined && own === last) run.push(line);
    else found.push([line]);
    last = own;
  }
  return found;
}
