/**
 * Handlers: which states they stand in, that no two could both apply, and what happens where none does.
 */
import type * as ast from '../ast.ts';
import type { BoolExpr, Reaction, Statement } from '../ir.ts';
import type { Context, HandlerDraft, RegisterDraft } from './context.ts';
import { maxOf } from './context.ts';
import { constant, findState, type Binding } from './expressions.ts';
import { Facts } from './facts.ts';
import { elaborateBlock, type HandlerScope } from './statements.ts';

/** For each machine (by index) that the surrounding `in` blocks name: the states allowed. */
type StateMap = ReadonlyMap<number, ReadonlySet<number>>;

export function elaborateHandlers(items: readonly ast.Item[], context: Context): void {
  for (const item of items) {
    if (item?.kind === 'handler') elaborateHandler(item, new Map(), context);
    else if (item?.kind === 'in') elaborateInBlock(item, new Map(), context);
  }
  for (const register of context.registers) {
    for (const event of ['write', 'read', 'report'] as const) reportOverlaps(register, event, context);
  }
}

function elaborateInBlock(block: ast.InBlock, outer: StateMap, context: Context): void {
  const states = narrow(block.states, outer, context);
  for (const item of block.items) {
    if (item === undefined) continue;
    if (item.kind === 'in') elaborateInBlock(item, states ?? outer, context);
    else elaborateHandler(item, states ?? outer, context);
  }
}

function narrow(set: ast.StateSet, outer: StateMap, context: Context): StateMap | undefined {
  const first = set.states[0];
  if (first === undefined) return undefined;
  const symbol = context.find(first.machine, 'machine');
  if (symbol === undefined) return undefined;
  const named = new Set<number>();
  for (const each of set.states) {
    if (each.machine.text !== first.machine.text) {
      context.diagnostics.add('DSS304', { states: `\`${context.source.slice(set.span)}\`` }, each.span, {
        note: 'another machine',
        help: 'one `in` names states of one machine; put an `in` for the other machine inside it',
      });
      return undefined;
    }
    const state = findState(symbol.machine.states, each.state, each.machine.text, context);
    if (state !== undefined) named.add(state);
  }
  const before = outer.get(symbol.index);
  const both = before === undefined ? named : new Set([...named].filter((state) => before.has(state)));
  if (both.size === 0 && named.size > 0) {
    context.diagnostics.add('DSS304', { states: `\`${context.source.slice(set.span)}\`` }, set.span);
    return undefined;
  }
  return new Map([...outer, [symbol.index, both]]);
}

/** `tx == Running and (rx == Off or rx == Ready)`. */
function guardOf(states: StateMap, context: Context): BoolExpr {
  const parts: BoolExpr[] = [];
  for (const [index, allowed] of states) {
    const machine = context.machines[index];
    if (machine === undefined || allowed.size === machine.states.length) continue;
    const scalar = context.readScalar(machine.scalar);
    const of = [...allowed].map((state): BoolExpr => ({ op: 'eq', left: scalar, right: constant(BigInt(state)) }));
    const [only] = of;
    parts.push(of.length === 1 && only !== undefined ? only : { op: 'any', of });
  }
  const [only] = parts;
  if (only === undefined) return { op: 'bool', value: true };
  return parts.length === 1 ? only : { op: 'all', of: parts };
}

function elaborateHandler(handler: ast.HandlerDeclaration, states: StateMap, context: Context): void {
  const symbol = context.find(handler.register, 'register');
  if (symbol === undefined) return;
  const { register } = symbol;
  if (!possible(handler, register, context)) return;
  const bindings = bindParameters(handler, register, context);
  const scope: HandlerScope = { context, bindings, facts: new Facts(), locals: 0 };
  const body = elaborateBlock(handler.body, scope);
  register[handler.event].push({ guard: guardOf(states, context), body, states, span: handler.span });
}

function possible(handler: ast.HandlerDeclaration, register: RegisterDraft, context: Context): boolean {
  const readable = register.access !== 'wo';
  const writable = register.access !== 'ro' && register.access !== 'rc' && register.access !== 'platform';
  if (handler.event === 'write' ? writable : readable) return true;
  const event = handler.event === 'write' ? 'a write to' : 'a read of';
  context.diagnostics.add('DSS302', { event, register: register.name, mode: register.access }, handler.eventSpan, {
    labels: [{ span: register.declaration.modeSpan, text: 'declared here' }],
  });
  return false;
}

function bindParameters(
  handler: ast.HandlerDeclaration,
  register: RegisterDraft,
  context: Context,
): Map<string, Binding> {
  const bindings = new Map<string, Binding>();
  const add = (name: ast.Name, binding: Binding): void => {
    const earlier = bindings.get(name.text)?.span ?? context.symbols.get(name.text)?.span;
    if (earlier !== undefined) {
      context.diagnostics.add('DSS102', { name: name.text, kind: 'name' }, name.span, {
        labels: [{ span: earlier, text: 'declared here first' }],
      });
    }
    bindings.set(name.text, binding);
  };
  if (handler.index !== undefined) {
    if (register.count === 1) context.diagnostics.add('DSS111', { name: register.name }, handler.index.span);
    const max = BigInt(register.count - 1);
    const expr = { op: 'argument', argument: 'index', max } as const;
    add(handler.index, {
      kind: 'value',
      value: { type: 'number', expr, min: 0n, max, bits: 32 },
      span: handler.index.span,
    });
  }
  if (handler.value !== undefined) {
    if (handler.event === 'read') {
      context.diagnostics.add(
        'DSS307',
        { event: 'read', wanted: 'has no value yet; use `on report`' },
        handler.value.span,
      );
    }
    const max = maxOf(register.bits);
    const expr = { op: 'argument', argument: 'value', max } as const;
    const value = { type: 'number', expr, min: 0n, max, bits: register.bits, fields: register.fields } as const;
    add(handler.value, { kind: 'value', value, span: handler.value.span });
  }
  return bindings;
}

function disjoint(a: StateMap, b: StateMap): boolean {
  for (const [machine, states] of a) {
    const others = b.get(machine);
    if (others !== undefined && ![...states].some((state) => others.has(state))) return true;
  }
  return false;
}

function reportOverlaps(register: RegisterDraft, event: ast.EventKind, context: Context): void {
  const handlers = register[event];
  for (const [index, later] of handlers.entries()) {
    const earlier = handlers.slice(0, index).find((each) => !disjoint(each.states, later.states));
    if (earlier === undefined) continue;
    const header = { start: later.span.start, end: later.span.start + headerLength(later, context) };
    context.diagnostics.add('DSS301', { event, register: register.name, states: '' }, header, {
      labels: [
        {
          span: { start: earlier.span.start, end: earlier.span.start + headerLength(earlier, context) },
          text: 'this one already covers it',
        },
      ],
    });
  }
}

/** `on write TDT(v)`, without its block. */
function headerLength(handler: HandlerDraft, context: Context): number {
  const text = context.source.slice(handler.span);
  return Math.max(1, text.indexOf('{') === -1 ? text.length : text.slice(0, text.indexOf('{')).trimEnd().length);
}

/**
 * The reaction of one register to one kind of operation.
 * Writes and reads that have handlers are denied in every state that none covers; a report is then just delivered.
 */
export function reactionOf(
  register: RegisterDraft,
  event: ast.EventKind,
  before: readonly Statement[],
  context: Context,
): Reaction {
  const drafts = register[event];
  const follow = event === 'write' ? register.written : event === 'report' ? register.reported : undefined;
  const after: Statement[] =
    follow === undefined
      ? []
      : [{ op: 'set', scalar: follow, value: { op: 'argument', argument: 'value', max: maxOf(register.bits) } }];
  const wrap = (body: readonly Statement[]): Statement[] => [...before, ...body, ...after];
  const handlers = drafts.map(({ guard, body }) => ({ guard, body: wrap(body) }));
  const covered = drafts.some((each) => each.guard.op === 'bool' && each.guard.value);
  const extra = wrap([]);
  if (drafts.length === 0) {
    return extra.length === 0
      ? { handlers: [], otherwise: undefined }
      : { handlers: [{ guard: { op: 'bool', value: true }, body: extra }], otherwise: undefined };
  }
  if (covered) return { handlers, otherwise: undefined };
  if (event === 'report') {
    const not: BoolExpr = { op: 'not', of: { op: 'any', of: drafts.map((each) => each.guard) } };
    return extra.length === 0
      ? { handlers, otherwise: undefined }
      : { handlers: [...handlers, { guard: not, body: extra }], otherwise: undefined };
  }
  const verb = event === 'write' ? 'writing' : 'reading';
  return {
    handlers,
    otherwise: context.rule(
      `no rule allows ${verb} \`${register.name}\` in this state`,
      register.declaration.name.span,
    ),
  };
}
