/**
 * Bits of a number, and what is written alike: `v[7:4]`, `v[3]`, the element of an array, the entry of a table.
 */
import type * as ast from '../ast.ts';
import type { NumberExpr } from '../ir.ts';
import { bitLength, maxOf } from './context.ts';
import type { SymbolOf } from './symbols.ts';
import { elaborateConstant, elaborateNumber } from './expressions.ts';
import { elementIndex, placeOf, readPlace } from './places.ts';
import { constant, known, number, type NumberValue, type Scope, type Value } from './values.ts';

/** Bits `low` .. `low + bits - 1` of a value. */
export function extract(value: NumberValue, low: number, bits: number, scope: Scope): NumberValue {
  if (value.expr.op === 'const') {
    const part = BigInt.asUintN(bits, value.expr.value >> BigInt(low));
    return number(constant(part), { min: part, max: part }, bits);
  }
  const expr: NumberExpr = { op: 'extract', of: value.expr, low, bits, max: maxOf(bits) };
  return known(number(expr, { min: 0n, max: expr.max }, bits), scope);
}

export function elaborateSlice(expression: Extract<ast.Expression, { kind: 'slice' }>, scope: Scope): Value {
  const value = elaborateNumber(expression.of, scope);
  const high = elaborateConstant(expression.high, scope.context, 'the upper bit');
  const low = elaborateConstant(expression.low, scope.context, 'the lower bit');
  if (value === undefined || high === undefined || low === undefined) return undefined;
  if (high < low) {
    scope.context.diagnostics.add('DSS213', { high: Number(high), low: Number(low) }, expression.span);
    return undefined;
  }
  return slice(value, Number(low), Number(high), expression, scope);
}

/** `NAME[i]` is an element if NAME is an array, an entry if it is a table, and a bit of any other number. */
export function elaborateIndex(expression: Extract<ast.Expression, { kind: 'index' }>, scope: Scope): Value {
  const place = placeOf(expression, scope);
  if (place !== 'none') {
    const expr = place === undefined ? undefined : readPlace(place, expression.span, scope.context);
    if (place === undefined || expr === undefined) return undefined;
    return known(number(expr, { min: 0n, max: expr.max }, place.bits), scope);
  }
  const { of } = expression;
  const symbol =
    of.kind === 'name' && !scope.bindings.has(of.name.text) ? scope.context.symbol(of.name.text) : undefined;
  if (symbol?.kind === 'table')
    return lookup(symbol, of as Extract<ast.Expression, { kind: 'name' }>, expression.index, scope);
  return elaborateBit(expression, scope);
}

function lookup(
  symbol: SymbolOf<'table'>,
  { name }: Extract<ast.Expression, { kind: 'name' }>,
  at: ast.Expression,
  scope: Scope,
): Value {
  scope.context.used.add(name.text);
  const entries = scope.context.tables[symbol.table]?.entries ?? [];
  const index = elementIndex(at, entries.length, name.text, scope);
  if (index === undefined) return undefined;
  if (index === 'all') {
    scope.context.diagnostics.add('DSS144', {}, at.span);
    return undefined;
  }
  if (index.op === 'const') {
    const entry = entries[Number(index.value)] ?? 0n;
    return number(constant(entry), { min: entry, max: entry }, bitLength(entry));
  }
  const max = entries.reduce((most, each) => (each > most ? each : most), 0n);
  const min = entries.reduce((least, each) => (each < least ? each : least), max);
  return known(number({ op: 'lookup', table: symbol.table, index, max }, { min, max }, symbol.bits), scope);
}

function elaborateBit(expression: Extract<ast.Expression, { kind: 'index' }>, scope: Scope): Value {
  const value = elaborateNumber(expression.of, scope);
  const bit = elaborateConstant(expression.index, scope.context, 'the bit');
  if (value === undefined || bit === undefined) return undefined;
  return slice(value, Number(bit), Number(bit), expression, scope);
}

export function slice(value: NumberValue, low: number, high: number, expression: ast.Expression, scope: Scope): Value {
  if (high >= value.bits) {
    const name = `\`${scope.context.text('of' in expression ? expression.of.span : expression.span)}\``;
    scope.context.diagnostics.add('DSS209', { name, bits: value.bits }, expression.span);
    return undefined;
  }
  return extract(value, low, high - low + 1, scope);
}
