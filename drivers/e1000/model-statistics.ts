/**
 * The statistics registers of the 82540EM model (data sheet 13.7): counters that stick at their top and clear when read.
 */
import type { E1000State } from './model-state.ts';
import { register, setRegister } from './model-state.ts';
import * as r from './registers.ts';

const TOP = 0xffff_ffff;

/** Adds one, unless the counter is full: a statistic never wraps. */
export function count(state: E1000State, offset: number): void {
  const value = register(state, offset);
  if (value !== TOP) setRegister(state, offset, value + 1);
}

/** Adds octets to a 64-bit counter whose low word is at `offset`; at the top it sticks. */
export function countOctets(state: E1000State, offset: number, octets: number): void {
  const low = register(state, offset) + octets;
  const carry = low > TOP;
  if (carry && register(state, offset + 4) === TOP) {
    setRegister(state, offset, TOP);
    return;
  }
  setRegister(state, offset, low % 2 ** 32);
  if (carry) setRegister(state, offset + 4, register(state, offset + 4) + 1);
}

/** The six packet-size counters follow each other from `first`; `size` includes the CRC. Runts are in none of them. */
export function countSize(state: E1000State, first: number, size: number): void {
  const limits = [64, 127, 255, 511, 1023];
  if (size < 64) return;
  const bucket = limits.findIndex((limit) => size <= limit);
  count(state, first + 4 * (bucket === -1 ? limits.length : bucket));
}

export function copyCounter(state: E1000State, from: number, to: number): void {
  setRegister(state, to, register(state, from));
}

/** 64-bit counters: reading the high word clears both; reading the low word clears nothing. */
const OCTET_HIGH_WORDS = new Set([r.GORCH, r.GOTCH, r.TORH, r.TOTH]);
const OCTET_LOW_WORDS = new Set([r.GORCL, r.GOTCL, r.TORL, r.TOTL]);
/** Counters of things that this model never sees happen; they are plain read-only zeros. */
const PLAIN = new Set(
  [
    0x4000, 0x4004, 0x4008, 0x400c, 0x4010, 0x4014, 0x4018, 0x401c, 0x4020, 0x4028, 0x4030, 0x4034, 0x4038, 0x403c,
    0x4040,
  ].concat([0x4048, 0x404c, 0x4050, 0x4054, r.RNBC, 0x40b0, 0x40b4, 0x40b8, 0x40bc, 0x40fc]),
);

export function readStatistic(state: E1000State, offset: number): number {
  const value = register(state, offset);
  if (OCTET_LOW_WORDS.has(offset) || PLAIN.has(offset)) return value;
  if (OCTET_HIGH_WORDS.has(offset)) setRegister(state, offset - 4, 0);
  setRegister(state, offset, 0);
  return value;
}
