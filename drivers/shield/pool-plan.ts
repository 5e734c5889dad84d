/**
 * What a device without a doorbell finds in memory by itself: derived from the pools of its specification.
 *
 * Such a device begins at a few *roots* and follows *links* from structure to structure. Both are in the specification,
 * as what it requires: a rule of a pool that demands `POOL.holds(ADDRESS)` says that the device may go on to ADDRESS, and
 * an invariant `MACHINE == Running implies POOL.holds(BASE, BYTES)` says that it begins at BASE while it runs. A link is
 * live for the bytes of one structure when its rule could not hold without it: `q.T or nodes.holds(q.next)` leads nowhere
 * with T set. A rule about the structure as it was (`if was.OWN`) says which word tells whose the structure is.
 *
 * Pure. What it cannot follow it says in words, and the device cannot be shadowed: never guess.
 */
import {
  ALL_POOLS,
  type BoolExpr,
  type LocalId,
  type NumberExpr,
  type Program,
  type Statement,
} from '../../dsslang/index.ts';
import { holdsIn, type Holds } from './address-sources.ts';

const WORD_BYTES = 4;
const PAGE_BYTES = 4096;

export interface PoolPlan {
  readonly pools: readonly PoolShape[];
  /** Where the device begins, by the scalars of the monitor's state; address and bytes of structures. */
  roots(scalars: readonly bigint[]): readonly Root[];
}

export interface Root {
  readonly pool: number;
  readonly address: number;
  readonly bytes: number;
}

export interface PoolShape {
  readonly name: string;
  readonly purpose: number;
  readonly bytes: number;
  /** The word that makes a structure legal and lead nowhere. */
  readonly filled: number;
  readonly links: readonly PoolLink[];
  /** Who has the structure is told by one of its words; undefined: it is always the device's. */
  readonly owner: { readonly word: number; readonly owns: (words: Uint32Array) => boolean } | undefined;
}

/** @param pool its number */
export function shapeOf({ pools }: Pick<PoolPlan, 'pools'>, pool: number): PoolShape {
  const shape = pools[pool];
  if (shape === undefined) throw new RangeError(`there is no pool ${pool}`);
  return shape;
}

export interface PoolLink {
  /** Index of the pool that it leads to. */
  readonly to: number;
  /** The word that holds the address, and its bits; undefined: it leads to the structure that follows in memory. */
  readonly field: { readonly word: number; readonly mask: number } | undefined;
  /** Whether the device may go on from a structure with these words. */
  readonly live: (words: Uint32Array) => boolean;
}

/** The statements that judge one structure of a pool: as it was, and as a store leaves it. */
interface PoolBody {
  readonly was: LocalId;
  readonly is: LocalId;
  readonly body: readonly Statement[];
}

class Untold extends Error {}

/** @returns the plan, or why there is none */
export function planPools(program: Program): PoolPlan | string {
  try {
    const pools = program.pools.map((pool): PoolShape => {
      const { purpose, structureBytes: bytes, filled, name } = pool;
      if (bytes % WORD_BYTES !== 0 || PAGE_BYTES % bytes !== 0)
        throw new Untold(`structures of \`${name}\` cross pages`);
      const parts = bodyOf(program, purpose);
      const links = requirements(parts.body).flatMap((condition) => linksOf(condition, parts.is, bytes, program));
      return { name, purpose, bytes, filled, links, owner: ownerOf(parts) };
    });
    const named = program.invariants
      .flatMap(({ condition }) => holdsIn(condition))
      .map((holds) => poolIndex(program, holds));
    pools.forEach((pool, index) => {
      const beside = pool.links.filter(({ field }) => field === undefined);
      const inPlane = beside.length > 0 || named.includes(index);
      // The one must lie beside its neighbours, the other may lie anywhere.
      if (inPlane && pools.some(({ links }) => links.some(({ to, field }) => to === index && field !== undefined))) {
        throw new Untold(`structures of \`${pool.name}\` are found by links and by their place`);
      }
      if (beside.some(({ to }) => to !== index)) throw new Untold(`a neighbour of \`${pool.name}\` is of another pool`);
    });
    return { pools, roots: rootsOf(program) };
  } catch (error) {
    if (error instanceof Untold) return error.message;
    throw error;
  }
}

const poolIndex = (program: Program, { purposes }: Holds): number =>
  program.pools.findIndex(({ purpose }) => purpose === (purposes & ALL_POOLS));

/** The two nested tables that the compiler makes of a pool (`elaborate/pools.ts`). */
function bodyOf(program: Program, purpose: number): PoolBody {
  for (const { body } of program.store.handlers) {
    for (const statement of body) {
      if (statement.op !== 'if' || !holdsIn(statement.condition).some(({ purposes }) => (purposes & purpose) !== 0))
        continue;
      const [outer] = statement.consequent;
      const inner = outer?.op === 'table' ? outer.body[0] : undefined;
      if (outer?.op === 'table' && inner?.op === 'table') return { was: outer.walk, is: inner.walk, body: inner.body };
    }
  }
  throw new Untold('a pool whose rules are not found');
}

/** What is required, under whatever condition: a structure may be given to the device after its links were made. */
function requirements(body: readonly Statement[]): BoolExpr[] {
  return body.flatMap((statement) => {
    if (statement.op === 'require') return [statement.condition];
    if (statement.op !== 'if') return [];
    return [...requirements(statement.consequent), ...requirements(statement.alternative)];
  });
}

function linksOf(condition: BoolExpr, walk: LocalId, bytes: number, program: Program): PoolLink[] {
  return holdsIn(condition).map((holds) => {
    const live = (words: Uint32Array): boolean =>
      truth(condition, {
        holds,
        field: (of, offset, width) => (of === walk ? fieldOf(words, offset, width) : undefined),
      }) !== true;
    return { to: poolIndex(program, holds), field: fieldWithAddress(holds.base, walk, bytes), live };
  });
}

function fieldWithAddress(base: NumberExpr, walk: LocalId, bytes: number): PoolLink['field'] {
  const follows = (expr: NumberExpr, by: NumberExpr): boolean =>
    expr.op === 'place' && expr.walk === walk && by.op === 'const' && by.value === BigInt(bytes);
  switch (base.op) {
    case 'add':
    case 'addWrap':
      if (follows(base.left, base.right) || follows(base.right, base.left)) return undefined;
      break;
    case 'descriptor':
      if (base.walk === walk && base.bytes === WORD_BYTES) return wordAt(base.offset, 0xffff_ffff);
      break;
    case 'and': {
      const { left, right } = base;
      if (left.op !== 'descriptor' || left.walk !== walk || left.bytes !== WORD_BYTES || right.op !== 'const') break;
      return wordAt(left.offset, Number(right.value & 0xffff_ffffn));
    }
    case 'shiftLeft': {
      // `PLACE << 4` where PLACE = [31:4]: the word with its low bits cleared.
      const { of, by } = base;
      if (of.op !== 'extract' || of.low !== by || of.low + of.bits !== 32) break;
      if (of.of.op === 'descriptor' && of.of.walk === walk && of.of.bytes === WORD_BYTES) {
        return wordAt(of.of.offset, (0xffff_ffff << by) >>> 0);
      }
      break;
    }
    default:
      break;
  }
  throw new Untold('a structure leads to others by an address that is not one of its fields');
}

function wordAt(offset: number, mask: number): PoolLink['field'] {
  if (offset % WORD_BYTES !== 0) throw new Untold('an address that is not aligned');
  return { word: offset / WORD_BYTES, mask };
}

/** From rules about the structure as it was: the conditions on it alone, under which a store is restricted. */
function ownerOf({ was, body }: PoolBody): PoolShape['owner'] {
  const conditions: { readonly condition: BoolExpr; readonly word: number }[] = [];
  for (const statement of body) {
    if (statement.op !== 'if') continue;
    const { condition } = statement;
    for (const each of condition.op === 'all' ? condition.of : [condition]) {
      const words = new Set(fieldsOf(each, was).map((offset) => Math.floor(offset / WORD_BYTES)));
      const [word] = words;
      if (words.size === 1 && word !== undefined) conditions.push({ condition: each, word });
    }
  }
  const [first] = conditions;
  if (first === undefined) return undefined;
  if (conditions.some(({ word }) => word !== first.word)) throw new Untold('two words say whose a structure is');
  const field = (words: Uint32Array) => (of: LocalId, offset: number, width: number) =>
    of === was ? fieldOf(words, offset, width) : undefined;
  return {
    word: first.word,
    owns: (words) => conditions.some(({ condition }) => truth(condition, { field: field(words) }) !== false),
  };
}

/** Offsets of the fields of that walk's structure in a comparison; empty where it is more than one. */
function fieldsOf(condition: BoolExpr, walk: LocalId): number[] {
  if (condition.op !== 'eq' && condition.op !== 'ne') return [];
  const inNumber = (expr: NumberExpr): number[] => {
    if (expr.op === 'descriptor') return expr.walk === walk ? [expr.offset] : [];
    return expr.op === 'extract' ? inNumber(expr.of) : [];
  };
  return [...inNumber(condition.left), ...inNumber(condition.right)];
}

function rootsOf(program: Program): PoolPlan['roots'] {
  const found = program.invariants.flatMap(({ condition }) =>
    holdsIn(condition).map((holds) => ({ condition, holds, pool: poolIndex(program, holds) })),
  );
  if (found.length === 0) throw new Untold('no invariant says where the device begins');
  return (scalars) =>
    found.flatMap(({ condition, holds, pool }) => {
      const scalar = (id: number): number | undefined => exact(scalars[id]);
      if (truth(condition, { holds, scalar }) === true) return [];
      const address = number(holds.base, { scalar });
      const bytes = number(holds.length, { scalar });
      return address === undefined || bytes === undefined ? [] : [{ pool, address, bytes }];
    });
}

// ---- Three-valued meaning: what is not known here (time, other grants) is undefined ------------------------------------

interface Known {
  /** Taken to be false; every other `holds` is taken to be true. */
  readonly holds?: Holds;
  field?(walk: LocalId, offset: number, bytes: number): number | undefined;
  scalar?(id: number): number | undefined;
}

/** Below 2^53, so that a number holds it; undefined where it is more. */
function exact(value: bigint | undefined): number | undefined {
  return value !== undefined && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}

function fieldOf(words: Uint32Array, offset: number, bytes: number): number | undefined {
  const low = words[offset >> 2] ?? 0;
  if (bytes < 4) return (low >>> (8 * (offset & 3))) & (2 ** (8 * bytes) - 1);
  if (bytes === 4) return low;
  const value = low + (words[(offset >> 2) + 1] ?? 0) * 2 ** 32;
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

function truth(expr: BoolExpr, known: Known): boolean | undefined {
  switch (expr.op) {
    case 'bool':
      return expr.value;
    case 'not': {
      const of = truth(expr.of, known);
      return of === undefined ? undefined : !of;
    }
    case 'all':
      return every(expr.of, true, known);
    case 'any':
      return every(expr.of, false, known);
    case 'inside':
      return (expr.purposes & ALL_POOLS) === 0 || known.holds === undefined ? undefined : expr !== known.holds;
    case 'eq':
    case 'ne':
    case 'lt':
    case 'le': {
      const left = number(expr.left, known);
      const right = number(expr.right, known);
      if (left === undefined || right === undefined) return undefined;
      if (expr.op === 'lt' || expr.op === 'le') return expr.op === 'lt' ? left < right : left <= right;
      return (left === right) === (expr.op === 'eq');
    }
    default:
      return undefined;
  }
}

/** `all` (neutral true) or `any` (neutral false): the other value decides, whatever is unknown beside it. */
function every(of: readonly BoolExpr[], neutral: boolean, known: Known): boolean | undefined {
  let result: boolean | undefined = neutral;
  for (const each of of) {
    const value = truth(each, known);
    if (value === !neutral) return value;
    if (value === undefined) result = undefined;
  }
  return result;
}

function number(expr: NumberExpr, known: Known): number | undefined {
  switch (expr.op) {
    case 'const':
      return exact(expr.value);
    case 'scalar':
      return known.scalar?.(expr.scalar);
    case 'descriptor':
      return known.field?.(expr.walk, expr.offset, expr.bytes);
    case 'extract': {
      const of = number(expr.of, known);
      return of === undefined ? undefined : Math.floor(of / 2 ** expr.low) % 2 ** expr.bits;
    }
    case 'shiftLeft': {
      const of = number(expr.of, known);
      const shifted = of === undefined ? Infinity : of * 2 ** expr.by;
      return shifted <= Number.MAX_SAFE_INTEGER ? shifted : undefined;
    }
    case 'and':
    case 'mod': {
      const left = number(expr.left, known);
      const right = number(expr.right, known);
      if (left === undefined || right === undefined) return undefined;
      if (expr.op === 'mod') return left % right;
      return left < 2 ** 32 && right < 2 ** 32 ? (left & right) >>> 0 : undefined;
    }
    case 'choice': {
      const condition = truth(expr.condition, known);
      return condition === undefined ? undefined : number(condition ? expr.left : expr.right, known);
    }
    default:
      return undefined;
  }
}
