/**
 * Descriptor memory that needs no storage: the bytes at an address are a function of the address and of an epoch.
 *
 * Words are biased towards addresses inside grants and small numbers, so that descriptors are often good. Some pages
 * cannot be read at all. A new epoch is new contents everywhere, as a driver would change them between two operations.
 */
import type { DescriptorMemory } from '../../dsslang/index.ts';

const PAGE = 4096;

export class RandomMemory implements DescriptorMemory {
  readonly #salt: number;
  epoch = 0;
  /** Addresses that descriptors should often hold. */
  targets: readonly number[] = [0];
  /** Words put there, by address; once there are any, every page can be read. */
  readonly #put = new Map<number, readonly [lo: number, hi: number]>();

  constructor(salt: number) {
    this.#salt = salt;
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
    const put = this.#put.get(address);
    if (put !== undefined) return put;
    const index = Math.floor(address / 8);
    const hash = this.#hash(index >>> 0, Math.floor(index / 2 ** 32));
    const target = this.targets[(hash >>> 4) % this.targets.length] ?? 0;
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

  /** Puts a word at an address that is a multiple of 8. */
  put(address: number, lo: number, hi: number): void {
    this.#put.set(address, [lo, hi]);
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
      if (this.#put.size === 0 && this.#hash(page >>> 0, 77) % 64 === 0) return false;
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
