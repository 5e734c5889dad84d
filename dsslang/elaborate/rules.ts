/**
 * `require` and `deny`: rules of a handler, and what happens when one is broken (deny, fault, clamp, log).
 */
import type * as ast from '../ast.ts';
import type { BoolExpr, NumberExpr, RuleId, Statement } from '../ir.ts';
import type { ViolationAction } from '../runtime.ts';
import { maxOf, show, type Context } from './context.ts';
import { elaborateBool, elaborateNumber } from './expressions.ts';
import { scopeOf, type HandlerScope } from './handler-scope.ts';
import { assume, decidedTruth, learn } from './learning.ts';

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

export const denialAction = (name: ast.Action | undefined, context: Context): ViolationAction =>
  actionOf(name, denials, context);

export function elaborateRequire(
  statement: Extract<ast.Statement, { kind: 'require' }>,
  handler: HandlerScope,
): Statement[] {
  const { context } = handler;
  const condition = elaborateBool(statement.condition, scopeOf(handler));
  const action = actionOf(statement.action, actions, context);
  if (condition === undefined) {
    handler.facts.doubtful = true;
    return [];
  }
  const rule = context.rule(statement.reason, statement.condition.span, action);
  const place = statement.condition.span;
  const truth = decidedTruth(condition, handler.facts);
  if (truth !== undefined && !context.diagnostics.has('DSS402', place))
    context.diagnostics.add(truth ? 'DSS422' : 'DSS436', {}, place);
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
