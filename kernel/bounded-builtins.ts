/**
 * Gives the built-in functions an end, before the realm is hardened.
 *
 * `worker.terminate()` stops an endless loop, since V8 looks at every loop's end whether it should stop. Inside a built-in
 * it does not look: `[].indexOf.call({ length: 2 ** 53 })` runs for years and cannot be killed, and a call that makes an
 * array too long (`'x'.repeat(2 ** 29).split('')`) ends the whole process with a fatal error (both measured on Node 20).
 * So the functions whose work grows with a length get a bound on that length, and those that would otherwise take any
 * "array-like" take only real arrays and typed arrays.
 *
 * This is defence in depth and not a proof: syntax reaches some of the same machinery without naming a function.
 * `{ ...text }` with a text of 2^29 characters keeps its thread for many seconds; the kernel then gives the device back all the
 * same and says in the fault that the thread would not end. Against that only a process for each IPD helps.
 */
import { types } from 'node:util';

/** Elements of an array that a built-in function may walk: at most some 0.1 s of work. */
export const ARRAY_LENGTH_MAX = 2 ** 20;
/** Characters of a text that a built-in function may walk. */
export const TEXT_LENGTH_MAX = 2 ** 22;

const { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const { isArray } = Array;
const arrayPrototype = Array.prototype;

/** `String` for values of which nothing is known. */
const toText = String as (value: unknown) => string;

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

const stringValue = getOwnPropertyDescriptor(String.prototype, 'valueOf')?.value as AnyFunction;

function checkText(text: string): string {
  if (text.length > TEXT_LENGTH_MAX)
    throw new RangeError(`built-in functions take texts of at most ${TEXT_LENGTH_MAX} characters`);
  return text;
}

/** A hole's value comes from the prototype chain, so a long chain would multiply the work: only plain arrays pass. */
function checkArray(value: unknown): void {
  if (types.isTypedArray(value)) return;
  if (!isArray(value) || types.isProxy(value) || getPrototypeOf(value) !== arrayPrototype) {
    throw new TypeError('built-in array functions take plain arrays here');
  }
  if (value.length > ARRAY_LENGTH_MAX) {
    throw new RangeError(`built-in functions take arrays of at most ${ARRAY_LENGTH_MAX} elements`);
  }
}

/** Replaces a method, keeping its name, length and attributes. */
function replace(holder: object, key: PropertyKey, make: (native: AnyFunction) => AnyFunction): void {
  const property = getOwnPropertyDescriptor(holder, key);
  if (property === undefined || typeof property.value !== 'function') return;
  const native = property.value as AnyFunction;
  const bounded = make(native);
  defineProperty(bounded, 'name', { value: native.name, configurable: true });
  defineProperty(bounded, 'length', { value: native.length, configurable: true });
  defineProperty(holder, key, { ...property, value: bounded });
}

/** As a method: no `prototype`, no `construct`. */
function method(body: AnyFunction): AnyFunction {
  const holder = {
    bounded(this: unknown, ...args: unknown[]): unknown {
      return apply(body, this, args);
    },
  };
  return Reflect.get(holder, 'bounded');
}

/** Walk their `this` once. `push`, `pop`, `at`, `keys`, `values` and `entries` do not. */
const ARRAY_WALKERS = [
  'copyWithin', 'every', 'fill', 'filter', 'find', 'findIndex', 'findLast', 'findLastIndex', 'forEach', 'includes',
  'indexOf', 'join', 'lastIndexOf', 'map', 'reduce', 'reduceRight', 'reverse', 'shift', 'slice', 'some', 'sort', 'splice',
  'toLocaleString', 'toReversed', 'toSorted', 'toSpliced', 'unshift', 'with',
]; // prettier-ignore

function boundArrays(): void {
  for (const key of ARRAY_WALKERS) {
    replace(arrayPrototype, key, (native) =>
      method(function (...args) {
        checkArray(this);
        return apply(native, this, args);
      }),
    );
  }
  // These walk arrays inside arrays; written out, every loop of theirs can be stopped.
  replace(arrayPrototype, 'concat', () =>
    method(function (...args) {
      const result: unknown[] = [];
      for (const part of [this, ...args]) append(result, part, 1);
      return result;
    }),
  );
  replace(arrayPrototype, 'flat', () =>
    method(function (depth) {
      const result: unknown[] = [];
      append(result, this, (depth === undefined ? 1 : Number(depth)) + 1);
      return result;
    }),
  );
  replace(arrayPrototype, 'flatMap', () =>
    method(function (callback, thisArgument) {
      checkArray(this);
      const source = this as unknown[];
      const result: unknown[] = [];
      for (let index = 0; index < source.length; index += 1) {
        if (index in source)
          append(result, apply(callback as AnyFunction, thisArgument, [source[index], index, source]), 1);
      }
      return result;
    }),
  );
}

/** Appends `part`, or its elements if it is an array and `depth` is not used up. */
function append(result: unknown[], part: unknown, depth: number): void {
  if (!isArray(part) || depth < 1) {
    result.push(part);
    return;
  }
  checkArray(part);
  for (let index = 0; index < part.length; index += 1) {
    if (index in part) append(result, part[index], depth - 1);
  }
}

/** Makes a plain array of an iterable or array-like, in loops that can be stopped. */
function listOf(items: Iterable<unknown> | ArrayLike<unknown>): unknown[] {
  const result: unknown[] = [];
  if (typeof (items as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function') {
    for (const item of items as Iterable<unknown>) result.push(item);
  } else {
    const length = Number((items as ArrayLike<unknown>).length) || 0;
    for (let index = 0; index < length; index += 1) result.push((items as ArrayLike<unknown>)[index]);
  }
  return result;
}

function mapped(items: unknown, map: unknown, thisArgument: unknown): unknown[] {
  const list = listOf(items as Iterable<unknown>);
  if (map === undefined) return list;
  for (let index = 0; index < list.length; index += 1)
    list[index] = apply(map as AnyFunction, thisArgument, [list[index], index]);
  return list;
}

function boundMakers(): void {
  replace(Array, 'from', () => method((items, map, thisArgument) => mapped(items, map, thisArgument)));
  replace(getPrototypeOf(Uint8Array) as object, 'from', () =>
    method(function (items, map, thisArgument) {
      return new (this as Uint8ArrayConstructor)(mapped(items, map, thisArgument) as number[]);
    }),
  );
  replace(String, 'raw', () =>
    method((strings, ...values) => {
      const raw = listOf((strings as TemplateStringsArray).raw);
      let text = '';
      for (let index = 0; index < raw.length; index += 1) {
        text += String(raw[index]);
        if (index + 1 < raw.length && index < values.length) text += String(values[index]);
      }
      return text;
    }),
  );
}

/** All of these walk their text; the others look at one place of it. */
const TEXT_GLANCERS = new Set<PropertyKey>([
  'constructor',
  'toString',
  'valueOf',
  'at',
  'charAt',
  'charCodeAt',
  'codePointAt',
  Symbol.iterator,
]);

function boundTexts(): void {
  for (const key of ownKeys(String.prototype)) {
    if (TEXT_GLANCERS.has(key)) continue;
    replace(String.prototype, key, (native) =>
      method(function (...args) {
        if (this === undefined || this === null) return apply(native, this, args);
        const text = checkText(typeof this === 'string' ? this : toText(this));
        return apply(native, text, args);
      }),
    );
  }
  for (const key of [Symbol.match, Symbol.matchAll, Symbol.replace, Symbol.search, Symbol.split]) {
    replace(RegExp.prototype, key, (native) =>
      method(function (text, ...args) {
        return apply(native, this, [checkText(String(text)), ...args]);
      }),
    );
  }
  replace(JSON, 'parse', (native) =>
    method((text, ...args) => apply(native, JSON, [checkText(String(text)), ...args])),
  );
  replace(JSON, 'stringify', (native) =>
    method((value, replacer, ...args) => {
      if (isArray(replacer)) checkArray(replacer);
      return apply(native, JSON, [value, replacer, ...args]);
    }),
  );
  const listers: [object, string[]][] = [
    [Object, ['keys', 'values', 'entries', 'getOwnPropertyNames', 'getOwnPropertyDescriptors', 'assign', 'freeze']],
    [Reflect, ['ownKeys']],
  ];
  for (const [holder, keys] of listers) {
    for (const key of keys)
      replace(holder, key, (native) => method((...args) => apply(native, holder, checkTexts(args))));
  }
}

/** A text, also one wrapped in an object, has a property for each character. */
function checkTexts(values: unknown[]): unknown[] {
  for (const value of values) {
    if (typeof value === 'string') checkText(value);
    else if (types.isStringObject(value)) checkText(toText(apply(stringValue, value, [])));
  }
  return values;
}

/** Bounds the intrinsics of this realm. To be called once, before `lockdown`. */
export function boundBuiltins(): void {
  boundArrays();
  boundMakers();
  boundTexts();
}
