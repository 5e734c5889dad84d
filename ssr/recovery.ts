/**
 * Recovery: what a disk means beside an anchor. The whole decision, as one pure function.
 *
 * | anchor (V)    | genuine superblocks on the disk      | decision                                            |
 * |---------------|--------------------------------------|-----------------------------------------------------|
 * | V             | one whose digest is V's              | mount it; a superblock of V+1 was never committed   |
 * | V, next torn  | one whose digest is V's              | the same; the next commit rewrites the torn slot    |
 * | V             | only epochs below V                  | refuse: an old disk was put back                    |
 * | V             | epochs above V, or another digest    | refuse: another history                             |
 * | V             | none                                 | refuse: lost                                        |
 * | destroyed     | any                                  | refuse; only the recovery key opens, and says so    |
 *
 * A TPM that does not answer is not in the table: nothing is decided and nothing is changed. A damaged block below the
 * superblock fails the read that needs it. Recovery writes nothing, hence a crash during recovery changes nothing.
 *
 * One exception, by consent: in a volume that was created to allow `durable-not-fresh` commits, a tentative superblock
 * that follows V directly is rolled forward to, and anchored before anyone sees it. An attacker may hide tentative
 * states (this is what "not fresh" says), but can neither go below V nor show two futures of V.
 */
import type { AnchorReading } from './anchor-slots.ts';
import { SsrError } from './errors.ts';
import type { Superblock } from './superblock.ts';
import { equalBytes } from './tpm/codec.ts';

/** A superblock whose HMAC is right, and its digest. */
export interface GenuineSuperblock {
  readonly superblock: Superblock;
  readonly digest: Uint8Array;
}

export interface MountDecision {
  readonly mount: GenuineSuperblock;
  /** Durable but not anchored: anchor it before use. */
  readonly rollForward: GenuineSuperblock | undefined;
  readonly tornSlot: number | undefined;
}

/** The way out for whoever has lost freshness for good. */
const RECOVER_HELP =
  'keep the disk as evidence; with the recovery key, `refmon ssr recover --accept-loss` opens what is there without any promise that it is the latest';

/** @throws SsrError that says why this disk must not be mounted beside this anchor */
export function decideMount(reading: AnchorReading, genuine: readonly GenuineSuperblock[]): MountDecision {
  const anchored = genuine.filter(({ superblock }) => !superblock.isTentative);
  const diskEpoch = anchored.reduce((highest, { superblock }) => Math.max(highest, superblock.epoch), -1);
  const onDisk = diskEpoch < 0 ? {} : { diskEpoch };
  if (reading.kind === 'destroyed') {
    throw new SsrError('SSR_ANCHOR_DESTROYED', `the anchor in the TPM is destroyed: ${reading.reason}`, {
      ...onDisk,
      help: RECOVER_HELP,
    });
  }
  const { point, tornSlot } = reading;
  const epochs = { anchorEpoch: point.epoch, ...onDisk };
  const mount = anchored.find(
    ({ superblock, digest }) => superblock.epoch === point.epoch && equalBytes(digest, point.digest),
  );
  if (mount !== undefined) return { mount, rollForward: findRollForward(mount, genuine), tornSlot };
  if (diskEpoch < 0) {
    throw new SsrError('SSR_SUPERBLOCK_LOST', `the disk has no superblock of this volume (epoch ${point.epoch})`, {
      ...epochs,
      help: RECOVER_HELP,
    });
  }
  if (diskEpoch < point.epoch) {
    throw new SsrError(
      'SSR_ROLLBACK_DETECTED',
      `the disk is at epoch ${diskEpoch}, but the TPM vouches for epoch ${point.epoch}: an old copy was put back`,
      { ...epochs, help: `put the disk of epoch ${point.epoch} back` },
    );
  }
  throw new SsrError(
    'SSR_FORK_DETECTED',
    `the disk shows epoch ${diskEpoch} of another history than the TPM's epoch ${point.epoch}`,
    { ...epochs, help: RECOVER_HELP },
  );
}

function findRollForward(
  mount: GenuineSuperblock,
  genuine: readonly GenuineSuperblock[],
): GenuineSuperblock | undefined {
  if (!mount.superblock.allowsNotFresh) return undefined;
  let best: GenuineSuperblock | undefined;
  for (const candidate of genuine) {
    const { isTentative, epoch, previousDigest, version } = candidate.superblock;
    if (!isTentative || epoch !== mount.superblock.epoch + 1) continue;
    if (!equalBytes(previousDigest, mount.digest)) continue;
    if (best === undefined || version > best.superblock.version) best = candidate;
  }
  return best;
}
