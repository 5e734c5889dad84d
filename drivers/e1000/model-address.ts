/**
 * 64-bit device addresses, as numbers.
 *
 * Addresses below 2^53 are exact. Above, nothing can be reached, so it is enough that sums wrap at 2^64 as the device's
 * do: a ring at the very top of the address space continues at address 0.
 */

const EXACT_HIGH_WORD = 2 ** 21;

/** `high * 2^32 + low + offset`, modulo 2^64. */
export function address64(high: number, low: number, offset: number): number {
  if (high < EXACT_HIGH_WORD - 1) return high * 2 ** 32 + low + offset;
  const exact = (BigInt(high) << 32n) + BigInt(low) + BigInt(offset);
  return Number(BigInt.asUintN(64, exact));
}
