/** Random expressions of the calculus; each carries a true upper bound. */
import type { Argument, BoolExpr, ConstantTable, LocalId, NumberExpr, Scalar, StateArray } from '../../dsslang/ir.ts';
import type { Random } from './random.ts';

const WORD_MAX = (1n << 64n) - 1n;
const maxOf = (bits: number): bigint => (1n << BigInt(bits)) - 1n;
const bitsOf = (value: bigint): number => value.toString(2).length;
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** What can be named where an expression stands. */
export interface Scope {
  readonly arguments: Readonly<Partial<Record<Argument, bigint>>>;
  /** The largest value that the operation can have; undefined: it has none. */
  readonly value: bigint | undefined;
  readonly locals: Map<LocalId, bigint>;
  /** Sizes of the structures of walks around. */
  readonly walks: ReadonlyMap<LocalId, number>;
}

/** Where campaigns grant memory, so that walks find some. */
export const GRANTED = [0x1_0000n, 0x9_0000n, 0x1_0001_0000n] as const;

const constant = (value: bigint): NumberExpr => ({ op: 'const', value, max: value });

export class ProgramExpressions {
  readonly #random: Random;
  readonly #scalars: readonly Scalar[];
  readonly #arrays: readonly StateArray[];
  readonly #tables: readonly ConstantTable[];

  constructor(
    random: Random,
    scalars: readonly Scalar[],
    arrays: readonly StateArray[],
    tables: readonly ConstantTable[],
  ) {
    this.#random = random;
    this.#scalars = scalars;
    this.#arrays = arrays;
    this.#tables = tables;
  }

  /** A number of at most `max`. */
  atMost(max: bigint, scope: Scope, depth: number): NumberExpr {
    const e = this.number(scope, depth);
    if (e.max <= max) return e;
    const bits = bitsOf(max + 1n) - 1;
    if (this.#random.oneIn(2) && max === maxOf(bits)) return { op: 'and', left: e, right: constant(max), max };
    return this.#random.oneIn(3) && max < WORD_MAX
      ? { op: 'mod', left: e, right: constant(max + 1n), max }
      : { op: 'min', left: e, right: constant(max), max };
  }

  /** Something that is often an address in granted memory. */
  address(scope: Scope): NumberExpr {
    if (this.#random.oneIn(6)) return this.number(scope, 2);
    const base = constant(this.#random.pick(GRANTED));
    const into = this.#random.oneIn(2) ? constant(BigInt(this.#random.below(64) * 8)) : this.atMost(4095n, scope, 1);
    return { op: 'add', left: base, right: into, max: base.max + into.max };
  }

  #leaf(scope: Scope): NumberExpr {
    const random = this.#random;
    switch (random.below(8)) {
      case 0:
        return constant(random.bits(random.pick([1, 4, 8, 16, 32, 53, 64])));
      case 1: {
        if (this.#arrays.length === 0) break;
        const array = random.below(this.#arrays.length);
        return { op: 'element', array, index: this.#index(scope), max: this.#arrays[array]?.max ?? 0n };
      }
      case 2: {
        if (this.#tables.length === 0) break;
        const table = random.below(this.#tables.length);
        const max = (this.#tables[table]?.entries ?? []).reduce((most, entry) => (entry > most ? entry : most), 0n);
        return { op: 'lookup', table, index: this.#index(scope), max };
      }
      case 3: {
        if (scope.locals.size === 0) break;
        const [local, max] = random.pick([...scope.locals]);
        return { op: 'local', local, max };
      }
      case 4:
      case 5: {
        if (scope.walks.size === 0) break;
        const [walk, size] = random.pick([...scope.walks]);
        if (random.oneIn(5)) return { op: 'place', walk, max: maxOf(52) };
        const bytes = random.pick(([1, 2, 4, 8] as const).filter((each) => each <= size));
        return { op: 'descriptor', walk, bytes, offset: random.below(size - bytes + 1), max: maxOf(8 * bytes) };
      }
      case 6: {
        const given = Object.entries(scope.arguments) as [Argument, bigint][];
        const [argument, max] = random.pick(given);
        return { op: 'argument', argument, max };
      }
    }
    const scalar = random.below(this.#scalars.length);
    return { op: 'scalar', scalar, max: this.#scalars[scalar]?.max ?? 0n };
  }

  #index(scope: Scope): NumberExpr {
    return this.#random.oneIn(3)
      ? this.number(scope, 1)
      : this.atMost(BigInt(this.#random.pick([1, 4, 8, 32])), scope, 0);
  }

  number(scope: Scope, depth: number): NumberExpr {
    const random = this.#random;
    if (depth <= 0 || random.oneIn(4)) return this.#leaf(scope);
    const left = this.number(scope, depth - 1);
    const right = this.number(scope, depth - 1);
    const greater = left.max > right.max ? left.max : right.max;
    const width = Math.max(bitsOf(left.max), bitsOf(right.max));
    const bits = random.pick([8, 16, 31, 32, 33, 48, 53, 54, 63, 64].filter((each) => each >= width));
    switch (random.below(20)) {
      case 0:
      case 1:
        if (left.max + right.max <= WORD_MAX) return { op: 'add', left, right, max: left.max + right.max };
        return { op: 'addWrap', left, right, bits: 64, max: WORD_MAX };
      case 2:
        if (left.max * right.max <= WORD_MAX) return { op: 'mul', left, right, max: left.max * right.max };
        return { op: 'mulWrap', left, right, bits: 64, max: WORD_MAX };
      case 3:
        return {
          op: 'choice',
          condition: { op: 'le', left: right, right: left },
          left: { op: 'sub', left, right, max: left.max },
          right: this.#leaf({ ...scope }),
          max: WORD_MAX,
        };
      case 4:
      case 5: {
        const op = random.pick(['div', 'mod'] as const);
        const divisor: NumberExpr = { op: 'or', left: right, right: constant(1n), max: maxOf(bitsOf(right.max)) };
        if (random.oneIn(2)) return { op, left, right: divisor, max: left.max };
        const guarded: NumberExpr = { op, left, right, max: left.max };
        return {
          op: 'choice',
          condition: { op: 'ne', left: right, right: constant(0n) },
          left: guarded,
          right: constant(0n),
          max: left.max,
        };
      }
      case 6:
        return { op: 'and', left, right, max: least(left.max, right.max) };
      case 7:
        return { op: random.pick(['or', 'xor']), left, right, max: maxOf(bitsOf(greater)) };
      case 8:
      case 9:
        return { op: random.pick(['addWrap', 'subWrap', 'mulWrap']), left, right, bits, max: maxOf(bits) };
      case 10:
        return { op: 'addSat', left, right, bits, max: least(left.max + right.max, maxOf(bits)) };
      case 11:
        return { op: 'subSat', left, right, max: left.max };
      case 12:
        return { op: 'min', left, right, max: least(left.max, right.max) };
      case 13:
        return { op: 'max', left, right, max: greater };
      case 14: {
        const by = random.below(65 - bitsOf(left.max));
        return { op: 'shiftLeft', of: left, by, max: left.max << BigInt(by) };
      }
      case 15: {
        const by = random.below(64);
        return { op: 'shiftRight', of: left, by, max: left.max >> BigInt(by) };
      }
      case 16:
      case 17: {
        const low = random.below(64);
        const count = 1 + random.below(64 - low);
        return { op: 'extract', of: left, low, bits: count, max: least(left.max >> BigInt(low), maxOf(count)) };
      }
      default:
        return { op: 'choice', condition: this.condition(scope, depth - 1), left, right, max: greater };
    }
  }

  condition(scope: Scope, depth: number): BoolExpr {
    const random = this.#random;
    if (depth > 0) {
      switch (random.below(6)) {
        case 0:
          return { op: 'not', of: this.condition(scope, depth - 1) };
        case 1:
          return {
            op: random.pick(['all', 'any']),
            of: Array.from({ length: random.below(4) }, () => this.condition(scope, depth - 1)),
          };
        case 2:
          return {
            op: 'inside',
            purposes: random.pick([0, 1, 2, 4, 6]),
            base: this.address(scope),
            length: random.oneIn(2) ? this.atMost(64n, scope, 1) : this.number(scope, 1),
          };
        case 3:
          return { op: 'outsideBars', base: this.address(scope), length: this.number(scope, 1) };
      }
    }
    if (random.oneIn(12)) return { op: 'bool', value: random.oneIn(2) };
    const left = this.number(scope, depth);
    // Near enough to be equal now and then.
    const right = random.oneIn(3)
      ? constant(random.pick([0n, 1n, left.max, left.max >> 1n]))
      : this.number(scope, depth);
    return { op: random.pick(['eq', 'ne', 'lt', 'le']), left, right };
  }
}
