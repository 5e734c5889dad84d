/**
 * `pool NAME : STRUCT filled WORD on store(was, is) { ... }`: memory that the device looks at whenever it likes, as a USB
 * controller walks its schedule every millisecond. There is no doorbell at which it could be judged, so every structure of
 * a pool keeps the rules of the body at all times: an invariant over the contents of memory, kept by judging each store.
 *
 * New memory of a pool is filled with WORD, so that its structures begin legal; after that a store is allowed only if each
 * structure that it touches is legal as the store leaves it. `NAME.holds(address)` says that a structure of the pool lies
 * there: so a link that is checked by it leads to something that keeps its rules, and no rule follows links. Whatever the
 * device may reach from one legal structure is legal, in circles too, at the cost of the structures that a store touches.
 *
 * A pool is a purpose of a grant, as the contract of DMA memory was in the original (Nexus, OSDI'08: `register_dmaable`).
 * The rules see the structure as it is (`was`) and as it will be (`is`): what belongs to the device must not change.
 * Lowered to a part of the reaction to stores, beside what is frozen; the calculus has only a table of what a store touches.
 */
import type * as ast from '../ast.ts';
import { InterpretedMonitor } from '../interpreter/monitor.ts';
import type { BoolExpr, NumberExpr, Program, Statement } from '../ir.ts';
import { GRANT_COMMANDS, GRANT_FIRST_POOL, POOLS_MAX, type PoolInfo } from '../runtime.ts';
import { maxOf, type Context } from './context.ts';
import type { SymbolOf } from './symbols.ts';
import { elaborateNumber } from './expressions.ts';
import { Facts } from './facts.ts';
import { bind, type HandlerScope } from './handler-scope.ts';
import { constantWithin, tooMany } from './limits.ts';
import { noMember } from './names.ts';
import { elaborateBlock } from './statements.ts';
import { storeAddress, storeEnd, storeLength } from './stores.ts';
import { constant, type Binding, type Scope, type Value } from './values.ts';
import { lowerLoop } from './walks.ts';

/** One store touches at most so many structures of a pool; a driver may store in pieces. */
export const STORE_STRUCTURES_MAX = 4096;

export function declarePool(item: ast.ItemOf<'pool'>, context: Context): void {
  const struct = context.find(item.struct, 'struct');
  const filled =
    item.filled === undefined ? 0 : constantWithin(item.filled, context, 'the word that fills a pool', 0n, maxOf(32));
  const number = context.pools.length;
  if (tooMany('pools', number + 1, POOLS_MAX, item.name.span, context)) return;
  if (struct === undefined || filled === undefined) return;
  const purpose = GRANT_FIRST_POOL << number;
  const pool: PoolInfo = { name: item.name.text, purpose, structureBytes: struct.sizeBytes, filled };
  context.pools.push(pool);
  context.declare(item.name, { kind: 'pool', span: item.name.span, pool });
}

/** `NAME.holds(address)`, `NAME.holds(address, bytes)`: do structures of the pool begin there, and lie in one grant? */
export function elaborateHolds(
  call: Extract<ast.Expression, { kind: 'call' }>,
  callee: Extract<ast.Expression, { kind: 'member' }>,
  { pool }: SymbolOf<'pool'>,
  scope: Scope,
): Value {
  const { context } = scope;
  context.used.add(pool.name);
  if (callee.member.text !== 'holds') {
    noMember(callee.member, `pool \`${pool.name}\``, ['holds'], context);
    return undefined;
  }
  const [place, bytes] = call.args;
  if (place === undefined || call.args.length > 2) {
    const name = `${pool.name}.holds`;
    context.diagnostics.add('DSS108', { name, wanted: 1, found: call.args.length }, call.span);
    return undefined;
  }
  const base = elaborateNumber(place, scope);
  const length = bytes === undefined ? { expr: constant(BigInt(pool.structureBytes)) } : elaborateNumber(bytes, scope);
  if (base === undefined || length === undefined) return undefined;
  const purposes = GRANT_COMMANDS | pool.purpose;
  const inside: BoolExpr = { op: 'inside', purposes, base: base.expr, length: length.expr };
  return { type: 'bool', expr: { op: 'all', of: [aligned(base.expr, pool), inside] } };
}

function aligned(place: NumberExpr, { structureBytes }: PoolInfo): BoolExpr {
  const size = constant(BigInt(structureBytes));
  const rest: NumberExpr = { op: 'mod', left: place, right: size, max: BigInt(structureBytes) - 1n };
  return { op: 'eq', left: rest, right: constant(0n) };
}

/**
 * Structures begin legal: a store that leaves what the kernel fills new memory with must be allowed. Judged by the
 * program's own meaning, in its first state, when it is complete.
 */
export function checkFilled(items: readonly ast.ItemOf<'pool'>[], program: Program, context: Context): void {
  for (const { purpose, structureBytes, filled, name } of program.pools) {
    const item = items.find((each) => each.name.text === name);
    const fill = (target: Uint8Array): boolean => {
      target.forEach((_, at) => (target[at] = (filled >>> (8 * (at % 4))) & 0xff));
      return true;
    };
    const copy = (_address: number, _length: number, target: Uint8Array): boolean => fill(target);
    const place = structureBytes;
    const monitor = new InterpretedMonitor(program, { fetch: copy, stored: copy });
    if (monitor.grant(place, structureBytes, GRANT_COMMANDS | purpose) > 0) continue;
    const verdict = monitor.store(place, structureBytes, 0, purpose);
    if (verdict <= 0 || item === undefined) continue;
    const reason = program.rules[verdict]?.reason ?? '';
    context.diagnostics.add('DSS452', { name, reason }, (item.filled ?? item.name).span);
  }
}

/** What pools add to the judging of stores and of grants. @param locals the first that is free */
export function elaboratePools(
  items: readonly ast.ItemOf<'pool'>[],
  locals: number,
  context: Context,
): { readonly store: readonly Statement[]; readonly grant: readonly Statement[]; readonly locals: number } {
  const store: Statement[] = [];
  const grant: Statement[] = [];
  let next = locals;
  for (const item of items) {
    const symbol = context.symbols.get(item.name.text);
    if (symbol?.kind !== 'pool' || symbol.span !== item.name.span) continue;
    const rules = touchedStructures(item, symbol.pool, next, context);
    store.push(rules.statement);
    next = rules.locals;
    grant.push(wholeStructures(item, symbol.pool, context));
  }
  return { store, grant, locals: next };
}

/** A grant for a pool is a whole number of structures, so that each that a store touches lies inside. */
function wholeStructures(item: ast.ItemOf<'pool'>, pool: PoolInfo, context: Context): Statement {
  const purposes: NumberExpr = { op: 'argument', argument: 'purposes', max: maxOf(8) };
  const rule = context.rule(`memory for \`${pool.name}\` is a whole number of its structures`, item.name.span);
  return {
    op: 'if',
    condition: among(purposes, pool),
    consequent: [
      { op: 'require', condition: aligned(storeAddress, pool), rule },
      { op: 'require', condition: aligned(storeLength, pool), rule },
    ],
    alternative: [],
  };
}

function among(purposes: NumberExpr, { purpose }: PoolInfo): BoolExpr {
  const bit: NumberExpr = { op: 'and', left: purposes, right: constant(BigInt(purpose)), max: BigInt(purpose) };
  return { op: 'ne', left: bit, right: constant(0n) };
}

/** For each structure that the store touches: a copy as it is, a copy as it will be, and the body on both. */
function touchedStructures(
  item: ast.ItemOf<'pool'>,
  pool: PoolInfo,
  locals: number,
  context: Context,
): { readonly statement: Statement; readonly locals: number } {
  const handler: HandlerScope = {
    context,
    bindings: new Map(),
    journal: [],
    facts: new Facts(),
    locals: locals + 2,
    transitions: [],
    time: true,
    register: undefined,
    hasValue: false,
  };
  const struct = context.find(item.struct, 'struct');
  const descriptor = (walk: number, span: ast.Name['span']): Binding =>
    struct === undefined ? { kind: 'unknown', span } : { kind: 'descriptor', walk, struct, span };
  const [was, is] = [locals, locals + 1];
  bind(item.before, descriptor(was, item.before.span), handler);
  const lowered = lowerLoop(
    item.after,
    descriptor(is, item.after.span),
    item.body,
    handler,
    elaborateBlock,
    () => undefined,
  );
  const structureBytes = BigInt(pool.structureBytes);
  const size = constant(structureBytes);
  const element = (place: NumberExpr): NumberExpr => ({
    op: 'div',
    left: place,
    right: size,
    max: place.max / structureBytes,
  });
  const first = element(storeAddress);
  const last = element({ op: 'subSat', left: storeEnd, right: constant(1n), max: storeEnd.max });
  const further: NumberExpr = { op: 'subSat', left: last, right: first, max: last.max };
  const each = {
    op: 'table',
    size: pool.structureBytes,
    until: undefined,
    range: context.rule(
      `one store touches more than ${STORE_STRUCTURES_MAX} structures of \`${pool.name}\``,
      item.name.span,
    ),
    memory: context.rule(`a structure of \`${pool.name}\` cannot be read`, item.name.span),
  } as const;
  const asItWillBe: Statement = {
    ...each,
    walk: is,
    stored: true,
    frozen: false,
    base: { op: 'place', walk: was, max: storeAddress.max },
    count: constant(1n),
    bound: 1,
    body: lowered.body,
  };
  const purposes: NumberExpr = { op: 'argument', argument: 'purposes', max: maxOf(8) };
  const statement: Statement = {
    op: 'if',
    condition: {
      op: 'all',
      of: [
        { op: 'lt', left: constant(0n), right: storeLength },
        among(purposes, pool),
        { op: 'inside', purposes: GRANT_COMMANDS | pool.purpose, base: storeAddress, length: storeLength },
      ],
    },
    consequent: [
      {
        ...each,
        walk: was,
        stored: false,
        frozen: false,
        base: { op: 'mul', left: first, right: size, max: storeAddress.max },
        count: { op: 'add', left: further, right: constant(1n), max: further.max + 1n },
        bound: STORE_STRUCTURES_MAX,
        body: [asItWillBe],
      },
    ],
    alternative: [],
  };
  return { statement, locals: handler.locals };
}
