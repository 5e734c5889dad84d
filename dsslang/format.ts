/**
 * One way to write a specification: `refmon fmt`.
 *
 * Only white space changes. Line breaks stay the author's, except that blank lines collapse to one; everything inside a
 * line is canonical: indentation by two, one space around operators, columns aligned where neighbouring lines say the
 * same kind of thing (`format/columns.ts`). The result depends on the tokens and the line breaks alone, never on the
 * spaces that were there, so formatting twice changes nothing.
 *
 * Works on tokens, not on the tree: comments stay where they are and a grammar that grows needs no change here.
 */
import { alignColumns, alignComments, stopsOf } from './format/columns.ts';
import { indent } from './format/indentation.ts';
import { readLines, type Line, type Piece } from './format/lines.ts';
import { gapBetween } from './format/spacing.ts';
import { Diagnostics, type Diagnostic } from './diagnostics.ts';
import { parse } from './parse.ts';
import { Source, SOURCE_BYTES_MAX, span } from './source.ts';

export interface FormatResult {
  /** The formatted text; undefined if the file has mistakes of syntax: it is left alone. */
  readonly text: string | undefined;
  /** Mistakes of syntax only; names and widths do not matter here. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Formats a specification. Never throws on bad input. @param file the name used in messages */
export function format(text: string, file = 'input.dss'): FormatResult {
  const tooLarge = text.length > SOURCE_BYTES_MAX;
  const diagnostics = new Diagnostics(new Source(file, tooLarge ? '' : text));
  if (tooLarge) diagnostics.add('DSS005', { bytes: text.length, max: SOURCE_BYTES_MAX }, span(0, 0));
  else parse(diagnostics.source, diagnostics);
  if (diagnostics.hasErrors) return { text: undefined, diagnostics: diagnostics.sorted() };
  const formatted = render(layOut(readLines(text)));
  if (!sameTokens(text, formatted)) throw new Error(`the formatter would have changed the meaning of ${file}`);
  return { text: formatted, diagnostics: [] };
}

/** Sets indentation and gaps of every line, then the columns of neighbours. */
function layOut(lines: Line[]): Line[] {
  indent(lines);
  for (const line of lines) {
    line.pieces.forEach((piece, index) => {
      piece.gap = index === 0 ? 0 : gapBetween(line.pieces, index);
    });
    line.stops = stopsOf(line);
  }
  alignColumns(lines);
  alignComments(lines);
  return lines;
}

function render(lines: readonly Line[]): string {
  const out: string[] = [];
  for (const line of lines) {
    if (line.pieces.length === 0) {
      out.push('');
      continue;
    }
    const text = line.pieces.map((piece) => `${' '.repeat(piece.gap)}${piece.text}`).join('');
    out.push(`${' '.repeat(line.indent)}${text}`);
  }
  return out.length === 0 ? '' : `${out.join('\n')}\n`;
}

/** The pieces of both texts are the same: nothing but white space differs. */
function sameTokens(before: string, after: string): boolean {
  const images = (text: string): string[] =>
    readLines(text).flatMap((line) => line.pieces.map((piece: Piece) => piece.text));
  const a = images(before);
  const b = images(after);
  return a.length === b.length && a.every((image, index) => image === b[index]);
}
