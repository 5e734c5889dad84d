/**
 * What an editor asks about a specification: its symbols, where each is declared and used, and what is wrong.
 *
 * `analyse` is a pure function of the text: nothing is kept between two calls, so an editor may analyse every version of
 * every file it has open, in any order. A file with mistakes is analysed as far as it can be read. Offsets are UTF-16 units
 * from 0; `Source` turns them into lines and columns and back.
 *
 * The tree is searched by its shape (names, `kind`s, spans), not by a list of all its nodes, so that constructs added to the
 * language are found here too. It resolves names, no types: a field is found through the register, struct or parameter that
 * stands before the dot.
 */
import { compile, type CompileOptions } from './compile.ts';
import { Diagnostics, type Diagnostic } from './diagnostics.ts';
import { Resolver } from './language-service/resolver.ts';
import type { DeclaredSymbol, Reference } from './language-service/symbols.ts';
import { parse } from './parse.ts';
import { Source, SOURCE_BYTES_MAX } from './source.ts';

export type { DeclaredSymbol, Reference, SymbolKind } from './language-service/symbols.ts';

export interface Analysis {
  readonly source: Source;
  /** In the order of their declarations. */
  readonly symbols: readonly DeclaredSymbol[];
  /** In the order of their places; none overlap. */
  readonly references: readonly Reference[];
  readonly diagnostics: readonly Diagnostic[];
  /** The name at an offset (its end counts too), and what it stands for. */
  referenceAt(offset: number): Reference | undefined;
  /** What the name at an offset stands for. */
  definitionAt(offset: number): DeclaredSymbol | undefined;
  /** Everything that a name at an offset could stand for: all global names, and the locals in reach. */
  symbolsAt(offset: number): readonly DeclaredSymbol[];
  /** Its declaration and all uses. */
  referencesTo(symbol: DeclaredSymbol): readonly Reference[];
}

/** Analyses one version of a file; what it imports comes from `options.load`. Never throws on bad input. */
export function analyse(text: string, file = 'input.dss', options: CompileOptions = {}): Analysis {
  const { diagnostics } = compile(text, file, options);
  const source = new Source(file, text);
  const readable = text.length <= SOURCE_BYTES_MAX;
  const tree = readable ? parse(source, new Diagnostics(source)) : undefined;
  const { symbols, references } = new Resolver(source, tree);
  const referenceAt = (offset: number): Reference | undefined => findAt(references, offset);
  return {
    source,
    symbols,
    references,
    diagnostics,
    referenceAt,
    definitionAt: (offset) => referenceAt(offset)?.symbol,
    symbolsAt: (offset) =>
      symbols.filter(({ container, kind, scope }) =>
        kind === 'local' ? scope.start <= offset && offset <= scope.end : container === undefined,
      ),
    referencesTo: (symbol) => references.filter((each) => each.symbol === symbol),
  };
}

/** By halving: the references are sorted and apart from each other. */
function findAt(references: readonly Reference[], offset: number): Reference | undefined {
  let low = 0;
  let high = references.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((references[middle]?.span.end ?? Infinity) < offset) low = middle + 1;
    else high = middle;
  }
  // Two names can touch at one offset only with a mark between them; the first that holds it is meant.
  const found = references[low];
  return found !== undefined && found.span.start <= offset ? found : undefined;
}
