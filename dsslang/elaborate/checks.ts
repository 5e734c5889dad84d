/**
 * `check NAME(parameters) { ... }`: what several handlers demand, said once. Where a handler writes `check NAME(...)`, the
 * body stands in its place.
 *
 * The calculus has no calls: a check is written out wherever it is used, with what is known there. It knows the names of the
 * device and its own parameters, nothing of the handler around it. A rule in it is one rule, however often it is written
 * out. Checks never contain themselves, and what they come to is bounded, so writing them out ends.
 */
import type * as ast from '../ast.ts';
import type { Statement } from '../ir.ts';
import { eachStatement } from '../mentions.ts';
import { withoutEngine } from './engines.ts';
import { elaborate } from './expressions.ts';
import { bind, scopeOf, type HandlerScope, type LowerBlock } from './handler-scope.ts';
import { asCondition, asNumber, type Binding, type Value } from './values.ts';

/** Statements that all checks of a device may come to, written out. */
export const CHECK_STATEMENTS_MAX = 65_536;
/** Checks in checks. */
export const CHECK_DEPTH_MAX = 16;

type CheckStatement = Extract<ast.Statement, { kind: 'check' }>;

export function elaborateCheck(statement: CheckStatement, handler: HandlerScope, lowerBlock: LowerBlock): Statement[] {
  const { context } = handler;
  const { diagnostics } = context;
  const declaration = context.find(statement.name, 'check')?.declaration;
  if (declaration === undefined) return [];
  const { parameters } = declaration;
  const label = { span: declaration.name.span, text: 'declared here' };
  if (statement.args.length !== parameters.length) {
    const counts = { wanted: parameters.length, found: statement.args.length };
    diagnostics.add('DSS108', { name: declaration.name.text, ...counts }, statement.span, { labels: [label] });
    return [];
  }
  const first = context.openChecks.indexOf(declaration);
  if (first !== -1) {
    const trail = [...context.openChecks.slice(first), declaration].map(({ name }) => name.text);
    diagnostics.add('DSS155', { trail }, statement.name.span);
    return [];
  }
  context.checkStatements += sizeOf(declaration.body);
  if (context.openChecks.length >= CHECK_DEPTH_MAX || context.checkStatements > CHECK_STATEMENTS_MAX) {
    diagnostics.add('DSS156', {}, statement.span);
    return [];
  }
  const lowered: Statement[] = [];
  const bound = parameters.map((parameter, at) => {
    const { binding, before } = argument(parameter, statement.args[at] as ast.Expression, handler);
    lowered.push(...before);
    return [parameter.name, binding] as const;
  });
  const inner: HandlerScope = { ...handler, bindings: new Map(stillAlive(handler)), journal: [] };
  context.openChecks.push(declaration);
  diagnostics.around(statement.span, () => {
    withoutEngine(context, () => {
      for (const [name, binding] of bound) bind(name, binding, inner);
      lowered.push(...lowerBlock(declaration.body, inner));
    });
  });
  context.openChecks.pop();
  handler.facts = inner.facts;
  handler.locals = inner.locals;
  return lowered;
}

/** What a parameter stands for: a structure that a walk has reached, or a value that is computed once, before the body. */
function argument(
  parameter: ast.CheckParameter,
  written: ast.Expression,
  handler: HandlerScope,
): { readonly binding: Binding; readonly before: readonly Statement[] } {
  const { context } = handler;
  const unknown = { binding: { kind: 'unknown', span: parameter.name.span } as const, before: [] };
  if (parameter.struct === undefined) return valueOf(elaborate(written, scopeOf(handler)), parameter, handler);
  const struct = context.find(parameter.struct, 'struct');
  if (struct === undefined || written.kind === 'error') return unknown;
  const binding = written.kind === 'name' ? handler.bindings.get(written.name.text) : undefined;
  if (binding?.kind === 'unknown') return unknown;
  if (binding?.kind === 'descriptor' && binding.struct === struct)
    return { binding: { ...binding, span: parameter.name.span }, before: [] };
  const names = { parameter: parameter.name.text, struct: parameter.struct.text };
  context.diagnostics.add('DSS157', names, written.span, {
    labels: [{ span: parameter.name.span, text: 'declared here' }],
  });
  return unknown;
}

function valueOf(
  value: Value,
  { name: { span } }: ast.CheckParameter,
  handler: HandlerScope,
): { readonly binding: Binding; readonly before: readonly Statement[] } {
  if (value === undefined) return { binding: { kind: 'unknown', span }, before: [] };
  // What does not change while the body runs, or is the operation's value itself, needs no copy.
  if (value.type === 'number' && ['const', 'local', 'argument', 'descriptor'].includes(value.expr.op))
    return { binding: { kind: 'value', value, span }, before: [] };
  const local = handler.locals;
  handler.locals += 1;
  const copied = value.type === 'bool' ? asNumber(value.expr) : value.expr;
  const expr = { op: 'local', local, max: copied.max } as const;
  const known = value.type === 'bool' ? asCondition(expr) : { ...value, expr };
  return { binding: { kind: 'value', value: known, span }, before: [{ op: 'let', local, value: copied }] };
}

/** The handler's `mut` numbers keep their cells; under names that nobody can write. */
function stillAlive({ bindings }: HandlerScope): [string, Binding][] {
  return [...bindings].flatMap(([name, binding]) => (binding.kind === 'mutable' ? [[`(${name})`, binding]] : []));
}

function sizeOf(statements: readonly ast.Statement[]): number {
  let size = 1;
  eachStatement(statements, () => (size += 1));
  return size;
}
