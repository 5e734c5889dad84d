/**
 * Where an emitted monitor keeps its scalars.
 *
 * Small ones (below 2^31) are variables of the closure: V8 keeps such integers in the variable itself. A larger number in
 * a variable is a fresh heap object at every assignment, so those live in a Float64Array, wide ones as two halves: no
 * assignment allocates, even of a time after 36 minutes of uptime.
 */
import type { Program, Scalar } from '../ir.ts';
import { isWide } from './js-numbers.ts';

/** All of a narrow scalar, or one half of a wide one. */
export type Part = '' | 'lo' | 'hi';

const SMALL_MAX = 2n ** 31n - 1n;
const WORD = 2n ** 32n;

export class StateLayout {
  readonly #scalars: readonly Scalar[];
  readonly #names: ReadonlyMap<string, string>;
  readonly #largeCount: number;

  constructor(program: Program) {
    this.#scalars = program.scalars;
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
    return this.#initial(true);
  }

  /** Every scalar as a BigInt expression, in order. */
  exact(): string[] {
    return this.#scalars.map((scalar, index) =>
      isWide(scalar.max)
        ? `(BigInt(${this.place(index, 'hi')}) << 32n) | BigInt(${this.place(index, 'lo')})`
        : `BigInt(${this.place(index)})`,
    );
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
