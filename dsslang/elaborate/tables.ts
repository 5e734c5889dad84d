/** Constant tables: one value for each index, as the number of parameters of each command of a FIFO. */
import type * as ast from '../ast.ts';
import type { Span } from '../source.ts';
import { maxOf, show, type Context } from './context.ts';
import { constantWithin, tooMany } from './limits.ts';
import { validType } from './types.ts';
import { elaborateConstant } from './expressions.ts';

/** Entries of all tables together. */
export const TABLE_ENTRIES_MAX = 65536;

/** `table NAME[N] : uW = { INDEX: VALUE, ..., else VALUE }`; every index has exactly one value. */
export function declareTable(item: ast.ItemOf<'table'>, context: Context): void {
  const what = 'the number of entries';
  const count = constantWithin(item.count, context, what, 1n, BigInt(TABLE_ENTRIES_MAX));
  if (count === undefined || !validType(item.type, context)) return;
  const all = context.tables.reduce((sum, table) => sum + table.entries.length, count);
  if (tooMany('entries of tables', all, TABLE_ENTRIES_MAX, item.name.span, context)) return;
  const otherwise = item.otherwise === undefined ? undefined : entry(item.otherwise, item, context);
  const places = new Map<number, Span>();
  const entries = Array.from({ length: count }, () => otherwise ?? 0n);
  for (const { index, value } of item.entries) {
    const at = constantWithin(index, context, 'the index', 0n, BigInt(count - 1));
    const constant = entry(value, item, context);
    if (at === undefined) continue;
    const earlier = places.get(at);
    if (earlier !== undefined) {
      context.diagnostics.add('DSS241', { index: show(BigInt(at)), name: item.name.text }, index.span, {
        labels: [{ span: earlier, text: 'the first value is here' }],
      });
      continue;
    }
    places.set(at, index.span);
    entries[at] = constant ?? 0n;
  }
  const missing = entries.findIndex((_, at) => !places.has(at));
  if (item.otherwise === undefined && missing !== -1 && !context.incomplete && places.size === item.entries.length)
    context.diagnostics.add('DSS242', { name: item.name.text, index: show(BigInt(missing)) }, item.name.span);
  context.tables.push({ name: item.name.text, entries });
  const table = context.tables.length - 1;
  context.declare(item.name, { kind: 'table', span: item.name.span, table, bits: item.type.bits });
}

function entry(expression: ast.Expression, item: ast.ItemOf<'table'>, context: Context): bigint | undefined {
  const value = elaborateConstant(expression, context, 'a value of a table');
  if (value === undefined || value <= maxOf(item.type.bits)) return value;
  const holds = `\`${item.name.text}\``;
  context.diagnostics.add('DSS203', { value: show(value), bits: item.type.bits, holds }, expression.span);
  return undefined;
}
