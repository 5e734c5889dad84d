/**
 * Recovery by the recovery key: for a volume whose TPM is gone, cleared or destroyed.
 *
 * Without the anchor nobody can know which state is the latest. So this needs consent in so many words, and afterwards an
 * anchor that this TPM still had is taken away, for it would vouch for copies of the disk from before.
 */
import { chooseAnchorPlace, removeAnchor } from './anchor.ts';
import { SsrError } from './errors.ts';
import { makeKeyring, sealKeyring, unwrapKeyring, wrapKeyring } from './keys.ts';
import type { Keyring } from './keys.ts';
import type { GenuineSuperblock } from './recovery.ts';
import { forgetOtherSuperblocks } from './rotate-root.ts';
import type { AllegedSuperblock, Superblock } from './superblock.ts';
import { VolumeCore } from './volume-core.ts';
import { readSuperblocks, superblockOffset } from './superblock.ts';
import { Volume } from './volume.ts';
import {
  anchorAnew,
  coreOptions,
  genuineAmong,
  notAVolume,
  orCloseStore,
  volumeOf,
  withAccess,
} from './volume-setup.ts';
import type { OpenOptions, Seams } from './volume-setup.ts';

export interface RecoverOptions extends OpenOptions {
  readonly recoveryKey: Uint8Array;
  /**
   * Must be true. Without the anchor nobody can know whether this is the latest state: whoever could write the disk
   * chose what you will see.
   */
  readonly acceptLoss: true;
  readonly pcrs?: readonly number[];
}

/**
 * Opens a volume whose TPM is gone, cleared or destroyed, by its recovery key, and anchors it anew in `tpm`.
 * Takes the newest state on the disk; says nothing about freshness, because nothing can be said.
 * @throws SsrError `SSR_NOT_A_VOLUME`, `SSR_KEYS_UNAVAILABLE` for a wrong recovery key; TypeError without consent
 */
export function recoverVolume(options: RecoverOptions, seams: Seams = {}): Promise<Volume> {
  return orCloseStore(options.store, () => {
    if ((options.acceptLoss as unknown) !== true) {
      throw new TypeError('acceptLoss must be true: a recovered volume may be any earlier state of itself');
    }
    const { keyring, newest } = unwrapNewest(readSuperblocks(options.store), options);
    return withAccess(options.tpm, async (access) => {
      const fresh = await makeKeyring(options.tpm);
      // The root key must stay, for the blocks are sealed with it; the anchor's secret may have been seen.
      const rekeyed: Keyring = { root: keyring.root, anchorSecret: fresh.anchorSecret };
      const { superblock } = newest;
      const pcrs = options.pcrs ?? superblock.pcrs;
      const { slotCount } = superblock.anchor;
      const renewed: Superblock = {
        ...superblock,
        isTentative: false,
        // The other place than the old one's, which stays readable until the new one is anchored.
        epoch: superblock.epoch + slotCount + ((slotCount + 1) % 2),
        previousDigest: newest.digest,
        anchor: await chooseAnchorPlace(options.tpm, slotCount),
        pcrs,
        sealedKeys: await sealKeyring(access, rekeyed, pcrs),
        wrappedKeys: wrapKeyring(rekeyed, options.recoveryKey, superblock.volumeId),
      };
      const core = VolumeCore.format(coreOptions(options, rekeyed, seams), renewed);
      // If this is the same TPM, the old anchor would still vouch for a copy of the disk from before. It goes first: a crash
      // from here on leaves a volume that only the recovery key opens, and never two anchors.
      const old = { tpm: access.tpm, session: access.session, secret: keyring.anchorSecret };
      await (seams.removeAnchor ?? removeAnchor)(old, superblock.anchor);
      const anchor = await anchorAnew(access, rekeyed, renewed.anchor, core.anchored, seams);
      forgetOtherSuperblocks(options.store, superblockOffset(renewed));
      return volumeOf({ options, core, anchor, access }, { wasSlotTorn: false, wasRolledForward: false });
    });
  });
}

function unwrapNewest(
  alleged: readonly AllegedSuperblock[],
  options: RecoverOptions,
): { keyring: Keyring; newest: GenuineSuperblock } {
  if (alleged.length === 0) throw notAVolume(options.store);
  let best: { keyring: Keyring; newest: GenuineSuperblock } | undefined;
  for (const candidate of alleged) {
    const { wrappedKeys, volumeId } = candidate.superblock;
    const keyring = wrappedKeys && unwrapKeyring(wrappedKeys, options.recoveryKey, volumeId);
    if (keyring === undefined) continue;
    for (const newest of genuineAmong([candidate], keyring, options.expectVolumeId)) {
      const { epoch, version } = newest.superblock;
      const other = best?.newest.superblock;
      const isNewer = other === undefined || epoch > other.epoch || (epoch === other.epoch && version > other.version);
      if (isNewer) best = { keyring, newest };
    }
  }
  if (best !== undefined) return best;
  throw new SsrError('SSR_KEYS_UNAVAILABLE', 'the recovery key opens nothing on this disk', {
    help: 'check the key; a volume that was created without one has none',
  });
}
