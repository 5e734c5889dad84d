/**
 * A new root key for a volume: what has to be made before everything is sealed anew under it.
 *
 * The rotation itself is one commit (`Volume.rotateRootKey`): all blocks go to free places under the new key, then a
 * superblock that carries the new sealed key, then the anchor. Before the NV write the old superblock and its key count,
 * after it the new ones; opening tries the keys of every superblock, so a crash in between needs nothing special.
 * Last, the superblocks that carry the old sealed key are overwritten.
 *
 * The secret of the anchor's NV indices stays: it cannot change in the same instant as the slot. What rotation cannot do:
 * take back what copies of the disk from before, together with this TPM, still give away.
 */
import { SsrError } from './errors.ts';
import { makeKeyring, sealKeyring, unwrapKeyring, wrapKeyring } from './keys.ts';
import type { Keyring, TpmAccess } from './keys.ts';
import type { Store } from './store/store.ts';
import { SUPERBLOCK_PLACE_SIZE_BYTES, SUPERBLOCK_PLACES, SUPERBLOCK_SIZE_BYTES } from './superblock.ts';
import type { Superblock } from './superblock.ts';

export interface RenewedKeys {
  readonly keyring: Keyring;
  /** What superblocks carry from now on. */
  readonly fields: Pick<Superblock, 'sealedKeys' | 'wrappedKeys'>;
}

/**
 * @param access with a storage key that is loaded
 * @throws SsrError `SSR_KEYS_UNAVAILABLE` if the volume has a recovery key and this is not it; `SSR_TPM_UNAVAILABLE`
 */
export async function renewKeys(
  access: TpmAccess,
  present: { readonly keyring: Keyring; readonly superblock: Superblock },
  recoveryKey: Uint8Array | undefined,
): Promise<RenewedKeys> {
  const { wrappedKeys, volumeId, pcrs } = present.superblock;
  if (wrappedKeys !== undefined) {
    const isKnown = recoveryKey !== undefined && unwrapKeyring(wrappedKeys, recoveryKey, volumeId) !== undefined;
    if (!isKnown) {
      throw new SsrError(
        'SSR_KEYS_UNAVAILABLE',
        'the volume has a recovery key, which must wrap the new root key too',
        {
          help: 'give the recovery key of the volume',
        },
      );
    }
  }
  const { root } = await makeKeyring(access.tpm);
  const keyring = { root, anchorSecret: present.keyring.anchorSecret };
  return {
    keyring,
    fields: {
      sealedKeys: await sealKeyring(access, keyring, pcrs),
      wrappedKeys: recoveryKey === undefined ? undefined : wrapKeyring(keyring, recoveryKey, volumeId),
    },
  };
}

/** Overwrites all superblocks but the one at `kept`, an offset. Durable on return. */
export function forgetOtherSuperblocks(store: Store, kept: number): void {
  for (let place = 0; place < SUPERBLOCK_PLACES; place += 1) {
    const offset = place * SUPERBLOCK_PLACE_SIZE_BYTES;
    if (offset !== kept) store.write(offset, new Uint8Array(SUPERBLOCK_SIZE_BYTES));
  }
  store.flush();
}
