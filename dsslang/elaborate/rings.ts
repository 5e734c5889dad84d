/**
 * `for d in RING[from ..< to] { ... }`: the walk over the descriptors that are published.
 */
import type * as ast from '../ast.ts';
import type { NumberExpr, Statement } from '../ir.ts';
import { show, type Context } from './context.ts';
import { elaborateNumber } from './expressions.ts';
import { Facts } from './facts.ts';
import { scopeOf, type HandlerScope } from './handler-scope.ts';
import { elaborateBlock } from './statements.ts';
import type { Binding, Scope } from './values.ts';
import { lowerLoop } from './walks.ts';

/** A ring with more entries than this is refused: the walk over it must stay bounded and its copy small. */
export const RING_COUNT_MAX = 65536;

/** The monitor holds a private copy of what a walk visits. */
export const RING_BYTES_MAX = 16 * 1024 * 1024;

export function elaborateFor(statement: Extract<ast.Statement, { kind: 'for' }>, handler: HandlerScope): Statement[] {
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
