/**
 * A page of the mirror: what it held when it was last looked at, and between which offsets it is published.
 *
 * Looked at before each answer to the guest, so a look that finds nothing costs one read of the memory file and one comparison.
 * Invariant: `collect` gives the guest only bytes that differ from what was published or seen before, and only inside the
 * published part. It does not know which page it is: addresses are the caller's.
 */
import { readSettled } from './settled.ts';
import type { MemoryAccess } from './memory-access.ts';

/** Four of the processor's: a look at one costs its call (1 us) more than its bytes. */
export const PAGE_BYTES = 16_384;

/** A page's bytes, and the same as words: most of a page is unchanged, and four bytes at a time are enough to see that. */
class Bytes {
  readonly bytes = new Uint8Array(PAGE_BYTES);
  readonly words = new Uint32Array(this.bytes.buffer);
}

/** What the memory holds now, read twice. One look at a time, so all pages share them. */
const first = new Bytes();
const second = new Bytes();

export class MirrorPage {
  /** When it was last published to, by the mirror's count. */
  publishedAt = 0;
  readonly #image = new Bytes();
  #start = PAGE_BYTES;
  #end = 0;
  /** The published part of the image, and of what is read. */
  #views = this.#viewed();

  publish(at: number, bytes: Uint8Array): void {
    this.#image.bytes.set(bytes, at);
    if (at >= this.#start && at + bytes.length <= this.#end) return;
    this.#start = Math.min(this.#start, at);
    this.#end = Math.max(this.#end, at + bytes.length);
    this.#views = this.#viewed();
  }

  /** Copies what the device has changed in the page at `mirror` to the page at `guest`. */
  collect(memory: MemoryAccess, mirror: number, guest: number): void {
    const { image } = this.#views;
    // The device may be in the middle of a descriptor.
    const now = readSettled(memory, mirror + this.#start, image, this.#views);
    if (now === undefined) return;
    const seen = now === this.#views.first ? first : second;
    for (let from = this.#nextChange(seen, this.#start); from < this.#end;) {
      let to = from + 1;
      while (to < this.#end && seen.bytes[to] !== this.#image.bytes[to]) to += 1;
      memory.write(guest + from, seen.bytes.subarray(from, to));
      from = this.#nextChange(seen, to);
    }
    image.set(now);
  }

  /** The first published byte from `at` on that is not what the image says; the end if there is none. */
  #nextChange(seen: Bytes, at: number): number {
    const image = this.#image;
    const end = this.#end;
    for (let from = at; from < end;) {
      const next = from % 4 === 0 ? 4 * firstDifferent(seen.words, image.words, from >> 2, end >> 2) : from;
      if (next >= end) return end;
      if (seen.bytes[next] !== image.bytes[next]) return next;
      from = next + 1;
    }
    return end;
  }

  #viewed(): { readonly image: Uint8Array; readonly first: Uint8Array; readonly second: Uint8Array } {
    const part = ({ bytes }: Bytes): Uint8Array => bytes.subarray(this.#start, this.#end);
    return { image: part(this.#image), first: part(first), second: part(second) };
  }
}

/** Index of the first word of `[from, end)` that is not the same in both; `end` if there is none. */
function firstDifferent(one: Uint32Array, other: Uint32Array, from: number, end: number): number {
  let at = from;
  while (at < end && one[at] === other[at]) at += 1;
  return at;
}
