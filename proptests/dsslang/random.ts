/** Seeded randomness for campaigns: fast, reproducible, and biased towards the edges where monitors go wrong. */

/** xorshift32: one multiplication-free step a number; the same seed gives the same campaign everywhere. */
export class Random {
  #state: number;

  /** @param seed any 32-bit integer */
  constructor(seed: number) {
    this.#state = (Math.imul(seed | 0, 0x9e3779b1) ^ 0x6d2b79f5) | 0 || 1;
  }

  /** 0 .. 2^32 - 1 */
  u32(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x | 0;
    return x >>> 0;
  }

  /** 0 .. limit - 1 */
  below(limit: number): number {
    return this.u32() % limit;
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.u32() % n === 0;
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new RangeError('nothing to pick from');
    return from[this.below(from.length)] as T;
  }

  /** A number of `bits` bits, small, large, a power of two, or one beside it. */
  bits(bits: number): bigint {
    const mask = (1n << BigInt(bits)) - 1n;
    switch (this.below(6)) {
      case 0:
        return BigInt(this.below(5)) & mask;
      case 1:
        return mask - (BigInt(this.below(4)) & mask);
      case 2:
        return ((1n << BigInt(this.below(bits))) + BigInt(this.below(3)) - 1n) & mask;
      case 3:
        return BigInt(this.below(256)) & mask;
      default:
        return ((BigInt(this.u32()) << 32n) | BigInt(this.u32())) & mask;
    }
  }
}

/** A campaign's seed and size: `REFMON_SEED` replays, `REFMON_RUNS` multiplies. */
export function campaign(): { readonly seed: number; readonly scale: number } {
  const seed = Number(process.env['REFMON_SEED'] ?? NaN);
  const scale = Number(process.env['REFMON_RUNS'] ?? 1);
  return {
    seed: Number.isInteger(seed) ? seed : (Date.now() ^ (process.pid << 8)) & 0x7fffffff,
    scale: scale > 0 ? scale : 1,
  };
}
