/**
 * Wide numbers in emitted JavaScript: which they are, and arithmetic on them half by half.
 *
 * Each result is two names or literals, of numbers from 0 to 2^32 - 1. Reading operands, and whether their halves are wanted
 * at all, is the business of `js-numbers.ts`.
 */
import type { NumberExpr } from '../ir.ts';

/** Names of the two halves of a wide number. */
export type Halves = readonly [lo: string, hi: string];

export const NARROW_MAX = 2n ** 53n - 1n;
export const WORD = 2n ** 32n;

export const isWide = (max: bigint): boolean => max > NARROW_MAX;

export const mask = (bits: number): string => String(2 ** bits - 1);

/** An operation on two numbers. */
export type BinaryExpr = Exclude<Extract<NumberExpr, { left: NumberExpr; right: NumberExpr }>, { op: 'choice' }>;

export class HalvesWriter {
  readonly #temporary: (text: string) => string;

  /** @param temporary writes a constant of that value. @returns its name */
  constructor(temporary: (text: string) => string) {
    this.#temporary = temporary;
  }

  /** The halves of a number below 2^53. */
  split(text: string): Halves {
    const name = this.#temporary(text);
    return [this.#temporary(`${name} >>> 0`), this.#temporary(`(${name} / 4294967296) >>> 0`)];
  }

  shiftedRight([lo, hi]: Halves, by: number): Halves {
    if (by === 0) return [lo, hi];
    if (by >= 64) return ['0', '0'];
    if (by >= 32) return [by === 32 ? hi : this.#temporary(`${hi} >>> ${by - 32}`), '0'];
    return [this.#temporary(`((${lo} >>> ${by}) | (${hi} << ${32 - by})) >>> 0`), this.#temporary(`${hi} >>> ${by}`)];
  }

  shiftedLeft([lo, hi]: Halves, by: number): Halves {
    if (by === 0) return [lo, hi];
    if (by >= 32) return ['0', by === 32 ? lo : this.#temporary(`(${lo} << ${by - 32}) >>> 0`)];
    return [
      this.#temporary(`(${lo} << ${by}) >>> 0`),
      this.#temporary(`((${hi} << ${by}) | (${lo} >>> ${32 - by})) >>> 0`),
    ];
  }

  /** The result of `e`, whose operands are `a` and `b`. */
  binary(e: BinaryExpr, a: Halves, b: Halves): Halves {
    switch (e.op) {
      case 'and':
      case 'or':
      case 'xor': {
        const sign = e.op === 'and' ? '&' : e.op === 'or' ? '|' : '^';
        return [this.#temporary(`(${a[0]} ${sign} ${b[0]}) >>> 0`), this.#temporary(`(${a[1]} ${sign} ${b[1]}) >>> 0`)];
      }
      case 'add':
        return this.#sum(a, b, 64);
      case 'addWrap':
        return this.#sum(a, b, e.bits);
      case 'sub':
        return this.#difference(a, b, 64);
      case 'subWrap':
        return this.#difference(a, b, e.bits);
      case 'addSat': {
        const low = this.#temporary(`${a[0]} + ${b[0]}`);
        const high = this.#temporary(`${a[1]} + ${b[1]} + (${low} > 4294967295 ? 1 : 0)`);
        const top = mask(Math.max(0, e.bits - 32));
        const over = this.#temporary(e.bits > 32 ? `${high} > ${top}` : `${high} !== 0 || ${low} > ${mask(e.bits)}`);
        const lowTop = mask(Math.min(32, e.bits));
        return [this.#temporary(`${over} ? ${lowTop} : ${low} >>> 0`), this.#temporary(`${over} ? ${top} : ${high}`)];
      }
      case 'subSat': {
        const below = this.#temporary(less(a, b));
        const [lo, hi] = this.#difference(a, b, 64);
        return [this.#temporary(`${below} ? 0 : ${lo}`), this.#temporary(`${below} ? 0 : ${hi}`)];
      }
      case 'min':
      case 'max': {
        const first = this.#temporary(e.op === 'min' ? less(a, b) : less(b, a));
        return [this.#temporary(`${first} ? ${a[0]} : ${b[0]}`), this.#temporary(`${first} ? ${a[1]} : ${b[1]}`)];
      }
      default: {
        const sign = e.op === 'div' ? '/' : e.op === 'mod' ? '%' : '*';
        // Computed before the condition that guards it: a divisor of 0 must not throw. Nobody then uses the result.
        const product =
          e.op === 'mul' || e.op === 'mulWrap' ? `${big(a)} * ${big(b)}` : `${big(a)} ${sign} (${big(b)} || 1n)`;
        const exact = this.#temporary(e.op === 'mulWrap' ? `BigInt.asUintN(${e.bits}, ${product})` : product);
        return [this.#temporary(`Number(BigInt.asUintN(32, ${exact}))`), this.#temporary(`Number(${exact} >> 32n)`)];
      }
    }
  }

  #sum(a: Halves, b: Halves, bits: number): Halves {
    const low = this.#temporary(`${a[0]} + ${b[0]}`);
    const high = `(${a[1]} + ${b[1]} + (${low} > 4294967295 ? 1 : 0))`;
    return this.#wrapped(`${low} >>> 0`, high, bits);
  }

  #difference(a: Halves, b: Halves, bits: number): Halves {
    return this.#wrapped(`(${a[0]} - ${b[0]}) >>> 0`, `(${a[1]} - ${b[1]} - (${a[0]} < ${b[0]} ? 1 : 0))`, bits);
  }

  #wrapped(low: string, high: string, bits: number): Halves {
    if (bits > 32)
      return [
        this.#temporary(low),
        this.#temporary(bits === 64 ? `${high} >>> 0` : `(${high} & ${mask(bits - 32)}) >>> 0`),
      ];
    return [this.#temporary(bits === 32 ? low : `(${low}) & ${mask(bits)}`), '0'];
  }
}

/** Is one less than the other? */
export function less(a: Halves, b: Halves): string {
  return `(${a[1]} < ${b[1]} || (${a[1]} === ${b[1]} && ${a[0]} < ${b[0]}))`;
}

/** `>>> 0`: a part of a branch that is not taken may be no integer here, and must not throw. */
function big([lo, hi]: Halves): string {
  return `((BigInt(${hi} >>> 0) << 32n) | BigInt(${lo} >>> 0))`;
}
