/**
 * `mut total : u32 = 0`: a number of the handler that may change, for what accumulates over the turns of a walk.
 *
 * The calculus has no such thing and needs none: it is a scalar of the state that is set where it is declared and set back
 * to 0 where its block ends. A denial undoes everything, so between operations every scratch scalar is 0 (an invariant that
 * proofs may use), and handlers share the same ones: as many exist as are ever alive together.
 */
import type * as ast from '../ast.ts';
import type { ScalarId, Statement } from '../ir.ts';
import { maxOf, show } from './context.ts';
import { SCALARS_MAX, tooMany, validType } from './declarations.ts';
import { constant, elaborateConstant, elaborateNumber } from './expressions.ts';
import { bind, scopeOf, type HandlerScope } from './handler-scope.ts';

export function elaborateMut(statement: Extract<ast.Statement, { kind: 'mut' }>, handler: HandlerScope): Statement[] {
  const { context } = handler;
  const { name, type } = statement;
  const value = elaborateNumber(statement.initial, scopeOf(handler));
  const unknown = (): Statement[] => {
    bind(name, { kind: 'unknown', span: name.span }, handler);
    return [];
  };
  if (!validType(type, context)) return unknown();
  const whole = maxOf(type.bits);
  const max = statement.max === undefined ? whole : elaborateConstant(statement.max, context, 'the `max` of a number');
  if (value === undefined || max === undefined) return unknown();
  if (max > whole) {
    const place = statement.max?.span ?? name.span;
    context.diagnostics.add('DSS203', { value: show(max), bits: type.bits, holds: `\`${name.text}\`` }, place);
    return unknown();
  }
  if (value.max > max) {
    if (!handler.facts.doubtful)
      context.diagnostics.add(
        'DSS204',
        { name: name.text, largest: show(value.max), max: show(max) },
        statement.initial.span,
      );
    return unknown();
  }
  const scalar = scratch(type.bits, max, statement, handler);
  if (scalar === undefined) return unknown();
  bind(name, { kind: 'mutable', scalar, span: name.span }, handler);
  handler.facts.forgetCell({ kind: 'scalar', scalar });
  handler.facts.learn(context.readScalar(scalar), { min: value.min, max: value.max });
  return [{ op: 'set', scalar, value: value.expr }];
}

/** A scratch scalar of that shape which nothing alive uses. */
function scratch(bits: number, max: bigint, statement: ast.Node, handler: HandlerScope): ScalarId | undefined {
  const { context } = handler;
  const alive = new Set([...handler.bindings.values()].map((each) => (each.kind === 'mutable' ? each.scalar : -1)));
  const prefix = `scratch.u${bits}.${max}.`;
  const free = context.scalars.findIndex(
    (each, id) => each.kind === 'internal' && each.name.startsWith(prefix) && !alive.has(id),
  );
  if (free !== -1) return free;
  if (tooMany('variables', context.scalars.length + 1, SCALARS_MAX, statement.span, context)) return undefined;
  const number = context.scalars.filter((each) => each.name.startsWith(prefix)).length;
  return context.scalar({ name: `${prefix}${number}`, bits, max, initial: 0n, kind: 'internal' });
}

/** Ends the life of what has been bound since the journal had `mark` entries: back to 0. */
export function clearScratch(mark: number, handler: HandlerScope): Statement[] {
  return handler.journal.slice(mark).flatMap(([name]): Statement[] => {
    const binding = handler.bindings.get(name);
    if (binding?.kind !== 'mutable') return [];
    handler.facts.forgetCell({ kind: 'scalar', scalar: binding.scalar });
    return [{ op: 'set', scalar: binding.scalar, value: constant(0n) }];
  });
}
