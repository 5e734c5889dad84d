/**
 * Published descriptors are frozen: a driver may not change an entry that the device owns, between `owned from ..< to`.
 *
 * Lowered to statements that run before the handlers of stores into command memory. Constant time: a store touches entries first..last of the ring;
 * it is denied if `first` is owned, or if the first owned entry lies among those touched.
 */
import type * as ast from '../ast.ts';
import type { BoolExpr, NumberExpr, Statement } from '../ir.ts';
import type { ProgressRegister } from '../runtime.ts';
import { maxOf, show, type Context } from './context.ts';
import { elaborateBool, elaborateNumber } from './expressions.ts';
import { constant } from './values.ts';
import { openEngine } from './engines.ts';
import { Facts } from './facts.ts';
import { reportRepeated } from './interrupts.ts';
import { elaborateFrozen } from './frozen.ts';
import { storeAddress, storeEnd, storeTouches } from './stores.ts';
import { ringShape, RING_COUNT_MAX } from './rings.ts';

/** Whatever may freeze memory. */
export interface Owning {
  readonly rings: readonly ast.ItemOf<'ring'>[];
  readonly engines: readonly ast.ItemOf<'engine'>[];
  readonly frozen: readonly ast.ItemOf<'frozen'>[];
}

export function elaborateOwnership(
  { rings, engines, frozen }: Owning,
  context: Context,
): { store: readonly Statement[]; locals: number; progress: ProgressRegister[] } {
  const body: Statement[] = [];
  const progress: ProgressRegister[] = [];
  const locals = { next: 0 };
  const owned = (ring: ast.ItemOf<'ring'>, element: number | undefined): void => {
    if (context.broken.has(ring.name.text)) return;
    reportRepeated(ring.clauses, context);
    body.push(...frozenEntries(ring, locals, context));
    progress.push(...progressOf(ring, element, context));
  };
  for (const ring of rings) owned(ring, undefined);
  for (const { name, items } of engines) {
    // A store may touch the ring of any element. They use the same names, one after the other.
    const free = locals.next;
    for (let element = 0; element < (context.engines.get(name.text)?.count ?? 0); element += 1) {
      locals.next = free;
      const all = (): void => {
        for (const ring of items) if (ring?.kind === 'ring') owned(ring, element);
      };
      openEngine(name.text, context, all, constant(BigInt(element)));
    }
  }
  for (const each of frozen) body.push(...elaborateFrozen(each, context));
  return { store: body, locals: locals.next, progress };
}

/** Where the device tells how far it has come in the ring. */
function progressOf({ head }: ast.ItemOf<'ring'>, element: number | undefined, context: Context): ProgressRegister[] {
  const register = head === undefined ? undefined : context.find(head, 'register')?.register;
  if (head === undefined || register === undefined) return [];
  const own = register.engine !== undefined && register.engine === context.engine?.draft;
  if (!own && register.count !== 1) {
    context.diagnostics.add('DSS110', { name: register.name }, head.span);
    return [];
  }
  const offset = register.offset + (own ? (element ?? 0) * register.stride : 0);
  return [{ space: register.space, offset, width: register.width }];
}

function frozenEntries(ring: ast.ItemOf<'ring'>, locals: { next: number }, context: Context): Statement[] {
  const struct = context.find(ring.struct, 'struct');
  const shape = ringShape(ring, context);
  const clauses = (['base', 'count', 'owned'] as const).filter((clause) => ring[clause] === undefined);
  if (clauses.length > 0 && !context.incomplete) {
    context.diagnostics.add('DSS305', { clauses, of: ring.name.text }, ring.name.span, {
      help: clauses.includes('owned')
        ? 'say which entries the device owns, so that they are frozen: `owned HEAD ..< TAIL when machine == State`'
        : undefined,
    });
  }
  if (ring.owned === undefined) return [];
  const expressionScope = { context, bindings: new Map(), facts: new Facts() };
  const from = elaborateNumber(ring.owned.from, expressionScope);
  const to = elaborateNumber(ring.owned.to, expressionScope);
  const when: BoolExpr | undefined =
    ring.when === undefined ? { op: 'bool', value: true } : elaborateBool(ring.when, expressionScope);
  if (struct === undefined || shape === undefined || from === undefined || to === undefined || when === undefined)
    return [];

  for (const [index, written] of [
    [from, ring.owned.from],
    [to, ring.owned.to],
  ] as const) {
    if (index.max < BigInt(RING_COUNT_MAX)) continue;
    const max = show(BigInt(RING_COUNT_MAX - 1));
    context.diagnostics.add('DSS314', { name: ring.name.text, largest: show(index.max), max }, written.span);
    return [];
  }

  const size = BigInt(struct.sizeBytes);
  const all = maxOf(64);
  const bytes: NumberExpr = { op: 'mul', left: shape.count, right: constant(size), max: BigInt(shape.bound) * size };
  const local = (): { id: number; read: (max: bigint) => NumberExpr } => {
    const id = locals.next;
    locals.next += 1;
    return { id, read: (max) => ({ op: 'local', local: id, max }) };
  };
  const end = local();
  const first = local();
  const last = local();
  const ringEnd: NumberExpr = { op: 'addSat', left: shape.base, right: bytes, bits: 64, max: all };
  const entry = (offset: NumberExpr): NumberExpr => ({
    op: 'div',
    left: offset,
    right: constant(size),
    max: BigInt(shape.bound),
  });
  const low: NumberExpr = { op: 'max', left: storeAddress, right: shape.base, max: all };
  const high: NumberExpr = { op: 'min', left: storeEnd, right: end.read(all), max: storeEnd.max };
  const into = (place: NumberExpr): NumberExpr => ({
    op: 'subSat',
    left: place,
    right: shape.base,
    max: BigInt(shape.bound) * size,
  });
  const one = constant(1n);

  /** How far `b` lies ahead of `a` around the ring. */
  const distance = (a: NumberExpr, b: NumberExpr): NumberExpr => ({
    op: 'choice',
    condition: { op: 'le', left: a, right: b },
    left: { op: 'subSat', left: b, right: a, max: b.max },
    right: {
      op: 'subSat',
      left: { op: 'add', left: b, right: shape.count, max: b.max + shape.count.max },
      right: a,
      max: b.max + shape.count.max,
    },
    max: b.max + shape.count.max,
  });
  const firstRead = first.read(BigInt(shape.bound));
  const lastRead = last.read(BigInt(shape.bound));
  const firstOwned: BoolExpr = { op: 'lt', left: distance(from.expr, firstRead), right: distance(from.expr, to.expr) };
  const startTouched: BoolExpr = {
    op: 'all',
    of: [
      { op: 'ne', left: from.expr, right: to.expr },
      { op: 'le', left: firstRead, right: from.expr },
      { op: 'le', left: from.expr, right: lastRead },
    ],
  };
  const rule = context.rule(
    `an entry of \`${ring.name.text}\` belongs to the device until it gives it back`,
    ring.owned.span,
  );
  return [
    {
      op: 'if',
      condition: when,
      consequent: [
        { op: 'let', local: end.id, value: ringEnd },
        {
          op: 'if',
          condition: storeTouches(shape.base, end.read(all)),
          consequent: [
            { op: 'let', local: first.id, value: entry(into(low)) },
            { op: 'let', local: last.id, value: entry(into({ op: 'subSat', left: high, right: one, max: high.max })) },
            { op: 'require', condition: { op: 'not', of: { op: 'any', of: [firstOwned, startTouched] } }, rule },
          ],
          alternative: [],
        },
      ],
      alternative: [],
    },
  ];
}
