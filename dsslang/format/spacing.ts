/**
 * How many spaces stand between two pieces of one line: by what they are, not by the rule of the grammar they belong to.
 */
import { isComment, type Piece } from './lines.ts';

/** Before a comment at the end of a line, before a reason at the end of a line, and between statements on one line. */
export const WIDE_GAP = 2;

/** Words that begin a statement or a step. Only their spacing depends on this list: unknown ones get a single space. */
const statementWords = new Set(['require', 'deny', 'let', 'if', 'write', 'read', 'wait', 'delay', 'check']);

const endsValue = (pieces: readonly Piece[], at: number): boolean => {
  const piece = pieces[at];
  if (piece === undefined) return false;
  if (['name', 'number', 'text', 'close'].includes(piece.kind) || ['true', 'false'].includes(piece.text)) return true;
  // `v.mask`: a word that is a name.
  return piece.kind === 'word' && pieces[at - 1]?.text === '.';
};

/** Does a statement begin at this piece, right after another on the same line? */
export function beginsStatement(pieces: readonly Piece[], at: number): boolean {
  const piece = pieces[at];
  if (piece === undefined || !endsValue(pieces, at - 1)) return false;
  if (statementWords.has(piece.text)) return pieces[at + 1]?.text !== '.' && pieces[at + 1]?.text !== '=';
  if (piece.text === 'for') return pieces[at + 2]?.text === 'in';
  return (piece.kind === 'name' || piece.kind === 'word') && leadsToChange(pieces, at);
}

/** `x =`, `x.y[3] =` or `m ->`. */
function leadsToChange(pieces: readonly Piece[], at: number): boolean {
  let next = at + 1;
  for (;;) {
    const text = pieces[next]?.text;
    if (text === '.') next += 2;
    else if (text === '[') {
      const close = pieces.findIndex((piece, index) => index > next && piece.text === ']');
      if (close === -1) return false;
      next = close + 1;
    } else return text === '=' || text === '->';
  }
}

/** A reason that ends its line stands apart from the condition before it. */
export function isLastReason(pieces: readonly Piece[], at: number): boolean {
  const before = pieces[at - 1];
  if (pieces[at]?.kind !== 'text' || before === undefined) return false;
  // A word that is neither first nor reserved is somebody's name: `require v < size "..."`.
  if (!endsValue(pieces, at - 1) && !(before.kind === 'word' && at > 1)) return false;
  const rest = pieces.slice(at + 1).filter((piece) => !isComment(piece));
  return rest.every((piece) => ['name', 'word', 'reserved', 'number', 'operator'].includes(piece.kind));
}

function insideSquare(pieces: readonly Piece[], at: number): boolean {
  let depth = 0;
  for (let index = at - 1; index >= 0; index -= 1) {
    const piece = pieces[index];
    if (piece?.kind === 'close') depth += 1;
    else if (piece?.kind === 'open') {
      if (depth === 0) return piece.text === '[';
      depth -= 1;
    }
  }
  return false;
}

/** `[7:0]` is written tight, unless it would then read as a PCI id (`[FACE:BEEF]`). */
function tightColon(pieces: readonly Piece[], colon: number): boolean {
  const hex = /^[0-9a-fA-F]{4}$/;
  if (hex.test(pieces[colon - 1]?.text ?? '') && hex.test(pieces[colon + 1]?.text ?? '')) return false;
  return insideSquare(pieces, colon);
}

/** `at regs+0x10`: a place, not a sum. */
const isPlacePlus = (pieces: readonly Piece[], at: number): boolean =>
  pieces[at]?.text === '+' && pieces[at - 2]?.text === 'at' && pieces[at + 1]?.kind === 'number';

/** `at +0x10`: nothing stands before the sign. */
const isSign = (pieces: readonly Piece[], at: number): boolean =>
  pieces[at]?.text === '+' && pieces[at - 1]?.text === 'at';

/** @param at index of the right piece; at least 1 */
export function gapBetween(pieces: readonly Piece[], at: number): number {
  const left = pieces[at - 1];
  const right = pieces[at];
  if (left === undefined || right === undefined) return 0;
  if (right.kind === 'lineComment') return WIDE_GAP;
  if (isComment(left) || isComment(right)) return 1;
  if (isLastReason(pieces, at)) return WIDE_GAP;
  if (left.text === '{') return right.text === '}' ? 0 : 1;
  if (right.text === '}') return 1;
  if ([',', ';', ')', ']', '.'].includes(right.text)) return 0;
  if (['(', '[', '.', '~'].includes(left.text)) return 0;
  if (right.text === '(' || right.text === '[') return opensTight(left) ? 0 : 1;
  if (right.text === ':') return tightColon(pieces, at) ? 0 : 1;
  if (left.text === ':') return tightColon(pieces, at - 1) ? 0 : 1;
  if (isPlacePlus(pieces, at) || isPlacePlus(pieces, at - 1) || isSign(pieces, at - 1)) return 0;
  return beginsStatement(pieces, at) ? WIDE_GAP : 1;
}

/** A call, a parameter or an index hangs on what stands before it. */
const opensTight = (left: Piece): boolean =>
  left.kind === 'name' || left.kind === 'word' || left.text === ')' || left.text === ']';
