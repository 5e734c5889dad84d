/**
 * SHA-256 of four messages at once, one per 32-bit lane of WebAssembly's 128-bit vectors, as generated code.
 *
 * FIPS 180-4, sections 4.1.2 (functions), 4.2.2 (constants), 5.3.3 (initial value) and 6.2.2 (the computation), with
 * the 64 rounds unrolled. The four messages have the same number of 64-byte blocks and are already padded. The kernel
 * knows nothing of trees; `wasm.ts` lays the messages out. Four lanes idle cost as much as four lanes used.
 */
import type { Code, FunctionSource } from './wasm-assembler.ts';
import { assembleModule, call, countDown, either, i32, importedGlobal, local, v128 } from './wasm-assembler.ts';

/** Chaining state, from the scratch's start: eight vectors, word i of all four messages in vector i. */
const STATE = 0;
/** The block that `compress` takes, from the scratch's start: sixteen vectors, word i of all four messages in vector i. */
const BLOCK = 128;
/** Nobody writes these while a kernel hashes, so that kernels that work side by side in one memory share them. */
const INITIAL_STATE_AT = 384;
const ROUND_CONSTANTS_AT = 512;
/** A last block with nothing in it but padding, for messages of one size. */
const PADDING_AT = 1536;
/** Padded messages, then digests, up to the end of the first memory page; or a list of nodes. */
export const MESSAGES_AT = 2048;
export const MESSAGES_SIZE_BYTES = 32768;
export const DIGESTS_AT = MESSAGES_AT + MESSAGES_SIZE_BYTES;
/** What the kernel uses itself; whoever gives it more memory has the rest. */
export const KERNEL_SIZE_BYTES = 65_536;

const INITIAL_STATE = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes (section 4.2.2). */
const ROUND_CONSTANTS = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
];

/** Locals of `compress`: eight working words, sixteen schedule words, and scratch. */
const WORKING = 0;
const SCHEDULE = 8;
const T1 = 24;
const A_XOR_B = 25;
const B_XOR_C = 26;
const COMPRESS_VECTORS = 27;

const at = (address: number): Code => i32.const(address);
const get = local.get;
/** Where this kernel keeps its state and its block: what two kernels in one memory must not share. */
const scratch = importedGlobal;
const schedule = (round: number): number => SCHEDULE + (round % 16);

/** There is no rotate instruction: two shifts and an or. */
function rotateRight(word: Code, bits: number): Code {
  return v128.or(v128.shiftRight(word, i32.const(bits)), v128.shiftLeft(word, i32.const(32 - bits)));
}

function xor3(a: Code, b: Code, c: Code): Code {
  return v128.xor(v128.xor(a, b), c);
}

const bigSigma0 = (x: Code): Code => xor3(rotateRight(x, 2), rotateRight(x, 13), rotateRight(x, 22));
const bigSigma1 = (x: Code): Code => xor3(rotateRight(x, 6), rotateRight(x, 11), rotateRight(x, 25));
const smallSigma0 = (x: Code): Code => xor3(rotateRight(x, 7), rotateRight(x, 18), v128.shiftRight(x, i32.const(3)));
const smallSigma1 = (x: Code): Code => xor3(rotateRight(x, 17), rotateRight(x, 19), v128.shiftRight(x, i32.const(10)));
/** Ch(e, f, g) with one operation less than by its definition. */
const choose = (e: Code, f: Code, g: Code): Code => v128.xor(g, v128.and(e, v128.xor(f, g)));

const BYTE_SWAP = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];
const LOW_WORDS = [0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23];
const HIGH_WORDS = [8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31];
const LOW_PAIRS = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const HIGH_PAIRS = [8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31];

const swapBytes = (value: Code): Code => v128.shuffleBytes(value, value, BYTE_SWAP);

/** Transposes the 4x4 words in locals `from..from+3` into four values; uses locals `pairs..pairs+3`. */
function transpose(from: number, pairs: number): { readonly setup: Code; readonly rows: readonly Code[] } {
  const rowPair = (a: number, b: number, picks: readonly number[]): Code =>
    v128.shuffleBytes(get(from + a), get(from + b), picks);
  const setup = [
    ...local.set(pairs, rowPair(0, 1, LOW_WORDS)),
    ...local.set(pairs + 1, rowPair(2, 3, LOW_WORDS)),
    ...local.set(pairs + 2, rowPair(0, 1, HIGH_WORDS)),
    ...local.set(pairs + 3, rowPair(2, 3, HIGH_WORDS)),
  ];
  const row = (low: number, picks: readonly number[]): Code =>
    v128.shuffleBytes(get(pairs + low), get(pairs + low + 1), picks);
  return { setup, rows: [row(0, LOW_PAIRS), row(0, HIGH_PAIRS), row(2, LOW_PAIRS), row(2, HIGH_PAIRS)] };
}

/** W_t for t >= 16, into the slot of W_(t-16). */
function extendSchedule(round: number): Code {
  const older = v128.add(smallSigma0(get(schedule(round + 1))), get(schedule(round)));
  const newer = v128.add(smallSigma1(get(schedule(round + 14))), get(schedule(round + 9)));
  return local.set(schedule(round), v128.add(older, newer));
}

/** The compression of one block. Working words are renamed instead of moved: word i of round t is in slot (i - t) mod 8. */
function compressBlock(): Code {
  const code: Code = [];
  const slot = (word: number, round: number): number => WORKING + ((word - round + 64) % 8);
  for (let word = 0; word < 8; word += 1) {
    code.push(...local.set(WORKING + word, v128.load(scratch, STATE + 16 * word)));
  }
  for (let word = 0; word < 16; word += 1) {
    code.push(...local.set(SCHEDULE + word, v128.load(scratch, BLOCK + 16 * word)));
  }
  code.push(...local.set(B_XOR_C, v128.xor(get(slot(1, 0)), get(slot(2, 0)))));
  for (let round = 0; round < 64; round += 1) {
    const [a, b, d, h] = [slot(0, round), slot(1, round), slot(3, round), slot(7, round)] as const;
    const [e, f, g] = [slot(4, round), slot(5, round), slot(6, round)] as const;
    if (round >= 16) code.push(...extendSchedule(round));
    const input = v128.add(get(schedule(round)), v128.load(at(ROUND_CONSTANTS_AT), 16 * round));
    const mixed = v128.add(bigSigma1(get(e)), choose(get(e), get(f), get(g)));
    // Maj(a, b, c) = b ^ ((a ^ b) & (b ^ c)), and this round's a ^ b is the next one's b ^ c.
    const majority = v128.xor(get(b), v128.and(get(A_XOR_B), get(B_XOR_C)));
    code.push(
      ...local.set(T1, v128.add(v128.add(get(h), input), mixed)),
      ...local.set(d, v128.add(get(d), get(T1))),
      ...local.set(A_XOR_B, v128.xor(get(a), get(b))),
      ...local.set(h, v128.add(get(T1), v128.add(bigSigma0(get(a)), majority))),
      ...local.set(B_XOR_C, get(A_XOR_B)),
    );
  }
  for (let word = 0; word < 8; word += 1) {
    const sum = v128.add(v128.load(scratch, STATE + 16 * word), get(WORKING + word));
    code.push(...v128.store(scratch, sum, STATE + 16 * word));
  }
  return code;
}

const vectors = (count: number): 'v128'[] => new Array<'v128'>(count).fill('v128');

/** begin(): sets the state to the initial hash value. */
const begin: FunctionSource = {
  name: 'begin',
  parameterCount: 0,
  locals: [],
  body: INITIAL_STATE.flatMap((_, word) =>
    v128.store(scratch, v128.load(at(INITIAL_STATE_AT), 16 * word), STATE + 16 * word),
  ),
};

/** compress(): one block of each message, from the scratch. */
const compress: FunctionSource = {
  name: 'compress',
  parameterCount: 0,
  locals: vectors(COMPRESS_VECTORS),
  body: compressBlock(),
};

/** load(a, b, c, d, to): 16 bytes of each message, byte-swapped and turned so that a vector is one word. */
const load: FunctionSource = {
  name: 'load',
  parameterCount: 5,
  locals: vectors(8),
  body: (() => {
    const loads = [0, 1, 2, 3].flatMap((lane) => local.set(5 + lane, swapBytes(v128.load(get(lane)))));
    const { setup, rows } = transpose(5, 9);
    return [...loads, ...setup, ...rows.flatMap((row, word) => v128.store(get(4), row, 16 * word))];
  })(),
};

/** finish(a, b, c, d): writes the four digests, 32 bytes each. */
const finish: FunctionSource = {
  name: 'finish',
  parameterCount: 4,
  locals: vectors(8),
  body: [0, 1].flatMap((half) => {
    const loads = [0, 1, 2, 3].flatMap((word) =>
      local.set(4 + word, v128.load(scratch, STATE + 16 * (4 * half + word))),
    );
    const { setup, rows } = transpose(4, 8);
    return [...loads, ...setup, ...rows.flatMap((row, lane) => v128.store(get(lane), swapBytes(row), 16 * half))];
  }),
};

const [BEGIN, COMPRESS, LOAD, FINISH, ABSORB] = [0, 1, 2, 3, 4] as const;
const quarterAt = (quarter: number): Code => plus(scratch, BLOCK + 64 * quarter);
const plus = (address: Code, bytes: number): Code => (bytes === 0 ? address : i32.add(address, i32.const(bytes)));

/** absorb(source, stride, blocks): takes `blocks` >= 1 blocks of each message; message i starts at source + i * stride. */
const absorb: FunctionSource = {
  name: 'absorb',
  parameterCount: 3,
  locals: [],
  body: countDown(2, [
    ...[0, 1, 2, 3].flatMap((quarter) => {
      const lanes = [0, 1, 2, 3].map((lane) => i32.add(get(0), i32.mul(get(1), i32.const(lane))));
      return call(LOAD, ...lanes.map((address) => plus(address, 16 * quarter)), quarterAt(quarter));
    }),
    ...call(COMPRESS),
    ...local.set(0, plus(get(0), 64)),
  ]),
};

/** hashGroups(source, stride, blocks, groups, target): `groups` >= 1 times four messages, laid out with one stride. */
const hashGroups: FunctionSource = {
  name: 'hashGroups',
  parameterCount: 5,
  locals: [],
  body: countDown(3, [
    ...call(BEGIN),
    ...call(ABSORB, get(0), get(1), get(2)),
    ...call(FINISH, ...[0, 1, 2, 3].map((lane) => plus(get(4), 32 * lane))),
    ...local.set(0, i32.add(get(0), i32.mul(get(1), i32.const(4)))),
    ...local.set(4, plus(get(4), 128)),
  ]),
};

/** Parameters and locals of `hashNodes`. */
const [LIST, GROUPS, BODIES, BODY_SIZE, TARGET, WORD0, WORD1] = [0, 1, 2, 3, 4, 5, 6] as const;
const [BLOCKS_LEFT, LEFT, BODY] = [7, 8, 9] as const;

/** One quarter of a block: the next 16 bytes of the bodies as long as there are some, then padding. */
function nextQuarter(quarter: number): Code {
  const bodies = [0, 1, 2, 3].map((lane) => get(BODY + lane));
  const take = [
    ...call(LOAD, ...bodies, quarterAt(quarter)),
    ...[0, 1, 2, 3].flatMap((lane) => local.set(BODY + lane, plus(get(BODY + lane), 16))),
    ...local.set(LEFT, i32.sub(get(LEFT), i32.const(1))),
  ];
  const pad = [0, 1, 2, 3].flatMap((word) => {
    const offset = 64 * quarter + 16 * word;
    return v128.store(scratch, v128.load(at(PADDING_AT), offset), BLOCK + offset);
  });
  return either(get(LEFT), take, pad);
}

/**
 * hashNodes(list, groups, bodies, bodySize, target, word0, word1): node i's body lies at bodies + i * bodySize and its
 * digest goes to target + 32 i; its prefix is word0, word1, 0, i. The list holds four nodes for each of `groups` >= 1
 * groups, bodies have a multiple of 16 bytes and at least 48, and `setPadding` was called for their messages' size.
 */
const hashNodes: FunctionSource = {
  name: 'hashNodes',
  parameterCount: 7,
  locals: ['i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
  body: countDown(GROUPS, [
    ...call(BEGIN),
    ...[0, 1, 2, 3].flatMap((lane) =>
      local.set(BODY + lane, i32.add(get(BODIES), i32.mul(i32.load(get(LIST), 4 * lane), get(BODY_SIZE)))),
    ),
    ...local.set(LEFT, i32.shiftRight(get(BODY_SIZE), i32.const(4))),
    ...[get(WORD0), get(WORD1), at(0)].flatMap((word, k) => v128.store(scratch, v128.splat(word), BLOCK + 16 * k)),
    ...v128.store(scratch, v128.load(get(LIST)), BLOCK + 48),
    ...[1, 2, 3].flatMap(nextQuarter),
    ...call(COMPRESS),
    // (16 + body + 9 bytes, rounded up to blocks) - 1
    ...local.set(BLOCKS_LEFT, i32.shiftRight(plus(get(BODY_SIZE), 16 + 8), i32.const(6))),
    ...countDown(BLOCKS_LEFT, [...[0, 1, 2, 3].flatMap(nextQuarter), ...call(COMPRESS)]),
    ...call(
      FINISH,
      ...[0, 1, 2, 3].map((lane) => i32.add(get(TARGET), i32.shiftLeft(i32.load(get(LIST), 4 * lane), i32.const(5)))),
    ),
    ...local.set(LIST, plus(get(LIST), 16)),
  ]),
};

/** What the module exports. All addresses are bytes in the memory that it was given. */
export interface Sha256x4 {
  begin(): void;
  absorb(source: number, strideBytes: number, blocks: number): void;
  finish(a: number, b: number, c: number, d: number): void;
  hashGroups(source: number, strideBytes: number, blocks: number, groups: number, target: number): void;
  hashNodes(
    list: number,
    groups: number,
    bodies: number,
    bodySizeBytes: number,
    target: number,
    word0: number,
    word1: number,
  ): void;
}

/** Writes each word as a vector, the same in all four lanes. */
function splat(memory: ArrayBufferLike, address: number, words: readonly number[]): void {
  const view = new Uint32Array(memory);
  words.forEach((word, i) => view.fill(word, address / 4 + 4 * i, address / 4 + 4 * i + 4));
}

/** Writes what every kernel in this memory reads. */
export function writeConstants(memory: ArrayBufferLike): void {
  splat(memory, INITIAL_STATE_AT, INITIAL_STATE);
  splat(memory, ROUND_CONSTANTS_AT, ROUND_CONSTANTS);
}

/** Tells `hashNodes` how long all messages are: prefix and body. */
export function setPadding(memory: ArrayBufferLike, messageSizeBytes: number): void {
  const words = new Array<number>(16).fill(0);
  words[(messageSizeBytes % 64) / 4] = 0x80000000;
  words[15] = messageSizeBytes * 8;
  splat(memory, PADDING_AT, words);
}

/** The module's bytes, the same on every machine and in every run: for a memory of its own or for one that threads share. */
export function sha256x4Module(memory: 'own' | 'shared' = 'own'): Uint8Array<ArrayBuffer> {
  return assembleModule([begin, compress, load, finish, absorb, hashGroups, hashNodes], memory === 'shared');
}
