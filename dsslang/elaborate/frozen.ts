/**
 * `frozen NAME from BASE size LENGTH when CONDITION "reason"`: bytes that the driver may not change while the device may
 * be reading them, for what is no ring: a command table, a list of buffers, a schedule.
 *
 * Lowered to a part of the reaction to stores, beside the rings' (`ownership.ts`): one comparison of ranges, in constant
 * time. What was checked when it was published is then what the device reads.
 */
import type * as ast from '../ast.ts';
import type { BoolExpr, NumberExpr, Statement } from '../ir.ts';
import { maxOf, type Context } from './context.ts';
import { elaborateBool, elaborateNumber } from './expressions.ts';
import { constant } from './values.ts';
import { Facts } from './facts.ts';
import { storeTouches } from './stores.ts';

/** The same for equal expressions, and for no others. */
const keyOf = (base: NumberExpr): string =>
  JSON.stringify(base, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));

/** Does a `frozen` range of the device begin at `base`, written in the same way? */
export function isFrozenFrom(base: NumberExpr, context: Context): boolean {
  return context.frozenFrom.has(keyOf(base));
}

export function elaborateFrozen(item: ast.ItemOf<'frozen'>, context: Context): Statement[] {
  const scope = { context, bindings: new Map(), facts: new Facts() };
  const base = elaborateNumber(item.from, scope);
  const size = elaborateNumber(item.size, scope);
  const when = elaborateBool(item.when, scope);
  if (base === undefined || size === undefined || when === undefined) return [];
  context.frozenFrom.add(keyOf(base.expr));
  if (size.max === 0n) context.diagnostics.add('DSS451', { name: item.name.text }, item.size.span);
  const end: NumberExpr = { op: 'addSat', left: base.expr, right: size.expr, bits: 64, max: maxOf(64) };
  const touched: BoolExpr = {
    op: 'all',
    of: [{ op: 'lt', left: constant(0n), right: size.expr }, storeTouches(base.expr, end)],
  };
  const rule = context.rule(item.reason, item.name.span);
  return [
    {
      op: 'if',
      condition: when,
      consequent: [{ op: 'require', condition: { op: 'not', of: touched }, rule }],
      alternative: [],
    },
  ];
}
