/**
 * Folding of constants, and of conditions that ranges decide: so that no compiler of what is emitted has reason to wonder at
 * a comparison that always has the same outcome.
 */
import { combine } from '../interpreter/expressions.ts';
import { isDeepStrictEqual } from 'node:util';
import type { BoolExpr, NumberExpr } from '../ir.ts';

const memo = new WeakMap<NumberExpr, NumberExpr>();

/** The expression with every operation on constants alone done. A division by 0, which nothing evaluates, becomes 0. */
export function folded(e: NumberExpr): NumberExpr {
  const known = memo.get(e);
  if (known !== undefined) return known;
  const result = fold(e);
  memo.set(e, result);
  return result;
}

function fold(e: NumberExpr): NumberExpr {
  if ('of' in e) {
    const of = folded(e.of);
    if (of.op !== 'const') return { ...e, of };
    switch (e.op) {
      case 'extract':
        return constant(BigInt.asUintN(e.bits, of.value >> BigInt(e.low)));
      case 'shiftLeft':
        return constant(of.value << BigInt(e.by));
      case 'shiftRight':
        return constant(of.value >> BigInt(e.by));
    }
  }
  if (!('left' in e)) return e;
  const [left, right] = [folded(e.left), folded(e.right)];
  if (e.op === 'choice') {
    const condition = known(e.condition);
    return condition === undefined ? { ...e, left, right } : condition ? left : right;
  }
  if ((e.op === 'div' || e.op === 'mod') && right.op === 'const' && right.value === 0n) return constant(0n);
  if (left.op !== 'const' || right.op !== 'const') return { ...e, left, right };
  const value = combine(e, left.value, right.value);
  // A difference below 0 is never evaluated either.
  return constant(value < 0n ? 0n : value);
}

/** The outcome of a condition, if constants and ranges decide it. */
export function known(e: BoolExpr): boolean | undefined {
  switch (e.op) {
    case 'bool':
      return e.value;
    case 'not': {
      const of = known(e.of);
      return of === undefined ? undefined : !of;
    }
    case 'all':
    case 'any': {
      const parts = e.of.map(known);
      const deciding = e.op === 'any';
      if (parts.includes(deciding)) return deciding;
      return parts.includes(undefined) ? undefined : !deciding;
    }
    case 'inside':
    case 'outsideBars':
      return undefined;
    default:
      return decided(e);
  }
}

function constant(value: bigint): NumberExpr {
  const word = BigInt.asUintN(64, value);
  return { op: 'const', value: word, max: word };
}

type Comparison = Extract<BoolExpr, { op: 'eq' | 'ne' | 'lt' | 'le' }>;

/** The outcome of a comparison, if the ranges of both sides decide it. */
function decided({ op, ...sides }: Comparison): boolean | undefined {
  const [left, right] = [folded(sides.left), folded(sides.right)];
  if (op === 'ne') {
    const equal = decided({ op: 'eq', left, right });
    return equal === undefined ? undefined : !equal;
  }
  const same = alike(left, right);
  const [leftLeast, rightLeast] = [leastOf(left), leastOf(right)];
  switch (op) {
    case 'eq':
      if (same || (left.op === 'const' && right.op === 'const')) return same || leftLeast === rightLeast;
      return left.max < rightLeast || right.max < leftLeast || !bitsFit(left, right) || !bitsFit(right, left)
        ? false
        : undefined;
    case 'lt':
      if (same || right.max <= leftLeast) return false;
      return left.max < rightLeast ? true : undefined;
    case 'le':
      if (same || left.max <= rightLeast) return true;
      return right.max < leftLeast ? false : undefined;
  }
}

const COMMUTATIVE: ReadonlySet<NumberExpr['op']> = new Set([
  ...(['add', 'addWrap', 'addSat', 'mul', 'mulWrap'] as const),
  ...(['and', 'or', 'xor', 'min', 'max'] as const),
]);

/** Is it the same number, whichever way round the operands of a sum or a product stand? Compilers see that, too. */
function alike(a: NumberExpr, b: NumberExpr): boolean {
  if (isDeepStrictEqual(a, b)) return true;
  if ('of' in a && 'of' in b) return isDeepStrictEqual({ ...a, of: 0 }, { ...b, of: 0 }) && alike(a.of, b.of);
  if (!('left' in a && 'left' in b) || a.op === 'choice') return false;
  if (!isDeepStrictEqual({ ...a, left: 0, right: 0 }, { ...b, left: 0, right: 0 })) return false;
  if (alike(a.left, b.left) && alike(a.right, b.right)) return true;
  return COMMUTATIVE.has(a.op) && alike(a.left, b.right) && alike(a.right, b.left);
}

const WORD_MAX = 2n ** 64n - 1n;

const leastOf = (e: NumberExpr): bigint => (e.op === 'const' ? e.value : 0n);

/** Can a number masked by a constant, or with the bits of one, equal this constant? */
function bitsFit(e: NumberExpr, value: NumberExpr): boolean {
  if (value.op !== 'const' || !(e.op === 'and' || e.op === 'or')) return true;
  const bits = [e.left, e.right].find((side) => side.op === 'const');
  if (bits?.op !== 'const') return true;
  return e.op === 'and'
    ? (value.value & (bits.value ^ WORD_MAX)) === 0n
    : (bits.value & (value.value ^ WORD_MAX)) === 0n;
}
