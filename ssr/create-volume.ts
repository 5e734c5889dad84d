/** Creating a volume: keys, first superblock, flush, then the anchor. It exists once the anchor is completely written. */
import { randomBytes } from 'node:crypto';
import { SLOT_COUNT_MAX, SLOT_COUNT_MIN } from './anchor-slots.ts';
import { chooseAnchorPlace } from './anchor.ts';
import { ID_SIZE_BYTES } from './block-cipher.ts';
import { EMPTY_ROOT } from './block-io.ts';
import { ENTRY_SIZE_BYTES } from './entry.ts';
import { SsrError } from './errors.ts';
import { DEFAULT_PCRS, makeKeyring, sealKeyring, wrapKeyring } from './keys.ts';
import { NO_CHANGES } from './recent-changes.ts';
import type { Superblock } from './superblock.ts';
import { VolumeCore } from './volume-core.ts';
import {
  ARITY_MIN,
  BLOCK_SIZE_MAX_BYTES,
  BLOCK_SIZE_MIN_BYTES,
  DATA_START_BYTES,
  readSuperblocks,
} from './superblock.ts';
import { Volume } from './volume.ts';
import {
  DEFAULT_ARITY,
  DEFAULT_BLOCK_SIZE_BYTES,
  DEFAULT_CAPACITY_BYTES,
  anchorAnew,
  behaviourOf,
  checkInteger,
  coreOptions,
  notFreshRefused,
  orCloseStore,
  volumeOf,
  withAccess,
} from './volume-setup.ts';
import type { CreateOptions, Seams } from './volume-setup.ts';

function geometryOf(options: CreateOptions): { blockSizeBytes: number; arity: number; capacityBlocks: number } {
  const blockSizeBytes = options.blockSizeBytes ?? DEFAULT_BLOCK_SIZE_BYTES;
  checkInteger('blockSizeBytes', blockSizeBytes, BLOCK_SIZE_MIN_BYTES, BLOCK_SIZE_MAX_BYTES);
  if ((blockSizeBytes & (blockSizeBytes - 1)) !== 0) throw new RangeError('blockSizeBytes must be a power of two');
  const arityMax = Math.floor(blockSizeBytes / ENTRY_SIZE_BYTES);
  const arity = options.arity ?? Math.min(DEFAULT_ARITY, arityMax);
  checkInteger('arity', arity, ARITY_MIN, arityMax);
  const capacityBytes = options.capacityBytes ?? DEFAULT_CAPACITY_BYTES;
  checkInteger('capacityBytes', capacityBytes, DATA_START_BYTES + 16 * blockSizeBytes, 2 ** 46);
  return { blockSizeBytes, arity, capacityBlocks: Math.floor(capacityBytes / blockSizeBytes) };
}

/**
 * Makes an empty volume on a store that holds none, and opens it.
 * @throws SsrError `SSR_EXISTS`, `SSR_TPM_UNAVAILABLE`, `SSR_STORE_FAILED`; RangeError for geometry out of range
 */
export function createVolume(options: CreateOptions, seams: Seams = {}): Promise<Volume> {
  return orCloseStore(options.store, async () => {
    const geometry = geometryOf(options);
    const slotCount = options.slotCount ?? SLOT_COUNT_MIN;
    checkInteger('slotCount', slotCount, SLOT_COUNT_MIN, SLOT_COUNT_MAX);
    const pcrs = options.pcrs ?? DEFAULT_PCRS;
    if (pcrs.length < 1) throw new RangeError('pcrs must name at least one PCR');
    if (options.mode === 'durable-not-fresh' && options.allowNotFresh !== true) throw notFreshRefused();
    if (readSuperblocks(options.store).length > 0) {
      throw new SsrError('SSR_EXISTS', `there is a volume on ${options.store.name}`, {
        help: 'choose another store, or remove this one',
      });
    }
    return withAccess(options.tpm, async (access) => {
      const keyring = await makeKeyring(options.tpm);
      const volumeId = Uint8Array.from(randomBytes(ID_SIZE_BYTES));
      const superblock: Superblock = {
        ...geometry,
        isTentative: false,
        epoch: slotCount,
        version: 1,
        volumeId,
        allowsNotFresh: options.allowNotFresh ?? false,
        directory: EMPTY_ROOT,
        directorySlots: 0,
        freeMap: EMPTY_ROOT,
        changes: NO_CHANGES,
        sealedBlocks: 0,
        previousDigest: new Uint8Array(32),
        anchor: await chooseAnchorPlace(options.tpm, slotCount),
        pcrs,
        sealedKeys: await sealKeyring(access, keyring, pcrs),
        wrappedKeys:
          options.recoveryKey === undefined ? undefined : wrapKeyring(keyring, options.recoveryKey, volumeId),
        tokens: { tokens: options.tokenBucket?.burst ?? 0, atMs: behaviourOf(options).now() },
      };
      const core = VolumeCore.format(coreOptions(options, keyring, seams), superblock);
      const anchor = await anchorAnew(access, keyring, superblock.anchor, core.anchored, seams);
      return volumeOf({ options, core, anchor, access }, { wasSlotTorn: false, wasRolledForward: false });
    });
  });
}
