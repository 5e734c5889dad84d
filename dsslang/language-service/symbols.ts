/** What an editor is told of the names in a specification. Data only; `resolver.ts` finds them. */
import type { Span } from '../source.ts';

export type SymbolKind =
  | 'device' | 'region' | 'const' | 'register' | 'area' | 'window' | 'struct' | 'machine' | 'var' | 'ring'
  | 'state' | 'field' | 'local' | (string & {}); // prettier-ignore

export interface DeclaredSymbol {
  readonly name: string;
  readonly kind: SymbolKind;
  /** The name where it is declared. */
  readonly span: Span;
  /** All of its declaration; for a local, where it can be used. */
  readonly scope: Span;
  /** The `///` lines right before the declaration, without the slashes; may be empty. */
  readonly doc: string;
  /** What it belongs to: the machine of a state, the register or struct of a field. */
  readonly container: DeclaredSymbol | undefined;
}

/** A name that stands for a symbol: its declaration or one of its uses. */
export interface Reference {
  readonly span: Span;
  readonly symbol: DeclaredSymbol;
  readonly isDeclaration: boolean;
}
