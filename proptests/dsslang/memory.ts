/**
 * Descriptor memory that two can have without sharing it: JavaScript here, and the C monitor in its harness.
 *
 * `RandomMemory` needs no storage: the bytes at an address are a function of the address and of an epoch. Words are biased
 * towards addresses inside grants and small numbers, so that descriptors are often good. Some pages cannot be read at all.
 * A new epoch is new contents everywhere, as a driver would change them between two operations. `NotedMemory` is somebody
 * else's, and the harness is told what was read there.
 */
import type { DescriptorMemory } from '../../dsslang/index.ts';
import type { Recording } from './native.ts';

export interface SharedMemory extends DescriptorMemory {
  /** Tells the harness what it needs to find the same here as the operation that was just judged. */
  tell(harness: Recording): void;
}

const PAGE = 4096;

const TARGETS_MAX = 64;

export class RandomMemory implements SharedMemory {
  readonly #salt: number;
  epoch = 0;
  #targets: readonly number[] = [0];
  /** What the harness knows. */
  #told = { epoch: this.epoch, targets: this.#targets };

  constructor(salt: number) {
    this.#salt = salt;
  }

  /** Addresses that descriptors should often hold. */
  aim(targets: readonly number[]): void {
    this.#targets = targets.slice(0, TARGETS_MAX);
  }

  tell(harness: Recording): void {
    if (this.#targets !== this.#told.targets) harness.targets(this.#targets);
    if (this.epoch !== this.#told.epoch) harness.epoch(this.epoch);
    this.#told = { epoch: this.epoch, targets: this.#targets };
  }

  #hash(a: number, b: number): number {
    let x = Math.imul(a ^ this.#salt, 0x85ebca6b) ^ Math.imul(b + this.epoch, 0xc2b2ae35);
    x ^= x >>> 15;
    x = Math.imul(x, 0x2c1b3c6d);
    x ^= x >>> 13;
    return x >>> 0;
  }

  /** The 64-bit word at an address that is a multiple of 8, as two halves. */
  #word(address: number): readonly [lo: number, hi: number] {
    const index = Math.floor(address / 8);
    const hash = this.#hash(index >>> 0, Math.floor(index / 2 ** 32));
    const target = this.#targets[(hash >>> 4) % this.#targets.length] ?? 0;
    switch (hash & 7) {
      case 0:
        return [0, 0];
      case 1:
        return [this.#hash(hash, 1), this.#hash(hash, 2)];
      case 2:
        return [(hash >>> 8) & 0xff, 0];
      case 3:
        return [(hash >>> 8) & 0x3fff, (hash >>> 5) & 0xffff];
      default: {
        const place = target + ((hash >>> 20) & 0xff);
        return [place >>> 0, Math.floor(place / 2 ** 32)];
      }
    }
  }

  /** After a store everything is as in another epoch: what matters is that both ask, and ask for the same. */
  stored(address: number, length: number, target: Uint8Array, at: number): boolean {
    this.epoch += 1;
    const copied = this.fetch(address, length, target, at);
    this.epoch -= 1;
    return copied;
  }

  fetch(address: number, length: number, target: Uint8Array, at: number): boolean {
    for (let page = Math.floor(address / PAGE); page * PAGE < address + length; page += 1) {
      if (this.#hash(page >>> 0, 77) % 64 === 0) return false;
    }
    for (let index = 0; index < length; index += 1) {
      const place = address + index;
      const [lo, hi] = this.#word(place - (place % 8));
      const into = place % 8;
      target[at + index] = into < 4 ? lo >>> (8 * into) : hi >>> (8 * (into - 4));
    }
    return true;
  }
}

const WORD = 8;

export class NotedMemory implements SharedMemory {
  readonly #of: DescriptorMemory;
  /** Words that were read since the harness was told, by address: as they are, and as a store leaves them. */
  readonly #are = new Map<number, bigint>();
  readonly #willBe = new Map<number, bigint>();
  /** What the store that is judged next writes otherwise than it was recorded. */
  turned: { readonly address: number; readonly bits: number } | undefined;

  constructor(of: DescriptorMemory) {
    this.#of = of;
  }

  fetch(address: number, length: number, target: Uint8Array, at: number): boolean {
    return this.#note(this.#are, (...place) => this.#of.fetch(...place), address, length, target, at);
  }

  stored(address: number, length: number, target: Uint8Array, at: number): boolean {
    return this.#note(this.#willBe, (...place) => this.#stored(...place), address, length, target, at);
  }

  tell(harness: Recording): void {
    for (const [address, word] of this.#are) harness.put(address, word);
    for (const [address, word] of this.#willBe) harness.putStored(address, word);
    this.#are.clear();
    this.#willBe.clear();
  }

  #stored(address: number, length: number, target: Uint8Array, at: number): boolean {
    const read = this.#of.stored?.(address, length, target, at) ?? false;
    const into = (this.turned?.address ?? -1) - address;
    if (into >= 0 && into < length) target[at + into] = (target[at + into] ?? 0) ^ (this.turned?.bits ?? 0);
    return read;
  }

  /** Reads whole words, since that is what the harness has. */
  #note(
    words: Map<number, bigint>,
    read: NonNullable<DescriptorMemory['stored']>,
    address: number,
    length: number,
    target: Uint8Array,
    at: number,
  ): boolean {
    const first = address - (address % WORD);
    const bytes = new Uint8Array(Math.ceil((address + length - first) / WORD) * WORD);
    if (!read(first, bytes.length, bytes, 0)) return false;
    const view = new DataView(bytes.buffer);
    for (let into = 0; into < bytes.length; into += WORD) words.set(first + into, view.getBigUint64(into, true));
    target.set(bytes.subarray(address - first, address - first + length), at);
    return true;
  }
}
