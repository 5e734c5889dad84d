/**
 * Copies plain data across the boundary between a driver and the rest of the world.
 *
 * What a driver hands over is an allegation: an object may be a Proxy, a property a getter, a prototype a trap. This copy
 * runs *no* code of the other side: proxies and accessors are refused before they are touched, prototypes must be the
 * plain ones, and array contents are read through the intrinsic, never through what the object says of itself.
 * Allowed: undefined, null, booleans, numbers, strings, bigints, Uint8Arrays, arrays and objects of the same.
 */
import { types } from 'node:util';
import type { DriverMessage } from './abi.ts';
import { MESSAGE_BYTES_MAX, MESSAGE_DEPTH_MAX, MESSAGE_VALUES_MAX } from './limits.ts';

// Taken at load time, before any untrusted code runs: a later change of a prototype cannot redirect them.
const { apply, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const typedArrayPrototype = getPrototypeOf(Uint8Array.prototype) as object;
const typedLength = getOwnPropertyDescriptor(typedArrayPrototype, 'length')?.get as () => number;
// eslint-disable-next-line @typescript-eslint/unbound-method
const typedSet = Uint8Array.prototype.set;
const objectPrototype = Object.prototype;
const { isArray } = Array;

interface Budget {
  values: number;
  bytes: number;
}

function spend(budget: Budget, bytes: number): void {
  budget.values += 1;
  budget.bytes += bytes;
  if (budget.values > MESSAGE_VALUES_MAX) throw new RangeError(`a message holds at most ${MESSAGE_VALUES_MAX} values`);
  if (budget.bytes > MESSAGE_BYTES_MAX) throw new RangeError(`a message holds at most ${MESSAGE_BYTES_MAX} bytes`);
}

/** The true length of a genuine Uint8Array. */
export function bytesLength(bytes: unknown): number {
  if (!types.isUint8Array(bytes)) throw new TypeError('bytes must be a Uint8Array');
  return apply(typedLength, bytes, []);
}

/** A private copy of a genuine Uint8Array; a Proxy, a view of another kind or a look-alike is refused. */
export function copyBytes(bytes: unknown): Uint8Array {
  const copy = new Uint8Array(bytesLength(bytes));
  apply(typedSet, copy, [bytes]);
  return copy;
}

/** The value of a plain own property. */
function ownValue(source: object, key: PropertyKey): unknown {
  const property = getOwnPropertyDescriptor(source, key);
  if (property === undefined || !('value' in property))
    throw new TypeError('a message holds no accessors and no holes');
  return property.value;
}

function copyArray(source: readonly unknown[], budget: Budget, depth: number): unknown[] {
  const length = ownValue(source, 'length') as number;
  if (length > MESSAGE_VALUES_MAX) throw new RangeError(`a message holds at most ${MESSAGE_VALUES_MAX} values`);
  const copy: unknown[] = [];
  for (let index = 0; index < length; index += 1) copy[index] = copyValue(ownValue(source, index), budget, depth);
  return copy;
}

function copyObject(source: object, budget: Budget, depth: number): Record<string, unknown> {
  const prototype = getPrototypeOf(source);
  if (prototype !== objectPrototype && prototype !== null) throw new TypeError('a message holds plain objects only');
  const copy: Record<string, unknown> = {};
  for (const key of ownKeys(source)) {
    if (typeof key !== 'string') throw new TypeError('a message holds no symbols');
    // Harmless here, but whoever merges the message into another object would change its prototype.
    if (key === '__proto__') throw new TypeError('a message holds no `__proto__`');
    spend(budget, key.length * 2);
    copy[key] = copyValue(ownValue(source, key), budget, depth);
  }
  return copy;
}

function copyValue(value: unknown, budget: Budget, depth: number): unknown {
  switch (typeof value) {
    case 'undefined':
    case 'boolean':
    case 'number':
      spend(budget, 8);
      return value;
    case 'string':
      spend(budget, value.length * 2);
      return value;
    case 'bigint':
      // 64 bits are what a register or an address can need; larger ones are refused rather than measured.
      if (BigInt.asUintN(64, value) !== value) throw new RangeError('a bigint in a message has at most 64 bits');
      spend(budget, 8);
      return value;
    case 'object':
      break;
    case 'function':
    case 'symbol':
      throw new TypeError(`a message holds no ${typeof value}s`);
  }
  spend(budget, 8);
  if (value === null) return null;
  if (depth >= MESSAGE_DEPTH_MAX) throw new RangeError(`a message is at most ${MESSAGE_DEPTH_MAX} objects deep`);
  if (types.isProxy(value)) throw new TypeError('a message holds no proxies');
  if (types.isUint8Array(value)) {
    spend(budget, bytesLength(value));
    return copyBytes(value);
  }
  if (isArray(value)) return copyArray(value, budget, depth + 1);
  return copyObject(value, budget, depth + 1);
}

/**
 * A deep private copy of a message.
 * @throws TypeError for anything but plain data with a string `kind`; RangeError past a limit of `limits.ts`
 */
export function copyMessage(message: unknown): DriverMessage {
  if (typeof message !== 'object' || message === null) throw new TypeError('a message must be an object');
  const copy = copyValue(message, { values: 0, bytes: 0 }, 0);
  if (typeof (copy as DriverMessage).kind !== 'string') throw new TypeError('a message must have a string `kind`');
  return copy as DriverMessage;
}
