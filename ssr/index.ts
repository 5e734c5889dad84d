/**
 * Secure storage regions: confidential, intact and replay-proof data on a disk nobody trusts.
 *
 * `createVolume` and `openVolume` need a store and a TPM; a volume holds regions. The block-size model, the Merkle tree and
 * the TPM client are useful alone.
 */
export { SsrError } from './errors.ts';
export type { SsrErrorCode } from './errors.ts';
export { createVolume } from './create-volume.ts';
export { openVolume } from './open-volume.ts';
export { recoverVolume } from './recover-volume.ts';
export type { CreateOptions, OpenOptions } from './volume-setup.ts';
export type { RecoverOptions } from './recover-volume.ts';
export { Volume } from './volume.ts';
export type { CommitMode } from './publisher.ts';
export type { Opening, RegionInfo, Transaction } from './volume.ts';
export { Region, Snapshot } from './region.ts';
export type { RegionOptions } from './batch.ts';
export type { RegionMode } from './directory.ts';
export type { ScrubReport, Damage } from './scrub.ts';
export { makeRecoveryKey } from './keys.ts';
export { HARDWARE_BUCKET } from './token-bucket.ts';
export type { TokenBucket } from './token-bucket.ts';
export type { Store } from './store/store.ts';
export { openFileStore } from './store/file-store.ts';
export { MemoryDisk } from './store/memory-store.ts';
export * as tpm from './tpm/index.ts';
