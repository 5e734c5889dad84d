/**
 * How a device model keeps all of its state in one buffer that two threads may share.
 *
 * A model never holds state in JavaScript variables: the thread that ran the driver may be terminated at any
 * instruction, and the kernel must then be able to reset the same device from its own thread. Views are handed out from
 * the start of the buffer, in a fixed order, so that every attachment finds the same state at the same place.
 *
 * It does not order or lock accesses: `model-lock.ts` does.
 */

/** Hands out views of one buffer, one after the other, each aligned for its type. */
export interface StateLayout {
  bytes(count: number): Uint8Array;
  halves(count: number): Uint16Array;
  words(count: number): Uint32Array;
  doubles(count: number): Float64Array;
  /** Named 32-bit unsigned fields, read and assigned like properties. */
  fields<Name extends string>(names: readonly Name[]): Record<Name, number>;
}

/** @throws RangeError if the views asked for do not fit into `buffer` */
export function layOut(buffer: ArrayBufferLike): StateLayout {
  let next = 0;
  function place(count: number, unitBytes: number): number {
    const start = Math.ceil(next / unitBytes) * unitBytes;
    next = start + count * unitBytes;
    return start;
  }
  function words(count: number): Uint32Array {
    return new Uint32Array(buffer, place(count, 4), count);
  }
  return {
    bytes: (count) => new Uint8Array(buffer, place(count, 1), count),
    halves: (count) => new Uint16Array(buffer, place(count, 2), count),
    words,
    doubles: (count) => new Float64Array(buffer, place(count, 8), count),
    fields: (names) => namedFields(words(names.length), names),
  };
}

function namedFields<Name extends string>(words: Uint32Array, names: readonly Name[]): Record<Name, number> {
  const fields = {} as Record<Name, number>;
  names.forEach((name, index) => {
    Object.defineProperty(fields, name, {
      enumerable: true,
      get: () => words[index],
      set: (value: number) => {
        words[index] = value;
      },
    });
  });
  return fields;
}
