/**
 * What a condition teaches: the facts that hold once it has turned out true, or false.
 */
import type { BoolExpr, NumberExpr } from '../ir.ts';
import type { Facts, Range } from './facts.ts';

/** Facts after a condition that could not be read. */
export function doubting(facts: Facts): Facts {
  const next = facts.copy();
  next.doubtful = true;
  return next;
}

/** What is known once `condition` has turned out to be `truth`. */
export function assume(condition: BoolExpr, truth: boolean, facts: Facts): Facts {
  const next = facts.copy();
  learn(condition, truth, next);
  return next;
}

/** Adds to `facts` what `condition` says if it is `truth`. */
export function learn(condition: BoolExpr, truth: boolean, facts: Facts): void {
  facts.learnTruth(truth ? condition : { op: 'not', of: condition });
  switch (condition.op) {
    case 'not':
      return learn(condition.of, !truth, facts);
    case 'all':
      if (truth) for (const each of condition.of) learn(each, true, facts);
      return;
    case 'any':
      if (!truth) for (const each of condition.of) learn(each, false, facts);
      return;
    case 'eq':
    case 'ne':
      if ((condition.op === 'eq') === truth) learnEqual(condition.left, condition.right, facts);
      else learnDifferent(condition.left, condition.right, facts);
      return;
    case 'lt':
      return truth
        ? learnOrder(condition.left, condition.right, 1n, facts)
        : learnOrder(condition.right, condition.left, 0n, facts);
    case 'le':
      return truth
        ? learnOrder(condition.left, condition.right, 0n, facts)
        : learnOrder(condition.right, condition.left, 1n, facts);
    case 'bool':
    case 'inside':
    case 'outsideBars':
  }
}

/** Is the condition known to hold, or not to hold, here? Undefined if it may be either. */
export function decidedTruth(condition: BoolExpr, facts: Facts): boolean | undefined {
  if (facts.knowsTruth(condition)) return true;
  if (facts.knowsTruth({ op: 'not', of: condition })) return false;
  switch (condition.op) {
    case 'bool':
      return condition.value;
    case 'not': {
      const truth = decidedTruth(condition.of, facts);
      return truth === undefined ? undefined : !truth;
    }
    case 'eq':
    case 'ne': {
      const [a, b] = [
        facts.range(condition.left, natural(condition.left)),
        facts.range(condition.right, natural(condition.right)),
      ];
      if (a.max < b.min || b.max < a.min) return condition.op === 'ne';
      return a.min === a.max && b.min === b.max && a.min === b.min ? condition.op === 'eq' : undefined;
    }
    default:
      return undefined;
  }
}

const natural = (expression: NumberExpr): Range =>
  expression.op === 'const' ? { min: expression.value, max: expression.value } : { min: 0n, max: expression.max };

/** `left + gap <= right`. */
function learnOrder(left: NumberExpr, right: NumberExpr, gap: bigint, facts: Facts): void {
  const a = facts.range(left, natural(left));
  const b = facts.range(right, natural(right));
  facts.learnOrder(left, right);
  if (b.max >= gap) facts.learn(left, { min: a.min, max: b.max - gap });
  facts.learn(right, { min: a.min + gap, max: b.max });
}

function learnEqual(left: NumberExpr, right: NumberExpr, facts: Facts): void {
  learnOrder(left, right, 0n, facts);
  learnOrder(right, left, 0n, facts);
}

/** Useful only at the ends of a range: `count != 0`. */
function learnDifferent(left: NumberExpr, right: NumberExpr, facts: Facts): void {
  for (const [a, b] of [
    [left, right],
    [right, left],
  ] as const) {
    const range = facts.range(a, natural(a));
    const other = facts.range(b, natural(b));
    if (other.min !== other.max) continue;
    if (range.min === other.min) facts.learn(a, { min: range.min + 1n, max: range.max });
    if (range.max === other.max && range.max > 0n) facts.learn(a, { min: range.min, max: range.max - 1n });
  }
}
