/**
 * A tiny assembler for WebAssembly modules: just what the SHA-256 kernel needs, so that the build needs no C toolchain
 * and the repository holds no binary. Code is an array of bytes; every function here returns one more piece of it.
 *
 * Follows the WebAssembly core specification 2.0: section 5 (binary format), 5.4.8 (vector instructions). It checks
 * nothing: the engine's own validation (`WebAssembly.validate`) and the digests it computes are the check.
 */

export type Code = number[];
export type ValueType = 'i32' | 'v128';

const VALUE_TYPE: Record<ValueType, number> = { i32: 0x7f, v128: 0x7b };

/** Unsigned LEB128 (section 5.2.2). */
export function unsigned(value: number): Code {
  const bytes: Code = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low + 128 : low);
  } while (rest > 0);
  return bytes;
}

/** Signed LEB128 of a 32-bit integer. */
function signed(value: number): Code {
  const bytes: Code = [];
  let rest = value | 0;
  for (;;) {
    const low = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

const vector =
  (opcode: number) =>
  (...operands: Code[]): Code => [...operands.flat(), 0xfd, ...unsigned(opcode)];

const numeric =
  (opcode: number) =>
  (...operands: Code[]): Code => [...operands.flat(), opcode];

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  add: numeric(0x6a),
  sub: numeric(0x6b),
  mul: numeric(0x6c),
  shiftLeft: numeric(0x74),
  shiftRight: numeric(0x76),
  load: (address: Code, offset = 0): Code => [...address, 0x28, 0x02, ...unsigned(offset)],
};

/** Four 32-bit lanes, except where the name says bytes. Shift counts are i32 operands. */
export const v128 = {
  load: (address: Code, offset = 0): Code => [...address, 0xfd, 0x00, 0x04, ...unsigned(offset)],
  store: (address: Code, value: Code, offset = 0): Code => [
    ...address,
    ...value,
    0xfd,
    0x0b,
    0x04,
    ...unsigned(offset),
  ],
  /** One i32 in all four lanes. */
  splat: vector(0x11),
  /** Picks 16 bytes out of the 32 of `a` then `b`. */
  shuffleBytes: (a: Code, b: Code, picks: readonly number[]): Code => [...a, ...b, 0xfd, 0x0d, ...picks],
  and: vector(0x4e),
  or: vector(0x50),
  xor: vector(0x51),
  shiftLeft: vector(0xab),
  shiftRight: vector(0xad),
  add: vector(0xae),
};

export const local = {
  get: (index: number): Code => [0x20, ...unsigned(index)],
  set: (index: number, value: Code): Code => [...value, 0x21, ...unsigned(index)],
};

/** The module's only global, an i32 that it is given as `host.scratch` and that never changes. */
export const importedGlobal: Code = [0x23, 0x00];

/** Runs `body` while the i32 in local `counter`, decremented after each round, is not zero. It must start above zero. */
export function countDown(counter: number, body: Code): Code {
  const decrement = local.set(counter, i32.sub(local.get(counter), i32.const(1)));
  return [0x03, 0x40, ...body, ...decrement, ...local.get(counter), 0x0d, 0x00, 0x0b];
}

/** Runs one of two bodies; the first if `condition` is not zero. */
export function either(condition: Code, then: Code, otherwise: Code): Code {
  return [...condition, 0x04, 0x40, ...then, 0x05, ...otherwise, 0x0b];
}

/** Calls a function of the same module by its position. */
export function call(position: number, ...operands: Code[]): Code {
  return [...operands.flat(), 0x10, ...unsigned(position)];
}

/** A function with i32 parameters and no result; `locals` follow the parameters in numbering. */
export interface FunctionSource {
  readonly name: string;
  readonly parameterCount: number;
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

function section(id: number, items: readonly Code[]): Code {
  const content = [...unsigned(items.length), ...items.flat()];
  return [id, ...unsigned(content.length), ...content];
}

function name(text: string): Code {
  return [...unsigned(text.length), ...[...text].map((letter) => letter.charCodeAt(0))];
}

function functionCode(source: FunctionSource): Code {
  const locals = source.locals.map((type) => [1, VALUE_TYPE[type]]);
  const content = [...unsigned(locals.length), ...locals.flat(), ...source.body, 0x0b];
  return [...unsigned(content.length), ...content];
}

/** At least one page, with no upper limit; a shared memory must have one (section 4.2.8 of the threads proposal): all 4 GiB. */
const MEMORY_LIMITS: Code = [0x00, ...unsigned(1)];
const SHARED_MEMORY_LIMITS: Code = [0x03, ...unsigned(1), ...unsigned(65_536)];

/**
 * A whole module: it works on the memory it is given as `host.memory`, with the number `host.scratch`, and exports every
 * function by its name.
 */
export function assembleModule(functions: readonly FunctionSource[], isShared: boolean): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameterCount }) => [
    0x60,
    ...unsigned(parameterCount),
    ...new Array<number>(parameterCount).fill(VALUE_TYPE.i32),
    0,
  ]);
  const memory = [...name('host'), ...name('memory'), 0x02, ...(isShared ? SHARED_MEMORY_LIMITS : MEMORY_LIMITS)];
  const scratch = [...name('host'), ...name('scratch'), 0x03, VALUE_TYPE.i32, 0x00];
  const exports = functions.map((source, position) => [...name(source.name), 0x00, ...unsigned(position)]);
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, types),
    ...section(2, [memory, scratch]),
    ...section(
      3,
      functions.map((_, position) => unsigned(position)),
    ),
    ...section(7, exports),
    ...section(10, functions.map(functionCode)),
  ]);
}
