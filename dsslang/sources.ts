/**
 * All the text of one compilation in one space of offsets, so that a plain `Span` says which file it is in.
 *
 * The file that is compiled begins at 0; each imported file follows behind, and so does each expansion of a template: a
 * copy of the offsets of its text, with the `include` it belongs to. Whatever a copy's place is asked for, the answer is in
 * the template's own file, and the way there is known. Nodes need not carry a file; nothing here parses.
 */
import { span, type Position, type Source, type Span } from './source.ts';

/** A run of offsets that stands for a piece of one file. */
interface Part {
  readonly source: Source;
  /** The first offset of the run, and its length. */
  readonly start: number;
  readonly length: number;
  /** Where in the file's text the run begins. */
  readonly textStart: number;
  /** The `include` that made this copy, and its prefix. */
  readonly include: Span | undefined;
  readonly prefix: string;
}

/** A place in one file: the span counts from the beginning of its text. */
export interface FilePlace {
  readonly source: Source;
  readonly span: Span;
}

export class Sources {
  readonly root: Source;
  readonly #parts: Part[] = [];
  #end = 0;

  constructor(root: Source) {
    this.root = root;
    this.add(root);
  }

  /** Takes in one more file. @returns the offset of its first character */
  add(source: Source): number {
    return this.#append({ source, length: source.text.length, textStart: 0, include: undefined, prefix: '' });
  }

  /** Copies the offsets of `place`, which lies in one file. @returns how far behind `place` the copy lies */
  copy(place: Span, include: Span, prefix: string): number {
    const original = this.#part(place.start);
    const textStart = place.start - original.start + original.textStart;
    const start = this.#append({
      source: original.source,
      length: place.end - place.start,
      textStart,
      include,
      prefix,
    });
    return start - place.start;
  }

  #append(part: Omit<Part, 'start'>): number {
    const start = this.#end;
    this.#parts.push({ ...part, start });
    // One more, so that the end of a text belongs to it and not to the next.
    this.#end = start + part.length + 1;
    return start;
  }

  #part(offset: number): Part {
    let low = 0;
    let high = this.#parts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#parts[middle]?.start ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const part = this.#parts[low];
    if (part === undefined) throw new RangeError('a compilation has at least one file');
    return part;
  }

  /** The file of a span, and where in its text it is. */
  place(of: Span): FilePlace {
    const part = this.#part(of.start);
    const shift = part.textStart - part.start;
    return { source: part.source, span: span(of.start + shift, of.end + shift) };
  }

  /** The `include`s through which the text at `offset` came to be there, the innermost first. */
  includes(offset: number): readonly Span[] {
    const chain: Span[] = [];
    for (let { include } = this.#part(offset); include !== undefined;) {
      chain.push(include);
      include = this.#part(include.start).include;
    }
    return chain;
  }

  /** What names begin with that the innermost include has written out. */
  prefix(offset: number): string {
    return this.#part(offset).prefix;
  }

  /** Line and column in the file that the offset lies in. */
  position(offset: number): Position {
    const { source, span: at } = this.place(span(offset, offset));
    return source.position(at.start);
  }

  slice(of: Span): string {
    const { source, span: at } = this.place(of);
    return source.slice(at);
  }

  /** Does the span lie in the file that is compiled, not in one it imports or in an expansion? */
  isOwn(of: Span): boolean {
    const part = this.#part(of.start);
    return part.source === this.root && part.include === undefined;
  }

  /** The files, each once, in the order in which they were read. */
  files(): readonly Source[] {
    return this.#parts.filter((part) => part.include === undefined).map((part) => part.source);
  }
}
