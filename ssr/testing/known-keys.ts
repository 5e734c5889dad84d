/**
 * The keys of a world: what its TPM would release for the sealed keys of a superblock, without asking it each time.
 *
 * A sealed blob is recognised by the HMAC of a superblock that carries it: only who has the keyring makes one. A blob that
 * was changed on the disk belongs to no keyring, as the TPM would refuse it.
 */
import { superblockKey } from '../keys.ts';
import type { Keyring } from '../keys.ts';
import type { GenuineSuperblock } from '../recovery.ts';
import { isGenuine, superblockDigest } from '../superblock.ts';
import type { AllegedSuperblock } from '../superblock.ts';

export interface GenuineOfKeyring {
  readonly keyring: Keyring;
  readonly genuine: readonly GenuineSuperblock[];
}

export class KnownKeys {
  readonly #keyrings = new Map<string, Keyring>();
  /** By sealed blob. */
  readonly #released = new Map<string, Keyring>();
  readonly #macKeys = new Map<string, Uint8Array>();
  readonly #names = new WeakMap<Keyring, string>();

  /** @returns a name for the keyring, the same for an equal one */
  learn(keyring: Keyring): string {
    const known = this.#names.get(keyring);
    if (known !== undefined) return known;
    const name = Buffer.from(keyring.root).toString('hex');
    this.#names.set(keyring, name);
    if (!this.#keyrings.has(name)) this.#keyrings.set(name, keyring);
    return name;
  }

  #isGenuine(alleged: AllegedSuperblock, keyring: Keyring): boolean {
    const { volumeId } = alleged.superblock;
    const name = `${this.learn(keyring)}/${Buffer.from(volumeId).toString('hex')}`;
    let macKey = this.#macKeys.get(name);
    if (macKey === undefined) this.#macKeys.set(name, (macKey = superblockKey(keyring, volumeId)));
    return isGenuine(alleged, macKey);
  }

  #release(alleged: AllegedSuperblock): Keyring | undefined {
    const blob = Buffer.from(alleged.superblock.sealedKeys.private).toString('latin1');
    const known = this.#released.get(blob);
    if (known !== undefined) return known;
    for (const keyring of this.#keyrings.values()) {
      if (!this.#isGenuine(alleged, keyring)) continue;
      this.#released.set(blob, keyring);
      return keyring;
    }
    return undefined;
  }

  /** What is genuine under each keyring that a superblock brings, in order of place. */
  genuineOn(alleged: readonly AllegedSuperblock[]): GenuineOfKeyring[] {
    const keyrings = new Set(alleged.map((one) => this.#release(one)));
    return [...keyrings].flatMap((keyring) => {
      if (keyring === undefined) return [];
      const genuine = alleged
        .filter((one) => this.#isGenuine(one, keyring))
        .map(({ superblock, bytes }) => ({ superblock, digest: superblockDigest(bytes) }));
      return genuine.length === 0 ? [] : [{ keyring, genuine }];
    });
  }
}
