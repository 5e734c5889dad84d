/**
 * Handlers for what happens to the whole device: memory is granted, command memory is stored to, it interrupts, time passes.
 *
 * What the driver does (grant, store) is denied in every state that no handler covers, once there is a handler at all;
 * what the device and the clock do (interrupt, tick) just happens there. The language's own conditions come first.
 */
import type * as ast from '../ast.ts';
import type { BoolExpr, Handler, LocalId, NumberExpr, Reaction, Statement } from '../ir.ts';
import { ADDRESS_LIMIT, ALL_POOLS, GRANT_COMMANDS, GRANT_READS, GRANT_WRITES } from '../runtime.ts';
import type { Context } from './context.ts';
import type { HandlerDraft } from './symbols.ts';
import { bitLength } from './context.ts';
import { tooMany } from './limits.ts';
import { Facts } from './facts.ts';
import { guardOf, HANDLERS_MAX, type StateMap } from './guards.ts';
import { bind, type HandlerScope } from './handler-scope.ts';
import { elaborateBlock } from './statements.ts';

export interface Events {
  readonly drafts: Readonly<Record<ast.DeviceEvent, HandlerDraft[]>>;
  /** The first name that is free beside the language's own statements for that event. */
  readonly locals: Readonly<Record<ast.DeviceEvent, LocalId>>;
}

/** @param storeLocals names that the ownership of rings takes */
export function eventsOf(storeLocals: LocalId): Events {
  return {
    drafts: { grant: [], store: [], interrupt: [], tick: [] },
    locals: { grant: 0, store: storeLocals, interrupt: 1, tick: 0 }, // the rate of interrupts takes one
  };
}

const addressMax = BigInt(ADDRESS_LIMIT) - 1n;
const purposesMax = BigInt(GRANT_COMMANDS | GRANT_READS | GRANT_WRITES | ALL_POOLS);

/** What an event brings, in order. */
const parameters: Readonly<
  Record<ast.DeviceEvent, readonly { argument: 'address' | 'length' | 'purposes'; max: bigint }[]>
> = {
  grant: [
    { argument: 'address', max: addressMax },
    { argument: 'length', max: addressMax },
    { argument: 'purposes', max: purposesMax },
  ],
  store: [
    { argument: 'address', max: addressMax },
    { argument: 'length', max: addressMax },
  ],
  interrupt: [],
  tick: [],
};

/** @param states undefined if the states could not be read: the body is still checked */
export function elaborateEvent(
  item: ast.EventDeclaration,
  states: StateMap | undefined,
  events: Events,
  context: Context,
): void {
  const { event, eventSpan } = item;
  const scope: HandlerScope = {
    context,
    bindings: new Map(),
    journal: [],
    facts: new Facts(),
    locals: events.locals[event],
    transitions: [],
    time: event !== 'grant',
    register: undefined,
    hasValue: false,
  };
  for (const [at, name] of item.parameters.entries()) {
    const parameter = parameters[event][at];
    if (parameter === undefined) {
      const wanted = parameters[event].length;
      context.diagnostics.add('DSS108', { name: `on ${event}`, wanted, found: item.parameters.length }, name.span);
      bind(name, { kind: 'unknown', span: name.span }, scope);
      continue;
    }
    const { argument, max } = parameter;
    const expr: NumberExpr = { op: 'argument', argument, max };
    const value = { type: 'number', expr, min: 0n, max, bits: bitLength(max) } as const;
    bind(name, { kind: 'value', value, span: name.span }, scope);
  }
  const body = elaborateBlock(item.body, scope);
  if (context.engine !== undefined) {
    context.diagnostics.add('DSS342', { what: `\`on ${event}\`, which happens to the whole device` }, eventSpan);
    return;
  }
  if (states === undefined) return;
  const drafts = events.drafts[event];
  if (tooMany(`handlers for ${event}`, drafts.length + 1, HANDLERS_MAX, eventSpan, context)) return;
  const { transitions } = scope;
  drafts.push({ guard: guardOf(states, context), body, states, span: item.span, transitions });
}

export const statementsAlways = (body: readonly Statement[]): Handler[] =>
  body.length === 0 ? [] : [{ guard: { op: 'bool', value: true }, body }];

/** The reaction to an event: the language's own statements, then the author's. @param own its one handler at most is always on */
export function eventReaction(event: ast.DeviceEvent, events: Events, own: Reaction, context: Context): Reaction {
  const drafts = events.drafts[event];
  if (drafts.length === 0) return own;
  const before = own.handlers[0]?.body ?? [];
  const handlers: Handler[] = drafts.map(({ guard, body }) => ({ guard, body: [...before, ...body] }));
  const [first] = drafts;
  if (first === undefined || drafts.some((each) => each.guard.op === 'bool' && each.guard.value))
    return { handlers, otherwise: undefined };
  const elsewhere: BoolExpr = { op: 'not', of: { op: 'any', of: drafts.map((each) => each.guard) } };
  if (event === 'interrupt' || event === 'tick') {
    const rest = before.length === 0 ? [] : [{ guard: elsewhere, body: before }];
    return { handlers: [...handlers, ...rest], otherwise: before.length === 0 ? own.otherwise : undefined };
  }
  const what = event === 'grant' ? 'a grant of memory' : 'a store into command memory';
  return { handlers, otherwise: context.rule(`no rule allows ${what} in this state`, first.span) };
}
