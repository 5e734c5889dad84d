/**
 * The parts of the commit protocol that tests replace with unsafe ones: the order of its steps, and how blocks are sealed.
 *
 * The product uses `safeProtocol` and nothing else; what goes wrong with others is in `testing/mutants.ts`.
 */
import { encryptingSealer, hashingSealer, randomNonces } from './block-cipher.ts';
import type { BlockSealer, NonceSource } from './block-cipher.ts';
import type { RegionMode } from './directory.ts';
import { blockKey } from './keys.ts';
import type { Keyring } from './keys.ts';

export type CommitStep = 'superblock' | 'flush' | 'anchor';

/**
 * The steps of a commit, after its blocks are written. Anchored: one flush serves blocks and superblock, for the anchor's
 * digest covers both; only then the TPM is told (any other order loses data or accepts a fork: see the mutants).
 * Tentative: the blocks must be durable before the superblock that makes them count, since no digest is waiting for it.
 */
export const COMMIT_ORDER: Readonly<Record<'anchored' | 'tentative', readonly CommitStep[]>> = {
  anchored: ['superblock', 'flush', 'anchor'],
  tentative: ['flush', 'superblock', 'flush'],
};

export interface Protocol {
  readonly order: typeof COMMIT_ORDER;
  makeSealer(
    mode: RegionMode,
    keyring: Keyring,
    tree: { id: Uint8Array; generation: number },
    arity: number,
  ): BlockSealer;
}

export function safeProtocol(nonces: NonceSource = randomNonces()): Protocol {
  return {
    order: COMMIT_ORDER,
    makeSealer: (mode, keyring, tree, arity) =>
      mode === 'encrypted'
        ? encryptingSealer(blockKey(keyring, tree.id, tree.generation), nonces)
        : hashingSealer(arity),
  };
}
