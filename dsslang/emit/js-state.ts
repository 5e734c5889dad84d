/**
 * Where an emitted monitor keeps each state variable.
 *
 * A closure's variable holds a small integer as it is, but a number beyond 31 bits as an object of its own: every
 * assignment would allocate. So small scalars are variables, and the others lie in one Float64Array, which holds every
 * integer up to 2^53; those beyond take two places, a half each.
 */
import type { Program } from '../ir.ts';
import { isWide } from './js-numbers.ts';

/** The whole of a narrow scalar, or a half of a wide one. */
export type Half = '' | 'lo' | 'hi';

/** What every engine holds unboxed (31 bits signed where pointers are compressed). */
const SMALL_MAX = 2n ** 30n - 1n;

export interface StateLayout {
  /** The text that reads and writes a scalar, or a half of it. */
  readonly place: (scalar: number, half: Half) => string;
  /** Declarations of all of it, with the initial values. */
  readonly declarations: readonly string[];
  /** Statements that set the initial values again. */
  readonly reset: readonly string[];
}

export function layOut(program: Program): StateLayout {
  const starts: number[] = [];
  let places = 0;
  for (const [index, scalar] of program.scalars.entries()) {
    if (scalar.max <= SMALL_MAX) continue;
    starts[index] = places;
    places += isWide(scalar.max) ? 2 : 1;
  }
  const place = (scalar: number, half: Half): string => {
    const start = starts[scalar];
    return start === undefined ? `s${scalar}` : `large[${half === 'hi' ? start + 1 : start}]`;
  };
  const initial = program.scalars.map((scalar, index) => {
    const note = ` // ${scalar.name}`;
    if (!isWide(scalar.max))
      return { text: `${place(index, '')} = ${scalar.initial};`, note, small: starts[index] === undefined };
    const [lo, hi] = [scalar.initial % 2n ** 32n, scalar.initial >> 32n];
    return { text: `${place(index, 'lo')} = ${lo}; ${place(index, 'hi')} = ${hi};`, note, small: false };
  });
  return {
    place,
    declarations: [
      ...(places === 0 ? [] : [`const large = new Float64Array(${places});`]),
      ...initial.map(({ text, note, small }) => `${small ? 'let ' : ''}${text}${note}`),
    ],
    reset: initial.map(({ text }) => `  ${text}`),
  };
}
