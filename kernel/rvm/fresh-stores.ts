/**
 * What a driver has just stored into command memory, as one run of bytes: a private copy that saves the look at memory.
 *
 * Command memory is changed by the driver, through the RVM, and by the device. Entries of a ring, and a table that is frozen, the
 * device changes only while it owns them; a store into those is denied; and it comes to own them only by an access to its
 * registers. So from a store that was allowed until the next such access, an entry is what the driver stored (ADR 0006). Afterwards it may be anything: a
 * receive descriptor that was written back has a status where its address was, and a driver that publishes it again without
 * writing it must be judged by that. Whoever keeps this calls `forget` at every access.
 *
 * Invariant: each byte of the run is what the last store to its place left there. It knows neither grants nor devices.
 */

/** A run is at most this long: all of a ring of 256 of the usual descriptors of 16 bytes. What does not fit is looked up. */
export const FRESH_BYTES_MAX = 4096;

export class FreshStores {
  readonly #bytes = new Uint8Array(FRESH_BYTES_MAX);
  #address = 0;
  #length = 0;

  forget(): void {
    this.#length = 0;
  }

  /** Bytes were stored. They overwrite or continue the run, or else begin another. */
  note(address: number, stored: Uint8Array): void {
    const into = address - this.#address;
    const end = into + stored.length;
    if (into >= 0 && into <= this.#length && end <= FRESH_BYTES_MAX) {
      this.#length = Math.max(this.#length, end);
      this.#bytes.set(stored, into);
    } else if (stored.length <= FRESH_BYTES_MAX) {
      this.#address = address;
      this.#length = stored.length;
      this.#bytes.set(stored, 0);
    } else this.forget();
  }

  /** Copies `length` bytes at `address` to `target` from `at` on. False: they are not all known. */
  copy(address: number, length: number, target: Uint8Array, at: number): boolean {
    const from = address - this.#address;
    if (from < 0 || from + length > this.#length) return false;
    target.set(this.#bytes.subarray(from, from + length), at);
    return true;
  }
}
