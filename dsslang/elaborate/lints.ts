/**
 * What is allowed but looks wrong: things declared in vain, states that nothing leads to or out of, values nobody reads.
 *
 * Only asked of a specification without errors: in a broken one most of this would be the breakage. A lint may be silent
 * about a mistake, but what it says is true of every run: the graph of a machine has every step that any handler can take.
 */
import type * as ast from '../ast.ts';
import type { Program } from '../ir.ts';
import { isWritable, type Context } from './context.ts';
import type { Cell, HandlerDraft, RegisterDraft, SymbolOf } from './symbols.ts';
import { openEngine } from './engines.ts';
import { lintText, startedClocks } from './suspicions.ts';
import type { Events } from './events.ts';

export function lint(items: readonly ast.Item[], program: Program, events: Events, context: Context): void {
  lintText(items, context);
  lintMemory(items, startedClocks(items), setCells(program), context);
  const handlers = [
    ...context.registers.flatMap((each) => [...each.write, ...each.read, ...each.report]),
    ...Object.values(events.drafts).flat(),
  ];
  const read = readCells(program, countersOf(context));
  lintItems(items, '', handlers, read, context);
  for (const item of items) {
    if (item.kind !== 'engine') continue;
    openEngine(item.name.text, context, () => lintItems(item.items, `${item.name.text}.`, handlers, read, context));
  }
}

const declaredInVain: ReadonlySet<ast.Item['kind']> = new Set<ast.Item['kind']>([
  'const', 'var', 'struct', 'ring', 'counter', 'table', 'clock', 'deadline', 'rate', 'pool', 'check',
]); // prettier-ignore

function lintItems(
  items: readonly ast.Item[],
  prefix: string,
  handlers: readonly HandlerDraft[],
  read: ReadonlySet<string>,
  context: Context,
): void {
  for (const item of items) {
    if (declaredInVain.has(item.kind) && 'name' in item) {
      const name = item.name;
      if (context.used.has(name.text)) lintReads(item, name, prefix, read, context);
      else context.diagnostics.add('DSS401', { kind: item.kind, name: name.text }, name.span);
    }
    if (item.kind === 'machine') lintMachine(item, prefix, handlers, context);
  }
}

// ---- values nobody reads ---------------------------------------------------------------------------------------------

const keyOf = (cell: Cell): string => (cell.kind === 'scalar' ? `s${cell.scalar}` : `a${cell.array}`);

function lintReads(item: ast.Item, name: ast.Name, prefix: string, read: ReadonlySet<string>, context: Context): void {
  const symbol = context.symbols.get(name.text);
  const key =
    symbol?.kind === 'variable' ? keyOf(symbol.cell) : symbol?.kind === 'array' ? `a${symbol.array}` : undefined;
  if (key === undefined || read.has(key)) return;
  context.diagnostics.add('DSS423', { kind: item.kind, name: `${prefix}${name.text}` }, name.span);
}

/** A counter that is only counted is read by nobody, though counting reads it. */
function countersOf(context: Context): ReadonlySet<string> {
  const counters = new Set<string>();
  const visit = (symbols: ReadonlyMap<string, SymbolOf<'variable'> | { readonly kind: string }>): void => {
    for (const symbol of symbols.values()) {
      if (symbol.kind === 'variable' && 'counter' in symbol && symbol.counter !== undefined)
        counters.add(keyOf(symbol.cell));
    }
  };
  visit(context.symbols);
  for (const engine of context.engines.values()) visit(engine.draft.members);
  return counters;
}

/** Every cell that some expression of the program reads. */
function readCells(program: Program, counters: ReadonlySet<string>): ReadonlySet<string> {
  const read = new Set<string>();
  const visit = (node: unknown, target: string): void => {
    if (Array.isArray(node)) {
      for (const each of node) visit(each, target);
      return;
    }
    if (node === null || typeof node !== 'object') return;
    const { op, scalar, array, value } = node as {
      readonly op?: string;
      readonly scalar?: number;
      readonly array?: number;
      readonly value?: unknown;
    };
    const cell = scalar !== undefined ? `s${scalar}` : `a${String(array)}`;
    if ((op === 'scalar' || op === 'element') && cell !== target) read.add(cell);
    const writes = op === 'set' || op === 'setElement';
    for (const each of Object.values(node)) {
      visit(each, writes && each === value && counters.has(cell) ? cell : target);
    }
  };
  const { registers, always, store, grant, interrupt, check, tick, invariants } = program;
  visit([registers.map(({ write, read: reads, report }) => [write, reads, report])], '');
  visit([always, store, grant, interrupt, check, tick, invariants], '');
  return read;
}

/** Clocks that never run, values that never change: what is asked of them is always the same. */
function lintMemory(
  items: readonly ast.Item[],
  started: ReadonlySet<string>,
  set: ReadonlySet<string>,
  context: Context,
): void {
  for (const item of items) {
    if (item.kind === 'engine') {
      openEngine(item.name.text, context, () => lintMemory(item.items, started, set, context));
    } else if ((item.kind === 'clock' || item.kind === 'deadline') && context.used.has(item.name.text)) {
      if (!started.has(item.name.text))
        context.diagnostics.add('DSS432', { kind: item.kind, name: item.name.text }, item.name.span);
    } else if ((item.kind === 'var' || item.kind === 'counter') && context.used.has(item.name.text)) {
      const symbol = context.symbols.get(item.name.text);
      const key = symbol?.kind === 'variable' ? keyOf(symbol.cell) : symbol?.kind === 'array' ? `a${symbol.array}` : '';
      if (key !== '' && !set.has(key))
        context.diagnostics.add('DSS433', { kind: item.kind, name: item.name.text }, item.name.span);
    }
  }
}

/** Every cell that some statement of the program writes. */
function setCells(program: Program): ReadonlySet<string> {
  const set = new Set<string>();
  const visit = (node: unknown): void => {
    if (node === null || typeof node !== 'object') return;
    const { op, scalar, array } = node as { readonly op?: string; readonly scalar?: number; readonly array?: number };
    if (op === 'set') set.add(`s${String(scalar)}`);
    if (op === 'setElement' || op === 'fill') set.add(`a${String(array)}`);
    for (const each of Object.values(node)) visit(each);
  };
  const { registers, store, grant, interrupt, check, tick } = program;
  visit([registers.map(({ write, read, report }) => [write, read, report]), store, grant, interrupt, check, tick]);
  return set;
}

// ---- machines --------------------------------------------------------------------------------------------------------

function lintMachine(
  item: ast.ItemOf<'machine'>,
  prefix: string,
  handlers: readonly HandlerDraft[],
  context: Context,
): void {
  const symbol = context.symbols.get(item.name.text);
  if (symbol?.kind !== 'machine') return;
  const { index, machine } = symbol;
  const name = (state: number): string => `${prefix}${item.name.text}.${machine.states[state] ?? '?'}`;
  const span = (state: number): ast.Name['span'] => item.states[state]?.span ?? item.span;
  const all = machine.states.map((_, state) => state);
  for (const state of all) {
    if (!context.entered.has(`${index}.${state}`))
      context.diagnostics.add('DSS403', { state: name(state) }, span(state));
  }
  const changes = handlers.some((each) => each.transitions.some((transition) => transition.machine === index));
  if (changes && !context.tested.has(index))
    context.diagnostics.add('DSS424', { name: `${prefix}${item.name.text}` }, item.name.span);

  const next = edges(index, all, handlers);
  const reachable = reach(0, next);
  for (const state of all) {
    if (!reachable.has(state) && context.entered.has(`${index}.${state}`))
      context.diagnostics.add('DSS420', { state: name(state) }, span(state));
  }
  // One message a machine: where the first is a trap, those behind it are traps as well.
  const trap = all.find((state) => reachable.has(state) && !reach(state, next).has(0));
  if (trap !== undefined) context.diagnostics.add('DSS421', { state: name(trap), first: name(0) }, span(trap));
}

/** Where each state can lead: a handler may do in each state it stands in whatever its statements do. */
function edges(
  machine: number,
  all: readonly number[],
  handlers: readonly HandlerDraft[],
): ReadonlyMap<number, Set<number>> {
  const next = new Map(all.map((state) => [state, new Set<number>()]));
  for (const { states, transitions } of handlers) {
    const targets = transitions.filter((each) => each.machine === machine).map((each) => each.state);
    for (const from of states.get(machine) ?? all) for (const to of targets) next.get(from)?.add(to);
  }
  return next;
}

function reach(from: number, next: ReadonlyMap<number, ReadonlySet<number>>): ReadonlySet<number> {
  const found = new Set([from]);
  for (const state of found) for (const to of next.get(state) ?? []) found.add(to);
  return found;
}

// ---- registers nobody mentions ---------------------------------------------------------------------------------------

/**
 * Registers that a driver may write in any state with any value. Many of a real device are meant so: asked for only.
 * @param isSpecial does writing it mean something by itself (an acknowledgement)?
 */
export function lintOpenRegisters(isSpecial: (register: RegisterDraft) => boolean, context: Context): void {
  for (const register of context.registers) {
    const { declaration, write, frozen, written, programmed } = register;
    const mentioned =
      write.length + frozen.length > 0 || written !== undefined || programmed !== undefined || isSpecial(register);
    if (isWritable(register.access) && !mentioned)
      context.diagnostics.add('DSS460', { name: register.name }, declaration.name.span);
  }
}
