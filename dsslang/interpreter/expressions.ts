/**
 * The meaning of expressions: exact arithmetic on unsigned integers, comparisons, grant predicates.
 */
import type { BoolExpr, NumberExpr } from '../ir.ts';
import type { Frame, Grant } from './state.ts';

/** Does a condition hold? */
export function truth(expression: BoolExpr, frame: Frame): boolean {
  switch (expression.op) {
    case 'bool':
      return expression.value;
    case 'eq':
      return value(expression.left, frame) === value(expression.right, frame);
    case 'ne':
      return value(expression.left, frame) !== value(expression.right, frame);
    case 'lt':
      return value(expression.left, frame) < value(expression.right, frame);
    case 'le':
      return value(expression.left, frame) <= value(expression.right, frame);
    case 'not':
      return !truth(expression.of, frame);
    case 'all':
      return expression.of.every((each) => truth(each, frame));
    case 'any':
      return expression.of.some((each) => truth(each, frame));
    case 'inside':
      return inside(
        frame.state.grants,
        expression.purposes,
        value(expression.base, frame),
        value(expression.length, frame),
      );
    case 'outsideBars': {
      const base = value(expression.base, frame);
      const length = value(expression.length, frame);
      return length === 0n || !frame.state.bars.some((bar) => bar.length > 0n && overlaps(bar, base, length));
    }
  }
}

/** S10: grant predicates, in unbounded arithmetic. */
export function inside(grants: readonly Grant[], purposes: number, base: bigint, length: bigint): boolean {
  if (length === 0n) return true;
  return grants.some(
    (each) => (each.purposes & purposes) === purposes && each.base <= base && base + length <= each.base + each.length,
  );
}

export function overlaps(
  range: { readonly base: bigint; readonly length: bigint },
  base: bigint,
  length: bigint,
): boolean {
  return base < range.base + range.length && range.base < base + length;
}

/** S11: exact arithmetic on unsigned integers. */
export function value(expression: NumberExpr, frame: Frame): bigint {
  switch (expression.op) {
    case 'const':
      return expression.value;
    case 'scalar':
      return frame.scalars[expression.scalar] ?? 0n;
    case 'local':
      return frame.locals.get(expression.local) ?? 0n;
    case 'argument':
      return frame.arguments[expression.argument] ?? 0n;
    case 'element':
      return frame.arrays[expression.array]?.[index(expression.index, frame)] ?? 0n;
    case 'lookup':
      return frame.program.tables[expression.table]?.entries[index(expression.index, frame)] ?? 0n;
    case 'place':
      return frame.descriptors.get(expression.walk)?.place ?? 0n;
    case 'descriptor':
      return littleEndian(frame.descriptors.get(expression.walk)?.bytes, expression.offset, expression.bytes);
    case 'extract':
      return BigInt.asUintN(expression.bits, value(expression.of, frame) >> BigInt(expression.low));
    case 'shiftLeft':
      return value(expression.of, frame) << BigInt(expression.by);
    case 'shiftRight':
      return value(expression.of, frame) >> BigInt(expression.by);
    case 'choice':
      return truth(expression.condition, frame) ? value(expression.left, frame) : value(expression.right, frame);
    default:
      return combine(expression, value(expression.left, frame), value(expression.right, frame));
  }
}

/** An index as a number; what is too large for one is beyond every array. */
export function index(expression: NumberExpr, frame: Frame): number {
  return Number(least(value(expression, frame), BigInt(Number.MAX_SAFE_INTEGER)));
}

type Combination = Exclude<Extract<NumberExpr, { left: NumberExpr; right: NumberExpr }>, { op: 'choice' }>;

/** What an operator makes of two values; an emitter that computes when compiling must agree, so it calls this. */
export function combine(expression: Combination, left: bigint, right: bigint): bigint {
  switch (expression.op) {
    case 'add':
      return left + right;
    case 'sub':
      return left - right;
    case 'mul':
      return left * right;
    case 'div':
      return left / right;
    case 'mod':
      return left % right;
    case 'and':
      return left & right;
    case 'or':
      return left | right;
    case 'xor':
      return left ^ right;
    case 'addWrap':
      return BigInt.asUintN(expression.bits, left + right);
    case 'subWrap':
      return BigInt.asUintN(expression.bits, left - right);
    case 'mulWrap':
      return BigInt.asUintN(expression.bits, left * right);
    case 'addSat':
      return least(left + right, (1n << BigInt(expression.bits)) - 1n);
    case 'subSat':
      return greatest(left - right, 0n);
    case 'min':
      return least(left, right);
    case 'max':
      return greatest(left, right);
  }
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

const greatest = (a: bigint, b: bigint): bigint => (a > b ? a : b);

function littleEndian(bytes: Uint8Array | undefined, offset: number, length: number): bigint {
  let result = 0n;
  for (let index = length - 1; index >= 0; index -= 1) result = (result << 8n) | BigInt(bytes?.[offset + index] ?? 0);
  return result;
}
