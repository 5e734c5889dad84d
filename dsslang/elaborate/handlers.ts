/**
 * Handlers: which states they stand in, that no two could both apply, and what happens where none does.
 */
import type * as ast from '../ast.ts';
import type { BoolExpr, NumberExpr, Reaction, Statement } from '../ir.ts';
import { accessedIndex, writeCell } from './cells.ts';
import type { Context } from './context.ts';
import type { HandlerDraft, RegisterDraft } from './symbols.ts';
import { isReadable, isWritable, maxOf } from './context.ts';
import { tooMany } from './limits.ts';
import { constant, type Binding, type NumberValue } from './values.ts';
import { openEngine } from './engines.ts';
import { elaborateEvent, type Events } from './events.ts';
import { Facts } from './facts.ts';
import { guardOf, HANDLERS_MAX, narrow, type StateMap } from './guards.ts';
import { bind, type HandlerScope } from './handler-scope.ts';
import { learn } from './learning.ts';
import { elaborateBlock } from './statements.ts';

export function elaborateHandlers(items: readonly ast.Item[], events: Events, context: Context): void {
  for (const item of items) {
    if (item?.kind === 'engine') {
      const { name } = item;
      openEngine(name.text, context, () => elaborateItems(item.items, events, context));
    }
  }
  elaborateItems(items, events, context);
  for (const register of context.registers) {
    for (const event of ['write', 'read', 'report'] as const) {
      reportOverlaps(register[event], { event, register: register.name }, context);
    }
  }
  for (const [event, drafts] of Object.entries(events.drafts)) reportOverlaps(drafts, { event, register: '' }, context);
}

function elaborateItems(items: readonly ast.Item[], events: Events, context: Context): void {
  for (const item of items) {
    if (item?.kind === 'handler') elaborateHandler(item, new Map(), context);
    else if (item?.kind === 'event') elaborateEvent(item, new Map(), events, context);
    else if (item?.kind === 'in') elaborateInBlock(item, new Map(), events, context);
  }
}

/** @param outer undefined if the states could not be read: the handlers are still checked, but never for overlaps */
function elaborateInBlock(block: ast.InBlock, outer: StateMap | undefined, events: Events, context: Context): void {
  const states = narrow(block.states, outer ?? new Map(), context);
  const inner = outer === undefined ? undefined : states;
  for (const item of block.items) {
    if (item === undefined) continue;
    if (item.kind === 'in') elaborateInBlock(item, inner, events, context);
    else if (item.kind === 'event') elaborateEvent(item, inner, events, context);
    else elaborateHandler(item, inner, context);
  }
}

function elaborateHandler(handler: ast.HandlerDeclaration, states: StateMap | undefined, context: Context): void {
  const register = ownRegister(handler.register, context);
  const scope: HandlerScope = {
    context,
    bindings: new Map(),
    journal: [],
    facts: new Facts(),
    locals: 0,
    transitions: [],
    time: true,
    register,
    hasValue: handler.event !== 'read',
  };
  if (states !== undefined) learn(guardOf(states, context), true, scope.facts);
  bindParameters(handler, register, scope);
  // The body is checked even if its register is not: it may hold mistakes of its own.
  const body = elaborateBlock(handler.body, scope);
  if (register === undefined || states === undefined || !possible(handler, register, context)) return;
  const handlers = register[handler.event];
  const what = `handlers for ${handler.event} \`${register.name}\``;
  if (tooMany(what, handlers.length + 1, HANDLERS_MAX, handler.eventSpan, context)) return;
  const { transitions } = scope;
  handlers.push({ guard: guardOf(states, context), body, states, span: handler.span, transitions });
}

/** Inside an engine only its own registers have handlers: the element of another would be meant by nobody. */
function ownRegister(name: ast.Name, context: Context): RegisterDraft | undefined {
  const register = context.find(name, 'register')?.register;
  const { engine } = context;
  if (register === undefined || engine === undefined || register.engine === engine.draft) return register;
  context.diagnostics.add('DSS142', { name: register.name, engine: engine.name }, name.span, {
    labels: [{ span: register.declaration.name.span, text: 'declared here' }],
  });
  return undefined;
}

function possible(handler: ast.HandlerDeclaration, register: RegisterDraft, context: Context): boolean {
  if (handler.event === 'write' ? isWritable(register.access) : isReadable(register.access)) return true;
  const event = handler.event === 'write' ? 'a write to' : 'a read of';
  context.diagnostics.add('DSS302', { event, register: register.name, mode: register.access }, handler.eventSpan, {
    labels: [{ span: register.declaration.modeSpan, text: 'declared here' }],
  });
  return false;
}

function bindParameters(
  handler: ast.HandlerDeclaration,
  register: RegisterDraft | undefined,
  scope: HandlerScope,
): void {
  const { index, value } = handler;
  const { diagnostics } = scope.context;
  if (index !== undefined) {
    if (register !== undefined && register.declaration.count === undefined) {
      diagnostics.add('DSS111', { name: register.name }, index.span, {
        labels: [{ span: register.declaration.name.span, text: 'declared here' }],
      });
    }
    bind(index, register === undefined ? unknownAt(index) : parameter('index', register, index), scope);
  }
  if (value !== undefined) {
    if (handler.event === 'read') {
      diagnostics.add('DSS307', {}, value.span);
    }
    bind(value, register === undefined ? unknownAt(value) : parameter('value', register, value), scope);
  }
}

const unknownAt = (name: ast.Name): Binding => ({ kind: 'unknown', span: name.span });

function parameter(argument: 'index' | 'value', register: RegisterDraft, name: ast.Name): Binding {
  const max = argument === 'index' ? BigInt(register.count - 1) : maxOf(register.bits);
  const value: NumberValue = {
    type: 'number',
    expr: { op: 'argument', argument, max },
    min: 0n,
    max,
    bits: argument === 'index' ? 32 : register.bits,
    fields: argument === 'index' ? undefined : register.fields,
  };
  return { kind: 'value', value, span: name.span };
}

function disjoint(a: StateMap, b: StateMap): boolean {
  for (const [machine, states] of a) {
    const others = b.get(machine);
    if (others !== undefined && ![...states].some((state) => others.has(state))) return true;
  }
  return false;
}

function reportOverlaps(
  handlers: readonly HandlerDraft[],
  what: { readonly event: string; readonly register: string },
  context: Context,
): void {
  for (const [index, later] of handlers.entries()) {
    const earlier = handlers.find((each, before) => before < index && !disjoint(each.states, later.states));
    if (earlier === undefined) continue;
    const header = { start: later.span.start, end: later.span.start + headerLength(later, context) };
    context.diagnostics.add('DSS301', what, header, {
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
  const { start, end } = handler.span;
  const text = context.source.slice({ start, end: Math.min(end, start + 1000) });
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
  const frozen = event === 'write' ? register.frozen : [];
  const after = event === 'read' ? [] : remember(register, event, context);
  const wrap = (body: readonly Statement[]): Statement[] => [...frozen, ...before, ...body, ...after];
  const handlers = drafts.map(({ guard, body }) => ({ guard, body: wrap(body) }));
  const covered = drafts.some((each) => each.guard.op === 'bool' && each.guard.value);
  const extra = wrap([]);
  if (drafts.length === 0) {
    return extra.length === 0
      ? { handlers: [], otherwise: undefined }
      : { handlers: [{ guard: { op: 'bool', value: true }, body: extra }], otherwise: undefined };
  }
  if (covered) return { handlers, otherwise: undefined };
  const elsewhere: BoolExpr = { op: 'not', of: { op: 'any', of: drafts.map((each) => each.guard) } };
  if (event === 'report') {
    return extra.length === 0
      ? { handlers, otherwise: undefined }
      : { handlers: [...handlers, { guard: elsewhere, body: extra }], otherwise: undefined };
  }
  const verb = event === 'write' ? 'writing' : 'reading';
  const otherwise = context.rule(
    `no rule allows ${verb} \`${register.name}\` in this state`,
    register.declaration.name.span,
  );
  if (frozen.length === 0) return { handlers, otherwise };
  // A frozen register says so in every state, also where nothing else allows the write.
  const refuse: Statement = { op: 'require', condition: { op: 'bool', value: false }, rule: otherwise };
  return { handlers: [...handlers, { guard: elsewhere, body: [...frozen, refuse] }], otherwise };
}

/** After an allowed write or report: its last value, and that the register is programmed. */
function remember(register: RegisterDraft, event: 'write' | 'report', context: Context): Statement[] {
  const index = accessedIndex(register.count);
  const value: NumberExpr = { op: 'argument', argument: 'value', max: maxOf(register.bits) };
  const follow = event === 'write' ? register.written : register.reported;
  const mark = event === 'write' ? register.programmed : undefined;
  return [
    ...(follow === undefined ? [] : [writeCell(follow, value, context, index)]),
    ...(mark === undefined ? [] : [writeCell(mark, constant(1n), context, index)]),
  ];
}
