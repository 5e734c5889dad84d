/**
 * Arithmetic, exact over the ranges of its operands: what may fall below zero or pass 64 bits is refused here.
 */
import type { Binary } from './comparisons.ts';
import { bitLength, maxOf, show } from './context.ts';
import { elaborateNumber } from './expressions.ts';
import { fold, known, number, type NumberValue, type Scope, type Value } from './values.ts';

export function elaborateArithmetic(expression: Binary, scope: Scope): Value {
  const left = elaborateNumber(expression.left, scope);
  const right = elaborateNumber(expression.right, scope);
  if (left === undefined || right === undefined) return undefined;
  lintVanishing(expression, left, right, scope);
  const value = arithmetic(expression, left, right, scope);
  return value === undefined ? undefined : known(fold(value), scope);
}

/** A mask that has none of the value's bits, or a shift that leaves none: always 0, whatever the value. */
function lintVanishing({ operator, span }: Binary, left: NumberValue, right: NumberValue, scope: Scope): void {
  const isKnown = ({ min, max }: NumberValue): boolean => min === max;
  if (isKnown(left) === isKnown(right)) return;
  const [mask, value] = isKnown(left) ? [left.min, right] : [right.min, left];
  const masked = operator === '&' && mask !== 0n && (mask & maxOf(value.bits)) === 0n;
  const shifted = operator === '>>' && isKnown(right) && mask >= BigInt(value.bits) && mask < 64n;
  if (masked || shifted) scope.context.diagnostics.add('DSS426', { bits: value.bits }, span);
}

function arithmetic(expression: Binary, left: NumberValue, right: NumberValue, scope: Scope): NumberValue | undefined {
  const { diagnostics } = scope.context;
  const bits = Math.max(left.bits, right.bits);
  const limit = maxOf(bits);
  const pair = { left: left.expr, right: right.expr };
  const exact = (op: 'add' | 'mul', min: bigint, max: bigint): NumberValue | undefined => {
    if (max > maxOf(64)) {
      if (!scope.facts.doubtful) diagnostics.add('DSS206', { largest: show(max) }, expression.span);
      return undefined;
    }
    return number({ op, ...pair, max }, { min, max }, Math.max(bits, bitLength(max)));
  };
  switch (expression.operator) {
    case '+':
      return exact('add', left.min + right.min, left.max + right.max);
    case '*':
      return exact('mul', left.min * right.min, left.max * right.max);
    case '-': {
      if (left.min < right.max && !scope.facts.knowsOrder(right.expr, left.expr)) {
        if (!scope.facts.doubtful)
          diagnostics.add('DSS205', { left: show(left.min), right: show(right.max) }, expression.span);
        return undefined;
      }
      const min = left.min > right.max ? left.min - right.max : 0n;
      const max = left.max > right.min ? left.max - right.min : 0n;
      return number({ op: 'sub', ...pair, max }, { min, max }, bits);
    }
    case '+%':
    case '-%':
    case '*%': {
      const op = expression.operator === '+%' ? 'addWrap' : expression.operator === '-%' ? 'subWrap' : 'mulWrap';
      return number({ op, ...pair, bits, max: limit }, { min: 0n, max: limit }, bits);
    }
    case '+|': {
      const max = left.max + right.max < limit ? left.max + right.max : limit;
      const min = left.min + right.min < limit ? left.min + right.min : limit;
      return number({ op: 'addSat', ...pair, bits, max }, { min, max }, bits);
    }
    case '-|': {
      const max = left.max > right.min ? left.max - right.min : 0n;
      const min = left.min > right.max ? left.min - right.max : 0n;
      return number({ op: 'subSat', ...pair, max }, { min, max }, bits);
    }
    case '/':
    case '%': {
      if (right.min === 0n) {
        if (!scope.facts.doubtful) diagnostics.add('DSS218', {}, expression.right.span);
        return undefined;
      }
      if (expression.operator === '/') {
        const range = { min: left.min / right.max, max: left.max / right.min };
        return number({ op: 'div', ...pair, max: range.max }, range, left.bits);
      }
      const max = right.max - 1n < left.max ? right.max - 1n : left.max;
      return number({ op: 'mod', ...pair, max }, left.max < right.min ? left : { min: 0n, max }, bits);
    }
    case '&': {
      const max = left.max < right.max ? left.max : right.max;
      const value = left.min === left.max && right.min === right.max ? left.min & right.min : undefined;
      return number({ op: 'and', ...pair, max }, { min: value ?? 0n, max: value ?? max }, bits);
    }
    case '|':
    case '^': {
      const max = maxOf(Math.max(bitLength(left.max), bitLength(right.max)));
      const constantValue =
        left.min === left.max && right.min === right.max
          ? expression.operator === '|'
            ? left.min | right.min
            : left.min ^ right.min
          : undefined;
      const min = constantValue ?? (expression.operator === '|' ? (left.min > right.min ? left.min : right.min) : 0n);
      return number(
        { op: expression.operator === '|' ? 'or' : 'xor', ...pair, max },
        { min, max: constantValue ?? max },
        bits,
      );
    }
    case '<<':
    case '>>':
      return shift(expression, left, right, scope);
    default:
      return undefined;
  }
}

function shift(expression: Binary, left: NumberValue, right: NumberValue, scope: Scope): NumberValue | undefined {
  if (right.min !== right.max || right.max >= 64n) {
    if (!scope.facts.doubtful)
      scope.context.diagnostics.add('DSS220', { largest: show(right.max) }, expression.right.span);
    return undefined;
  }
  const by = Number(right.max);
  if (expression.operator === '>>') {
    const range = { min: left.min >> right.max, max: left.max >> right.max };
    return number({ op: 'shiftRight', of: left.expr, by, max: range.max }, range, left.bits);
  }
  const range = { min: left.min << right.max, max: left.max << right.max };
  if (range.max > maxOf(64)) {
    if (!scope.facts.doubtful) scope.context.diagnostics.add('DSS206', { largest: show(range.max) }, expression.span);
    return undefined;
  }
  return number(
    { op: 'shiftLeft', of: left.expr, by, max: range.max },
    range,
    Math.max(left.bits, bitLength(range.max)),
  );
}
