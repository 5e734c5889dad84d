/**
 * Diagnostics as values: bad input never throws. Each is made from the one catalogue (`messages.ts`), points at the exact
 * text that is wrong, and may label second places, explain (`notes`) and offer a way out (`help`).
 */
import { catalogue, type Code, type Parameters } from './messages.ts';
import { Sources } from './sources.ts';
import type { Source, Span } from './source.ts';

export type Severity = 'error' | 'warning';

/** A second place that helps to understand the first. */
export interface Label {
  readonly span: Span;
  readonly text: string;
}

/** A label whose place has been looked up: its span counts from the beginning of its own file. */
export interface PlacedLabel extends Label {
  readonly source: Source;
}

export interface Diagnostic {
  readonly code: Code;
  readonly severity: Severity;
  readonly message: string;
  readonly source: Source;
  readonly span: Span;
  /** What stands under the main underline. */
  readonly note: string | undefined;
  readonly labels: readonly PlacedLabel[];
  readonly help: string | undefined;
}

export interface Extra {
  readonly note?: string | undefined;
  readonly labels?: readonly Label[];
  readonly help?: string | undefined;
}

/** After this many, the rest are counted and not shown: nobody reads the two hundredth. */
export const DIAGNOSTICS_MAX = 100;

/** Collects the diagnostics of one compilation. */
export class Diagnostics {
  /** The file that is compiled. */
  readonly source: Source;
  readonly sources: Sources;
  readonly #all: (Diagnostic & { readonly order: number })[] = [];
  readonly #seen = new Set<string>();
  #errors = 0;
  /** The uses of what is being written out, the outermost first. */
  readonly #around: Span[] = [];
  /** How many were dropped beyond `DIAGNOSTICS_MAX`. */
  dropped = 0;

  constructor(source: Source) {
    this.source = source;
    this.sources = new Sources(source);
  }

  /** Records one; the same code at the same place is recorded once. */
  add<C extends Code>(code: C, parameters: Parameters<C>, span: Span, extra: Extra = {}): void {
    const { source, span: place } = this.sources.place(span);
    const entry = catalogue[code];
    const message = (entry.message as (parameters: Parameters<C>) => string)(shortened(parameters));
    const includes = this.sources.includes(span.start);
    // A template is written for many devices: what looks wrong in one of them is not its author's mistake.
    if (includes.length + this.#around.length > 0 && entry.severity === 'warning') return;
    // A mistake in a template is one mistake, however often it is included; a wrong argument has words of its own.
    const key = `${code}@${source.file}@${place.start}-${place.end}${includes.length === 0 ? '' : message.replaceAll(`\`${this.sources.prefix(span.start)}_`, '`')}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    if (entry.severity === 'error') this.#errors += 1;
    if (this.full) {
      this.dropped += 1;
      // An error is never lost behind warnings.
      const warning = this.#all.findLastIndex((each) => each.severity === 'warning');
      if (entry.severity === 'warning' || warning === -1) return;
      this.#all.splice(warning, 1);
    }
    const help = extra.help ?? ('help' in entry ? entry.help : undefined);
    this.#all.push({
      code,
      severity: entry.severity,
      message,
      source,
      span: place,
      note: extra.note,
      labels: [
        ...(extra.labels ?? []),
        ...ends(this.#around).map((use) => ({ span: use, text: 'checked here' })),
        ...ends(includes).map((include) => ({ span: include, text: 'included here' })),
      ].map((label) => ({ text: label.text, ...this.sources.place(label.span) })),
      help,
      order: span.start,
    });
  }

  /** Diagnostics that come while `read` runs are about what is written out at `use`. */
  around(use: Span, read: () => void): void {
    this.#around.push(use);
    read();
    this.#around.pop();
  }

  /** Was this code recorded at this very place? */
  has(code: Code, span: Span): boolean {
    return this.#seen.has(`${code}@${span.start}-${span.end}`);
  }

  /** No more are kept: nothing expensive need be done to word the next. */
  get full(): boolean {
    return this.#all.length >= DIAGNOSTICS_MAX;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  /** How many errors there are so far. */
  get errors(): number {
    return this.#errors;
  }

  /** All of them, in the order of their places. */
  sorted(): readonly Diagnostic[] {
    return [...this.#all]
      .sort((a, b) => a.order - b.order || a.code.localeCompare(b.code))
      .map(({ order: _, ...diagnostic }) => diagnostic);
  }
}

/** A long way is told by its beginning and its end. */
const ends = (way: readonly Span[]): readonly Span[] =>
  way.length <= 4 ? way : [...way.slice(0, 3), ...way.slice(-1)];

/** What the author wrote may be a million characters long; a message is not. */
const PARAMETER_CHARACTERS_MAX = 100;

function shortened<P>(parameters: P): P {
  const entries = Object.entries(parameters as Record<string, unknown>).map(([name, value]) => [
    name,
    typeof value === 'string' && value.length > PARAMETER_CHARACTERS_MAX
      ? `${value.slice(0, PARAMETER_CHARACTERS_MAX - 3)}...`
      : value,
  ]);
  return Object.fromEntries(entries) as P;
}

/** Longer names are not compared: the comparison takes the product of both lengths. */
const COMPARED_CHARACTERS_MAX = 64;
/** So many names are looked through for the one that may have been meant. */
const CANDIDATES_MAX = 1000;

/** The closest of `candidates` to what was written, if it is close enough to be a slip. */
export function didYouMean(written: string, candidates: Iterable<string>): string | undefined {
  if (written.length > COMPARED_CHARACTERS_MAX) return undefined;
  let best: string | undefined;
  let compared = 0;
  let bestDistance = Math.max(1, Math.floor(written.length / 3)) + 1;
  for (const candidate of candidates) {
    compared += 1;
    if (compared > CANDIDATES_MAX) break;
    const distance = editDistance(written.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein's distance, given up at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? limit;
}
