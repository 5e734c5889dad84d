/**
 * Why a secure storage region refuses, and what to do about it.
 *
 * Every refusal has a code to branch on. Where epochs are known both are given: what the TPM vouches for and what the
 * disk shows. Whoever sees `isTamper` true should keep the disk as evidence: no crash of an honest disk leads there.
 */

export type SsrErrorCode =
  // What only an attacker, a broken disk or a cleared TPM brings about.
  /** The disk shows an older state than the TPM vouches for. */
  | 'SSR_ROLLBACK_DETECTED'
  /** The disk shows another history than the TPM vouches for. */
  | 'SSR_FORK_DETECTED'
  /** An anchor slot is missing, unwritten, unreadable with our secret, or impossible. */
  | 'SSR_ANCHOR_DESTROYED'
  /** No superblock of this volume is left on the disk. */
  | 'SSR_SUPERBLOCK_LOST'
  /** A block is not the one that its parent names. */
  | 'SSR_BLOCK_CORRUPT'
  // What the world does.
  /** The TPM does not release the keys: other PCR values, another TPM, or a cleared one. */
  | 'SSR_KEYS_UNAVAILABLE'
  | 'SSR_TPM_UNAVAILABLE'
  /** The TPM was told to advance and did not answer properly: open again to learn the outcome. */
  | 'SSR_COMMIT_UNKNOWN'
  | 'SSR_STORE_LOCKED'
  | 'SSR_STORE_FAILED'
  | 'SSR_NO_SPACE'
  // What the caller did.
  | 'SSR_NOT_A_VOLUME'
  | 'SSR_EXISTS'
  | 'SSR_NO_REGION'
  | 'SSR_LIMIT'
  | 'SSR_TRANSACTION_OPEN'
  | 'SSR_CLOSED';

const TAMPER_CODES: ReadonlySet<SsrErrorCode> = new Set([
  'SSR_ROLLBACK_DETECTED',
  'SSR_FORK_DETECTED',
  'SSR_ANCHOR_DESTROYED',
  'SSR_SUPERBLOCK_LOST',
  'SSR_BLOCK_CORRUPT',
]);

export interface SsrErrorDetails {
  /** The epoch that the TPM vouches for. */
  readonly anchorEpoch?: number;
  /** The highest epoch of a genuine superblock on the disk. */
  readonly diskEpoch?: number;
  readonly region?: string;
  /** 0 for data, 1 for the nodes above, and so on. */
  readonly level?: number;
  /** Index within the level. */
  readonly block?: number;
  readonly help: string;
  readonly cause?: unknown;
}

export class SsrError extends Error {
  readonly code: SsrErrorCode;
  readonly anchorEpoch: number | undefined;
  readonly diskEpoch: number | undefined;
  readonly region: string | undefined;
  readonly level: number | undefined;
  readonly block: number | undefined;
  /** What to do: an imperative. */
  readonly help: string;

  constructor(code: SsrErrorCode, what: string, details: SsrErrorDetails) {
    super(`${what}; ${details.help}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'SsrError';
    this.code = code;
    this.anchorEpoch = details.anchorEpoch;
    this.diskEpoch = details.diskEpoch;
    this.region = details.region;
    this.level = details.level;
    this.block = details.block;
    this.help = details.help;
  }

  /** True for what no crash of an honest disk and no mistake of the caller can cause. */
  get isTamper(): boolean {
    return TAMPER_CODES.has(this.code);
  }
}
