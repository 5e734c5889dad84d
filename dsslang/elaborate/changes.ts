/**
 * What statements may change, found without lowering them: a loop's body runs any number of times, so nothing is known of
 * these at its start or after it. Too much is harmless here; too little would let a handler index past an array.
 */
import type * as ast from '../ast.ts';
import { eachStatement } from '../mentions.ts';
import type { Context } from './context.ts';
import type { Cell, Symbol } from './symbols.ts';
import type { HandlerScope } from './handler-scope.ts';

/** Forgets whatever the statements, which may run more than once, may change. */
export function forgetChanges(statements: readonly ast.Statement[], handler: HandlerScope): void {
  forgetAll(statements, handler, new Set());
}

function forgetAll(
  statements: readonly ast.Statement[],
  handler: HandlerScope,
  checks: Set<ast.ItemOf<'check'>>,
): void {
  const { facts, context } = handler;
  eachStatement(statements, (statement) => {
    const symbol = statement.kind === 'check' ? context.symbols.get(statement.name.text) : undefined;
    if (symbol?.kind === 'check' && !checks.has(symbol.declaration)) {
      checks.add(symbol.declaration);
      forgetAll(symbol.declaration.body, handler, checks);
    }
    for (const cell of changedBy(statement, handler)) facts.forgetCell(cell);
    if (statement.kind === 'require' && statement.action?.value !== undefined) facts.forgetValue();
  });
}

/** The cells that one statement changes by itself. (A `mut` begins with a cell that nothing is known of.) */
function changedBy(statement: ast.Statement, handler: HandlerScope): readonly Cell[] {
  switch (statement.kind) {
    case 'assign':
    case 'count':
    case 'transition':
      return cellsNamed(statement.target, handler);
    case 'start':
    case 'stop':
      return cellsNamed(statement.clock, handler);
    case 'spend':
      return cellsNamed(statement.rate, handler);
    case 'forget':
      return handler.context.registers.flatMap(({ programmed }) => (programmed === undefined ? [] : [programmed]));
    case 'require':
    case 'deny':
    case 'let':
    case 'mut':
    case 'if':
    case 'for':
    case 'table':
    case 'list':
    case 'check': // its statements are visited themselves
      return [];
  }
}

/** Of `NAME`, `NAME[i]` or `ENGINE[i].NAME`. */
function cellsNamed(target: ast.Expression, { context, bindings }: HandlerScope): readonly Cell[] {
  const base = target.kind === 'index' ? target.of : target;
  if (base.kind === 'name') {
    const binding = bindings.get(base.name.text);
    return binding?.kind === 'mutable' ? [binding.cell] : cellsOf(context.symbols.get(base.name.text));
  }
  return base.kind === 'member' ? cellsOf(memberOfEngine(base, context)) : [];
}

function memberOfEngine(
  { of, member }: Extract<ast.Expression, { kind: 'member' }>,
  context: Context,
): Symbol | undefined {
  const engine = of.kind === 'index' && of.of.kind === 'name' ? context.symbols.get(of.of.name.text) : undefined;
  return engine?.kind === 'engine' ? engine.engine.members.get(member.text) : undefined;
}

function cellsOf(symbol: Symbol | undefined): readonly Cell[] {
  switch (symbol?.kind) {
    case 'variable':
    case 'machine':
      return [symbol.cell];
    case 'array':
      return [{ kind: 'array', array: symbol.array }];
    case 'clock':
      return [symbol.running, symbol.started];
    case 'rate':
      return [symbol.bucket.credit, symbol.bucket.last];
    default:
      return [];
  }
}
