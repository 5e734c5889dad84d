/**
 * Statements of a handler: lowered in order, with what each teaches about the values after it.
 *
 * Here are blocks, `let`, `if` and transitions; `require` is in `rules.ts`, what changes a place in `assignments.ts`,
 * walks in `rings.ts` and `walks.ts`.
 */
import type * as ast from '../ast.ts';
import type { Statement } from '../ir.ts';
import { elaborateAssignment, elaborateCount } from './assignments.ts';
import { fillCell, writeCell } from './cells.ts';
import { elaborateCheck } from './checks.ts';
import { findState } from './comparisons.ts';
import { elaborate, elaborateBool } from './expressions.ts';
import { bind, scopeOf, unbind, type HandlerScope } from './handler-scope.ts';
import { assume, decidedTruth, doubting } from './learning.ts';
import { elaborateForget } from './memory.ts';
import { engineMember } from './places.ts';
import { elaborateFor } from './rings.ts';
import { denialAction, elaborateRequire } from './rules.ts';
import { clearScratch, elaborateMut } from './scratch.ts';
import { elaborateClock, elaborateSpend } from './time.ts';
import { asNumber, constant } from './values.ts';
import { elaborateList, elaborateTable } from './walks.ts';

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
    case 'check':
      return elaborateCheck(statement, handler, elaborateBlock);
  }
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
  const truth = condition === undefined ? undefined : decidedTruth(condition, before);
  const place = statement.condition.span;
  if (truth !== undefined && !handler.context.diagnostics.has('DSS402', place))
    handler.context.diagnostics.add('DSS435', { taken: truth ? 'always' : 'never' }, place);
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
