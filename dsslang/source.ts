/**
 * A specification's text and the places in it.
 *
 * Every node of the tree carries a `Span` of UTF-16 offsets into one `Source`; lines and columns are computed only when
 * somebody wants to read them. Positions work both ways, which an editor needs. No parsing happens here.
 */

/** A half-open range of UTF-16 offsets: `text.slice(start, end)`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export function span(start: number, end: number): Span {
  return { start, end };
}

/** The smallest span that holds both. */
export function join(a: Span, b: Span): Span {
  return { start: Math.min(a.start, b.start), end: Math.max(a.end, b.end) };
}

/** A place for people: both numbers count from 1; `column` counts UTF-16 code units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A specification larger than this is refused before it is read further: it is a mistake or an attack. */
export const SOURCE_BYTES_MAX = 512 * 1024;

export class Source {
  readonly file: string;
  readonly text: string;
  #lineStarts: number[] | undefined;

  /** @param file the name to print in messages; @param text the whole specification */
  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  /** Offset of the first character of each line. */
  lineStarts(): readonly number[] {
    if (this.#lineStarts === undefined) {
      const starts = [0];
      for (let at = this.text.indexOf('\n'); at !== -1; at = this.text.indexOf('\n', at + 1)) starts.push(at + 1);
      this.#lineStarts = starts;
    }
    return this.#lineStarts;
  }

  position(offset: number): Position {
    const starts = this.lineStarts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  }

  /** The offset of a position; clamped to the text. */
  offset(position: Position): number {
    const start = this.lineStarts()[position.line - 1] ?? this.text.length;
    return Math.min(start + position.column - 1, this.text.length);
  }

  /** The text of a line (from 1), without its line end. */
  line(line: number): string {
    const starts = this.lineStarts();
    const start = starts[line - 1] ?? this.text.length;
    const end = starts[line] ?? this.text.length + 1;
    return this.text.slice(start, end - 1).replace(/\r$/, '');
  }

  slice(place: Span): string {
    return this.text.slice(place.start, place.end);
  }
}
