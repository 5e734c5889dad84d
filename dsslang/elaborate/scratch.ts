/**
 * `mut total : u32 = 0`: a number of the handler that may change, for what accumulates over the turns of a walk.
 *
 * The calculus has no such thing and needs none: it is a scalar of the state that is set where it is declared and set back
 * to 0 where its block ends. A denial undoes everything, so between operations every scratch scalar is 0 (an invariant that
 * proofs may use), and handlers share the same ones: as many exist as are ever alive together.
 */
import type * as ast from '../ast.ts';
import type { Statement } from '../ir.ts';
import { readCell, writeCell } from './cells.ts';
import { maxOf, show } from './context.ts';
import { SCALARS_MAX, tooMany } from './limits.ts';
import { validType } from './types.ts';
import { elaborateConstant, elaborateNumber } from './expressions.ts';
import { constant } from './values.ts';
import { bind, scopeOf, type HandlerScope } from './handler-scope.ts';
import type { Cell } from './symbols.ts';

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
  const cell = scratch(type.bits, max, statement, handler);
  if (cell === undefined) return unknown();
  bind(name, { kind: 'mutable', cell, bits: type.bits, max, span: name.span }, handler);
  handler.facts.forgetCell(cell);
  handler.facts.learn(readCell(cell, context), { min: value.min, max: value.max });
  return [writeCell(cell, value.expr, context)];
}

/** A scratch cell of that shape which nothing alive uses; a scalar, also inside an engine: it belongs to no element. */
function scratch(bits: number, max: bigint, statement: ast.Node, handler: HandlerScope): Cell | undefined {
  const { context } = handler;
  const alive = new Set(
    [...handler.bindings.values()].map((each) =>
      each.kind === 'mutable' && each.cell.kind === 'scalar' ? each.cell.scalar : -1,
    ),
  );
  const prefix = `scratch.u${bits}.${max}.`;
  const free = context.scalars.findIndex(
    (each, id) => each.kind === 'internal' && each.name.startsWith(prefix) && !alive.has(id),
  );
  if (free !== -1) return { kind: 'scalar', scalar: free };
  if (tooMany('variables', context.scalars.length + 1, SCALARS_MAX, statement.span, context)) return undefined;
  const number = context.scalars.filter((each) => each.name.startsWith(prefix)).length;
  const scalar = context.scalar({ name: `${prefix}${number}`, bits, max, initial: 0n, kind: 'internal' });
  return { kind: 'scalar', scalar };
}

/** Ends the life of what has been bound since the journal had `mark` entries: back to 0. */
export function clearScratch(mark: number, handler: HandlerScope): Statement[] {
  return handler.journal.slice(mark).flatMap(([name]): Statement[] => {
    const binding = handler.bindings.get(name);
    if (binding?.kind !== 'mutable') return [];
    handler.facts.forgetCell(binding.cell);
    return [writeCell(binding.cell, constant(0n), handler.context)];
  });
}
