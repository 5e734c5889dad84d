/**
 * Arrays of identical engines: the ports of an AHCI controller, the queues of a NIC.
 *
 * One body describes all of them. Its registers become register arrays, its state arrays of the state; a handler in it
 * means the element whose register is accessed. From outside an engine's state is `port[i].NAME`. No loop, no copy of
 * the rules: what one element costs, a thousand cost.
 */
import type * as ast from '../ast.ts';
import type { NumberExpr } from '../ir.ts';
import { accessedIndex } from './cells.ts';
import type { Context } from './context.ts';
import type { EngineDraft, Symbol } from './symbols.ts';
import { constantWithin, tooMany } from './limits.ts';
import { declareRegister } from './registers.ts';
import { declareRing } from './structs.ts';
import { declareCounter, declareMachine, declareVariable } from './variables.ts';
import { declareClock, declareDeadline, declareRate } from './time.ts';

/** Elements of one engine. */
export const ENGINE_ELEMENTS_MAX = 1024;
/** Machines of all elements of all engines: each is reported by itself. */
export const ENGINE_MACHINES_MAX = 4096;

export function declareEngine(item: ast.ItemOf<'engine'>, context: Context): void {
  const what = 'the number of elements';
  const count = constantWithin(item.count, context, what, 1n, BigInt(ENGINE_ELEMENTS_MAX));
  const offset = constantWithin(item.at.offset, context, 'the offset', 0n, 1n << 31n);
  const stride = constantWithin(item.stride, context, 'the stride', 1n, 1n << 20n);
  if (item.at.relative) context.diagnostics.add('DSS146', {}, item.at.span);
  if (count === undefined || offset === undefined || stride === undefined || item.at.relative) return;
  const members = new Map<string, Symbol>();
  const draft: EngineDraft = { name: item.name.text, count, span: item.name.span, members };
  context.declare(item.name, { kind: 'engine', span: item.name.span, engine: draft });
  if (context.symbols.get(item.name.text)?.span !== item.name.span) return;
  const around = context.symbols;
  context.symbols = new Map(around);
  context.engine = {
    name: draft.name,
    count,
    span: draft.span,
    draft,
    at: item.at,
    offset: BigInt(offset),
    stride: BigInt(stride),
    stridePlace: item.stride.span,
    index: accessedIndex(count),
  };
  context.engines.set(draft.name, context.engine);
  declareMembers(item, context);
  for (const [name, symbol] of context.symbols) if (!around.has(name)) members.set(name, symbol);
  context.symbols = around;
  context.engine = undefined;
}

function declareMembers(item: ast.ItemOf<'engine'>, context: Context): void {
  const all = <K extends ast.Item['kind']>(kind: K, declare: (each: ast.ItemOf<K>, context: Context) => void): void => {
    for (const each of item.items) {
      if (each?.kind !== kind) continue;
      declare(each as ast.ItemOf<K>, context);
      const { name } = each as unknown as { readonly name: ast.Name };
      if (!context.symbols.has(name.text)) context.broken.add(name.text);
    }
  };
  all('machine', (each) => {
    const machines = context.machines.length + (context.engine?.count ?? 0);
    if (!tooMany('machines of engines', machines, ENGINE_MACHINES_MAX, each.span, context))
      declareMachine(each, context);
  });
  all('var', declareVariable);
  all('counter', declareCounter);
  all('clock', declareClock);
  all('deadline', declareDeadline);
  all('rate', declareRate);
  all('register', declareRegister);
  all('ring', declareRing);
}

/** Reads something of the whole device, also while an engine's body is read: its names mean nothing there. */
export function withoutEngine(context: Context, read: () => void): void {
  const { engine, symbols } = context;
  if (engine !== undefined)
    context.symbols = new Map([...symbols].filter(([name, symbol]) => engine.draft.members.get(name) !== symbol));
  context.engine = undefined;
  read();
  context.symbols = symbols;
  context.engine = engine;
}

/**
 * Reads something inside an engine's body: its names are known.
 * @param index the element that they mean; without it, the one that is being accessed
 */
export function openEngine(name: string, context: Context, read: () => void, index?: NumberExpr): void {
  const engine = context.engines.get(name);
  if (engine === undefined) return;
  const around = context.symbols;
  context.symbols = new Map([...around, ...engine.draft.members]);
  context.engine = index === undefined ? engine : { ...engine, index };
  read();
  context.symbols = around;
  context.engine = undefined;
}
