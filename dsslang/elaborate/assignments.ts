/**
 * Statements that change a place of the state: `x = value` and `count x`. What is written is shown to fit.
 */
import type * as ast from '../ast.ts';
import type { NumberExpr, Statement } from '../ir.ts';
import type { Span } from '../source.ts';
import { bitLength, maxOf, show, type Context } from './context.ts';
import { elaborate, elaborateNumber } from './expressions.ts';
import { shape } from './facts.ts';
import { scopeOf, type HandlerScope } from './handler-scope.ts';
import { placeOf, readPlace, writePlace, type Place } from './places.ts';
import { constant, type NumberValue } from './values.ts';
import type { Cell } from './symbols.ts';

export function elaborateAssignment(
  statement: Extract<ast.Statement, { kind: 'assign' }>,
  handler: HandlerScope,
): Statement[] {
  const { context } = handler;
  const { target } = statement;
  if (target.kind === 'error') return [];
  const scope = scopeOf(handler);
  const place = placeOf(target, scope);
  if (place === 'none') return notAssignable(statement, handler);
  const value = elaborateNumber(statement.value, scope);
  if (place === undefined) return [];
  if (value === undefined || !fits(value, place, statement.value.span, handler)) {
    handler.facts.forgetCell(place.cell);
    return [];
  }
  return assign(place, value, context, handler);
}

/** What is not a place of the state: a machine, a constant, a name of the handler. */
function notAssignable(statement: Extract<ast.Statement, { kind: 'assign' }>, handler: HandlerScope): Statement[] {
  const { context } = handler;
  const { target } = statement;
  const binding = target.kind === 'name' ? handler.bindings.get(target.name.text) : undefined;
  const symbol = target.kind === 'name' ? context.symbol(target.name.text) : undefined;
  if (binding?.kind === 'unknown') {
    elaborate(statement.value, scopeOf(handler)); // why it is unknown has been reported
    return [];
  }
  const declared = binding ?? symbol;
  if (target.kind === 'name' && declared === undefined) {
    elaborate(statement.value, scopeOf(handler));
    context.find(target.name, 'variable');
    return [];
  }
  const name = context.text(target.span);
  const labels = declared === undefined ? [] : [{ span: declared.span, text: 'declared here' }];
  const isValue = binding?.kind === 'value' && binding.value.type === 'number' && isArgument(binding.value.expr);
  if (binding === undefined && symbol?.kind === 'register')
    context.diagnostics.add('DSS117', { name }, target.span, { labels });
  else if (binding === undefined && symbol?.kind === 'machine') {
    const state = context.text(statement.value.span);
    const help = symbol.machine.states.includes(state) ? `write \`${name} -> ${state}\`` : undefined;
    context.diagnostics.add('DSS118', { name }, target.span, { labels, help });
  } else if (isValue) context.diagnostics.add('DSS119', { name }, target.span, { labels });
  else context.diagnostics.add('DSS105', { name }, target.span, { labels });
  // What is assigned to a machine by mistake names a state: it is no second mistake.
  if (symbol?.kind !== 'machine') elaborate(statement.value, scopeOf(handler));
  return [];
}

const isArgument = (expr: NumberExpr): boolean => expr.op === 'argument' && expr.argument === 'value';

function fits(value: NumberValue, place: Place, span: Span, handler: HandlerScope): boolean {
  if (value.max <= place.max) return true;
  if (handler.facts.doubtful) return false;
  const parameters = { name: place.name, largest: show(value.max), max: show(place.max) };
  handler.context.diagnostics.add('DSS204', parameters, span, {
    labels: [{ span: place.span, text: `\`${place.name}\` is declared here` }],
  });
  return false;
}

export function assign(place: Place, value: NumberValue, context: Context, handler: HandlerScope): Statement[] {
  const statement = writePlace(place, value.expr, context);
  handler.facts.forgetCell(place.cell);
  const target = place.element === 'all' ? undefined : readPlace(place, place.span, context);
  // `A[A[0]] = v` says nothing about `A[A[0]]` afterwards.
  if (target !== undefined && !mentions(target, place.cell))
    handler.facts.learn(target, { min: value.min, max: value.max });
  return [statement];
}

/** Does the index of an element read the array itself? */
function mentions(target: NumberExpr, cell: Cell): boolean {
  if (target.op !== 'element' || cell.kind !== 'array') return false;
  const index = shape(target.index);
  return index === undefined || index.includes(`e${cell.array};`);
}

/** `count NAME by e`: as far as the counter goes. */
export function elaborateCount(
  statement: Extract<ast.Statement, { kind: 'count' }>,
  handler: HandlerScope,
): Statement[] {
  const { context } = handler;
  const { target } = statement;
  if (target.kind === 'error') return [];
  const scope = scopeOf(handler);
  const place = placeOf(target, scope);
  const by = statement.by === undefined ? constantNumber(1n) : elaborateNumber(statement.by, scope);
  if (place === undefined) return [];
  if (place === 'none' || place.counter === undefined) {
    if (place === 'none' && target.kind === 'name' && handler.bindings.get(target.name.text)?.kind === 'unknown')
      return []; // why it is unknown has been reported
    if (place === 'none' && target.kind === 'name' && context.symbol(target.name.text) === undefined)
      context.find(target.name, 'variable');
    else context.diagnostics.add('DSS341', { name: context.text(target.span), wanted: 'counter' }, target.span);
    return [];
  }
  const before = readPlace(place, target.span, context);
  if (by === undefined || before === undefined) return [];
  const { end, limit } = place.counter;
  const most = place.max + by.max;
  if (most > maxOf(64)) {
    if (!handler.facts.doubtful) context.diagnostics.add('DSS206', { largest: show(most) }, statement.span);
    return [];
  }
  const sum: NumberExpr = { op: 'add', left: before, right: by.expr, max: most };
  const max = most < place.max ? most : place.max;
  const expr: NumberExpr =
    end === 'modulo'
      ? { op: 'mod', left: sum, right: constant(limit), max }
      : { op: 'min', left: sum, right: constant(limit), max };
  return assign(place, { type: 'number', expr, min: 0n, max, bits: place.bits }, context, handler);
}

const constantNumber = (value: bigint): NumberValue => ({
  type: 'number',
  expr: constant(value),
  min: value,
  max: value,
  bits: bitLength(value),
});
