/**
 * Walks through structures in memory that are not rings: tables (scatter lists) and linked lists.
 *
 * Both are bounded when compiling, so a handler ends whatever a driver has written there: a cycle in a list, or a table
 * without its last entry, is denied at the bound. Each structure is copied before it is judged; walks may stand inside
 * walks (a list of tables of buffers). The calculus has them as `table` and `list`.
 */
import type * as ast from '../ast.ts';
import type { Statement } from '../ir.ts';
import { forgetChanges } from './changes.ts';
import { show, type Context } from './context.ts';
import type { SymbolOf } from './symbols.ts';
import { elaborateBool, elaborateConstant, elaborateNumber } from './expressions.ts';
import { isFrozenFrom } from './frozen.ts';
import type { Binding } from './values.ts';
import { bind, scopeOf, unbind, type HandlerScope, type LowerBlock } from './handler-scope.ts';

/** One walk visits at most so many structures. */
export const WALK_TURNS_MAX = 65536;

/**
 * Lowers the body of any loop, and then whatever is judged after each turn, with the loop's own name still bound.
 * The body runs any number of times: what it assigns is unknown at its start and after it.
 */
export function lowerLoop<T>(
  item: ast.Name,
  binding: Binding,
  body: readonly ast.Statement[],
  handler: HandlerScope,
  lowerBlock: LowerBlock,
  afterTurn: () => T,
): { body: Statement[]; after: T } {
  forgetChanges(body, handler);
  const outside = handler.facts;
  handler.facts = outside.copy();
  const mark = handler.journal.length;
  bind(item, binding, handler);
  const lowered = lowerBlock(body, handler);
  const after = afterTurn();
  unbind(mark, handler);
  handler.facts = outside;
  return { body: lowered, after };
}

/** What a walk's own name stands for: the structure that the walk has just copied. */
function descriptor(struct: SymbolOf<'struct'> | undefined, walk: number, item: ast.Name): Binding {
  return struct === undefined
    ? { kind: 'unknown', span: item.span }
    : { kind: 'descriptor', walk, struct, span: item.span };
}

export function elaborateTable(statement: ast.TableWalk, handler: HandlerScope, lowerBlock: LowerBlock): Statement[] {
  const { context } = handler;
  const struct = context.find(statement.struct, 'struct');
  const base = elaborateNumber(statement.base, scopeOf(handler));
  const count = statement.count === undefined ? undefined : elaborateNumber(statement.count, scopeOf(handler));
  const most = statement.most === undefined ? undefined : turnsMax(statement.most, context);
  const walk = handler.locals;
  handler.locals += 1;
  const { body, after: until } = lowerLoop(
    statement.item,
    descriptor(struct, walk, statement.item),
    statement.body,
    handler,
    lowerBlock,
    () => (statement.until === undefined ? undefined : elaborateBool(statement.until, scopeOf(handler))),
  );
  const unread =
    (statement.count !== undefined && count === undefined) ||
    (statement.most !== undefined && most === undefined) ||
    (statement.until !== undefined && until === undefined);
  if (struct === undefined || base === undefined || unread) return [];

  const largest = count?.max ?? most ?? 0n;
  const bound = most ?? largest;
  if (bound > BigInt(WALK_TURNS_MAX)) {
    if (!handler.facts.doubtful) reportUnbounded(statement.count ?? statement.item, largest, context);
    return [];
  }
  const name = statement.struct.text;
  const reason =
    statement.until === undefined
      ? `the table of \`${name}\` has more than ${bound} entries`
      : `the table of \`${name}\` does not end within its first ${bound} entries`;
  return [
    {
      op: 'table',
      walk,
      stored: false,
      frozen: isFrozenFrom(base.expr, context),
      base: base.expr,
      count: count?.expr ?? { op: 'const', value: bound, max: bound },
      size: struct.sizeBytes,
      bound: Number(bound),
      until,
      range: context.rule(reason, statement.span),
      memory: outsideRule(statement, context),
      body,
    },
  ];
}

export function elaborateList(statement: ast.ListWalk, handler: HandlerScope, lowerBlock: LowerBlock): Statement[] {
  const { context } = handler;
  const struct = context.find(statement.struct, 'struct');
  const first = elaborateNumber(statement.first, scopeOf(handler));
  const bound = turnsMax(statement.most, context);
  const walk = handler.locals;
  handler.locals += 1;
  const { body, after } = lowerLoop(
    statement.item,
    descriptor(struct, walk, statement.item),
    statement.body,
    handler,
    lowerBlock,
    () => ({
      more: elaborateBool(statement.more, scopeOf(handler)),
      next: elaborateNumber(statement.next, scopeOf(handler)),
    }),
  );
  const { more, next } = after;
  if (struct === undefined || first === undefined || bound === undefined || more === undefined || next === undefined)
    return [];
  if (!mentions(statement.next, statement.item.text))
    context.diagnostics.add('DSS450', { item: statement.item.text }, statement.next.span);
  return [
    {
      op: 'list',
      walk,
      first: first.expr,
      size: struct.sizeBytes,
      bound: Number(bound),
      more,
      next: next.expr,
      range: context.rule(
        `the list of \`${statement.struct.text}\` has more than ${bound} members, or runs in a circle`,
        statement.span,
      ),
      memory: outsideRule(statement, context),
      body,
    },
  ];
}

function turnsMax(expression: ast.Expression, context: Context): bigint | undefined {
  const value = elaborateConstant(expression, context, 'the bound of a walk');
  if (value === undefined || (value >= 1n && value <= BigInt(WALK_TURNS_MAX))) return value;
  const max = show(BigInt(WALK_TURNS_MAX));
  context.diagnostics.add(
    'DSS212',
    { what: 'the bound of a walk', min: '1', max, found: show(value) },
    expression.span,
  );
  return undefined;
}

function reportUnbounded(place: ast.Node, largest: bigint, context: Context): void {
  context.diagnostics.add('DSS350', { largest: show(largest), max: show(BigInt(WALK_TURNS_MAX)) }, place.span);
}

function outsideRule(statement: ast.TableWalk | ast.ListWalk, context: Context): number {
  return context.rule(
    `a \`${statement.struct.text}\` does not lie in memory granted to this driver for commands`,
    statement.span,
  );
}

/** Does `name` stand somewhere in the expression? */
function mentions(expression: ast.Expression, name: string): boolean {
  const of = (each: ast.Expression): boolean => mentions(each, name);
  switch (expression.kind) {
    case 'name':
      return expression.name.text === name;
    case 'member':
      return of(expression.of);
    case 'index':
      return of(expression.of) || of(expression.index);
    case 'slice':
      return of(expression.of);
    case 'call':
      return expression.args.some(of);
    case 'unary':
      return of(expression.operand);
    case 'binary':
      return of(expression.left) || of(expression.right);
    case 'choice':
      return of(expression.condition) || of(expression.consequent) || of(expression.alternative);
    case 'integer':
    case 'boolean':
      return false;
    default:
      return true; // unreadable, which has been reported
  }
}
