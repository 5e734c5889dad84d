/**
 * Expressions: names resolved, widths and ranges checked, lowered to the core calculus.
 *
 * Arithmetic is exact. Each value has a range; a difference that may fall below zero or a result beyond 64 bits is an
 * error here, never a surprise at run time. One file for each kind of expression: `names.ts`, `bits.ts`, `calls.ts`,
 * `comparisons.ts`, `arithmetic.ts`.
 */
import type * as ast from '../ast.ts';
import type { BoolExpr, NumberExpr } from '../ir.ts';
import { elaborateArithmetic } from './arithmetic.ts';
import { elaborateIndex, elaborateSlice } from './bits.ts';
import { elaborateCall } from './calls.ts';
import { elaborateComparison, type Binary } from './comparisons.ts';
import { bitLength, maxOf, type Context } from './context.ts';
import { Facts as FactStore } from './facts.ts';
import { assume, doubting } from './learning.ts';
import { elaborateMember, elaborateName } from './names.ts';
import { asCondition, asNumber, constant, fold, number, type NumberValue, type Scope, type Value } from './values.ts';

/** A number, or a diagnostic. */
export function elaborateNumber(expression: ast.Expression, scope: Scope): NumberValue | undefined {
  const value = elaborate(expression, scope);
  if (value?.type === 'bool') {
    scope.context.diagnostics.add('DSS202', {}, expression.span);
    return undefined;
  }
  return value;
}

/** A condition, or a diagnostic. */
export function elaborateBool(expression: ast.Expression, scope: Scope): BoolExpr | undefined {
  const value = elaborate(expression, scope);
  if (value?.type === 'number') {
    // A one-bit number reads naturally as a condition: `if v.RST { ... }`.
    if (value.max <= 1n) return { op: 'ne', left: value.expr, right: constant(0n) };
    scope.context.diagnostics.add('DSS201', {}, expression.span);
    return undefined;
  }
  return value?.expr;
}

/** A number that is known when compiling. */
export function elaborateConstant(expression: ast.Expression, context: Context, what: string): bigint | undefined {
  const value = elaborateNumber(expression, { context, bindings: new Map(), facts: new FactStore() });
  if (value === undefined) return undefined;
  if (value.min !== value.max) {
    context.diagnostics.add('DSS211', { what }, expression.span);
    return undefined;
  }
  return value.min;
}

export function elaborate(expression: ast.Expression, scope: Scope): Value {
  switch (expression.kind) {
    case 'error':
      return undefined;
    case 'integer': {
      if (expression.value >= 1n << 64n) return undefined; // reported while parsing
      return number(
        constant(expression.value),
        { min: expression.value, max: expression.value },
        bitLength(expression.value),
      );
    }
    case 'boolean':
      return { type: 'bool', expr: { op: 'bool', value: expression.value } };
    case 'name':
      return elaborateName(expression.name, scope);
    case 'member':
      return elaborateMember(expression, scope);
    case 'slice':
      return elaborateSlice(expression, scope);
    case 'index':
      return elaborateIndex(expression, scope);
    case 'call':
      return elaborateCall(expression, scope);
    case 'unary':
      return elaborateUnary(expression, scope);
    case 'binary':
      return elaborateBinary(expression, scope);
    case 'choice':
      return elaborateChoice(expression, scope);
  }
}

function elaborateUnary(expression: Extract<ast.Expression, { kind: 'unary' }>, scope: Scope): Value {
  if (expression.operator === 'not') {
    const operand = elaborateBool(expression.operand, scope);
    return operand === undefined ? undefined : { type: 'bool', expr: { op: 'not', of: operand } };
  }
  const operand = elaborateNumber(expression.operand, scope);
  if (operand === undefined) return undefined;
  const ones = maxOf(operand.bits);
  const expr: NumberExpr = { op: 'xor', left: operand.expr, right: constant(ones), max: ones };
  return fold(number(expr, { min: ones - operand.max, max: ones - operand.min }, operand.bits));
}

function elaborateChoice(expression: Extract<ast.Expression, { kind: 'choice' }>, scope: Scope): Value {
  const condition = elaborateBool(expression.condition, scope);
  const left = elaborate(expression.consequent, {
    ...scope,
    facts: condition === undefined ? doubting(scope.facts) : assume(condition, true, scope.facts),
  });
  const right = elaborate(expression.alternative, {
    ...scope,
    facts: condition === undefined ? doubting(scope.facts) : assume(condition, false, scope.facts),
  });
  if (condition === undefined || left === undefined || right === undefined) return undefined;
  if (left.type === 'bool' || right.type === 'bool') {
    if (left.type !== right.type) {
      const wrong = left.type === 'bool' ? expression.consequent : expression.alternative;
      scope.context.diagnostics.add('DSS202', {}, wrong.span);
      return undefined;
    }
    const both = { left: asNumber(left.expr as BoolExpr), right: asNumber(right.expr as BoolExpr) };
    return asCondition({ op: 'choice', condition, ...both, max: 1n });
  }
  const range = { min: left.min < right.min ? left.min : right.min, max: left.max > right.max ? left.max : right.max };
  const expr: NumberExpr = { op: 'choice', condition, left: left.expr, right: right.expr, max: range.max };
  return number(expr, range, Math.max(left.bits, right.bits));
}

function elaborateBinary(expression: Extract<ast.Expression, { kind: 'binary' }>, scope: Scope): Value {
  const { operator } = expression;
  switch (operator) {
    case 'and':
    case 'or':
    case 'implies':
      return elaborateLogic(expression, scope);
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return elaborateComparison(expression, scope);
    default:
      return elaborateArithmetic(expression, scope);
  }
}

function elaborateLogic(expression: Binary, scope: Scope): Value {
  const left = elaborateBool(expression.left, scope);
  // What the left side says holds while the right side is judged.
  const facts = left === undefined ? doubting(scope.facts) : assume(left, expression.operator !== 'or', scope.facts);
  const right = elaborateBool(expression.right, { ...scope, facts });
  if (left === undefined || right === undefined) return undefined;
  if (expression.operator === 'and') return { type: 'bool', expr: { op: 'all', of: [left, right] } };
  const first: BoolExpr = expression.operator === 'or' ? left : { op: 'not', of: left };
  return { type: 'bool', expr: { op: 'any', of: [first, right] } };
}
