/**
 * What an address in a specification is made of: state, a register's value, or a field of a descriptor.
 *
 * Only sub-expressions that can be an address are followed: an index that is multiplied by a descriptor's size is no
 * pointer, nor is the high half of a pair of registers, for guest memory lies below 4 GiB. Pure.
 */
import { ALL_POOLS } from '../../dsslang/index.ts';
import type {
  ArrayId,
  BoolExpr,
  Handler,
  LocalId,
  NumberExpr,
  Program,
  ScalarId,
  Statement,
} from '../../dsslang/index.ts';

/** What an address expression is made of. */
export type Source =
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

export function sources(expr: NumberExpr): Source[] {
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

export interface Assignment {
  readonly to: { readonly scalar: ScalarId } | { readonly array: ArrayId };
  readonly sources: readonly Source[];
}

/** All that matters of one body: bases of walks, structure sizes by walk, assignments of state; locals resolved. */
export interface Facts {
  readonly bases: Source[];
  /** Where structures of pools are required to lie. */
  readonly holds: { readonly purposes: number; readonly base: Source }[];
  readonly sizes: Map<LocalId, number>;
  readonly assignments: Assignment[];
}

export type Holds = Extract<BoolExpr, { op: 'inside' }>;

/** Every `POOL.holds` of a condition, also those that stand inside a choice between numbers. */
export function holdsIn(condition: BoolExpr): readonly Holds[] {
  const inNumber = (expr: NumberExpr): Holds[] => {
    const own = expr.op === 'choice' ? [...holdsIn(expr.condition)] : [];
    if ('left' in expr) return [...own, ...inNumber(expr.left), ...inNumber(expr.right)];
    return 'of' in expr ? inNumber(expr.of) : own;
  };
  switch (condition.op) {
    case 'inside':
      return (condition.purposes & ALL_POOLS) === 0 ? [] : [condition];
    case 'eq':
    case 'ne':
    case 'lt':
    case 'le':
      return [...inNumber(condition.left), ...inNumber(condition.right)];
    case 'not':
      return holdsIn(condition.of);
    case 'all':
    case 'any':
      return condition.of.flatMap(holdsIn);
    default:
      return [];
  }
}

function gather(body: readonly Statement[], locals: Map<LocalId, readonly Source[]>, facts: Facts): void {
  const resolve = (expr: NumberExpr): Source[] =>
    sources(expr).flatMap((source) => (source.from === 'local' ? (locals.get(source.local) ?? []) : [source]));
  for (const statement of body) {
    if (statement.op === 'require') {
      for (const { purposes, base } of holdsIn(statement.condition)) {
        facts.holds.push(...resolve(base).map((source) => ({ purposes, base: source })));
      }
    }
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

export const factsOf = (body: readonly Statement[]): Facts => {
  const facts: Facts = { bases: [], holds: [], sizes: new Map(), assignments: [] };
  gather(body, new Map(), facts);
  return facts;
};

export const keyOf = (to: Source | Assignment['to']): string =>
  'scalar' in to ? `s${to.scalar}` : 'array' in to ? `a${to.array}` : '';

/** Every body of a program, those of register writes apart. */
export interface ProgramFacts {
  readonly writes: readonly { readonly register: Program['registers'][number]; readonly facts: readonly Facts[] }[];
  readonly all: readonly Facts[];
}

export function factsOfProgram(program: Program): ProgramFacts {
  const bodies = (handlers: readonly Handler[]): Facts[] => handlers.map(({ body }) => factsOf(body));
  const writes = program.registers.map((register) => ({ register, facts: bodies(register.write.handlers) }));
  const reactions = [program.store, program.grant, program.interrupt, program.check, program.tick];
  const elsewhere = [
    ...program.registers.flatMap(({ read, report }) => [...bodies(read.handlers), ...bodies(report.handlers)]),
    ...reactions.flatMap(({ handlers }) => bodies(handlers)),
    factsOf(program.always),
  ];
  return { writes, all: [...writes.flatMap(({ facts }) => facts), ...elsewhere] };
}

/** State that `bases` are made of, directly or through other state. */
export function stateBehind(bases: readonly Source[], all: readonly Facts[]): ReadonlySet<string> {
  const state = new Set<string>();
  for (const base of bases) if (base.from === 'scalar' || base.from === 'array') state.add(keyOf(base));
  for (let before = -1; before !== state.size;) {
    before = state.size;
    for (const { assignments } of all) {
      for (const { to, sources: from } of assignments) {
        if (!state.has(keyOf(to))) continue;
        for (const source of from) if (source.from === 'scalar' || source.from === 'array') state.add(keyOf(source));
      }
    }
  }
  return state;
}

/** Whether a body puts something of that kind into that state. */
export function putsInto(state: ReadonlySet<string>, facts: Facts, from: Source['from']): boolean {
  return facts.assignments.some(
    ({ to, sources: made }) => state.has(keyOf(to)) && made.some((each) => each.from === from),
  );
}
