/**
 * Bytes in and out: the canonical (big-endian) form of TPM 2.0 Part 2 structures.
 *
 * The reader never reads past its end and the decoder of a structure never trusts an embedded size: what comes from a
 * TPM, or from the wire in front of it, is an allegation. The writer refuses values that do not fit their field.
 * Nothing here knows sessions, transports or the state of a TPM.
 */
import { TpmTransportError } from './errors.ts';
import { MAX_COMMAND_SIZE_BYTES, PCR_SELECT_BYTES, TPM_ALG_SHA256, IMPLEMENTATION_PCR } from './spec.ts';

/** Reads big-endian fields from a bounded run of bytes. @throws TpmTransportError `TPM_BAD_RESPONSE` at the end of input */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Passes `length` bytes and says where they begin. */
  #pass(length: number): number {
    if (length > this.remaining) {
      throw new TpmTransportError(
        'TPM_BAD_RESPONSE',
        `TPM response ends early: ${length} bytes wanted, ${this.remaining} left`,
      );
    }
    this.#at += length;
    return this.#at - length;
  }

  #byte(at: number): number {
    return this.#bytes[at] ?? 0;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** A private copy of the next `length` bytes. */
  take(length: number): Uint8Array {
    const at = this.#pass(length);
    return this.#bytes.slice(at, at + length);
  }

  u8(): number {
    return this.#byte(this.#pass(1));
  }

  u16(): number {
    const at = this.#pass(2);
    return this.#byte(at) * 0x100 + this.#byte(at + 1);
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** A TPM2B: 16-bit length, then that many bytes. */
  sized(): Uint8Array {
    return this.take(this.u16());
  }

  /** @throws TpmTransportError if bytes are left: a structure must be as long as its frame says */
  end(): void {
    if (this.remaining !== 0) {
      throw new TpmTransportError('TPM_BAD_RESPONSE', `TPM response has ${this.remaining} bytes too many`);
    }
  }
}

/** Builds a run of bytes from big-endian fields. @throws RangeError for values that do not fit */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** V8 keeps arrays of up to 64 bytes on its own heap; larger ones cost several times as much to make. */
  constructor(capacityBytes = 64) {
    this.#bytes = new Uint8Array(capacityBytes);
  }

  get length(): number {
    return this.#length;
  }

  #reserve(count: number): number {
    const at = this.#length;
    if (at + count > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, at + count));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#length += count;
    return at;
  }

  #uint(value: number, size: 1 | 2 | 4, max: number): this {
    if (!Number.isInteger(value) || value < 0 || value > max) {
      throw new RangeError(`${value} does not fit in ${size} bytes`);
    }
    const at = this.#reserve(size);
    for (let i = 0; i < size; i += 1) this.#bytes[at + i] = value >>> (8 * (size - 1 - i));
    return this;
  }

  u8(value: number): this {
    return this.#uint(value, 1, 0xff);
  }

  u16(value: number): this {
    return this.#uint(value, 2, 0xffff);
  }

  u32(value: number): this {
    return this.#uint(value, 4, 0xffffffff);
  }

  u64(value: bigint): this {
    if (value < 0n || value >= 1n << 64n) throw new RangeError(`${value} does not fit in 8 bytes`);
    return this.u32(Number(value >> 32n)).u32(Number(value & 0xffffffffn));
  }

  /** 64 bits of a number, which is exact up to 2^53; making a bigint of it would take longer than writing it. */
  u64Of(value: number): this {
    return this.u32(Math.floor(value / 2 ** 32)).u32(value % 2 ** 32);
  }

  bytes(value: Uint8Array): this {
    // First reserve: it may replace the buffer.
    const at = this.#reserve(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** A TPM2B. */
  sized(value: Uint8Array): this {
    return this.u16(value.length).bytes(value);
  }

  /**
   * Everything written and zeros after it, together `size` bytes: no copy if that is the writer's capacity, so write no more.
   * @throws RangeError if more was written
   */
  padded(size: number): Uint8Array {
    if (this.#length > size) throw new RangeError(`${this.#length} bytes were written, there is room for ${size}`);
    if (this.#bytes.length === size) return this.#bytes;
    const padded = new Uint8Array(size);
    padded.set(this.#bytes.subarray(0, this.#length));
    return padded;
  }

  /** A private copy of everything written. */
  done(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function u16Bytes(value: number): Uint8Array {
  return new ByteWriter().u16(value).done();
}

export function u32Bytes(value: number): Uint8Array {
  return new ByteWriter().u32(value).done();
}

/** Same bytes, in time that depends on the lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}

/** Authorization values compare and hash without trailing zeros (Part 1 §19.6.5). */
export function stripTrailingZeros(value: Uint8Array): Uint8Array {
  let end = value.length;
  while (end > 0 && value[end - 1] === 0) end -= 1;
  return value.subarray(0, end);
}

/** One command ready for the wire: header, handle area, authorization area, parameters. @throws RangeError past 4096 bytes */
export function frameCommand(tag: number, code: number, body: Uint8Array): Uint8Array {
  const size = 10 + body.length;
  if (size > MAX_COMMAND_SIZE_BYTES) {
    throw new RangeError(`command is ${size} bytes long; a TPM takes at most ${MAX_COMMAND_SIZE_BYTES}`);
  }
  return new ByteWriter().u16(tag).u32(size).u32(code).bytes(body).done();
}

/** The public area of an NV index (TPMS_NV_PUBLIC); the name algorithm is always SHA-256 here. */
export interface NvPublic {
  readonly index: number;
  readonly attributes: number;
  readonly authPolicy: Uint8Array;
  readonly sizeBytes: number;
}

export function encodeNvPublic(nv: NvPublic): Uint8Array {
  const writer = new ByteWriter().u32(nv.index).u16(TPM_ALG_SHA256).u32(nv.attributes);
  return writer.sized(nv.authPolicy).u16(nv.sizeBytes).done();
}

export function decodeNvPublic(bytes: Uint8Array): NvPublic {
  const reader = new ByteReader(bytes);
  const index = reader.u32();
  const nameAlg = reader.u16();
  if (nameAlg !== TPM_ALG_SHA256) {
    throw new TpmTransportError(
      'TPM_BAD_RESPONSE',
      `NV index 0x${index.toString(16)} is named by algorithm 0x${nameAlg.toString(16)}, not SHA-256`,
    );
  }
  const nv = { index, attributes: reader.u32(), authPolicy: reader.sized(), sizeBytes: reader.u16() };
  reader.end();
  return nv;
}

/** A TPML_PCR_SELECTION over the SHA-256 bank. `pcrs` in any order. @throws RangeError for a PCR that does not exist */
export function encodePcrSelection(pcrs: readonly number[]): Uint8Array {
  const bitmap = new Uint8Array(PCR_SELECT_BYTES);
  for (const pcr of pcrs) {
    if (!Number.isInteger(pcr) || pcr < 0 || pcr >= IMPLEMENTATION_PCR)
      throw new RangeError(`PCR ${pcr} does not exist`);
    bitmap[pcr >> 3] = (bitmap[pcr >> 3] ?? 0) | (1 << (pcr & 7));
  }
  return new ByteWriter().u32(1).u16(TPM_ALG_SHA256).u8(PCR_SELECT_BYTES).bytes(bitmap).done();
}

/** PCR numbers of the SHA-256 bank in ascending order; other banks are refused. */
export function decodePcrSelection(reader: ByteReader): number[] {
  const banks = reader.u32();
  const pcrs: number[] = [];
  if (banks > 1)
    throw new TpmTransportError('TPM_BAD_RESPONSE', `TPM names ${banks} PCR banks, at most 1 was asked for`);
  for (let bank = 0; bank < banks; bank += 1) {
    const algorithm = reader.u16();
    if (algorithm !== TPM_ALG_SHA256)
      throw new TpmTransportError('TPM_BAD_RESPONSE', 'TPM names a PCR bank other than SHA-256');
    const bitmap = reader.take(reader.u8());
    bitmap.forEach((bits, byte) => {
      for (let bit = 0; bit < 8; bit += 1) if ((bits & (1 << bit)) !== 0) pcrs.push(byte * 8 + bit);
    });
  }
  return pcrs;
}
