/**
 * Statements of a handler: lowered in order, with what each teaches about the values after it.
 */
import type * as ast from '../ast.ts';
import type { NumberExpr, Statement } from '../ir.ts';
import type { ViolationAction } from '../runtime.ts';
import { show, type Context } from './context.ts';
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
  type Scope,
} from './expressions.ts';
import { Facts } from './facts.ts';
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
      const rule = handler.context.rule(statement.reason, statement.span, action(statement.action, handler.context));
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
  }
}

function action(name: ast.Name | undefined, context: Context): ViolationAction {
  if (name === undefined || name.text === 'fault') return 'fault';
  if (name.text === 'deny') return 'deny';
  if (name.text === '') return 'fault'; // invented by the parser's recovery
  context.diagnostics.add('DSS109', { word: name.text }, name.span);
  return 'fault';
}

function elaborateRequire(statement: Extract<ast.Statement, { kind: 'require' }>, handler: HandlerScope): Statement[] {
  const condition = elaborateBool(statement.condition, scopeOf(handler));
  if (condition === undefined) {
    handler.facts.doubtful = true;
    return [];
  }
  const rule = handler.context.rule(
    statement.reason,
    statement.condition.span,
    action(statement.action, handler.context),
  );
  learn(condition, true, handler.facts);
  return [{ op: 'require', condition, rule }];
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
  const bound = target.kind === 'name' ? handler.bindings.get(target.name.text) : undefined;
  if (bound?.kind === 'unknown') {
    elaborate(statement.value, scopeOf(handler));
    return [];
  }
  const binding = bound?.kind === 'mutable' ? bound : undefined;
  const symbol = target.kind === 'name' ? context.symbol(target.name.text) : undefined;
  const fixed = binding === undefined && (bound !== undefined || (symbol !== undefined && symbol.kind !== 'variable'));
  if (target.kind !== 'name' || fixed) {
    const declared = bound ?? symbol;
    const help = symbol?.kind === 'machine' ? `a machine changes with \`${symbol.machine.name} -> State\`` : undefined;
    context.diagnostics.add('DSS105', { name: context.text(target.span) }, target.span, {
      labels: declared === undefined ? [] : [{ span: declared.span, text: 'declared here' }],
      help,
    });
    // What is assigned to a machine by mistake names a state: it is no second mistake.
    if (symbol?.kind !== 'machine') elaborate(statement.value, scopeOf(handler));
    return [];
  }
  const value = elaborateNumber(statement.value, scopeOf(handler));
  const variable = binding ?? context.find(target.name, 'variable');
  const scalar = variable === undefined ? undefined : context.scalars[variable.scalar];
  if (variable === undefined || scalar === undefined) return [];
  handler.facts.forget(variable.scalar);
  if (value === undefined) return [];
  if (value.max > scalar.max) {
    if (handler.facts.doubtful) return [];
    const name = target.name.text;
    context.diagnostics.add('DSS204', { name, largest: show(value.max), max: show(scalar.max) }, statement.value.span, {
      labels: [{ span: variable.span, text: `\`${name}\` is declared here` }],
    });
    return [];
  }
  handler.facts.learn(context.readScalar(variable.scalar), { min: value.min, max: value.max });
  return [{ op: 'set', scalar: variable.scalar, value: value.expr }];
}

function elaborateTransition(
  statement: Extract<ast.Statement, { kind: 'transition' }>,
  handler: HandlerScope,
): Statement[] {
  const { context } = handler;
  const symbol = context.find(statement.machine, 'machine');
  if (symbol === undefined) return [];
  const state = findState(symbol.machine.states, statement.state, statement.machine.text, context);
  if (state === undefined) return [];
  context.entered.add(`${symbol.index}.${state}`);
  handler.facts.forget(symbol.machine.scalar);
  return [{ op: 'set', scalar: symbol.machine.scalar, value: constant(BigInt(state)) }];
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
