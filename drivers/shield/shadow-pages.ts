/** Memory a page at a time: what it held when it was last looked at. */
import { readSettled } from './settled.ts';
import type { MemoryAccess } from './memory-access.ts';

export const PAGE_BYTES = 4096;
/** What a page holds now, read twice. One look at a time, so all pages share them. */
const room = { first: new Uint8Array(PAGE_BYTES), second: new Uint8Array(PAGE_BYTES) };

/** One page of the device's copy, of structures of one size. */
export class CopyPage<Owner> {
  readonly address: number;
  /** What was last read or written here, by words. */
  readonly seen: Uint32Array;
  readonly #owners: (Owner | undefined)[];
  readonly #structureBytes: number;
  readonly #filled: number;

  constructor(address: number, structureBytes: number, filled: number) {
    this.address = address;
    this.seen = new Uint32Array(PAGE_BYTES / 4).fill(filled);
    this.#owners = new Array<Owner | undefined>(PAGE_BYTES / structureBytes).fill(undefined);
    this.#structureBytes = structureBytes;
    this.#filled = filled;
  }

  /** The page as it is without structures. */
  empty(): Uint8Array {
    return new Uint8Array(new Uint32Array(this.seen.length).fill(this.#filled).buffer);
  }

  /** What the device has written since, by words; undefined if nothing. Good until the next look at any page. */
  look(memory: MemoryAccess): Uint32Array | undefined {
    const now = readSettled(memory, this.address, new Uint8Array(this.seen.buffer), room);
    return now && new Uint32Array(now.buffer, now.byteOffset, this.seen.length);
  }

  ownerAt(address: number): Owner | undefined {
    return this.#owners[Math.floor((address - this.address) / this.#structureBytes)];
  }

  setOwner(address: number, owner: Owner | undefined): void {
    this.#owners[Math.floor((address - this.address) / this.#structureBytes)] = owner;
  }

  /** Index of the word at an address. */
  wordAt(address: number): number {
    return (address - this.address) / 4;
  }
}

interface GuestPage {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  walk: number;
}

/** Pages of the guest's memory, each read once in a walk, when the walk first comes to it. */
export class GuestPages {
  readonly #memory: MemoryAccess;
  readonly #pages = new Map<number, GuestPage>();
  readonly #now = new Uint8Array(PAGE_BYTES);
  #walk = 0;

  constructor(memory: MemoryAccess) {
    this.#memory = memory;
  }

  /** Whether any page that the last walk came to differs from what it read. */
  changed(): boolean {
    for (const [number, page] of this.#pages) {
      this.#memory.read(number * PAGE_BYTES, this.#now);
      if (Buffer.compare(this.#now, page.bytes) !== 0) return true;
    }
    return false;
  }

  begin(): void {
    this.#walk += 1;
  }

  /** Forgets pages that this walk did not come to. */
  end(): void {
    for (const [number, page] of this.#pages) if (page.walk !== this.#walk) this.#pages.delete(number);
  }

  /**
   * The words of a structure.
   * @param fresh read now, whatever this walk has read there: a link to it was found later than that
   */
  read(address: number, into: Uint32Array, fresh: boolean): void {
    const number = Math.floor(address / PAGE_BYTES);
    let page = this.#pages.get(number);
    if (page === undefined) {
      const bytes = new Uint8Array(PAGE_BYTES);
      page = { bytes, words: new Uint32Array(bytes.buffer), walk: -1 };
      this.#pages.set(number, page);
    }
    if (page.walk !== this.#walk) {
      page.walk = this.#walk;
      this.#memory.read(number * PAGE_BYTES, page.bytes);
    } else if (fresh) {
      this.#memory.read(address, new Uint8Array(into.buffer, into.byteOffset, into.byteLength));
      return;
    }
    const at = (address % PAGE_BYTES) / 4;
    for (let index = 0; index < into.length; index += 1) into[index] = page.words[at + index] ?? 0;
  }

  /** A word was written to the guest by us: no change of the guest's. */
  wrote(address: number, value: number): void {
    const page = this.#pages.get(Math.floor(address / PAGE_BYTES));
    if (page !== undefined) page.words[(address % PAGE_BYTES) / 4] = value;
  }

  clear(): void {
    this.#pages.clear();
  }
}
