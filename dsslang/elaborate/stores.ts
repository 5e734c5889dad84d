/** A driver's store into command memory: its place, its length, and whether it touches a range. Shared by what freezes. */
import type { BoolExpr, NumberExpr } from '../ir.ts';
import { ADDRESS_LIMIT } from '../runtime.ts';
import { constant } from './values.ts';

const last = BigInt(ADDRESS_LIMIT) - 1n;

export const storeAddress: NumberExpr = { op: 'argument', argument: 'address', max: last };
export const storeLength: NumberExpr = { op: 'argument', argument: 'length', max: last };
/** The first byte behind the store. */
export const storeEnd: NumberExpr = { op: 'add', left: storeAddress, right: storeLength, max: last + last };

/** Does the store touch a byte of [base, end)? Constant time; an empty store touches nothing. */
export function storeTouches(base: NumberExpr, end: NumberExpr): BoolExpr {
  return {
    op: 'all',
    of: [
      { op: 'lt', left: constant(0n), right: storeLength },
      { op: 'lt', left: storeAddress, right: end },
      { op: 'lt', left: base, right: storeEnd },
    ],
  };
}
