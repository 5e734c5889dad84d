/**
 * The few words that an IPD's thread and the kernel's thread share.
 *
 * Everything here must work while the driver's thread spins in an endless loop and can neither send nor receive messages.
 * Written by the trusted stub and the kernel only; the driver cannot reach it.
 */
import { ENTRY_NAMES } from './fault.ts';
import type { EntryName } from './fault.ts';

/** Odd while a driver entry is open, and different for every entry. */
const ENTRY_SERIAL = 0;
/** Which entry: an index into `ENTRY_NAMES`. */
const ENTRY_NAME = 1;
/** Set by the kernel: no operation reaches the device any more. */
const KILLED = 2;
/** Pages from the start of the DMA range that may hold data. */
const DMA_USED_PAGES = 3;
/** Messages and log lines posted by the driver's thread, and taken by the kernel's; both wrap. */
const POSTED = 4;
const TAKEN = 5;
const WORDS = 8;
const PAGE_BYTES = 4096;

export class Control {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(WORDS * 4)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  openEntry(name: EntryName): void {
    Atomics.store(this.#words, ENTRY_NAME, ENTRY_NAMES.indexOf(name));
    Atomics.add(this.#words, ENTRY_SERIAL, 1);
  }

  closeEntry(): void {
    Atomics.add(this.#words, ENTRY_SERIAL, 1);
  }

  /** The serial number of the open entry; undefined if none is. */
  get openSerial(): number | undefined {
    const serial = Atomics.load(this.#words, ENTRY_SERIAL);
    return (serial & 1) === 1 ? serial : undefined;
  }

  /** The entry that is open or was last. */
  get entryName(): EntryName {
    return ENTRY_NAMES[Atomics.load(this.#words, ENTRY_NAME)] ?? 'load';
  }

  kill(): void {
    Atomics.store(this.#words, KILLED, 1);
  }

  get killed(): boolean {
    return Atomics.load(this.#words, KILLED) !== 0;
  }

  set dmaUsedBytes(bytes: number) {
    Atomics.store(this.#words, DMA_USED_PAGES, Math.ceil(bytes / PAGE_BYTES));
  }

  get dmaUsedBytes(): number {
    return Atomics.load(this.#words, DMA_USED_PAGES) * PAGE_BYTES;
  }

  /** Counts a posted message, or refuses if `limit` of them are still under way. */
  tryPost(limit: number): boolean {
    const underWay = (Atomics.load(this.#words, POSTED) - Atomics.load(this.#words, TAKEN)) | 0;
    if (underWay >= limit) return false;
    Atomics.add(this.#words, POSTED, 1);
    return true;
  }

  taken(): void {
    Atomics.add(this.#words, TAKEN, 1);
  }
}
