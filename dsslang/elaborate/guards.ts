/**
 * Guards: the states in which a handler stands, from the `in` blocks around it to the condition that a monitor checks.
 */
import type * as ast from '../ast.ts';
import type { BoolExpr } from '../ir.ts';
import { readCell } from './cells.ts';
import { findState } from './comparisons.ts';
import type { Context } from './context.ts';
import { constant } from './values.ts';

/** For each machine (by index) that the surrounding `in` blocks name: the states allowed. */
export type StateMap = ReadonlyMap<number, ReadonlySet<number>>;

/** More handlers of one register for one kind of operation are refused: each is compared with each. */
export const HANDLERS_MAX = 1024;

/** The states that are left inside an `in`; undefined if they cannot be read, or none is. */
export function narrow(set: ast.StateSet, outer: StateMap, context: Context): StateMap | undefined {
  const first = set.states[0];
  if (first === undefined) return undefined;
  const symbol = context.find(first.machine, 'machine');
  if (symbol === undefined) return undefined;
  context.tested.add(symbol.index);
  const named = new Set<number>();
  for (const each of set.states) {
    if (each.machine.text !== first.machine.text) {
      context.diagnostics.add('DSS304', { states: `\`${context.source.slice(set.span)}\`` }, each.span, {
        note: 'another machine',
        help: 'one `in` names states of one machine; put an `in` for the other machine inside it',
      });
      return undefined;
    }
    const state = findState(symbol.machine.states, each.state, each.machine.text, context);
    if (state !== undefined) named.add(state);
  }
  const before = outer.get(symbol.index);
  const both = before === undefined ? named : new Set([...named].filter((state) => before.has(state)));
  if (both.size === 0 && named.size > 0) {
    context.diagnostics.add('DSS304', { states: `\`${context.source.slice(set.span)}\`` }, set.span);
    return undefined;
  }
  return new Map([...outer, [symbol.index, both]]);
}

/** `tx == Running and (rx == Off or rx == Ready)`. */
export function guardOf(states: StateMap, context: Context): BoolExpr {
  const parts: BoolExpr[] = [];
  for (const [index, allowed] of states) {
    const machine = context.machines[index];
    if (machine === undefined || allowed.size === machine.states.length) continue;
    const scalar =
      machine.array === undefined
        ? context.readScalar(machine.scalar)
        : readCell({ kind: 'array', array: machine.array.id }, context);
    const of = [...allowed].map((state): BoolExpr => ({ op: 'eq', left: scalar, right: constant(BigInt(state)) }));
    const [only] = of;
    parts.push(of.length === 1 && only !== undefined ? only : { op: 'any', of });
  }
  const [only] = parts;
  if (only === undefined) return { op: 'bool', value: true };
  return parts.length === 1 ? only : { op: 'all', of: parts };
}
