/**
 * How the simulated TPM reads a command: the same bounds, in the same order, with the same response codes as Part 3 and
 * its reference code give, because which of two mistakes is reported first is part of the wire format.
 */
import {
  HASH_COUNT,
  IMPLEMENTATION_PCR,
  PCR_SELECT_BYTES,
  TPM_ALG_SHA1,
  TPM_ALG_SHA256,
  TPM_ALG_SHA384,
  TPM_ALG_SHA512,
} from './spec.ts';

/** Response codes as the actions name them; the sentences are in `errors.ts`. */
export const RC = {
  ATTRIBUTES: 0x082,
  HASH: 0x083,
  VALUE: 0x084,
  MODE: 0x089,
  TYPE: 0x08a,
  HANDLE: 0x08b,
  AUTH_FAIL: 0x08e,
  NONCE: 0x08f,
  SCHEME: 0x092,
  SIZE: 0x095,
  SYMMETRIC: 0x096,
  INSUFFICIENT: 0x09a,
  KEY: 0x09c,
  POLICY_FAIL: 0x09d,
  INTEGRITY: 0x09f,
  RESERVED_BITS: 0x0a1,
  BAD_AUTH: 0x0a2,
  CURVE: 0x0a6,
  ECC_POINT: 0x0a7,
  INITIALIZE: 0x100,
  FAILURE: 0x101,
  LOCALITY: 0x907,
  DISABLED: 0x120,
  AUTH_MISSING: 0x125,
  POLICY: 0x126,
  PCR_CHANGED: 0x128,
  AUTH_UNAVAILABLE: 0x12f,
  COMMAND_SIZE: 0x142,
  COMMAND_CODE: 0x143,
  AUTH_CONTEXT: 0x145,
  NV_RANGE: 0x146,
  NV_LOCKED: 0x148,
  NV_AUTHORIZATION: 0x149,
  NV_UNINITIALIZED: 0x14a,
  NV_SPACE: 0x14b,
  NV_DEFINED: 0x14c,
  OBJECT_MEMORY: 0x902,
  SESSION_MEMORY: 0x903,
  REFERENCE_H0: 0x910,
  REFERENCE_S0: 0x918,
  LOCKOUT: 0x921,
} as const;

/** Added to a format-one code: which handle, parameter or session (from 1) is to blame. */
export const handleNumber = (n: number): number => n * 0x100;
export const parameterNumber = (n: number): number => 0x040 + n * 0x100;
export const sessionNumber = (n: number): number => 0x800 + n * 0x100;

/** The command is refused with this response code. Thrown inside the simulated TPM only, never out of it. */
export class Refusal extends Error {
  readonly responseCode: number;
  constructor(responseCode: number) {
    super(`0x${responseCode.toString(16)}`);
    this.responseCode = responseCode;
  }
}

/** Adds the blame only to codes that can carry one, as the reference code does. */
export function withBlame(code: number, blame: number): Refusal {
  return new Refusal((code & 0x080) !== 0 && (code & 0xf40) === 0 ? code + blame : code);
}

const DIGEST_SIZES: ReadonlyMap<number, number> = new Map([
  [TPM_ALG_SHA1, 20],
  [TPM_ALG_SHA256, 32],
  [TPM_ALG_SHA384, 48],
  [TPM_ALG_SHA512, 64],
]);

export interface PcrSelection {
  readonly algorithm: number;
  readonly bitmap: Uint8Array;
}

/** PCR numbers in a SHA-256 selection list, ascending; other banks do not exist here and select nothing. */
export function selectedPcrs(selections: readonly PcrSelection[]): number[] {
  const pcrs: number[] = [];
  for (const { algorithm, bitmap } of selections) {
    if (algorithm !== TPM_ALG_SHA256) continue;
    for (let pcr = 0; pcr < IMPLEMENTATION_PCR; pcr += 1) {
      if (((bitmap[pcr >> 3] ?? 0) & (1 << (pcr & 7))) !== 0) pcrs.push(pcr);
    }
  }
  return pcrs;
}

/** Reads one area of a command. Every failure is a `Refusal` with the current blame. */
export class Input {
  readonly #bytes: Uint8Array;
  #at = 0;
  #end: number;
  /** Which part is being read. */
  blame = 0;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  /** Names the parameter (from 1) that the following reads belong to. */
  parameter(number: number): this {
    this.blame = parameterNumber(number);
    return this;
  }

  refuse(code: number): Refusal {
    return withBlame(code, this.blame);
  }

  take(length: number): Uint8Array {
    if (length > this.remaining) throw this.refuse(RC.INSUFFICIENT);
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  /** All that is left, without reading it. */
  rest(): Uint8Array {
    return this.#bytes.slice(this.#at, this.#end);
  }

  u8(): number {
    return this.take(1)[0] ?? 0;
  }

  u16(): number {
    const bytes = this.take(2);
    return (bytes[0] ?? 0) * 0x100 + (bytes[1] ?? 0);
  }

  u32(): number {
    const bytes = this.take(4);
    return (bytes[0] ?? 0) * 0x1000000 + (bytes[1] ?? 0) * 0x10000 + (bytes[2] ?? 0) * 0x100 + (bytes[3] ?? 0);
  }

  /** A TPM2B of at most `max` bytes: too long is SIZE, cut short is INSUFFICIENT. */
  sized(max: number): Uint8Array {
    const length = this.u16();
    if (length > max) throw this.refuse(RC.SIZE);
    return this.take(length);
  }

  /** A TPM2B around a structure: the structure is read first, then its length must be the one claimed. */
  sizedStructure<Structure>(read: () => Structure): Structure {
    const length = this.u16();
    if (length === 0) throw this.refuse(RC.SIZE);
    const before = this.remaining;
    const structure = read();
    if (before - this.remaining !== length) throw this.refuse(RC.SIZE);
    return structure;
  }

  hashAlgorithm(): number {
    const algorithm = this.u16();
    if (!DIGEST_SIZES.has(algorithm)) throw this.refuse(RC.HASH);
    return algorithm;
  }

  /** TPML_DIGEST_VALUES. */
  digestValues(): { algorithm: number; digest: Uint8Array }[] {
    const count = this.u32();
    if (count > HASH_COUNT) throw this.refuse(RC.SIZE);
    return Array.from({ length: count }, () => {
      const algorithm = this.hashAlgorithm();
      return { algorithm, digest: this.take(DIGEST_SIZES.get(algorithm) ?? 0) };
    });
  }

  /** TPML_PCR_SELECTION. */
  pcrSelections(): PcrSelection[] {
    const count = this.u32();
    if (count > HASH_COUNT) throw this.refuse(RC.SIZE);
    return Array.from({ length: count }, () => {
      const algorithm = this.hashAlgorithm();
      if (this.u8() !== PCR_SELECT_BYTES) throw this.refuse(RC.VALUE);
      return { algorithm, bitmap: this.take(PCR_SELECT_BYTES) };
    });
  }

  /** The last parameter is read: nothing may follow. Blames nobody. */
  end(): void {
    if (this.remaining !== 0) throw new Refusal(RC.SIZE);
  }
}
