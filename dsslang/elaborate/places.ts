/**
 * Places of the state as an author writes them: `NAME`, `NAME[i]`, `NAME[all]`, `ENGINE[i].NAME`, `ENGINE[all].NAME`.
 *
 * An index is proved to be inside when compiling; there is no run-time check that could fail. Inside an engine's body a
 * plain name of the engine stands for the element that is being accessed.
 */
import type * as ast from '../ast.ts';
import type { NumberExpr, Statement } from '../ir.ts';
import { fillCell, readCell, writeCell } from './cells.ts';
import { show, type Context } from './context.ts';
import type { Cell, CounterEnd, EngineDraft, Symbol } from './symbols.ts';
import { elaborateNumber } from './expressions.ts';
import { noMember } from './names.ts';
import type { Scope } from './values.ts';
import type { Span } from '../source.ts';

/** Which element: `all` of them, one that is computed, or the one that the surroundings imply. */
export type Element = NumberExpr | 'all' | 'implied';

/** A variable, a `mut` number, one element of an array, or all of them. */
export interface Place {
  readonly name: string;
  /** Where it is declared. */
  readonly span: Span;
  readonly cell: Cell;
  readonly element: Element;
  readonly bits: number;
  readonly max: bigint;
  readonly counter: CounterEnd | undefined;
}

/** @returns `none` if the expression is no place of the state at all, undefined if a mistake in it has been reported */
export function placeOf(expression: ast.Expression, scope: Scope): Place | 'none' | undefined {
  const { context } = scope;
  if (expression.kind === 'name') {
    const binding = scope.bindings.get(expression.name.text);
    if (binding?.kind === 'mutable')
      return { ...binding, name: expression.name.text, element: 'implied', counter: undefined };
    const symbol = scope.bindings.has(expression.name.text) ? undefined : context.symbol(expression.name.text);
    return symbol === undefined
      ? 'none'
      : placeOfSymbol(symbol, expression.name.text, 'implied', expression.span, scope);
  }
  if (expression.kind === 'index' && expression.of.kind === 'name') {
    const { name } = expression.of;
    const symbol = scope.bindings.has(name.text) ? undefined : context.symbol(name.text);
    if (symbol?.kind !== 'array') return 'none';
    context.used.add(name.text);
    const count = context.arrays[symbol.array]?.count ?? 0;
    const element = elementIndex(expression.index, count, name.text, scope);
    return element === undefined ? undefined : placeOfSymbol(symbol, name.text, element, expression.span, scope);
  }
  const member = engineMember(expression, scope);
  if (member === 'none' || member === undefined) return member;
  return placeOfSymbol(member.symbol, member.name, member.element, expression.span, scope);
}

function placeOfSymbol(
  symbol: Symbol,
  name: string,
  element: Element,
  span: Span,
  { context }: Scope,
): Place | 'none' | undefined {
  if (symbol.kind === 'variable') {
    context.used.add(name);
    const { cell, bits, max, counter } = symbol;
    return { name, span: symbol.span, cell, element, bits, max, counter };
  }
  if (symbol.kind !== 'array') return 'none';
  context.used.add(name);
  if (element === 'implied') {
    context.diagnostics.add('DSS140', { kind: 'array', name }, span);
    return undefined;
  }
  const { bits = 64, max = 0n } = context.arrays[symbol.array] ?? {};
  const cell = { kind: 'array', array: symbol.array } as const;
  return { name, span: symbol.span, cell, element, bits, max, counter: undefined };
}

export interface EngineMember {
  readonly engine: EngineDraft;
  readonly symbol: Symbol;
  readonly name: string;
  readonly element: NumberExpr | 'all';
}

/** `port[i].state`. */
export function engineMember(expression: ast.Expression, scope: Scope): EngineMember | 'none' | undefined {
  if (expression.kind !== 'member' || expression.of.kind !== 'index' || expression.of.of.kind !== 'name') return 'none';
  const { name } = expression.of.of;
  const symbol = scope.bindings.has(name.text) ? undefined : scope.context.symbols.get(name.text);
  if (symbol?.kind !== 'engine') return 'none';
  scope.context.used.add(name.text);
  const { engine } = symbol;
  const element = elementIndex(expression.of.index, engine.count, engine.name, scope);
  const member = engine.members.get(expression.member.text);
  if (member === undefined && !scope.context.broken.has(expression.member.text))
    noMember(expression.member, `engine \`${engine.name}\``, engine.members.keys(), scope.context);
  if (member === undefined || element === undefined) return undefined;
  scope.context.used.add(expression.member.text);
  return { engine, symbol: member, name: expression.member.text, element };
}

/** An index that is shown to be below `count`, or `all`. */
export function elementIndex(
  expression: ast.Expression,
  count: number,
  name: string,
  scope: Scope,
): NumberExpr | 'all' | undefined {
  if (isAll(expression)) return 'all';
  const index = elaborateNumber(expression, scope);
  if (index === undefined) return undefined;
  if (index.max < BigInt(count)) return index.expr;
  if (!scope.facts.doubtful)
    scope.context.diagnostics.add('DSS240', { name, largest: show(index.max), count }, expression.span);
  return undefined;
}

/** The word `all`, which names every element. */
export const isAll = (expression: ast.Expression): boolean =>
  expression.kind === 'name' && expression.name.text === 'all';

/** The value there; `all` is no value. */
export function readPlace(place: Place, span: Span, context: Context): NumberExpr | undefined {
  if (place.element === 'all') {
    context.diagnostics.add('DSS144', {}, span);
    return undefined;
  }
  return readCell(place.cell, context, place.element === 'implied' ? undefined : place.element);
}

export function writePlace(place: Place, value: NumberExpr, context: Context): Statement {
  if (place.element === 'all') return fillCell(place.cell, value);
  return writeCell(place.cell, value, context, place.element === 'implied' ? undefined : place.element);
}
