/**
 * Opening a volume: where store, TPM and keys meet.
 *
 * Read the four superblocks; have the TPM unseal the keys that they carry; keep the superblocks that those keys
 * made; read the anchor; decide (`recovery.ts`); mount. Nothing is written, unless a durable state must be anchored first.
 * An alleged superblock may name any keys and any NV indices: what decides is which keys the TPM releases, whether the
 * superblock was made with them, and whether the indices answer to the secret beside them.
 */
import { openAnchor } from './anchor.ts';
import type { Anchor } from './anchor.ts';
import { keysUnavailable, unsealKeyring } from './keys.ts';
import type { Keyring, TpmAccess } from './keys.ts';
import { decideMount } from './recovery.ts';
import type { GenuineSuperblock, MountDecision } from './recovery.ts';
import type { AllegedSuperblock } from './superblock.ts';
import { equalBytes } from './tpm/codec.ts';
import { TpmError } from './tpm/errors.ts';
import { VolumeCore } from './volume-core.ts';
import { readSuperblocks, superblockDigest } from './superblock.ts';
import { Volume } from './volume.ts';
import {
  coreOptions,
  genuineAmong,
  notAVolume,
  notFreshRefused,
  orCloseStore,
  volumeOf,
  withAccess,
} from './volume-setup.ts';
import type { OpenOptions, Seams } from './volume-setup.ts';

/**
 * Opens a volume, or says why it must not be opened. Takes the same time whatever the regions' sizes.
 * @throws SsrError: see `recovery.ts` for refusals; `SSR_NOT_A_VOLUME`, `SSR_KEYS_UNAVAILABLE`, `SSR_TPM_UNAVAILABLE`
 */
export function openVolume(options: OpenOptions, seams: Seams = {}): Promise<Volume> {
  return orCloseStore(options.store, () => {
    const alleged = readSuperblocks(options.store);
    if (alleged.length === 0) throw notAVolume(options.store);
    return withAccess(options.tpm, async (access) => {
      const { keyring, anchor, decision } = await findMount(access, alleged, options, seams);
      const { mount, rollForward, tornSlot } = decision;
      if (options.mode === 'durable-not-fresh' && !mount.superblock.allowsNotFresh) throw notFreshRefused();
      const core = VolumeCore.mount(coreOptions(options, keyring, seams), mount, rollForward?.superblock);
      if (rollForward !== undefined) await anchorFoundState(core, anchor);
      const found = { wasSlotTorn: tornSlot !== undefined, wasRolledForward: rollForward !== undefined };
      return volumeOf({ options, core, anchor, access }, found);
    });
  });
}

/** Two futures of one state must never both be seen: what was found is anchored before anyone reads it. */
async function anchorFoundState(core: VolumeCore, anchor: Anchor): Promise<void> {
  const { epoch, bytes, offset } = core.prepare(false, core.fixed.tokens);
  const point = { epoch, digest: superblockDigest(bytes) };
  core.store.write(offset, bytes);
  core.store.flush();
  await anchor.advance(point, Promise.resolve());
  core.published(core.state, point);
}

interface Mount {
  readonly keyring: Keyring;
  readonly anchor: Anchor;
  readonly decision: MountDecision;
}

/** Usually all superblocks carry the same keys; after resealing, or an attack, there may be several to try. */
async function findMount(
  access: TpmAccess,
  alleged: readonly AllegedSuperblock[],
  options: OpenOptions,
  seams: Seams,
): Promise<Mount> {
  const decide = seams.decide ?? decideMount;
  let refusal: unknown;
  let sealRefusal: TpmError | undefined;
  let isAnyGenuine = false;
  const tried: Keyring[] = [];
  for (const candidate of alleged) {
    const keyring = await unsealKeyring(access, candidate.superblock.sealedKeys, candidate.superblock.pcrs);
    if (keyring instanceof TpmError) {
      sealRefusal ??= keyring;
      continue;
    }
    if (tried.some((other) => isSameKeyring(other, keyring))) continue;
    tried.push(keyring);
    const genuine = genuineAmong(alleged, keyring, options.expectVolumeId);
    const newest = genuine.reduce<GenuineSuperblock | undefined>(
      (best, one) => (best === undefined || one.superblock.epoch > best.superblock.epoch ? one : best),
      undefined,
    );
    if (newest === undefined) continue;
    isAnyGenuine = true;
    const nv = { tpm: access.tpm, session: access.session, secret: keyring.anchorSecret };
    const anchor = (seams.openAnchor ?? openAnchor)(nv, newest.superblock.anchor);
    try {
      return { keyring, anchor, decision: decide(await anchor.read(), genuine) };
    } catch (error) {
      refusal ??= error;
    }
  }
  if (isAnyGenuine) throw refusal;
  if (sealRefusal !== undefined) throw keysUnavailable(sealRefusal);
  throw notAVolume(options.store);
}

function isSameKeyring(a: Keyring, b: Keyring): boolean {
  return equalBytes(a.root, b.root) && equalBytes(a.anchorSecret, b.anchorSecret);
}
