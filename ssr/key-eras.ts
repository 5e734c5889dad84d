/**
 * Which keyring sealed a block: the root key may change while a volume is open, and snapshots still read what is older.
 *
 * Key generations of a tree only rise. An era begins with a new root key and with a first generation for every tree that
 * exists then; a block of an older generation belongs to an era before. Trees that are made later have no first generation: they
 * know no older era. A volume that is opened knows one era, for the rotation that ended the one before sealed everything anew.
 */
import type { Keyring } from './keys.ts';

interface Era {
  readonly keyring: Keyring;
  /** By tree: the lowest generation that this era's key sealed. */
  readonly firstGenerations: ReadonlyMap<string, number>;
}

export function treeKey(id: Uint8Array): string {
  return Buffer.from(id).toString('latin1');
}

export class KeyEras {
  readonly #oldest: Keyring;
  /** Later ones, oldest first. */
  readonly #eras: Era[] = [];
  #changes = 0;

  constructor(keyring: Keyring) {
    this.#oldest = keyring;
  }

  /** Rises whenever `keyringOf` may answer differently: who keeps keys throws them away then. */
  get changes(): number {
    return this.#changes;
  }

  /** The keyring that seals from now on. */
  get current(): Keyring {
    return this.#eras.at(-1)?.keyring ?? this.#oldest;
  }

  keyringOf(id: Uint8Array, generation: number): Keyring {
    const key = treeKey(id);
    const era = this.#eras.findLast(({ firstGenerations }) => generation >= (firstGenerations.get(key) ?? 0));
    return era?.keyring ?? this.#oldest;
  }

  begin(keyring: Keyring, firstGenerations: ReadonlyMap<string, number>): void {
    this.#eras.push({ keyring, firstGenerations });
    this.#changes += 1;
  }

  /** The newest era never was: its state did not become the volume's. */
  undo(): void {
    this.#eras.pop();
    this.#changes += 1;
  }
}
