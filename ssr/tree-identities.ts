/**
 * The identities of a volume's trees: name, id and the sealers of each key generation, made once and kept.
 *
 * Invariant: a sealer that is given out has the keyring of its generation's era, also after the root key was rotated or a
 * rotation was undone.
 */
import { ID_SIZE_BYTES } from './block-cipher.ts';
import type { BlockSealer } from './block-cipher.ts';
import type { TreeIdentity } from './block-io.ts';
import type { RegionMode, RegionRecord } from './directory.ts';
import type { KeyEras } from './key-eras.ts';
import type { Protocol } from './protocol.ts';

function ownId(label: string): Uint8Array {
  const id = new Uint8Array(ID_SIZE_BYTES);
  id.set(new TextEncoder().encode(label));
  return id;
}

export class TreeIdentities {
  readonly #eras: KeyEras;
  readonly #protocol: Protocol;
  readonly #arity: number;
  /** By the region's id: records are made anew with each transaction, the array of the id stays. */
  readonly #ofRegions = new WeakMap<Uint8Array, TreeIdentity>();

  constructor(eras: KeyEras, protocol: Protocol, arity: number) {
    this.#eras = eras;
    this.#protocol = protocol;
    this.#arity = arity;
  }

  /** One of the volume's own trees. */
  own(label: string): TreeIdentity {
    return this.#make(label, ownId(label), 'encrypted');
  }

  /** Whoever re-creates a region gets another identity: ids are random. */
  of(record: RegionRecord): TreeIdentity {
    const known = this.#ofRegions.get(record.id);
    if (known !== undefined) return known;
    const identity = this.#make(record.name, record.id, record.mode);
    this.#ofRegions.set(record.id, identity);
    return identity;
  }

  #make(name: string, id: Uint8Array, mode: RegionMode): TreeIdentity {
    const eras = this.#eras;
    const sealers = new Map<number, BlockSealer>();
    let changes = eras.changes;
    return {
      name,
      id,
      sealer: (generation) => {
        if (changes !== eras.changes) sealers.clear();
        changes = eras.changes;
        let sealer = sealers.get(generation);
        if (sealer === undefined) {
          const keyring = eras.keyringOf(id, generation);
          sealer = this.#protocol.makeSealer(mode, keyring, { id, generation }, this.#arity);
          sealers.set(generation, sealer);
        }
        return sealer;
      },
    };
  }
}
