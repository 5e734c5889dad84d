/**
 * Expressions: names resolved, widths and ranges checked, lowered to the core calculus.
 *
 * Arithmetic is exact. Each value has a range; a difference that may fall below zero or a result beyond 64 bits is an
 * error here, never a surprise at run time. A `Value` of undefined means "already reported": one mistake, one message.
 */
import type * as ast from '../ast.ts';
import type { BoolExpr, Field, LocalId, NumberExpr } from '../ir.ts';
import { ADDRESS_LIMIT, GRANT_COMMANDS, GRANT_READS, GRANT_WRITES } from '../runtime.ts';
import type { Span } from '../source.ts';
import {
  bitLength,
  kindName,
  maxOf,
  show,
  type Context,
  type RegisterDraft,
  type StructField,
  type SymbolOf,
} from './context.ts';
import { didYouMean } from '../diagnostics.ts';
import { readCell, type Cell } from './cells.ts';
import { lastValueCell } from './declarations.ts';
import type { Facts, Range } from './facts.ts';
import { elementIndex, engineMember, placeOf, readPlace, type Element } from './places.ts';
import { elapsed, programmed } from './memory.ts';
import { Facts as FactStore } from './facts.ts';

export interface NumberValue {
  readonly type: 'number';
  readonly expr: NumberExpr;
  readonly min: bigint;
  readonly max: bigint;
  /** Declared width: where wrapping and saturating operators end. */
  readonly bits: number;
  /** Named bits, if it came from a register or a descriptor. */
  readonly fields?: readonly Field[] | undefined;
  readonly what?: string;
}

export interface BoolValue {
  readonly type: 'bool';
  readonly expr: BoolExpr;
}

export type Value = NumberValue | BoolValue | undefined;

/** What a handler binds by name. */
export type Binding =
  | { readonly kind: 'value'; readonly value: NumberValue | BoolValue; readonly span: Span }
  /** A number that statements change: kept in a cell while it lives. */
  | {
      readonly kind: 'mutable';
      readonly cell: Cell;
      readonly bits: number;
      readonly max: bigint;
      readonly span: Span;
    }
  | { readonly kind: 'descriptor'; readonly walk: LocalId; readonly struct: SymbolOf<'struct'>; readonly span: Span }
  /** Its meaning could not be found out, which has been reported: nothing more is said about it. */
  | { readonly kind: 'unknown'; readonly span: Span };

/** Where an expression stands. */
export interface Scope {
  readonly context: Context;
  readonly bindings: ReadonlyMap<string, Binding>;
  readonly facts: Facts;
  /** Is this evaluated while a register is accessed? */
  readonly access?: boolean | undefined;
  /** Is the time known there? */
  readonly time?: boolean | undefined;
}

export const constant = (value: bigint): NumberExpr => ({ op: 'const', value, max: value });

export const number = (expr: NumberExpr, range: Range, bits: number): NumberValue => ({
  type: 'number',
  expr,
  min: range.min,
  max: range.max,
  bits,
});

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

/** Narrows a value to what the facts say. */
function known(value: NumberValue, scope: Scope): NumberValue {
  const range = scope.facts.range(value.expr, value);
  return range.min === value.min && range.max === value.max ? value : { ...value, min: range.min, max: range.max };
}

function elaborateName(name: ast.Name, scope: Scope): Value {
  const { context } = scope;
  const binding = scope.bindings.get(name.text);
  if (binding?.kind === 'value') return binding.value.type === 'number' ? known(binding.value, scope) : binding.value;
  if (binding?.kind === 'descriptor') {
    context.diagnostics.add('DSS106', { name: name.text, kind: 'descriptor' }, name.span, {
      help: `name one of its fields: \`${name.text}.field\``,
    });
    return undefined;
  }
  if (binding?.kind === 'mutable') return cellValue(binding, scope);
  if (binding?.kind === 'unknown') return undefined;
  const symbol = context.symbol(name.text);
  if (symbol === undefined) {
    if (context.isBeingEvaluated(name.text)) context.diagnostics.add('DSS113', { name: name.text }, name.span);
    else
      context.unknown(name, 'value', () => [
        ...scope.bindings.keys(),
        ...context.namesOf('variable'),
        ...context.namesOf('constant'),
      ]);
    return undefined;
  }
  context.used.add(name.text);
  switch (symbol.kind) {
    case 'constant':
      return number(constant(symbol.value), { min: symbol.value, max: symbol.value }, bitLength(symbol.value));
    case 'variable':
      return cellValue(symbol, scope);
    case 'array':
    case 'table':
    case 'engine':
      context.diagnostics.add('DSS140', { kind: kindName(symbol), name: name.text }, name.span);
      return undefined;
    case 'clock':
      context.diagnostics.add('DSS106', { name: name.text, kind: 'clock' }, name.span, {
        help: `say how long it has run: \`elapsed(${name.text})\``,
      });
      return undefined;
    case 'register':
      context.diagnostics.add('DSS106', { name: name.text, kind: 'register' }, name.span, {
        help: `say which value: \`${name.text}.written\` or \`${name.text}.reported\``,
      });
      return undefined;
    case 'machine':
      context.diagnostics.add('DSS106', { name: name.text, kind: 'machine' }, name.span, {
        help: `compare it with a state: \`${name.text} == ${symbol.machine.states[0] ?? 'State'}\``,
      });
      return undefined;
    default:
      context.diagnostics.add('DSS106', { name: name.text, kind: kindName(symbol) }, name.span);
      return undefined;
  }
}

/** What a variable or a `mut` number holds. */
function cellValue({ cell, bits }: { readonly cell: Cell; readonly bits: number }, scope: Scope): NumberValue {
  const expr = readCell(cell, scope.context);
  return known(number(expr, { min: 0n, max: expr.max }, bits), scope);
}

/** `v.FIELD`, `d.field`, `REG.written`, `REG.reported`. */
function elaborateMember(expression: Extract<ast.Expression, { kind: 'member' }>, scope: Scope): Value {
  const { of, member } = expression;
  if (of.kind === 'name') {
    const binding = scope.bindings.get(of.name.text);
    if (binding?.kind === 'descriptor') return descriptorField(binding, of.name, member, scope);
    const symbol = binding === undefined ? scope.context.symbols.get(of.name.text) : undefined;
    if (symbol?.kind === 'register') {
      scope.context.used.add(of.name.text);
      return lastValue(symbol.register, member, undefined, scope);
    }
  }
  if (of.kind === 'index' && of.of.kind === 'name' && !scope.bindings.has(of.of.name.text)) {
    const symbol = scope.context.symbols.get(of.of.name.text);
    if (symbol?.kind === 'register' && symbol.register.declaration.count !== undefined) {
      scope.context.used.add(of.of.name.text);
      const index = elementIndex(of.index, symbol.register.count, of.of.name.text, scope);
      return index === undefined ? undefined : lastValue(symbol.register, member, index, scope);
    }
  }
  const place = placeOf(expression, scope);
  if (place !== 'none') {
    const expr = place === undefined ? undefined : readPlace(place, expression.span, scope.context);
    if (place === undefined || expr === undefined) return undefined;
    return known(number(expr, { min: 0n, max: expr.max }, place.bits), scope);
  }
  const inEngine = engineMember(expression, scope);
  if (inEngine !== 'none') {
    if (inEngine !== undefined)
      scope.context.diagnostics.add('DSS106', { name: inEngine.name, kind: kindName(inEngine.symbol) }, member.span);
    return undefined;
  }
  const value = elaborate(of, scope);
  if (value === undefined) return undefined;
  const fields = value.type === 'number' ? (value.fields ?? []) : [];
  const field = fields.find((each) => each.name === member.text);
  if (value.type === 'bool' || field === undefined) {
    noMember(
      member,
      `\`${scope.context.text(of.span)}\``,
      fields.map((each) => each.name),
      scope.context,
    );
    return undefined;
  }
  return extract(value, field.low, field.bits, scope);
}

export function noMember(member: ast.Name, of: string, candidates: Iterable<string>, context: Context): void {
  if (member.text === '') return; // invented by the parser's recovery
  const close = didYouMean(member.text, candidates);
  context.diagnostics.add('DSS104', { member: member.text, of }, member.span, {
    help: close === undefined ? undefined : `did you mean \`${close}\`?`,
  });
}

function descriptorField(
  binding: Extract<Binding, { kind: 'descriptor' }>,
  name: ast.Name,
  member: ast.Name,
  scope: Scope,
): Value {
  const field: StructField | undefined = binding.struct.fields.get(member.text);
  if (field === undefined) {
    noMember(member, `descriptor \`${name.text}\``, binding.struct.fields.keys(), scope.context);
    return undefined;
  }
  const whole: NumberExpr = {
    op: 'descriptor',
    walk: binding.walk,
    offset: field.offset,
    bytes: field.bytes,
    max: maxOf(field.bytes * 8),
  };
  const value = number(whole, { min: 0n, max: whole.max }, field.bits);
  return known({ ...value, fields: field.fields }, scope);
}

/** @param index the element; without one that of the engine, or that of a register that is no array */
function lastValue(
  register: RegisterDraft,
  member: ast.Name,
  index: NumberExpr | 'all' | undefined,
  scope: Scope,
): Value {
  const { context } = scope;
  if (member.text !== 'written' && member.text !== 'reported') {
    noMember(member, `register \`${register.name}\``, ['written', 'reported'], context);
    return undefined;
  }
  if (index === undefined && register.declaration.count !== undefined && register.engine === undefined) {
    context.diagnostics.add('DSS110', { name: register.name }, member.span);
    return undefined;
  }
  if (index === 'all') {
    context.diagnostics.add('DSS144', {}, member.span);
    return undefined;
  }
  const expr = readCell(lastValueCell(register, member.text, context), context, index);
  return known({ ...number(expr, { min: 0n, max: expr.max }, register.bits), fields: register.fields }, scope);
}

/** Bits `low` .. `low + bits - 1` of a value. */
function extract(value: NumberValue, low: number, bits: number, scope: Scope): NumberValue {
  if (value.expr.op === 'const') {
    const part = BigInt.asUintN(bits, value.expr.value >> BigInt(low));
    return number(constant(part), { min: part, max: part }, bits);
  }
  const expr: NumberExpr = { op: 'extract', of: value.expr, low, bits, max: maxOf(bits) };
  return known(number(expr, { min: 0n, max: expr.max }, bits), scope);
}

function elaborateSlice(expression: Extract<ast.Expression, { kind: 'slice' }>, scope: Scope): Value {
  const value = elaborateNumber(expression.of, scope);
  const high = elaborateConstant(expression.high, scope.context, 'the upper bit');
  const low = elaborateConstant(expression.low, scope.context, 'the lower bit');
  if (value === undefined || high === undefined || low === undefined) return undefined;
  if (high < low) {
    scope.context.diagnostics.add('DSS213', { high: Number(high), low: Number(low) }, expression.span);
    return undefined;
  }
  return slice(value, Number(low), Number(high), expression, scope);
}

/** `NAME[i]` is an element if NAME is an array, an entry if it is a table, and a bit of any other number. */
function elaborateIndex(expression: Extract<ast.Expression, { kind: 'index' }>, scope: Scope): Value {
  const place = placeOf(expression, scope);
  if (place !== 'none') {
    const expr = place === undefined ? undefined : readPlace(place, expression.span, scope.context);
    if (place === undefined || expr === undefined) return undefined;
    return known(number(expr, { min: 0n, max: expr.max }, place.bits), scope);
  }
  const { of } = expression;
  const symbol =
    of.kind === 'name' && !scope.bindings.has(of.name.text) ? scope.context.symbol(of.name.text) : undefined;
  if (symbol?.kind === 'table')
    return lookup(symbol, of as Extract<ast.Expression, { kind: 'name' }>, expression.index, scope);
  return elaborateBit(expression, scope);
}

function lookup(
  symbol: SymbolOf<'table'>,
  { name }: Extract<ast.Expression, { kind: 'name' }>,
  at: ast.Expression,
  scope: Scope,
): Value {
  scope.context.used.add(name.text);
  const entries = scope.context.tables[symbol.table]?.entries ?? [];
  const index = elementIndex(at, entries.length, name.text, scope);
  if (index === undefined) return undefined;
  if (index === 'all') {
    scope.context.diagnostics.add('DSS144', {}, at.span);
    return undefined;
  }
  if (index.op === 'const') {
    const entry = entries[Number(index.value)] ?? 0n;
    return number(constant(entry), { min: entry, max: entry }, bitLength(entry));
  }
  const max = entries.reduce((most, each) => (each > most ? each : most), 0n);
  const min = entries.reduce((least, each) => (each < least ? each : least), max);
  return known(number({ op: 'lookup', table: symbol.table, index, max }, { min, max }, symbol.bits), scope);
}

function elaborateBit(expression: Extract<ast.Expression, { kind: 'index' }>, scope: Scope): Value {
  const value = elaborateNumber(expression.of, scope);
  const bit = elaborateConstant(expression.index, scope.context, 'the bit');
  if (value === undefined || bit === undefined) return undefined;
  return slice(value, Number(bit), Number(bit), expression, scope);
}

function slice(value: NumberValue, low: number, high: number, expression: ast.Expression, scope: Scope): Value {
  if (high >= value.bits) {
    const name = `\`${scope.context.text('of' in expression ? expression.of.span : expression.span)}\``;
    scope.context.diagnostics.add('DSS209', { name, bits: value.bits }, expression.span);
    return undefined;
  }
  return extract(value, low, high - low + 1, scope);
}

const predicates: ReadonlyMap<string, number> = new Map([
  ['reads', GRANT_READS],
  ['writes', GRANT_WRITES],
  ['fetches', GRANT_COMMANDS],
]);

function elaborateCall(expression: Extract<ast.Expression, { kind: 'call' }>, scope: Scope): Value {
  const { callee, args } = expression;
  const { context } = scope;
  const name = context.text(callee.span);
  if (callee.kind === 'member' && callee.of.kind === 'name' && callee.of.name.text === 'device') {
    const outsideBars = callee.member.text === 'outsideBars';
    const purposes = predicates.get(callee.member.text);
    if (purposes === undefined && !outsideBars) {
      noMember(callee.member, '`device`', [...predicates.keys(), 'outsideBars'], context);
      return undefined;
    }
    if (!argumentCount(expression, name, 2, scope)) return undefined;
    const base = elaborateNumber(args[0] as ast.Expression, scope);
    const length = elaborateNumber(args[1] as ast.Expression, scope);
    if (base === undefined || length === undefined) return undefined;
    const range = { base: base.expr, length: length.expr };
    return {
      type: 'bool',
      expr: purposes === undefined ? { op: 'outsideBars', ...range } : { op: 'inside', purposes, ...range },
    };
  }
  if (callee.kind === 'name' && callee.name.text === 'address') return elaborateAddress(expression, scope);
  if (callee.kind === 'name' && (callee.name.text === 'min' || callee.name.text === 'max')) {
    if (!argumentCount(expression, name, 2, scope)) return undefined;
    const left = elaborateNumber(args[0] as ast.Expression, scope);
    const right = elaborateNumber(args[1] as ast.Expression, scope);
    if (left === undefined || right === undefined) return undefined;
    const pick =
      callee.name.text === 'min'
        ? (a: bigint, b: bigint) => (a < b ? a : b)
        : (a: bigint, b: bigint) => (a > b ? a : b);
    const range = { min: pick(left.min, right.min), max: pick(left.max, right.max) };
    const expr: NumberExpr = { op: callee.name.text, left: left.expr, right: right.expr, max: range.max };
    return number(expr, range, Math.max(left.bits, right.bits));
  }
  if (callee.kind === 'name' && (callee.name.text === 'programmed' || callee.name.text === 'elapsed')) {
    const [argument] = args;
    if (!argumentCount(expression, name, 1, scope) || argument === undefined) return undefined;
    if (callee.name.text === 'programmed') return programmed(argument, scope);
    const value = elapsed(argument, callee.span, scope);
    return value === undefined ? undefined : known(value, scope);
  }
  if (callee.kind === 'name' && callee.name.text === 'through') {
    if (!argumentCount(expression, name, 1, scope)) return undefined;
    if (scope.access !== true) {
      context.diagnostics.add('DSS112', { name }, callee.span);
      return undefined;
    }
    const arg = args[0] as ast.Expression;
    if (arg.kind !== 'name') {
      if (arg.kind !== 'error')
        context.diagnostics.add('DSS101', { kind: 'window', name: context.text(arg.span) }, arg.span);
      return undefined;
    }
    const window = context.find(arg.name, 'window');
    if (window === undefined) return undefined;
    const through: NumberExpr = { op: 'argument', argument: 'through', max: BigInt(context.windows.length) };
    return { type: 'bool', expr: { op: 'eq', left: through, right: constant(BigInt(window.index + 1)) } };
  }
  context.diagnostics.add('DSS107', { name }, callee.span);
  return undefined;
}

/** `address(d)`: where the structure that a walk has reached lies in memory. */
function elaborateAddress(expression: Extract<ast.Expression, { kind: 'call' }>, scope: Scope): Value {
  if (!argumentCount(expression, 'address', 1, scope)) return undefined;
  const [of] = expression.args;
  if (of === undefined || of.kind === 'error') return undefined;
  const binding = of.kind === 'name' ? scope.bindings.get(of.name.text) : undefined;
  if (binding?.kind === 'unknown') return undefined;
  if (binding?.kind !== 'descriptor') {
    scope.context.diagnostics.add('DSS150', { name: scope.context.text(of.span) }, of.span);
    return undefined;
  }
  const expr: NumberExpr = { op: 'place', walk: binding.walk, max: BigInt(ADDRESS_LIMIT) - 1n };
  return known(number(expr, { min: 0n, max: expr.max }, bitLength(expr.max)), scope);
}

function argumentCount(
  expression: Extract<ast.Expression, { kind: 'call' }>,
  name: string,
  wanted: number,
  scope: Scope,
): boolean {
  if (expression.args.length === wanted) return true;
  scope.context.diagnostics.add('DSS108', { name, wanted, found: expression.args.length }, expression.span);
  return false;
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

/** A condition as 1 or 0. (Spelling conditions out twice instead would double the program with every `==`.) */
export const asNumber = (condition: BoolExpr): NumberExpr => ({
  op: 'choice',
  condition,
  left: constant(1n),
  right: constant(0n),
  max: 1n,
});

const asCondition = (expr: NumberExpr): BoolValue => ({
  type: 'bool',
  expr: { op: 'ne', left: expr, right: constant(0n) },
});

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

type Binary = Extract<ast.Expression, { kind: 'binary' }>;

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

function elaborateComparison(expression: Binary, scope: Scope): Value {
  const state = machineComparison(expression, scope);
  if (state !== 'none') return state;
  const { operator } = expression;
  const leftValue = elaborate(expression.left, scope);
  const rightValue = elaborate(expression.right, scope);
  if (leftValue === undefined || rightValue === undefined) return undefined;
  if (leftValue.type === 'bool' || rightValue.type === 'bool') {
    if (leftValue.type !== rightValue.type) {
      const wrong = leftValue.type === 'bool' ? expression.left : expression.right;
      scope.context.diagnostics.add('DSS202', {}, wrong.span);
      return undefined;
    }
    if (operator !== '==' && operator !== '!=') {
      scope.context.diagnostics.add('DSS221', { what: 'conditions' }, expression.operatorSpan);
      return undefined;
    }
    const both = { left: asNumber(leftValue.expr as BoolExpr), right: asNumber(rightValue.expr as BoolExpr) };
    return { type: 'bool', expr: { op: operator === '==' ? 'eq' : 'ne', ...both } };
  }
  const swap = operator === '>' || operator === '>=';
  const [left, right] = swap ? [rightValue, leftValue] : [leftValue, rightValue];
  const op = operator === '==' ? 'eq' : operator === '!=' ? 'ne' : operator === '<' || operator === '>' ? 'lt' : 'le';
  const truth = decided(op, left, right);
  if (truth !== undefined && !(left.min === left.max && right.min === right.max)) {
    scope.context.diagnostics.add('DSS402', { truth: String(truth) }, expression.span);
  }
  return { type: 'bool', expr: { op, left: left.expr, right: right.expr } };
}

function decided(op: 'eq' | 'ne' | 'lt' | 'le', left: Range, right: Range): boolean | undefined {
  const apart = left.max < right.min || right.max < left.min;
  const same = left.min === left.max && right.min === right.max && left.min === right.min;
  if (op === 'eq') return apart ? false : same ? true : undefined;
  if (op === 'ne') return apart ? true : same ? false : undefined;
  if (op === 'lt') return left.max < right.min ? true : left.min >= right.max ? false : undefined;
  return left.max <= right.min ? true : left.min > right.max ? false : undefined;
}

/** The machine that an expression names, if it does; of an engine, which element's. */
function machineNamed(
  expression: ast.Expression,
  scope: Scope,
): { readonly symbol: SymbolOf<'machine'>; readonly name: string; readonly element: Element } | undefined {
  if (expression.kind === 'name') {
    const { text } = expression.name;
    const symbol = scope.bindings.has(text) ? undefined : scope.context.symbols.get(text);
    if (symbol?.kind === 'machine') scope.context.used.add(text);
    return symbol?.kind === 'machine' ? { symbol, name: text, element: 'implied' } : undefined;
  }
  const member = engineMember(expression, scope);
  if (member === 'none' || member?.symbol.kind !== 'machine') return undefined;
  return { symbol: member.symbol, name: scope.context.text(expression.span), element: member.element };
}

/** `tx == Running`, `port[i].state != Off`: states are names of their own machine, which may stand on either side. */
function machineComparison(expression: Binary, scope: Scope): Value | 'none' {
  const { context } = scope;
  const onLeft = machineNamed(expression.left, scope);
  const named = onLeft ?? machineNamed(expression.right, scope);
  if (named === undefined) return 'none';
  const { symbol, name, element } = named;
  const { states } = symbol.machine;
  const other = onLeft === undefined ? expression.left : expression.right;
  const help = `compare it with a state: \`${name} == ${states[0] ?? 'State'}\``;
  if (expression.operator !== '==' && expression.operator !== '!=') {
    context.diagnostics.add('DSS221', { what: 'states' }, expression.operatorSpan, { help });
    return undefined;
  }
  if (other.kind !== 'name') {
    const side = onLeft === undefined ? expression.right : expression.left;
    if (other.kind !== 'error') context.diagnostics.add('DSS106', { name, kind: 'machine' }, side.span, { help });
    return undefined;
  }
  const state = findState(states, other.name, name, context);
  if (state === undefined) return undefined;
  context.tested.add(symbol.index);
  const op = expression.operator === '==' ? 'eq' : 'ne';
  const compare = (index?: NumberExpr): BoolExpr => ({
    op,
    left: readCell(symbol.cell, context, index),
    right: constant(BigInt(state)),
  });
  if (element !== 'all') return { type: 'bool', expr: compare(element === 'implied' ? undefined : element) };
  const count = symbol.cell.kind === 'array' ? (context.arrays[symbol.cell.array]?.count ?? 0) : 0;
  return {
    type: 'bool',
    expr: { op: 'all', of: Array.from({ length: count }, (_, at) => compare(constant(BigInt(at)))) },
  };
}

export function findState(
  states: readonly string[],
  name: ast.Name,
  machine: string,
  context: Context,
): number | undefined {
  const index = states.indexOf(name.text);
  if (index !== -1) return index;
  context.unknown(name, `state of \`${machine}\``, () => states);
  return undefined;
}

function elaborateArithmetic(expression: Binary, scope: Scope): Value {
  const left = elaborateNumber(expression.left, scope);
  const right = elaborateNumber(expression.right, scope);
  if (left === undefined || right === undefined) return undefined;
  const value = arithmetic(expression, left, right, scope);
  return value === undefined ? undefined : known(fold(value), scope);
}

/** What is known when compiling is computed when compiling. */
function fold(value: NumberValue): NumberValue {
  return value.min === value.max && value.expr.op !== 'const' ? { ...value, expr: constant(value.min) } : value;
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
