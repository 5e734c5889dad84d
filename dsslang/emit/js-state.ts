/**
 * Where an emitted monitor keeps its scalars.
 *
 * Small ones (below 2^31) are variables of the closure: V8 keeps such integers in the variable itself. A larger number in
 * a variable is a fresh heap object at every assignment, so those live in a Float64Array, wide ones as two halves: no
 * assignment allocates, even of a time after 36 minutes of uptime. Arrays and constant tables are typed arrays of the
 * least fitting kind, wide ones two of them.
 */
import type { ArrayId, ConstantTable, Program, Scalar, StateArray, TableId } from '../ir.ts';
import { isWide } from './js-halves.ts';

/** All of a narrow scalar, or one half of a wide one. */
export type Part = '' | 'lo' | 'hi';

const SMALL_MAX = 2n ** 31n - 1n;
const WORD = 2n ** 32n;

export class StateLayout {
  readonly #scalars: readonly Scalar[];
  readonly #names: ReadonlyMap<string, string>;
  readonly #largeCount: number;
  readonly #arrays: readonly StateArray[];
  readonly #tables: readonly ConstantTable[];

  constructor(program: Program) {
    this.#scalars = program.scalars;
    this.#arrays = program.arrays;
    this.#tables = program.tables;
    const names = new Map<string, string>();
    let large = 0;
    this.#scalars.forEach((scalar, index) => {
      for (const part of partsOf(scalar)) {
        names.set(`${index}${part}`, scalar.max <= SMALL_MAX ? `s${index}` : `large[${large++}]`);
      }
    });
    this.#names = names;
    this.#largeCount = large;
  }

  /** `['']` for a narrow scalar, `['lo', 'hi']` for a wide one. */
  parts(scalar: number): readonly Part[] {
    const found = this.#scalars[scalar];
    return found === undefined ? [] : partsOf(found);
  }

  /** What to read or assign for a part of a scalar. */
  place(scalar: number, part: Part = ''): string {
    const name = this.#names.get(`${scalar}${part}`);
    if (name === undefined) throw new RangeError(`scalar ${scalar} has no part \`${part}\``);
    return name;
  }

  /** Is a scalar kept as two halves? */
  wide(scalar: number): boolean {
    return this.#scalars[scalar] !== undefined && isWide(this.#scalars[scalar].max);
  }

  /** The typed array of an array of the state: of all of it, or of the halves of a wide one. */
  array(array: ArrayId): Vector {
    const found = this.#arrays[array];
    if (found === undefined) throw new RangeError(`there is no array ${array}`);
    return { name: `e${array}`, count: found.count, wide: isWide(found.max) };
  }

  /** The same of a constant table. */
  table(table: TableId): Vector {
    const found = this.#tables[table];
    if (found === undefined) throw new RangeError(`there is no table ${table}`);
    return { name: `k${table}`, count: found.entries.length, wide: isWide(greatest(found)) };
  }

  /** Statements that define arrays and tables; `kept` are the arrays that a denial may have to bring back. */
  vectors(kept: ReadonlySet<ArrayId>): string[] {
    const arrays = this.#arrays.flatMap((array, id) =>
      vectorParts(this.array(id)).flatMap((part) => {
        const kind = `new ${vectorKind(array.max)}(${array.count})`;
        return [
          `const e${id}${part} = ${kind}; // ${array.name}`,
          ...(kept.has(id) ? [`const c${id}${part} = ${kind};`] : []),
        ];
      }),
    );
    const tables = this.#tables.flatMap((table, id) =>
      vectorParts(this.table(id)).map((part) => {
        const entries = table.entries.map((entry) => partOf(entry, part).toString());
        return `const k${id}${part} = ${vectorKind(greatest(table))}.of(${entries.join(', ')}); // ${table.name}`;
      }),
    );
    return [...arrays, ...this.#fill(false), ...tables];
  }

  #fill(zeros: boolean): string[] {
    return this.#arrays.flatMap((array, id) =>
      array.initial === 0n && !zeros
        ? []
        : vectorParts(this.array(id)).map((part) => `e${id}${part}.fill(${partOf(array.initial, part)});`),
    );
  }

  /** Statements that define all scalars, with their beginnings. */
  declarations(): string[] {
    const small = this.#scalars.flatMap((scalar, index) =>
      scalar.max <= SMALL_MAX ? [`let s${index} = ${scalar.initial}; // ${scalar.name}`] : [],
    );
    if (this.#largeCount === 0) return small;
    return [...small, `const large = new Float64Array(${this.#largeCount});`, ...this.#initial(false)];
  }

  /** Statements that return all scalars to their beginnings. */
  reset(): string[] {
    return [...this.#initial(true), ...this.#fill(true)];
  }

  /** Every scalar as a BigInt expression, then every array as a spread of such, in order. */
  exact(): string[] {
    const scalars = this.#scalars.map((scalar, index) =>
      isWide(scalar.max)
        ? `(BigInt(${this.place(index, 'hi')}) << 32n) | BigInt(${this.place(index, 'lo')})`
        : `BigInt(${this.place(index)})`,
    );
    const arrays = this.#arrays.map((_, id) =>
      this.array(id).wide
        ? `...Array.from(e${id}hi, (hi, i) => (BigInt(hi) << 32n) | BigInt(e${id}lo[i]))`
        : `...Array.from(e${id}, BigInt)`,
    );
    return [...scalars, ...arrays];
  }

  #initial(small: boolean): string[] {
    return this.#scalars.flatMap((scalar, index) => {
      if (scalar.max <= SMALL_MAX && !small) return [];
      const values = { '': scalar.initial, lo: scalar.initial % WORD, hi: scalar.initial / WORD };
      return [
        `${partsOf(scalar)
          .map((part) => `${this.place(index, part)} = ${values[part]};`)
          .join(' ')} // ${scalar.name}`,
      ];
    });
  }
}

function partsOf(scalar: Scalar): readonly Part[] {
  return isWide(scalar.max) ? ['lo', 'hi'] : [''];
}

/** A typed array, or the two that hold the halves of wide elements: `name`, or `name`lo and `name`hi. */
export interface Vector {
  readonly name: string;
  readonly count: number;
  readonly wide: boolean;
}

export const vectorParts = (vector: Vector): readonly Part[] => (vector.wide ? ['lo', 'hi'] : ['']);

const greatest = (table: ConstantTable): bigint =>
  table.entries.reduce((most, entry) => (entry > most ? entry : most), 0n);

function partOf(value: bigint, part: Part): bigint {
  return part === 'lo' ? value % WORD : part === 'hi' ? value / WORD : value;
}

function vectorKind(max: bigint): string {
  if (max < 2n ** 8n) return 'Uint8Array';
  if (max < 2n ** 16n) return 'Uint16Array';
  return max < WORD || isWide(max) ? 'Uint32Array' : 'Float64Array';
}
