/**
 * What an untrusted caller may pass to a mediated operation, checked before anything else happens.
 *
 * Only primitive numbers pass. An object with `valueOf` is refused rather than coerced, so there is no second evaluation
 * that could give a second value: the number that was checked is the number that is used. TypeError for the wrong kind,
 * RangeError for the wrong value; the monitor is not asked and no state changes.
 */
import { ADDRESS_LIMIT, GRANT_COMMANDS, GRANT_READS, GRANT_WRITES, MEMORY_SPACE } from '../../dsslang/runtime.ts';
import type { PoolInfo, Space, Width } from '../../dsslang/runtime.ts';
import type { DmaPurpose } from '../abi.ts';

/** Offsets lie below this: the end of the largest BAR, and of the fixed addresses, that a specification can describe. */
export const OFFSET_LIMIT = 2 ** 32;

/** The largest value of each width in bytes. */
export function valueMax(width: Width): number {
  return width === 1 ? 0xff : width === 2 ? 0xffff : 0xffff_ffff;
}

/** A non-negative integer below `limit`. */
export function checkInteger(value: unknown, limit: number, name: string): asserts value is number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number`);
  if (!(value >= 0 && value < limit) || value !== Math.floor(value)) {
    throw new RangeError(`${name} must be an integer from 0 to ${limit - 1}`);
  }
}

/** The place and width of a register access. 8-byte accesses are two of 4 on every bus that we model. */
export function checkRegister(space: Space, offset: number, width: Width): void {
  checkInteger(space, MEMORY_SPACE + 1, 'space');
  checkInteger(offset, OFFSET_LIMIT, 'offset');
  if (width !== 1 && width !== 2 && width !== 4) {
    if (typeof width !== 'number') throw new TypeError('width must be a number');
    throw new RangeError('width must be 1, 2 or 4');
  }
}

/** A run of memory: `address + length` stays below the architectural limit, so the sum is exact. */
export function checkMemory(address: number, bytes: Uint8Array): void {
  checkInteger(address, ADDRESS_LIMIT, 'address');
  if (!(bytes instanceof Uint8Array)) throw new TypeError('memory must be copied from or to a Uint8Array');
}

const PURPOSES: ReadonlyMap<string, number> = new Map([
  ['commands', GRANT_COMMANDS],
  ['device-reads', GRANT_READS],
  ['device-writes', GRANT_WRITES],
  ['device-reads-writes', GRANT_READS | GRANT_WRITES],
]);

/** The monitor's flags for a purpose, and for the pool that the memory shall belong to. */
export function purposeFlags(purpose: DmaPurpose, pool: PoolInfo | undefined): number {
  if (typeof purpose !== 'string') throw new TypeError('purpose must be a string');
  const flags = PURPOSES.get(purpose);
  if (flags === undefined) throw new RangeError(`purpose must be one of ${[...PURPOSES.keys()].join(', ')}`);
  if (pool === undefined) return flags;
  if (flags !== GRANT_COMMANDS) throw new RangeError('memory of a pool is for commands');
  return flags | pool.purpose;
}

/** The pool of that name; undefined for no name. */
export function poolNamed(name: string | undefined, pools: readonly PoolInfo[]): PoolInfo | undefined {
  if (name === undefined) return undefined;
  if (typeof name !== 'string') throw new TypeError('pool must be a string');
  const pool = pools.find((each) => each.name === name);
  if (pool === undefined) throw new RangeError(`pool must be one of ${pools.map((each) => each.name).join(', ')}`);
  return pool;
}
