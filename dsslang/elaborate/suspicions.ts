/**
 * What looks wrong in the text of handlers, whatever it means: blocks that do nothing, values that are overwritten before
 * anybody reads them, statements behind a `deny`, walks that look at nothing, clocks that nobody starts.
 *
 * Works on the tree of a specification without errors. Silent where it is not sure.
 */
import type * as ast from '../ast.ts';
import { eachStatement, mentions } from '../mentions.ts';
import type { Context } from './context.ts';

type Handler = ast.HandlerDeclaration | ast.EventDeclaration;

export function lintText(items: readonly ast.Item[], context: Context): void {
  for (const item of items) {
    if (item.kind === 'engine') lintText(item.items, context);
    else if (item.kind === 'in') lintInBlock(item, new Map(), context);
    else if (item.kind === 'handler' || item.kind === 'event') lintHandler(item, new Map(), context);
    else if (item.kind === 'check' || item.kind === 'pool') lintBlock(item.body, context);
    else if (item.kind === 'match') lintMatch(item, context);
    else if (item.kind === 'reset' && item.steps.length === 0)
      context.diagnostics.add('DSS412', {}, { start: item.span.start, end: item.span.start + 'reset'.length });
  }
}

function lintMatch({ ids }: ast.ItemOf<'match'>, context: Context): void {
  for (const [at, id] of ids.entries()) {
    if (ids.slice(0, at).some((each) => each.vendor === id.vendor && each.device === id.device))
      context.diagnostics.add('DSS409', { id: context.text(id.span) }, id.span);
  }
}

/** @param states of each machine that surrounding blocks narrow to one state, which */
function lintInBlock(block: ast.InBlock, states: ReadonlyMap<string, string>, context: Context): void {
  const { diagnostics } = context;
  const named = block.states.states;
  if (block.items.length === 0) diagnostics.add('DSS427', {}, block.states.span);
  for (const [at, each] of named.entries()) {
    if (named.slice(0, at).some(({ state }) => state.text === each.state.text))
      diagnostics.add('DSS428', { state: context.text(each.span) }, each.span);
  }
  const [only] = named;
  const inside =
    named.length === 1 && only !== undefined ? new Map([...states, [only.machine.text, only.state.text]]) : states;
  for (const item of block.items) {
    if (item.kind === 'in') lintInBlock(item, inside, context);
    else lintHandler(item, inside, context);
  }
}

function lintHandler(handler: Handler, states: ReadonlyMap<string, string>, context: Context): void {
  lintIdleTransitions(handler, states, context);
  lintBlock(handler.body, context);
}

/** A transition to the state that the handler stands in, before it could have left it. */
function lintIdleTransitions(handler: Handler, states: ReadonlyMap<string, string>, context: Context): void {
  const left = new Set<string>();
  eachStatement(handler.body, (statement) => {
    if (statement.kind !== 'transition' || statement.target.kind !== 'name') return;
    const machine = statement.machine.text;
    if (!left.has(machine) && states.get(machine) === statement.state.text)
      context.diagnostics.add('DSS429', { machine, state: statement.state.text }, statement.span);
    left.add(machine);
  });
}

function lintBlock(statements: readonly ast.Statement[], context: Context): void {
  const { diagnostics } = context;
  const denial = statements.findIndex((each) => each.kind === 'deny');
  const after = denial === -1 ? undefined : statements[denial + 1];
  if (after !== undefined) diagnostics.add('DSS431', {}, firstWord(after, context));
  for (const [at, statement] of statements.entries()) {
    lintOverwritten(statement, at + 1, statements, context);
    if (statement.kind === 'if') {
      if (statement.consequent.length === 0 && statement.alternative.length === 0)
        diagnostics.add('DSS438', {}, { start: statement.span.start, end: statement.condition.span.end });
      lintBlock(statement.consequent, context);
      lintBlock(statement.alternative, context);
    }
    if ('body' in statement) {
      if (!mentions(statement.body, statement.item.text))
        diagnostics.add('DSS455', { item: statement.item.text }, statement.item.span);
      lintBlock(statement.body, context);
    }
  }
}

/** Statements further on are not looked at: nobody writes so long a block by hand, and the work stays linear. */
const LOOKED_AT_MAX = 64;

/** `x = 1  x = 2`: the first is lost. Only what follows in the same block, up to where the name is looked at, is known. */
function lintOverwritten(
  statement: ast.Statement,
  from: number,
  block: readonly ast.Statement[],
  context: Context,
): void {
  const name = changedName(statement);
  if (name === undefined) return;
  for (let at = from; at < Math.min(block.length, from + LOOKED_AT_MAX); at += 1) {
    const next = block[at];
    if (next === undefined) return;
    const changes = changedName(next) === name && next.kind === statement.kind;
    const looks =
      next.kind === 'assign' ? mentions(next.value, name) : next.kind !== 'transition' && mentions(next, name);
    if (looks || next.kind === 'if' || 'body' in next) return;
    if (!changes) continue;
    const labels = [{ span: next.span, text: 'by this' }];
    context.diagnostics.add('DSS430', { name }, statement.span, { labels });
    return;
  }
}

/** The plain name that a statement gives a new value. */
function changedName(statement: ast.Statement): string | undefined {
  const changes = statement.kind === 'assign' || statement.kind === 'transition';
  return changes && statement.target.kind === 'name' ? statement.target.name.text : undefined;
}

function firstWord(statement: ast.Statement, context: Context): ast.Name['span'] {
  const [word = ''] = /^\w*/.exec(context.text(statement.span)) ?? [];
  return { start: statement.span.start, end: statement.span.start + Math.max(1, word.length) };
}

/** Clocks and deadlines that some statement starts. */
export function startedClocks(items: readonly ast.Item[]): ReadonlySet<string> {
  const started = new Set<string>();
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    const { kind, clock } = node as { readonly kind?: unknown; readonly clock?: ast.Expression };
    if (kind === 'start' && clock !== undefined) started.add(lastName(clock));
    for (const each of Object.values(node)) visit(each);
  };
  visit(items);
  return started;
}

/** Of `NAME`, `NAME[i]`, `ENGINE[i].NAME`. */
function lastName(place: ast.Expression): string {
  if (place.kind === 'name') return place.name.text;
  if (place.kind === 'member') return place.member.text;
  return place.kind === 'index' ? lastName(place.of) : '';
}
