/**
 * DMA memory of one driver: a bump allocator over the backing's range, and the table of what was granted.
 *
 * Invariants: regions start on a page; an untouched guard page follows each, so one past the end of a region is never
 * another region; memory is zero (in a pool: the pool's word) before anyone gets it and zero again when it is taken back. Regions live until the
 * device is reset: a device may hold an address longer than its driver remembers, so nothing is freed one by one.
 * This file knows no monitor; the RVM asks it before it keeps a reservation. The number of regions is the monitor's to
 * bound (GRANTS_MAX): asking for more is an operation like any other, and is refused by rule.
 */
import type { Device } from '../abi.ts';

export const PAGE_BYTES = 4096;
/** Memory is filled in pieces of this size. */
const FILL_CHUNK_BYTES = 65536;

/** Granted memory. End-exact: the last byte is `address + sizeBytes - 1`, wherever the page ends. */
export interface DmaGrant {
  readonly address: number;
  readonly sizeBytes: number;
  /** `GRANT_*` flags. */
  readonly purposes: number;
}

/** The backing's range cannot hold another region. The driver may go on without it. */
export class DmaExhausted extends RangeError {
  readonly code = 'DMA_EXHAUSTED';
  constructor(message: string) {
    super(message);
    this.name = 'DmaExhausted';
  }
}

function pageUp(address: number): number {
  return Math.ceil(address / PAGE_BYTES) * PAGE_BYTES;
}

/** Overwrites `[address, address + sizeBytes)` with zeroes, through the device. */
export function zeroMemory(device: Device, address: number, sizeBytes: number): void {
  fillMemory(device, address, sizeBytes, 0);
}

/** The same with a 32-bit word over and over, little-endian. */
export function fillMemory(device: Device, address: number, sizeBytes: number, word: number): void {
  const words = new Uint8Array(Math.min(sizeBytes, FILL_CHUNK_BYTES));
  if (word !== 0) words.forEach((_, index) => (words[index] = (word >>> (8 * (index % 4))) & 0xff));
  for (let done = 0; done < sizeBytes; done += words.length) {
    const left = sizeBytes - done;
    device.writeMemory(address + done, left < words.length ? words.subarray(0, left) : words);
  }
}

export class DmaTable {
  readonly #base: number;
  readonly #end: number;
  #next: number;
  #grants: DmaGrant[] = [];
  #lastHit: DmaGrant | undefined;

  constructor(range: { readonly base: number; readonly sizeBytes: number }) {
    this.#base = pageUp(range.base);
    this.#end = range.base + range.sizeBytes;
    this.#next = this.#base;
  }

  /** Bytes from the start of the range that may have been written: what must be zeroed when the driver is gone. */
  get usedBytes(): number {
    return Math.max(0, Math.min(this.#next, this.#end) - this.#base);
  }

  get base(): number {
    return this.#base;
  }

  /**
   * Where a region of this size would go. Nothing is kept until `keep`.
   * @throws DmaExhausted naming the limit that was hit
   */
  place(sizeBytes: number): number {
    if (sizeBytes > this.#end - this.#next) {
      const left = Math.max(0, this.#end - this.#next);
      throw new DmaExhausted(`DMA memory exhausted: ${sizeBytes} bytes asked for, ${left} left`);
    }
    return this.#next;
  }

  /** Keeps the region that `place` chose. */
  keep(grant: DmaGrant): void {
    this.#grants.push(grant);
    this.#next = pageUp(grant.address + grant.sizeBytes) + PAGE_BYTES;
  }

  /** The region that wholly holds `[address, address + length)`; undefined if none does. Allocates nothing. */
  find(address: number, length: number): DmaGrant | undefined {
    const last = this.#lastHit;
    if (last !== undefined && address >= last.address && address + length <= last.address + last.sizeBytes) return last;
    for (const grant of this.#grants) {
      if (address >= grant.address && address + length <= grant.address + grant.sizeBytes) {
        this.#lastHit = grant;
        return grant;
      }
    }
    return undefined;
  }

  /** Zeroes and takes back every region. */
  reclaim(device: Device): void {
    for (const grant of this.#grants) zeroMemory(device, grant.address, grant.sizeBytes);
    this.#grants = [];
    this.#lastHit = undefined;
    this.#next = this.#base;
  }
}
