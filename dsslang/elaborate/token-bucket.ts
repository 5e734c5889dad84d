/**
 * A bucket of credit that bounds a rate: it holds `burst`, refills with `rate` a second, and each event takes one.
 *
 * Exact: credit is kept in units of which a microsecond adds `rate` and an event takes a million, so no rate is rounded.
 * Time never runs backwards here, whatever the clock does: credit is not gained twice.
 */
import type { LocalId, NumberExpr, RuleId, Statement } from '../ir.ts';
import { newCell, readCell, writeCell } from './cells.ts';
import { bitLength, type Context } from './context.ts';
import type { Bucket } from './symbols.ts';
import { constant } from './values.ts';
import { now, TIME_BITS, TIME_MAX } from './memory.ts';

const SECOND_US = 1_000_000n;
/** Events a second, and events at once. */
export const RATE_MAX = 1_000_000n;

/** A full bucket. @param rate events a second @param burst events at once; both from 1 to `RATE_MAX` */
export function newBucket(name: string, rate: bigint, burst: bigint, context: Context): Bucket {
  const cap = SECOND_US * burst;
  const internal = { kind: 'internal' } as const;
  const credit = newCell(
    { name: `${name}.credit`, bits: bitLength(cap), max: cap, initial: cap, ...internal },
    context,
  );
  const last = newCell({ name: `${name}.last`, bits: TIME_BITS, max: TIME_MAX, initial: 0n, ...internal }, context);
  return { rate, burst, credit, last };
}

/**
 * Takes one event's credit from the bucket, or refuses by `rule`.
 * @param local a name of the handler that is free @param log an empty bucket is only noted @param index whose bucket
 */
export function takeCredit(
  { rate, burst, credit, last }: Bucket,
  rule: RuleId,
  { local, log = false, index }: { local: LocalId; log?: boolean; index?: NumberExpr | undefined },
  context: Context,
): Statement[] {
  const cost = SECOND_US;
  const cap = cost * burst;
  const fillUs = (cap + rate - 1n) / rate; // after so long an empty bucket is full
  const before = readCell(last, context, index);
  const elapsed: NumberExpr = { op: 'subSat', left: now, right: before, max: TIME_MAX };
  const counted: NumberExpr = { op: 'min', left: elapsed, right: constant(fillUs), max: fillUs };
  const gained: NumberExpr = { op: 'mul', left: counted, right: constant(rate), max: fillUs * rate };
  const filled: NumberExpr = {
    op: 'add',
    left: readCell(credit, context, index),
    right: gained,
    max: cap + fillUs * rate,
  };
  const available: NumberExpr = { op: 'local', local, max: cap };
  // Where an empty bucket is only noted, it stays empty.
  const left: NumberExpr = { op: log ? 'subSat' : 'sub', left: available, right: constant(cost), max: cap - cost };
  return [
    { op: 'let', local, value: { op: 'min', left: filled, right: constant(cap), max: cap } },
    { op: log ? 'note' : 'require', condition: { op: 'le', left: constant(cost), right: available }, rule },
    writeCell(credit, left, context, index),
    writeCell(last, { op: 'max', left: now, right: before, max: TIME_MAX }, context, index),
  ];
}
