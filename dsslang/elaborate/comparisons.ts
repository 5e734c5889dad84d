/**
 * Comparisons: of numbers, of conditions, and of a machine with one of its states.
 */
import type * as ast from '../ast.ts';
import type { BoolExpr, NumberExpr } from '../ir.ts';
import { readCell } from './cells.ts';
import type { Context } from './context.ts';
import type { SymbolOf } from './symbols.ts';
import { elaborate } from './expressions.ts';
import type { Range } from './facts.ts';
import { engineMember, type Element } from './places.ts';
import { asNumber, constant, type Scope, type Value } from './values.ts';

const orders: ReadonlySet<string> = new Set(['<', '<=', '>', '>=']);

export type Binary = Extract<ast.Expression, { kind: 'binary' }>;

export function elaborateComparison(expression: Binary, scope: Scope): Value {
  const state = machineComparison(expression, scope);
  if (state !== 'none') return state;
  const { operator } = expression;
  if (expression.left.kind === 'binary' && orders.has(expression.left.operator) && orders.has(operator)) {
    scope.context.diagnostics.add('DSS224', {}, expression.span);
    return undefined;
  }
  const leftValue = elaborate(expression.left, scope);
  const rightValue = elaborate(expression.right, scope);
  if (leftValue === undefined || rightValue === undefined) return undefined;
  if (leftValue.type === 'bool' || rightValue.type === 'bool') {
    if (leftValue.type !== rightValue.type) {
      const wrong = leftValue.type === 'bool' ? expression.left : expression.right;
      scope.context.diagnostics.add('DSS202', {}, wrong.span);
      return undefined;
    }
    if (operator !== '==' && operator !== '!=') {
      scope.context.diagnostics.add('DSS221', { what: 'conditions' }, expression.operatorSpan);
      return undefined;
    }
    const both = { left: asNumber(leftValue.expr as BoolExpr), right: asNumber(rightValue.expr as BoolExpr) };
    return { type: 'bool', expr: { op: operator === '==' ? 'eq' : 'ne', ...both } };
  }
  const swap = operator === '>' || operator === '>=';
  const [left, right] = swap ? [rightValue, leftValue] : [leftValue, rightValue];
  const op = operator === '==' ? 'eq' : operator === '!=' ? 'ne' : operator === '<' || operator === '>' ? 'lt' : 'le';
  const truth = decided(op, left, right);
  if (truth !== undefined && !(left.min === left.max && right.min === right.max)) {
    scope.context.diagnostics.add('DSS402', { truth: String(truth) }, expression.span);
  }
  return { type: 'bool', expr: { op, left: left.expr, right: right.expr } };
}

function decided(op: 'eq' | 'ne' | 'lt' | 'le', left: Range, right: Range): boolean | undefined {
  const apart = left.max < right.min || right.max < left.min;
  const same = left.min === left.max && right.min === right.max && left.min === right.min;
  if (op === 'eq') return apart ? false : same ? true : undefined;
  if (op === 'ne') return apart ? true : same ? false : undefined;
  if (op === 'lt') return left.max < right.min ? true : left.min >= right.max ? false : undefined;
  return left.max <= right.min ? true : left.min > right.max ? false : undefined;
}

/** The machine that an expression names, if it does; of an engine, which element's. */
function machineNamed(
  expression: ast.Expression,
  scope: Scope,
): { readonly symbol: SymbolOf<'machine'>; readonly name: string; readonly element: Element } | undefined {
  if (expression.kind === 'name') {
    const { text } = expression.name;
    const symbol = scope.bindings.has(text) ? undefined : scope.context.symbols.get(text);
    if (symbol?.kind === 'machine') scope.context.used.add(text);
    return symbol?.kind === 'machine' ? { symbol, name: text, element: 'implied' } : undefined;
  }
  const member = engineMember(expression, scope);
  if (member === 'none' || member?.symbol.kind !== 'machine') return undefined;
  return { symbol: member.symbol, name: scope.context.text(expression.span), element: member.element };
}

/** `tx == Running`, `port[i].state != Off`: states are names of their own machine, which may stand on either side. */
function machineComparison(expression: Binary, scope: Scope): Value | 'none' {
  const { context } = scope;
  const onLeft = machineNamed(expression.left, scope);
  const named = onLeft ?? machineNamed(expression.right, scope);
  if (named === undefined) return 'none';
  const { symbol, name, element } = named;
  const { states } = symbol.machine;
  const other = onLeft === undefined ? expression.left : expression.right;
  const help = `compare it with a state: \`${name} == ${states[0] ?? 'State'}\``;
  if (expression.operator !== '==' && expression.operator !== '!=') {
    context.diagnostics.add('DSS221', { what: 'states' }, expression.operatorSpan, { help });
    return undefined;
  }
  if (other.kind !== 'name') {
    const side = onLeft === undefined ? expression.right : expression.left;
    if (other.kind !== 'error') context.diagnostics.add('DSS106', { name, kind: 'machine' }, side.span, { help });
    return undefined;
  }
  const state = findState(states, other.name, name, context);
  if (state === undefined) return undefined;
  context.tested.add(symbol.index);
  const op = expression.operator === '==' ? 'eq' : 'ne';
  const compare = (index?: NumberExpr): BoolExpr => ({
    op,
    left: readCell(symbol.cell, context, index),
    right: constant(BigInt(state)),
  });
  if (element !== 'all') return { type: 'bool', expr: compare(element === 'implied' ? undefined : element) };
  const count = symbol.cell.kind === 'array' ? (context.arrays[symbol.cell.array]?.count ?? 0) : 0;
  return {
    type: 'bool',
    expr: { op: 'all', of: Array.from({ length: count }, (_, at) => compare(constant(BigInt(at)))) },
  };
}

export function findState(
  states: readonly string[],
  name: ast.Name,
  machine: string,
  context: Context,
): number | undefined {
  const index = states.indexOf(name.text);
  if (index !== -1) return index;
  context.unknown(name, `state of \`${machine}\``, () => states);
  return undefined;
}
