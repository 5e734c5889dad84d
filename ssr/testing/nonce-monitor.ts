/** Watches a sealer: the one promise of GCM that no recovery can check afterwards is that nonces do not repeat. */
import type { BlockSealer } from '../block-cipher.ts';

/** Notices a nonce that was used twice with one key for different bytes. */
export class NonceMonitor {
  readonly #seen = new Map<string, string>();
  reused = 0;

  watch(inner: BlockSealer, keyName: string): BlockSealer {
    return {
      seal: (place, plain, out) => {
        const bytes = `${place.level}/${place.index}/${place.version}/${Buffer.from(plain).toString('latin1')}`;
        const seal = inner.seal(place, plain, out);
        const key = `${keyName}/${Buffer.from(seal.subarray(0, 12)).toString('latin1')}`;
        const before = this.#seen.get(key);
        if (before !== undefined && before !== bytes) this.reused += 1;
        this.#seen.set(key, bytes);
        return seal;
      },
      open: (place, seal, stored) => inner.open(place, seal, stored),
      makeReady: (count) => inner.makeReady?.(count),
    };
  }
}
