/**
 * Statements of a handler: lowered in order, with what each teaches about the values after it.
 */
import type * as ast from '../ast.ts';
import type { BoolExpr, NumberExpr, RuleId, Statement } from '../ir.ts';
import type { ViolationAction } from '../runtime.ts';
import type { Span } from '../source.ts';
import { fillCell, writeCell, type Cell } from './cells.ts';
import { bitLength, maxOf, show, type Context } from './context.ts';
import {
  asNumber,
  assume,
  constant,
  doubting,
  elaborate,
  elaborateBool,
  elaborateNumber,
  findState,
  learn,
  type Binding,
  type NumberValue,
  type Scope,
} from './expressions.ts';
import { Facts, shape } from './facts.ts';
import { elaborateForget } from './memory.ts';
import { engineMember, placeOf, readPlace, writePlace, type Place } from './places.ts';
import { elaborateClock, elaborateSpend } from './time.ts';
import { bind, scopeOf, unbind, type HandlerScope } from './handler-scope.ts';
import { clearScratch, elaborateMut } from './scratch.ts';
import { elaborateList, elaborateTable, lowerLoop } from './walks.ts';

/** A ring with more entries than this is refused: the walk over it must stay bounded and its copy small. */
export const RING_COUNT_MAX = 65536;
/** The monitor holds a private copy of what a walk visits. */
export const RING_BYTES_MAX = 16 * 1024 * 1024;

/** Lowers a block; names bound inside end with it. */
export function elaborateBlock(statements: readonly ast.Statement[], handler: HandlerScope): Statement[] {
  const mark = handler.journal.length;
  const lowered: Statement[] = [];
  for (const statement of statements) {
    // Recovery leaves holes; their mistakes are already reported.
    if (statement !== undefined) lowered.push(...elaborateStatement(statement, handler));
  }
  lowered.push(...clearScratch(mark, handler));
  unbind(mark, handler);
  return lowered;
}

function elaborateStatement(statement: ast.Statement, handler: HandlerScope): Statement[] {
  switch (statement.kind) {
    case 'require':
      return elaborateRequire(statement, handler);
    case 'deny': {
      const action = denialAction(statement.action, handler.context);
      const rule = handler.context.rule(statement.reason, statement.span, action);
      return [{ op: 'require', condition: { op: 'bool', value: false }, rule }];
    }
    case 'let':
      return elaborateLet(statement, handler);
    case 'assign':
      return elaborateAssignment(statement, handler);
    case 'transition':
      return elaborateTransition(statement, handler);
    case 'if':
      return elaborateIf(statement, handler);
    case 'for':
      return elaborateFor(statement, handler);
    case 'table':
      return elaborateTable(statement, handler, elaborateBlock);
    case 'list':
      return elaborateList(statement, handler, elaborateBlock);
    case 'mut':
      return elaborateMut(statement, handler);
    case 'count':
      return elaborateCount(statement, handler);
    case 'forget':
      return elaborateForget(statement, scopeOf(handler));
    case 'start':
    case 'stop':
      return elaborateClock(statement, handler);
    case 'spend':
      return elaborateSpend(statement, handler);
  }
}

const actions: ReadonlySet<string> = new Set<ViolationAction>(['deny', 'fault', 'clamp', 'log']);

/** The action of a rule; by default, deny and fault the driver. */
function actionOf(name: ast.Action | undefined, allowed: ReadonlySet<string>, context: Context): ViolationAction {
  // An empty name was invented by the parser's recovery.
  if (name === undefined || name.text === '') return 'fault';
  if (allowed.has(name.text)) return name.text as ViolationAction;
  context.diagnostics.add('DSS109', { word: name.text, actions: [...allowed] }, name.span);
  return 'fault';
}

/** What a rule may do that stands in no handler, or for a condition without a value. */
const refusals: ReadonlySet<string> = new Set<ViolationAction>(['deny', 'fault', 'log']);
export const refusalAction = (name: ast.Action | undefined, context: Context): ViolationAction =>
  actionOf(name, refusals, context);

const denials: ReadonlySet<string> = new Set<ViolationAction>(['deny', 'fault']);
const denialAction = (name: ast.Action | undefined, context: Context): ViolationAction =>
  actionOf(name, denials, context);

function elaborateRequire(statement: Extract<ast.Statement, { kind: 'require' }>, handler: HandlerScope): Statement[] {
  const { context } = handler;
  const condition = elaborateBool(statement.condition, scopeOf(handler));
  const action = actionOf(statement.action, actions, context);
  if (condition === undefined) {
    handler.facts.doubtful = true;
    return [];
  }
  const rule = context.rule(statement.reason, statement.condition.span, action);
  const place = statement.condition.span;
  if (handler.facts.knowsTruth(condition) && !context.diagnostics.has('DSS402', place))
    context.diagnostics.add('DSS422', {}, place);
  // Whoever only logs goes on either way: nothing is known afterwards.
  if (action === 'log') return [{ op: 'note', condition, rule }];
  if (action === 'clamp') return elaborateClamp(statement, condition, rule, handler);
  learn(condition, true, handler.facts);
  return [{ op: 'require', condition, rule }];
}

/** `require v <= 200 "too loud" else clamp 200`: the operation goes on with the other value. */
function elaborateClamp(
  { action }: Extract<ast.Statement, { kind: 'require' }>,
  condition: BoolExpr,
  rule: RuleId,
  handler: HandlerScope,
): Statement[] {
  const { context, register } = handler;
  const value = action?.value === undefined ? undefined : elaborateNumber(action.value, scopeOf(handler));
  if (action?.value === undefined || value === undefined) return [];
  if (register === undefined || !handler.hasValue) {
    context.diagnostics.add('DSS340', {}, action.span);
    return [];
  }
  const place = action.value.span;
  if (value.max > maxOf(register.bits)) {
    const parameters = { name: register.name, largest: show(value.max), max: show(maxOf(register.bits)) };
    if (!handler.facts.doubtful) context.diagnostics.add('DSS204', parameters, place);
    return [];
  }
  // Reserved bits were judged on the driver's value: what takes its place must keep to them too.
  const reserved = register.reservedMask;
  if (reserved !== 0n && (value.expr.op !== 'const' || (value.expr.value & reserved) !== 0n)) {
    context.diagnostics.add('DSS243', { name: register.name }, place);
    return [];
  }
  const kept = assume(condition, true, handler.facts);
  handler.facts.forgetValue();
  const argument: NumberExpr = { op: 'argument', argument: 'value', max: maxOf(register.bits) };
  handler.facts.learn(argument, { min: value.min, max: value.max });
  handler.facts = kept.meet(handler.facts);
  return [{ op: 'clamp', condition, rule, value: value.expr }];
}

function elaborateLet(statement: Extract<ast.Statement, { kind: 'let' }>, handler: HandlerScope): Statement[] {
  const value = elaborate(statement.value, scopeOf(handler));
  if (value === undefined) {
    bind(statement.name, { kind: 'unknown', span: statement.name.span }, handler);
    return [];
  }
  const local = handler.locals;
  handler.locals += 1;
  if (value.type === 'bool') {
    const one = asNumber(value.expr);
    const expr = { op: 'local', local, max: 1n } as const;
    bind(
      statement.name,
      {
        kind: 'value',
        value: { type: 'bool', expr: { op: 'ne', left: expr, right: constant(0n) } },
        span: statement.name.span,
      },
      handler,
    );
    return [{ op: 'let', local, value: one }];
  }
  // Its type is that of the expression: what facts know beyond it is kept in the binding's own range.
  const expr = { op: 'local', local, max: value.expr.max } as const;
  bind(statement.name, { kind: 'value', value: { ...value, expr }, span: statement.name.span }, handler);
  return [{ op: 'let', local, value: value.expr }];
}

function elaborateAssignment(
  statement: Extract<ast.Statement, { kind: 'assign' }>,
  handler: HandlerScope,
): Statement[] {
  const { context } = handler;
  const { target } = statement;
  if (target.kind === 'error') return [];
  const scope = scopeOf(handler);
  const place = placeOf(target, scope);
  if (place === 'none') return notAssignable(statement, handler);
  const value = elaborateNumber(statement.value, scope);
  if (place === undefined) return [];
  if (value === undefined || !fits(value, place, statement.value.span, handler)) {
    handler.facts.forgetCell(place.cell);
    return [];
  }
  return assign(place, value, context, handler);
}

/** What is not a place of the state: a machine, a constant, a name of the handler. */
function notAssignable(statement: Extract<ast.Statement, { kind: 'assign' }>, handler: HandlerScope): Statement[] {
  const { context } = handler;
  const { target } = statement;
  const binding = target.kind === 'name' ? handler.bindings.get(target.name.text) : undefined;
  const symbol = target.kind === 'name' ? context.symbol(target.name.text) : undefined;
  if (binding?.kind === 'unknown') {
    elaborate(statement.value, scopeOf(handler)); // why it is unknown has been reported
    return [];
  }
  const declared = binding ?? symbol;
  if (target.kind === 'name' && declared === undefined) {
    elaborate(statement.value, scopeOf(handler));
    context.find(target.name, 'variable');
    return [];
  }
  const help = symbol?.kind === 'machine' ? `a machine changes with \`${symbol.machine.name} -> State\`` : undefined;
  context.diagnostics.add('DSS105', { name: context.text(target.span) }, target.span, {
    labels: declared === undefined ? [] : [{ span: declared.span, text: 'declared here' }],
    help,
  });
  // What is assigned to a machine by mistake names a state: it is no second mistake.
  if (symbol?.kind !== 'machine') elaborate(statement.value, scopeOf(handler));
  return [];
}

function fits(value: NumberValue, place: Place, span: Span, handler: HandlerScope): boolean {
  if (value.max <= place.max) return true;
  if (handler.facts.doubtful) return false;
  const parameters = { name: place.name, largest: show(value.max), max: show(place.max) };
  handler.context.diagnostics.add('DSS204', parameters, span, {
    labels: [{ span: place.span, text: `\`${place.name}\` is declared here` }],
  });
  return false;
}

function assign(place: Place, value: NumberValue, context: Context, handler: HandlerScope): Statement[] {
  const statement = writePlace(place, value.expr, context);
  handler.facts.forgetCell(place.cell);
  const target = place.element === 'all' ? undefined : readPlace(place, place.span, context);
  // `A[A[0]] = v` says nothing about `A[A[0]]` afterwards.
  if (target !== undefined && !mentions(target, place.cell))
    handler.facts.learn(target, { min: value.min, max: value.max });
  return [statement];
}

/** Does the index of an element read the array itself? */
function mentions(target: NumberExpr, cell: Cell): boolean {
  if (target.op !== 'element' || cell.kind !== 'array') return false;
  const index = shape(target.index);
  return index === undefined || index.includes(`e${cell.array};`);
}

/** `count NAME by e`: as far as the counter goes. */
function elaborateCount(statement: Extract<ast.Statement, { kind: 'count' }>, handler: HandlerScope): Statement[] {
  const { context } = handler;
  const { target } = statement;
  if (target.kind === 'error') return [];
  const scope = scopeOf(handler);
  const place = placeOf(target, scope);
  const by = statement.by === undefined ? constantNumber(1n) : elaborateNumber(statement.by, scope);
  if (place === undefined) return [];
  if (place === 'none' || place.counter === undefined) {
    if (place === 'none' && target.kind === 'name' && handler.bindings.get(target.name.text)?.kind === 'unknown')
      return []; // why it is unknown has been reported
    if (place === 'none' && target.kind === 'name' && context.symbol(target.name.text) === undefined)
      context.find(target.name, 'variable');
    else context.diagnostics.add('DSS341', { name: context.text(target.span), wanted: 'counter' }, target.span);
    return [];
  }
  const before = readPlace(place, target.span, context);
  if (by === undefined || before === undefined) return [];
  const { end, limit } = place.counter;
  const most = place.max + by.max;
  if (most > maxOf(64)) {
    if (!handler.facts.doubtful) context.diagnostics.add('DSS206', { largest: show(most) }, statement.span);
    return [];
  }
  const sum: NumberExpr = { op: 'add', left: before, right: by.expr, max: most };
  const max = most < place.max ? most : place.max;
  const expr: NumberExpr =
    end === 'modulo'
      ? { op: 'mod', left: sum, right: constant(limit), max }
      : { op: 'min', left: sum, right: constant(limit), max };
  return assign(place, { type: 'number', expr, min: 0n, max, bits: place.bits }, context, handler);
}

const constantNumber = (value: bigint): NumberValue => ({
  type: 'number',
  expr: constant(value),
  min: value,
  max: value,
  bits: bitLength(value),
});

/** `tx -> Off`, `port[i].state -> Idle`, `port[all].state -> Idle`. */
function elaborateTransition(
  statement: Extract<ast.Statement, { kind: 'transition' }>,
  handler: HandlerScope,
): Statement[] {
  const { context } = handler;
  const { target } = statement;
  if (target.kind === 'error') return [];
  const member = engineMember(target, scopeOf(handler));
  if (member === undefined) return [];
  if (member !== 'none' && member.symbol.kind !== 'machine') {
    context.diagnostics.add('DSS341', { name: context.text(target.span), wanted: 'machine' }, target.span);
    return [];
  }
  if (member === 'none' && target.kind !== 'name') {
    context.diagnostics.add('DSS341', { name: context.text(target.span), wanted: 'machine' }, target.span);
    return [];
  }
  const symbol = member === 'none' ? context.find(statement.machine, 'machine') : member.symbol;
  if (symbol?.kind !== 'machine') return [];
  const name = member === 'none' ? statement.machine.text : context.text(target.span);
  const state = findState(symbol.machine.states, statement.state, name, context);
  if (state === undefined) return [];
  context.entered.add(`${symbol.index}.${state}`);
  handler.transitions.push({ machine: symbol.index, state });
  handler.facts.forgetCell(symbol.cell);
  const value = constant(BigInt(state));
  if (member === 'none') return [writeCell(symbol.cell, value, context)];
  return member.element === 'all'
    ? [fillCell(symbol.cell, value)]
    : [writeCell(symbol.cell, value, context, member.element)];
}

function elaborateIf(statement: Extract<ast.Statement, { kind: 'if' }>, handler: HandlerScope): Statement[] {
  const condition = elaborateBool(statement.condition, scopeOf(handler));
  const before = handler.facts;
  handler.facts = condition === undefined ? doubting(before) : assume(condition, true, before);
  const consequent = elaborateBlock(statement.consequent, handler);
  const afterThen = handler.facts;
  handler.facts = condition === undefined ? doubting(before) : assume(condition, false, before);
  const alternative = elaborateBlock(statement.alternative, handler);
  // A branch that ends in a denial leaves what is known in the other.
  if (alwaysDenies(alternative)) handler.facts = afterThen;
  else if (!alwaysDenies(consequent)) handler.facts = afterThen.meet(handler.facts);
  return condition === undefined ? [] : [{ op: 'if', condition, consequent, alternative }];
}

function alwaysDenies(statements: readonly Statement[]): boolean {
  return statements.some((each) => each.op === 'require' && each.condition.op === 'bool' && !each.condition.value);
}

function elaborateFor(statement: Extract<ast.Statement, { kind: 'for' }>, handler: HandlerScope): Statement[] {
  const { context } = handler;
  const ring = context.find(statement.ring, 'ring');
  const from = elaborateNumber(statement.from, scopeOf(handler));
  const to = elaborateNumber(statement.to, scopeOf(handler));
  const declaration = ring?.ring.declaration;
  const struct = declaration === undefined ? undefined : context.symbols.get(declaration.struct.text);
  const shape = declaration === undefined ? undefined : ringShape(declaration, context);
  const walk = handler.locals;
  handler.locals += 1;

  const binding: Binding =
    struct?.kind === 'struct'
      ? { kind: 'descriptor', walk, struct, span: statement.item.span }
      : { kind: 'unknown', span: statement.item.span };
  const { body } = lowerLoop(statement.item, binding, statement.body, handler, elaborateBlock, () => undefined);

  if (ring === undefined || from === undefined || to === undefined || shape === undefined || struct?.kind !== 'struct')
    return [];
  const name = statement.ring.text;
  return [
    {
      op: 'walk',
      walk,
      base: shape.base,
      count: shape.count,
      size: struct.sizeBytes,
      from: from.expr,
      to: to.expr,
      bound: shape.bound,
      range: context.rule(`the walk over \`${name}\` leaves the ring`, statement.span),
      memory: context.rule(
        `the ring \`${name}\` does not lie in memory granted to this driver for commands`,
        statement.span,
      ),
      body,
    },
  ];
}

/** Where a ring lies and how many descriptors it has. */
export interface RingShape {
  readonly base: NumberExpr;
  readonly count: NumberExpr;
  /** The largest count, known when compiling. */
  readonly bound: number;
}

/** Base and count of a ring; the same wherever it is walked. (A missing one is reported by `ownership.ts`.) */
export function ringShape(declaration: ast.ItemOf<'ring'>, context: Context): RingShape | undefined {
  if (declaration.base === undefined || declaration.count === undefined) return undefined;
  // No facts: what one handler happens to know must not narrow a bound that is stated once.
  const scope: Scope = { context, bindings: new Map(), facts: new Facts() };
  const base = elaborateNumber(declaration.base, scope);
  const count = elaborateNumber(declaration.count, scope);
  if (base === undefined || count === undefined) return undefined;
  const bound = count.expr.max;
  if (bound > BigInt(RING_COUNT_MAX)) {
    context.diagnostics.add(
      'DSS309',
      { name: declaration.name.text, largest: show(bound), max: show(BigInt(RING_COUNT_MAX)) },
      declaration.count.span,
    );
    return undefined;
  }
  const struct = context.symbols.get(declaration.struct.text);
  const bytes = Number(bound) * (struct?.kind === 'struct' ? struct.sizeBytes : 0);
  if (bytes > RING_BYTES_MAX) {
    context.diagnostics.add(
      'DSS310',
      { name: `bytes in ring \`${declaration.name.text}\``, count: bytes, max: RING_BYTES_MAX },
      declaration.count.span,
    );
    return undefined;
  }
  return { base: base.expr, count: count.expr, bound: Number(bound) };
}
