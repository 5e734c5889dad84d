/**
 * State that an author declares: machines, variables, arrays of them, counters.
 */
import type * as ast from '../ast.ts';
import type { Span } from '../source.ts';
import { arrayCell, newCell, type Contents } from './cells.ts';
import { bitLength, maxOf, show, type Context } from './context.ts';
import { elaborateConstant } from './expressions.ts';
import { ARRAY_ELEMENTS_MAX, constantWithin, MACHINES_MAX, SCALARS_MAX, STATES_MAX, tooMany } from './limits.ts';
import { validType } from './types.ts';

export function declareMachine(item: ast.ItemOf<'machine'>, context: Context): void {
  const states = new Map<string, ast.Name>();
  for (const state of item.states) {
    const earlier = states.get(state.text);
    if (earlier === undefined) states.set(state.text, state);
    else {
      context.diagnostics.add('DSS102', { name: state.text, kind: 'state' }, state.span, {
        labels: [{ span: earlier.span, text: 'declared here first' }],
      });
    }
  }
  const machines = context.machines.filter((each) => each.array === undefined).length;
  if (tooMany('machines', machines + 1, MACHINES_MAX, item.span, context)) return;
  if (tooMany(`states of \`${item.name.text}\``, states.size, STATES_MAX, item.span, context)) return;
  addMachine(item.name, [...states.keys()], context);
}

/** A machine whose first state is the initial one; inside an engine, one for each element. */
export function addMachine(name: ast.Name, states: readonly string[], context: Context): number {
  const max = BigInt(states.length - 1);
  const contents = { name: name.text, bits: bitLength(max), max, initial: 0n, kind: 'machine' } as const;
  const cell = newCell(contents, context);
  const index = context.machines.length;
  if (cell.kind === 'scalar') context.machines.push({ name: name.text, scalar: cell.scalar, states });
  else {
    const { engine } = context;
    for (let element = 0; element < (engine?.count ?? 0); element += 1) {
      const own = `${engine?.name ?? ''}[${element}].${name.text}`;
      context.machines.push({ name: own, scalar: 0, states, array: { id: cell.array, element } });
    }
  }
  const machine = context.machines[index];
  if (machine !== undefined) context.declare(name, { kind: 'machine', span: name.span, machine, index, cell });
  context.entered.add(`${index}.0`);
  return index;
}

/** One variable, or with `NAME[N]` an array of them. */
export function declareVariable(item: ast.ItemOf<'var'>, context: Context): void {
  if (!validType(item.type, context)) return;
  const whole = maxOf(item.type.bits);
  const max = item.max === undefined ? whole : elaborateConstant(item.max, context, 'the `max` of a variable');
  const initial = item.initial === undefined ? 0n : elaborateConstant(item.initial, context, 'the initial value');
  if (max === undefined || initial === undefined) return;
  if (max > whole) {
    context.diagnostics.add(
      'DSS203',
      { value: show(max), bits: item.type.bits, holds: `\`${item.name.text}\`` },
      item.max?.span ?? item.span,
    );
    return;
  }
  if (initial > max) {
    context.diagnostics.add(
      'DSS225',
      { name: item.name.text, initial: show(initial), max: show(max) },
      item.initial?.span ?? item.span,
    );
    return;
  }
  const contents = { name: item.name.text, bits: item.type.bits, max, initial, kind: 'variable' } as const;
  if (item.count !== undefined) {
    declareStateArray(item, item.count, contents, context);
    return;
  }
  if (tooManyCells(item.span, context)) return;
  const cell = newCell(contents, context);
  const { span } = item.name;
  context.declare(item.name, { kind: 'variable', span, cell, bits: item.type.bits, max, counter: undefined });
}

function declareStateArray(item: ast.ItemOf<'var'>, size: ast.Expression, contents: Contents, context: Context): void {
  const count = constantWithin(size, context, 'the number of elements', 1n, BigInt(ARRAY_ELEMENTS_MAX));
  if (count === undefined) return;
  if (context.engine !== undefined) {
    context.diagnostics.add('DSS342', { what: 'an array' }, item.name.span);
    return;
  }
  if (tooManyElements(count, item.span, context)) return;
  const { array } = arrayCell(contents, count, context);
  context.declare(item.name, { kind: 'array', span: item.name.span, array });
}

/** `counter NAME modulo N`: below N; `saturating N`: at most N. */
export function declareCounter(item: ast.ItemOf<'counter'>, context: Context): void {
  const limit = elaborateConstant(item.limit, context, 'the end of a counter');
  if (limit === undefined) return;
  const largest = maxOf(63);
  if (limit < 1n || limit > largest) {
    const what = 'the end of a counter';
    context.diagnostics.add('DSS212', { what, min: '1', max: show(largest), found: show(limit) }, item.limit.span);
    return;
  }
  if (tooManyCells(item.span, context)) return;
  const max = item.end === 'modulo' ? limit - 1n : limit;
  const bits = bitLength(max);
  const cell = newCell({ name: item.name.text, bits, max, initial: 0n, kind: 'variable' }, context);
  const counter = { end: item.end, limit };
  context.declare(item.name, { kind: 'variable', span: item.name.span, cell, bits, max, counter });
}

function tooManyCells(place: Span, context: Context): boolean {
  const { engine } = context;
  if (engine !== undefined) return tooManyElements(engine.count, place, context);
  return tooMany('variables', context.scalars.length + 1, SCALARS_MAX, place, context);
}

function tooManyElements(more: number, place: Span, context: Context): boolean {
  const elements = context.arrays.reduce((sum, each) => sum + each.count, more);
  return tooMany('elements of arrays', elements, ARRAY_ELEMENTS_MAX, place, context);
}
