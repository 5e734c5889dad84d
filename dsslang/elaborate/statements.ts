/**
 * Statements of a handler: lowered in order, with what each teaches about the values after it.
 */
import type * as ast from '../ast.ts';
import type { Statement } from '../ir.ts';
import type { ViolationAction } from '../runtime.ts';
import { show, type Context } from './context.ts';
import {
  assume,
  constant,
  elaborate,
  elaborateBool,
  elaborateNumber,
  findState,
  type Binding,
  type Scope,
} from './expressions.ts';
import type { Facts } from './facts.ts';

/** A ring with more entries than this is refused: the walk over it must stay bounded and its copy small. */
export const RING_COUNT_MAX = 65536;

/** Everything a handler's statements share. */
export interface HandlerScope {
  readonly context: Context;
  readonly bindings: Map<string, Binding>;
  facts: Facts;
  locals: number;
}

function scopeOf(handler: HandlerScope): Scope {
  return { context: handler.context, bindings: handler.bindings, facts: handler.facts };
}

/** Lowers a block; names bound inside end with it. */
export function elaborateBlock(statements: readonly ast.Statement[], handler: HandlerScope): Statement[] {
  const outer = new Map(handler.bindings);
  const lowered: Statement[] = [];
  for (const statement of statements) {
    // Recovery leaves holes; their mistakes are already reported.
    if (statement !== undefined) lowered.push(...elaborateStatement(statement, handler));
  }
  handler.bindings.clear();
  for (const [name, binding] of outer) handler.bindings.set(name, binding);
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
  }
}

function action(name: ast.Name | undefined, context: Context): ViolationAction {
  if (name === undefined || name.text === 'fault') return 'fault';
  if (name.text === 'deny') return 'deny';
  context.diagnostics.add('DSS109', { word: name.text }, name.span);
  return 'fault';
}

function elaborateRequire(statement: Extract<ast.Statement, { kind: 'require' }>, handler: HandlerScope): Statement[] {
  const condition = elaborateBool(statement.condition, scopeOf(handler));
  if (condition === undefined) return [];
  const rule = handler.context.rule(
    statement.reason,
    statement.condition.span,
    action(statement.action, handler.context),
  );
  handler.facts = assume(condition, true, handler.facts);
  return [{ op: 'require', condition, rule }];
}

function bind(name: ast.Name, binding: Binding, handler: HandlerScope): void {
  const earlier = handler.bindings.get(name.text) ?? handler.context.symbols.get(name.text);
  if (earlier !== undefined) {
    const kind = 'kind' in earlier && earlier.kind !== 'value' ? earlier.kind : 'name';
    handler.context.diagnostics.add(
      'DSS102',
      { name: name.text, kind: kind === 'variable' ? 'var' : kind },
      name.span,
      {
        labels: [{ span: earlier.span, text: 'declared here first' }],
      },
    );
  }
  handler.bindings.set(name.text, binding);
}

function elaborateLet(statement: Extract<ast.Statement, { kind: 'let' }>, handler: HandlerScope): Statement[] {
  const value = elaborate(statement.value, scopeOf(handler));
  if (value === undefined) return [];
  const local = handler.locals;
  handler.locals += 1;
  if (value.type === 'bool') {
    const one = { op: 'choice', condition: value.expr, left: constant(1n), right: constant(0n), max: 1n } as const;
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
  const expr = { op: 'local', local, max: value.max } as const;
  bind(statement.name, { kind: 'value', value: { ...value, expr }, span: statement.name.span }, handler);
  return [{ op: 'let', local, value: value.expr }];
}

function elaborateAssignment(
  statement: Extract<ast.Statement, { kind: 'assign' }>,
  handler: HandlerScope,
): Statement[] {
  const { context } = handler;
  const value = elaborateNumber(statement.value, scopeOf(handler));
  const { target } = statement;
  if (target.kind !== 'name' || handler.bindings.has(target.name.text)) {
    context.diagnostics.add('DSS105', { name: context.source.slice(target.span) }, target.span);
    return [];
  }
  const symbol = context.symbols.get(target.name.text);
  if (symbol !== undefined && symbol.kind !== 'variable') {
    context.diagnostics.add('DSS105', { name: target.name.text }, target.span, {
      labels: [{ span: symbol.span, text: 'declared here' }],
    });
    return [];
  }
  const variable = context.find(target.name, 'variable');
  const scalar = variable === undefined ? undefined : context.scalars[variable.scalar];
  if (value === undefined || variable === undefined || scalar === undefined) return [];
  if (value.max > scalar.max) {
    context.diagnostics.add(
      'DSS204',
      { name: scalar.name, largest: show(value.max), max: show(scalar.max) },
      statement.value.span,
      {
        labels: [{ span: variable.span, text: `\`${scalar.name}\` is declared here` }],
      },
    );
    return [];
  }
  handler.facts = handler.facts.copy();
  handler.facts.forget(variable.scalar);
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
  handler.facts = handler.facts.copy();
  handler.facts.forget(symbol.machine.scalar);
  return [{ op: 'set', scalar: symbol.machine.scalar, value: constant(BigInt(state)) }];
}

function elaborateIf(statement: Extract<ast.Statement, { kind: 'if' }>, handler: HandlerScope): Statement[] {
  const condition = elaborateBool(statement.condition, scopeOf(handler));
  const before = handler.facts;
  handler.facts = condition === undefined ? before.copy() : assume(condition, true, before);
  const consequent = elaborateBlock(statement.consequent, handler);
  const afterThen = handler.facts;
  handler.facts = condition === undefined ? before.copy() : assume(condition, false, before);
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
  const shape = declaration === undefined ? undefined : ringShape(declaration, handler);
  const walk = handler.locals;
  handler.locals += 1;

  // The body runs any number of times: what it assigns is unknown at its start and after it.
  const assigned = assignedScalars(statement.body, context);
  const enter = (): void => {
    handler.facts = handler.facts.copy();
    for (const scalar of assigned) handler.facts.forget(scalar);
  };
  enter();
  const outside = handler.facts;
  const outer = new Map(handler.bindings);
  if (struct?.kind === 'struct') {
    bind(statement.item, { kind: 'descriptor', walk, struct, span: statement.item.span }, handler);
  }
  const body = elaborateBlock(statement.body, handler);
  handler.bindings.clear();
  for (const [name, binding] of outer) handler.bindings.set(name, binding);
  handler.facts = outside;

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

/** Base and count of a ring, seen from a handler. */
export function ringShape(declaration: ast.ItemOf<'ring'>, handler: HandlerScope) {
  const { context } = handler;
  for (const clause of ['base', 'count'] as const) {
    if (declaration[clause] === undefined)
      context.diagnostics.add('DSS305', { clause, of: declaration.name.text }, declaration.name.span);
  }
  if (declaration.base === undefined || declaration.count === undefined) return undefined;
  // Ranges are the variables' own: what this handler happens to know must not narrow a bound that is stated once.
  const scope: Scope = { ...scopeOf(handler), bindings: new Map() };
  const base = elaborateNumber(declaration.base, scope);
  const count = elaborateNumber(declaration.count, scope);
  if (base === undefined || count === undefined) return undefined;
  const bound = count.expr.max;
  if (bound > BigInt(RING_COUNT_MAX)) {
    context.diagnostics.add('DSS309', { name: declaration.name.text }, declaration.count.span);
    return undefined;
  }
  return { base: base.expr, count: count.expr, bound: Number(bound) };
}

function assignedScalars(statements: readonly ast.Statement[], context: Context): Set<number> {
  const assigned = new Set<number>();
  const visit = (statement: ast.Statement): void => {
    if (statement === undefined) return;
    if (statement.kind === 'assign' && statement.target.kind === 'name') {
      const symbol = context.symbols.get(statement.target.name.text);
      if (symbol?.kind === 'variable') assigned.add(symbol.scalar);
    } else if (statement.kind === 'transition') {
      const symbol = context.symbols.get(statement.machine.text);
      if (symbol?.kind === 'machine') assigned.add(symbol.machine.scalar);
    } else if (statement.kind === 'if') {
      statement.consequent.forEach(visit);
      statement.alternative.forEach(visit);
    } else if (statement.kind === 'for') {
      statement.body.forEach(visit);
    }
  };
  statements.forEach(visit);
  return assigned;
}
