/**
 * Blocks that transactions freed and that someone may still need: a crash, or a snapshot.
 *
 * Invariant: an address goes back to the free map only when the anchored state is one without it and no open snapshot is of
 * a state before it was freed.
 */
import type { FreeMap } from './extents.ts';

/** What the transaction of this version freed. */
interface FreedBlocks {
  readonly version: number;
  readonly addresses: readonly number[];
}

export class RetiredBlocks {
  readonly #freeMap: FreeMap;
  #frees: FreedBlocks[] = [];
  /** Versions of open snapshots, with how many there are of each. */
  readonly #snapshots = new Map<number, number>();
  #anchoredVersion: number;

  constructor(freeMap: FreeMap, anchoredVersion: number) {
    this.#freeMap = freeMap;
    this.#anchoredVersion = anchoredVersion;
  }

  get anchoredVersion(): number {
    return this.#anchoredVersion;
  }

  add(version: number, addresses: readonly number[]): void {
    if (addresses.length > 0) this.#frees.push({ version, addresses });
  }

  /** The anchor vouches for the state of this version. */
  anchored(version: number): void {
    this.#anchoredVersion = version;
    this.#release();
  }

  #release(): void {
    const oldest = Math.min(Number.POSITIVE_INFINITY, ...this.#snapshots.keys());
    const kept: FreedBlocks[] = [];
    for (const free of this.#frees) {
      if (free.version > this.#anchoredVersion || free.version > oldest) kept.push(free);
      else for (const address of free.addresses) this.#freeMap.release(address);
    }
    this.#frees = kept;
  }

  /** Transactions after this version never were: what they freed is in use as before. */
  forgetAfter(version: number): void {
    for (const free of this.#frees) {
      if (free.version > version) for (const address of free.addresses) this.#freeMap.release(address);
    }
    this.#frees = this.#frees.filter((free) => free.version <= version);
  }

  /** Keeps the blocks of the state of this version until the function returned is called. */
  pin(version: number): () => void {
    this.#snapshots.set(version, (this.#snapshots.get(version) ?? 0) + 1);
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      const left = (this.#snapshots.get(version) ?? 1) - 1;
      if (left > 0) this.#snapshots.set(version, left);
      else this.#snapshots.delete(version);
      this.#release();
    };
  }
}
