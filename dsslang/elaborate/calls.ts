/**
 * The functions of the language: grant predicates, `address`, `min` and `max`, `programmed`, `elapsed`, `through`, and `holds` of pools.
 */
import type * as ast from '../ast.ts';
import type { NumberExpr } from '../ir.ts';
import { ADDRESS_LIMIT, GRANT_COMMANDS, GRANT_READS, GRANT_WRITES } from '../runtime.ts';
import { bitLength } from './context.ts';
import { elaborateNumber } from './expressions.ts';
import { elapsed, programmed } from './memory.ts';
import { noMember } from './names.ts';
import { elaborateHolds } from './pools.ts';
import { constant, known, number, type Scope, type Value } from './values.ts';

const predicates: ReadonlyMap<string, number> = new Map([
  ['reads', GRANT_READS],
  ['writes', GRANT_WRITES],
  ['fetches', GRANT_COMMANDS],
]);

export function elaborateCall(expression: Extract<ast.Expression, { kind: 'call' }>, scope: Scope): Value {
  const { callee, args } = expression;
  const { context } = scope;
  const name = context.text(callee.span);
  if (callee.kind === 'member' && callee.of.kind === 'name' && callee.of.name.text === 'device') {
    const outsideBars = callee.member.text === 'outsideBars';
    const purposes = predicates.get(callee.member.text);
    if (purposes === undefined && !outsideBars) {
      noMember(callee.member, '`device`', [...predicates.keys(), 'outsideBars'], context);
      return undefined;
    }
    if (!argumentCount(expression, name, 2, scope)) return undefined;
    const base = elaborateNumber(args[0] as ast.Expression, scope);
    const length = elaborateNumber(args[1] as ast.Expression, scope);
    if (base === undefined || length === undefined) return undefined;
    const range = { base: base.expr, length: length.expr };
    if (length.max === 0n) context.diagnostics.add('DSS453', { name }, expression.span);
    else if (base.bits <= 16 && length.bits >= 32 && base.expr.op !== 'const' && length.expr.op !== 'const')
      context.diagnostics.add('DSS454', { base: base.bits, length: length.bits }, expression.span);
    return {
      type: 'bool',
      expr: purposes === undefined ? { op: 'outsideBars', ...range } : { op: 'inside', purposes, ...range },
    };
  }
  if (callee.kind === 'member' && callee.of.kind === 'name') {
    const symbol = context.symbols.get(callee.of.name.text);
    if (symbol?.kind === 'pool') return elaborateHolds(expression, callee, symbol, scope);
  }
  if (callee.kind === 'name' && callee.name.text === 'address') return elaborateAddress(expression, scope);
  if (callee.kind === 'name' && (callee.name.text === 'min' || callee.name.text === 'max')) {
    if (!argumentCount(expression, name, 2, scope)) return undefined;
    const left = elaborateNumber(args[0] as ast.Expression, scope);
    const right = elaborateNumber(args[1] as ast.Expression, scope);
    if (left === undefined || right === undefined) return undefined;
    const pick =
      callee.name.text === 'min'
        ? (a: bigint, b: bigint) => (a < b ? a : b)
        : (a: bigint, b: bigint) => (a > b ? a : b);
    const range = { min: pick(left.min, right.min), max: pick(left.max, right.max) };
    const expr: NumberExpr = { op: callee.name.text, left: left.expr, right: right.expr, max: range.max };
    return number(expr, range, Math.max(left.bits, right.bits));
  }
  if (callee.kind === 'name' && (callee.name.text === 'programmed' || callee.name.text === 'elapsed')) {
    const [argument] = args;
    if (!argumentCount(expression, name, 1, scope) || argument === undefined) return undefined;
    if (callee.name.text === 'programmed') return programmed(argument, scope);
    const value = elapsed(argument, callee.span, scope);
    return value === undefined ? undefined : known(value, scope);
  }
  if (callee.kind === 'name' && callee.name.text === 'through') {
    if (!argumentCount(expression, name, 1, scope)) return undefined;
    if (scope.access !== true) {
      context.diagnostics.add('DSS112', { name }, callee.span);
      return undefined;
    }
    const arg = args[0] as ast.Expression;
    if (arg.kind !== 'name') {
      if (arg.kind !== 'error')
        context.diagnostics.add('DSS101', { kind: 'window', name: context.text(arg.span) }, arg.span);
      return undefined;
    }
    const window = context.find(arg.name, 'window');
    if (window === undefined) return undefined;
    const through: NumberExpr = { op: 'argument', argument: 'through', max: BigInt(context.windows.length) };
    return { type: 'bool', expr: { op: 'eq', left: through, right: constant(BigInt(window.index + 1)) } };
  }
  context.diagnostics.add('DSS107', { name }, callee.span);
  return undefined;
}

/** `address(d)`: where the structure that a walk has reached lies in memory. */
function elaborateAddress(expression: Extract<ast.Expression, { kind: 'call' }>, scope: Scope): Value {
  if (!argumentCount(expression, 'address', 1, scope)) return undefined;
  const [of] = expression.args;
  if (of === undefined || of.kind === 'error') return undefined;
  const binding = of.kind === 'name' ? scope.bindings.get(of.name.text) : undefined;
  if (binding?.kind === 'unknown') return undefined;
  if (binding?.kind !== 'descriptor') {
    scope.context.diagnostics.add('DSS150', { name: scope.context.text(of.span) }, of.span);
    return undefined;
  }
  const expr: NumberExpr = { op: 'place', walk: binding.walk, max: BigInt(ADDRESS_LIMIT) - 1n };
  return known(number(expr, { min: 0n, max: expr.max }, bitLength(expr.max)), scope);
}

function argumentCount(
  expression: Extract<ast.Expression, { kind: 'call' }>,
  name: string,
  wanted: number,
  scope: Scope,
): boolean {
  if (expression.args.length === wanted) return true;
  scope.context.diagnostics.add('DSS108', { name, wanted, found: expression.args.length }, expression.span);
  return false;
}
