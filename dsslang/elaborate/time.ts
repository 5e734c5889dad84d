/**
 * Time: clocks, deadlines and rates.
 *
 * A clock is two cells (does it run; since when). A deadline is a clock with a condition that stands before every
 * operation and every tick, so that it is missed at the first of them that comes too late. A rate is a bucket of credit.
 */
import type * as ast from '../ast.ts';
import type { NumberExpr, RuleId, Statement } from '../ir.ts';
import { fillCell, newCell, writeCell } from './cells.ts';
import { show, type Context } from './context.ts';
import type { SymbolOf } from './symbols.ts';
import { hasUnit, constantWithin } from './limits.ts';
import { constant } from './values.ts';
import { clockPlace, elapsedOf, now, symbolPlace, timeIsKnown, TIME_BITS, TIME_MAX } from './memory.ts';
import { scopeOf, type HandlerScope } from './handler-scope.ts';
import { refusalAction } from './rules.ts';
import { newBucket, RATE_MAX, takeCredit } from './token-bucket.ts';

/** A deadline further away is refused: it would come too late to help. */
export const DEADLINE_US_MAX = 60_000_000n;

export function declareClock(item: ast.ItemOf<'clock'>, context: Context): void {
  newClock(item.name, context);
}

function newClock(name: ast.Name, context: Context): SymbolOf<'clock'> {
  const internal = { initial: 0n, kind: 'internal' } as const;
  const running = newCell({ name: `${name.text}.running`, bits: 1, max: 1n, ...internal }, context);
  const started = newCell({ name: `${name.text}.started`, bits: TIME_BITS, max: TIME_MAX, ...internal }, context);
  const clock = { kind: 'clock', span: name.span, running, started } as const;
  context.declare(name, clock);
  return clock;
}

export function declareDeadline(item: ast.ItemOf<'deadline'>, context: Context): void {
  if (!hasUnit(item.time, 'time', context)) return;
  const limit = constantWithin(item.time, context, 'the deadline', 1n, DEADLINE_US_MAX);
  if (limit === undefined) return;
  const clock = newClock(item.name, context);
  const action = refusalAction(item.action, context);
  const rule = context.rule(item.reason, item.span, action);
  const { engine } = context;
  const elements =
    engine === undefined ? [undefined] : Array.from({ length: engine.count }, (_, at) => constant(BigInt(at)));
  for (const index of elements) {
    context.always.push(notLate(clock, index, constant(BigInt(limit)), { rule, log: action === 'log' }, context));
  }
}

/** A clock that does not run is at the largest time, so its running is asked first. */
function notLate(
  clock: SymbolOf<'clock'>,
  index: NumberExpr | undefined,
  limit: NumberExpr,
  { rule, log }: { rule: RuleId; log: boolean },
  context: Context,
): Statement {
  const time = elapsedOf(clock, index, context);
  const condition = {
    op: 'any',
    of: [
      { op: 'eq', left: time, right: constant(TIME_MAX) },
      { op: 'le', left: time, right: limit },
    ],
  } as const;
  return { op: log ? 'note' : 'require', condition, rule };
}

export function declareRate(item: ast.ItemOf<'rate'>, context: Context): void {
  const rate = constantWithin(item.rate, context, 'the rate', 1n, RATE_MAX);
  const burst = item.burst === undefined ? rate : constantWithin(item.burst, context, 'the burst', 1n, RATE_MAX);
  if (rate === undefined || burst === undefined) return;
  const bucket = newBucket(item.name.text, BigInt(rate), BigInt(burst), context);
  const action = refusalAction(item.action, context);
  const reason = item.reason === '' ? `more than ${show(BigInt(rate))} a second` : item.reason;
  const rule = context.rule(reason, item.span, action);
  context.declare(item.name, { kind: 'rate', span: item.name.span, bucket, rule, log: action === 'log' });
}

/** `start NAME`, `stop NAME`. */
export function elaborateClock(
  statement: Extract<ast.Statement, { kind: 'start' | 'stop' }>,
  handler: HandlerScope,
): Statement[] {
  const { context } = handler;
  const scope = scopeOf(handler);
  const place = clockPlace(statement.clock, scope);
  if (place === undefined || !timeIsKnown(statement.kind, statement.span, scope)) return [];
  const { clock, element } = place;
  handler.facts.forgetCell(clock.running);
  handler.facts.forgetCell(clock.started);
  const runs = constant(statement.kind === 'start' ? 1n : 0n);
  const since = statement.kind === 'start' ? [{ cell: clock.started, value: now }] : [];
  return [...since, { cell: clock.running, value: runs }].map(({ cell, value }) =>
    element === 'all'
      ? fillCell(cell, value)
      : writeCell(cell, value, context, element === 'implied' ? undefined : element),
  );
}

/** `spend NAME`. */
export function elaborateSpend(
  statement: Extract<ast.Statement, { kind: 'spend' }>,
  handler: HandlerScope,
): Statement[] {
  const { context } = handler;
  const scope = scopeOf(handler);
  const place = symbolPlace(statement.rate, 'rate', scope, (rate, element) => ({ rate, element }));
  if (place === undefined || !timeIsKnown('spend', statement.span, scope)) return [];
  if (place.element === 'all') {
    context.diagnostics.add('DSS144', {}, statement.rate.span);
    return [];
  }
  const local = handler.locals;
  handler.locals += 1;
  const { bucket, rule, log } = place.rate;
  const index = place.element === 'implied' ? undefined : place.element;
  return takeCredit(bucket, rule, { local, log, index }, context);
}
