/**
 * Where a device is told of descriptors: derived from the specification, so that no device needs code of its own.
 *
 * A specification walks descriptors from some base. This file follows each base back through the core calculus to what it
 * came from: the register that the driver writes it to, or a field of another descriptor (an AHCI command header names its
 * table). Those are the places where the shield must put the address of its own copy. Only sub-expressions that can be an
 * address are followed: an index that is multiplied by a descriptor's size is no pointer, nor is the high half of a pair
 * of registers, for guest memory lies below 4 GiB.
 *
 * What it cannot follow makes the device unshadowable, and it says why: fail closed, never guess.
 */
import type { ArrayId, Handler, LocalId, NumberExpr, Program, ScalarId, Statement } from '../../dsslang/index.ts';
import type { Space } from '../../dsslang/index.ts';

/** A register that holds (the low half of) the address of command memory. */
export interface PointerRegister {
  readonly name: string;
  readonly space: Space;
  readonly offset: number;
  readonly count: number;
  readonly stride: number;
}

/** A field of a descriptor of `structBytes` that holds the address of more command memory. */
export interface PointerField {
  readonly structBytes: number;
  readonly offset: number;
  readonly bytes: 4 | 8;
  /** Bytes from where it points to the descriptors that the specification walks there: the device reads them too. */
  readonly lead: number;
}

export type Pointers =
  | { readonly kind: 'none' }
  | { readonly kind: 'found'; readonly registers: readonly PointerRegister[]; readonly fields: readonly PointerField[] }
  | { readonly kind: 'impossible'; readonly reason: string };

/** What an address expression is made of. */
type Source =
  | { readonly from: 'scalar'; readonly scalar: ScalarId }
  | { readonly from: 'array'; readonly array: ArrayId }
  | { readonly from: 'local'; readonly local: LocalId }
  | {
      readonly from: 'field';
      readonly walk: LocalId;
      readonly offset: number;
      readonly bytes: number;
      readonly lead: number;
    }
  | { readonly from: 'value' };

/** Anything that cannot reach beyond this cannot name all of the memory, so it is no address. */
const ADDRESS_REACH = 1n << 31n;

function sources(expr: NumberExpr): Source[] {
  if (expr.max < ADDRESS_REACH) return [];
  switch (expr.op) {
    case 'scalar':
      return [{ from: 'scalar', scalar: expr.scalar }];
    case 'element':
      return [{ from: 'array', array: expr.array }];
    case 'local':
      return [{ from: 'local', local: expr.local }];
    case 'descriptor':
      return [{ from: 'field', walk: expr.walk, offset: expr.offset, bytes: expr.bytes, lead: 0 }];
    case 'argument':
      return expr.argument === 'value' ? [{ from: 'value' }] : [];
    case 'extract':
      return expr.low === 0 ? sources(expr.of) : [];
    case 'shiftLeft':
      // `v.BASE << 12` where BASE = [31:12]: the value with its low bits cleared.
      return expr.of.op === 'extract' && expr.of.low === expr.by && expr.by > 0 ? sources(expr.of.of) : [];
    case 'add':
    case 'addWrap':
    case 'addSat':
      return [...displaced(expr.left, expr.right), ...displaced(expr.right, expr.left)];
    case 'or':
    case 'and':
    case 'xor':
    case 'min':
    case 'max':
      return [...sources(expr.left), ...sources(expr.right)];
    case 'sub':
    case 'subWrap':
    case 'subSat':
      return sources(expr.left);
    case 'choice':
      return [...sources(expr.left), ...sources(expr.right)];
    default:
      return [];
  }
}

/** The sources of `base + by`. */
function displaced(base: NumberExpr, by: NumberExpr): Source[] {
  const lead = by.op === 'const' ? Number(by.value) : 0;
  return sources(base).map((source) => (source.from === 'field' ? { ...source, lead: source.lead + lead } : source));
}

interface Assignment {
  readonly to: { readonly scalar: ScalarId } | { readonly array: ArrayId };
  readonly sources: readonly Source[];
}

/** All that matters of one body: bases of walks, structure sizes by walk, assignments of state; locals resolved. */
interface Facts {
  readonly bases: Source[];
  readonly sizes: Map<LocalId, number>;
  readonly assignments: Assignment[];
}

function gather(body: readonly Statement[], locals: Map<LocalId, readonly Source[]>, facts: Facts): void {
  const resolve = (expr: NumberExpr): Source[] =>
    sources(expr).flatMap((source) => (source.from === 'local' ? (locals.get(source.local) ?? []) : [source]));
  for (const statement of body) {
    switch (statement.op) {
      case 'let':
        locals.set(statement.local, resolve(statement.value));
        break;
      case 'set':
        facts.assignments.push({ to: { scalar: statement.scalar }, sources: resolve(statement.value) });
        break;
      case 'setElement':
      case 'fill':
        facts.assignments.push({ to: { array: statement.array }, sources: resolve(statement.value) });
        break;
      case 'if':
        gather(statement.consequent, locals, facts);
        gather(statement.alternative, locals, facts);
        break;
      case 'walk':
      case 'table':
        facts.sizes.set(statement.walk, statement.size);
        facts.bases.push(...resolve(statement.base));
        gather(statement.body, locals, facts);
        break;
      case 'list':
        facts.sizes.set(statement.walk, statement.size);
        facts.bases.push(...resolve(statement.first), ...resolve(statement.next));
        gather(statement.body, locals, facts);
        break;
      default:
        break;
    }
  }
}

const factsOf = (body: readonly Statement[]): Facts => {
  const facts: Facts = { bases: [], sizes: new Map(), assignments: [] };
  gather(body, new Map(), facts);
  return facts;
};

const keyOf = (to: Source | Assignment['to']): string =>
  'scalar' in to ? `s${to.scalar}` : 'array' in to ? `a${to.array}` : '';

/** Finds every place that holds the address of descriptors. Pure. */
export function findPointers(program: Program): Pointers {
  if (program.pools.length > 0) {
    return { kind: 'impossible', reason: 'its driver publishes descriptors by storing them, without a doorbell' };
  }
  const bodies = (handlers: readonly Handler[]): Facts[] => handlers.map(({ body }) => factsOf(body));
  const writes = program.registers.map((register) => ({ register, facts: bodies(register.write.handlers) }));
  const reactions = [program.store, program.grant, program.interrupt, program.check, program.tick];
  const elsewhere = [
    ...program.registers.flatMap(({ read, report }) => [...bodies(read.handlers), ...bodies(report.handlers)]),
    ...reactions.flatMap(({ handlers }) => bodies(handlers)),
    factsOf(program.always),
  ];
  const all = [...writes.flatMap(({ facts }) => facts), ...elsewhere];
  if (all.every(({ bases, sizes }) => bases.length === 0 && sizes.size === 0)) return { kind: 'none' };

  // State that a base is made of, directly or through other state.
  const state = new Set<string>();
  const fields = new Map<string, PointerField>();
  for (const { bases, sizes } of all) {
    for (const base of bases) {
      if (base.from === 'scalar' || base.from === 'array') state.add(keyOf(base));
      if (base.from === 'value') return { kind: 'impossible', reason: 'descriptors are named by the doorbell itself' };
      if (base.from === 'field') {
        const structBytes = sizes.get(base.walk) ?? 0;
        if (base.bytes !== 4 && base.bytes !== 8) return { kind: 'impossible', reason: 'a pointer of odd width' };
        const { offset, bytes, lead } = base;
        const key = `${structBytes}+${offset}`;
        fields.set(key, { structBytes, offset, bytes, lead: Math.max(lead, fields.get(key)?.lead ?? 0) });
      }
    }
  }
  for (let before = -1; before !== state.size;) {
    before = state.size;
    for (const { assignments } of all) {
      for (const { to, sources: from } of assignments) {
        if (!state.has(keyOf(to))) continue;
        for (const source of from) if (source.from === 'scalar' || source.from === 'array') state.add(keyOf(source));
      }
    }
  }
  const intoState = (facts: Facts, from: Source['from']): boolean =>
    facts.assignments.some(
      ({ to, sources: sources_ }) => state.has(keyOf(to)) && sources_.some((each) => each.from === from),
    );
  if (all.some((facts) => intoState(facts, 'field'))) {
    return { kind: 'impossible', reason: 'a descriptor names another ring, among fields that also name data' };
  }
  const registers = writes
    .filter(({ facts }) => facts.some((each) => intoState(each, 'value')))
    .map(({ register: { name, space, offset, count, stride } }) => ({ name, space, offset, count, stride }));
  if (registers.length === 0)
    return { kind: 'impossible', reason: 'no register is seen to hold the address of descriptors' };
  return { kind: 'found', registers, fields: [...fields.values()] };
}

/** Whether an access at `offset` is one to a pointer register. */
export function isPointer(registers: readonly PointerRegister[], space: Space, offset: number): boolean {
  return registers.some((each) => {
    const into = offset - each.offset;
    return each.space === space && into >= 0 && into < each.stride * each.count && into % each.stride === 0;
  });
}
