/**
 * What a monitor remembers besides variables: that a register was programmed, and when a clock was started.
 *
 * `programmed(REG)` is a bit that an allowed write sets and `forget` clears; `elapsed(NAME)` is the time since `start`.
 * Both are lowered to cells, so that the core calculus knows neither.
 */
import type * as ast from '../ast.ts';
import type { NumberExpr, Statement } from '../ir.ts';
import type { Span } from '../source.ts';
import { fillCell, readCell, writeCell } from './cells.ts';
import { isWritable, maxOf, type Context } from './context.ts';
import type { Cell, RegisterDraft, Symbol, SymbolOf } from './symbols.ts';
import { registerCell } from './registers.ts';
import { constant, number, type NumberValue, type Scope, type Value } from './values.ts';
import { elementIndex, engineMember, isAll, type Element } from './places.ts';

/** Time in microseconds, as monitors are told it. */
export const TIME_BITS = 53;
export const TIME_MAX: bigint = maxOf(TIME_BITS);
export const now: NumberExpr = { op: 'argument', argument: 'now', max: TIME_MAX };

// ---- programmed since reset ------------------------------------------------------------------------------------------

/** A register, or one element of an array of them. */
interface RegisterPlace {
  readonly register: RegisterDraft;
  /** `all`: every element. */
  readonly element: NumberExpr | 'all' | undefined;
}

/** `REG`, `REG[i]`, and inside an engine `REG` for the engine's own. @param whole may an array stand without an index? */
function registerPlace(expression: ast.Expression, whole: boolean, scope: Scope): RegisterPlace | undefined {
  const { context } = scope;
  const member = engineMember(expression, scope);
  if (member === undefined) return undefined;
  if (member !== 'none') {
    if (member.symbol.kind === 'register') return { register: member.symbol.register, element: member.element };
    context.diagnostics.add('DSS341', { name: member.name, wanted: 'register' }, expression.span);
    return undefined;
  }
  const base = expression.kind === 'index' ? expression.of : expression;
  if (base.kind === 'error') return undefined;
  if (base.kind !== 'name') {
    context.diagnostics.add('DSS341', { name: context.text(expression.span), wanted: 'register' }, expression.span);
    return undefined;
  }
  const register = context.find(base.name, 'register')?.register;
  if (register === undefined) return undefined;
  const isArray = register.declaration.count !== undefined;
  if (expression.kind === 'index') {
    if (!isArray) {
      context.diagnostics.add('DSS111', { name: register.name }, expression.index.span);
      return undefined;
    }
    const element = elementIndex(expression.index, register.count, base.name.text, scope);
    return element === undefined ? undefined : { register, element };
  }
  if (!isArray || register.engine !== undefined) return { register, element: undefined };
  if (whole) return { register, element: 'all' };
  context.diagnostics.add('DSS110', { name: register.name }, expression.span);
  return undefined;
}

/** The bit of a register; made when it is first asked for. */
function programmedCell(register: RegisterDraft, context: Context): Cell {
  return (register.programmed ??= registerCell(
    register,
    { name: `${register.name}.programmed`, bits: 1, max: 1n, initial: 0n, kind: 'internal' },
    context,
  ));
}

export function programmed(argument: ast.Expression, scope: Scope): Value {
  const { context } = scope;
  const place = registerPlace(argument, false, scope);
  if (place === undefined || !mustBeWritable(place.register, argument.span, context)) return undefined;
  if (place.element === 'all') {
    context.diagnostics.add('DSS144', {}, argument.span);
    return undefined;
  }
  const left = readCell(programmedCell(place.register, context), context, place.element);
  return { type: 'bool', expr: { op: 'ne', left, right: constant(0n) } };
}

/** A register that no driver writes is never programmed, and need not be frozen. */
export function mustBeWritable(register: RegisterDraft, span: Span, context: Context): boolean {
  if (isWritable(register.access)) return true;
  const parameters = { event: 'a write to', register: register.name, mode: register.access };
  context.diagnostics.add('DSS302', parameters, span, {
    labels: [{ span: register.declaration.modeSpan, text: 'declared here' }],
    help: 'name a register that the driver writes',
  });
  return false;
}

/** What an expression asks for with `programmed(...)` must be known before the first `forget all`. */
export function prepareProgrammed(items: unknown, context: Context): void {
  if (Array.isArray(items)) for (const each of items) prepareProgrammed(each, context);
  if (items === null || typeof items !== 'object' || Array.isArray(items)) return;
  const call = items as Partial<Extract<ast.Expression, { kind: 'call' }>>;
  const argument = call.kind === 'call' ? call.args?.[0] : undefined;
  if (call.callee?.kind === 'name' && call.callee.name.text === 'programmed' && argument !== undefined) {
    const register = registerNamed(argument, context);
    if (register !== undefined) programmedCell(register, context);
  }
  for (const each of Object.values(items)) prepareProgrammed(each, context);
}

function registerNamed(expression: ast.Expression, context: Context): RegisterDraft | undefined {
  const base = expression.kind === 'index' ? expression.of : expression;
  let symbol: Symbol | undefined;
  if (base.kind === 'name') symbol = context.symbols.get(base.name.text);
  else if (base.kind === 'member' && base.of.kind === 'index' && base.of.of.kind === 'name') {
    const engine = context.symbols.get(base.of.of.name.text);
    symbol = engine?.kind === 'engine' ? engine.engine.members.get(base.member.text) : undefined;
  }
  return symbol?.kind === 'register' ? symbol.register : undefined;
}

/** `forget REG, PORT[2]` and `forget all`: as if they had never been written. */
export function elaborateForget(statement: Extract<ast.Statement, { kind: 'forget' }>, scope: Scope): Statement[] {
  const { context, facts } = scope;
  return statement.registers.flatMap((expression): Statement[] => {
    if (expression === undefined) return [];
    if (isAll(expression)) {
      return context.registers.flatMap(({ programmed: cell }) => {
        if (cell === undefined) return [];
        facts.forgetCell(cell);
        return [fillCell(cell, constant(0n))];
      });
    }
    const place = registerPlace(expression, true, scope);
    if (place === undefined || !mustBeWritable(place.register, expression.span, context)) return [];
    const cell = programmedCell(place.register, context);
    facts.forgetCell(cell);
    if (place.element === 'all') return [fillCell(cell, constant(0n))];
    return [writeCell(cell, constant(0n), context, place.element)];
  });
}

// ---- clocks ----------------------------------------------------------------------------------------------------------

/** A clock, and of an engine's whose. */
export function clockPlace(
  expression: ast.Expression,
  scope: Scope,
): { readonly clock: SymbolOf<'clock'>; readonly element: Element } | undefined {
  return symbolPlace(expression, 'clock', scope, (clock, element) => ({ clock, element }));
}

/** A symbol of a kind that has no value of its own, named as `NAME` or `ENGINE[i].NAME`. */
export function symbolPlace<K extends 'clock' | 'rate', T>(
  expression: ast.Expression,
  kind: K,
  scope: Scope,
  make: (symbol: SymbolOf<K>, element: Element) => T,
): T | undefined {
  const { context } = scope;
  if (expression.kind === 'error') return undefined;
  if (expression.kind === 'name') {
    const symbol = context.find(expression.name, kind);
    return symbol === undefined ? undefined : make(symbol, 'implied');
  }
  const member = engineMember(expression, scope);
  if (member === undefined) return undefined;
  if (member !== 'none' && member.symbol.kind === kind) return make(member.symbol as SymbolOf<K>, member.element);
  context.diagnostics.add('DSS341', { name: context.text(expression.span), wanted: kind }, expression.span);
  return undefined;
}

/** Microseconds since the clock was started; the largest time if it does not run. */
export function elapsed(argument: ast.Expression, place: Span, scope: Scope): NumberValue | undefined {
  const { context } = scope;
  const found = clockPlace(argument, scope);
  if (found === undefined) return undefined;
  if (!timeIsKnown('elapsed', place, scope)) return undefined;
  if (found.element === 'all') {
    context.diagnostics.add('DSS144', {}, argument.span);
    return undefined;
  }
  const index = found.element === 'implied' ? undefined : found.element;
  return number(elapsedOf(found.clock, index, context), { min: 0n, max: TIME_MAX }, TIME_BITS);
}

export function elapsedOf(clock: SymbolOf<'clock'>, index: NumberExpr | undefined, context: Context): NumberExpr {
  const started = readCell(clock.started, context, index);
  return {
    op: 'choice',
    condition: { op: 'ne', left: readCell(clock.running, context, index), right: constant(0n) },
    left: { op: 'subSat', left: now, right: started, max: TIME_MAX },
    right: constant(TIME_MAX),
    max: TIME_MAX,
  };
}

export function timeIsKnown(what: string, place: Span, scope: Scope): boolean {
  if (scope.time === true) return true;
  scope.context.diagnostics.add('DSS143', { name: what }, place);
  return false;
}
