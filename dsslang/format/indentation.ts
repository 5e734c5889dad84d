/**
 * How far each line is indented: two spaces a level of brackets, and two more for a line that continues an unfinished one.
 * Brackets that open on one line count once; a line that begins with a closing bracket stands below the line that opened.
 */
import { isComment, type Line, type Piece } from './lines.ts';

export const INDENT_SPACES = 2;

/** Words that never begin anything of their own. */
const continuing = new Set(['then', 'and', 'or', 'implies']);
/** Marks after which something must follow. */
const unfinished = new Set(['=', '->', '..<', '~', '.', ':']);

/** Reserved words that can end something. */
const complete = new Set(['true', 'false', 'deny']);

interface Bracket {
  /** Indentation of what stands inside. */
  readonly inner: number;
  /** Indentation of the line that opened it. */
  readonly outer: number;
}

export function indent(lines: readonly Line[]): void {
  const open: Bracket[] = [];
  let before: Piece | undefined;
  for (const line of lines) {
    const [first] = line.pieces;
    if (first === undefined) continue;
    const closes = leadingClosers(line);
    const closed = closes > 0 ? open[Math.max(0, open.length - closes)] : undefined;
    line.depth = Math.max(0, open.length - closes);
    line.continues = closed === undefined && continues(first, before);
    line.indent = closed?.outer ?? (open.at(-1)?.inner ?? 0) + (line.continues ? INDENT_SPACES : 0);
    for (const piece of line.pieces) {
      if (piece.kind === 'open') open.push({ outer: line.indent, inner: line.indent + INDENT_SPACES });
      else if (piece.kind === 'close') open.pop();
      if (!isComment(piece)) before = piece;
    }
  }
}

function leadingClosers(line: Line): number {
  const other = line.pieces.findIndex((piece) => piece.kind !== 'close');
  return other === -1 ? line.pieces.length : other;
}

/** Does a line that begins with `first` go on with what ended in `before`? */
function continues(first: Piece, before: Piece | undefined): boolean {
  if (before === undefined || isComment(first)) return false;
  if (first.text === 'else') return before.text !== '}';
  const dangling =
    first.kind === 'operator' || first.kind === 'text' || continuing.has(first.text) || unfinished.has(first.text);
  const expecting = before.kind === 'operator' || before.kind === 'reserved' || unfinished.has(before.text);
  return dangling || (expecting && !complete.has(before.text));
}
