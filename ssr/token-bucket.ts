/**
 * A bound on NV writes: a TPM's memory wears out, at 100,000 to 500,000 writes of one place on real chips.
 *
 * Tokens come at a steady rate up to a burst; each commit to the anchor takes one. Their number lies in the superblock, so
 * that restarting does not refill the bucket. A clock that goes backwards gives nothing.
 */
import type { TokenState } from './superblock.ts';

export interface TokenBucket {
  /** Most tokens at a time; a new volume starts with as many. */
  readonly burst: number;
  /** Milliseconds until another token comes. */
  readonly refillMs: number;
}

/** 20 commits at once, then one in five seconds: with two slots a chip of 100,000 cycles lasts 11 days of steady commits. */
export const HARDWARE_BUCKET: TokenBucket = { burst: 20, refillMs: 5000 };

export function refill(bucket: TokenBucket, state: TokenState, nowMs: number): TokenState {
  const earned = Math.floor((nowMs - state.atMs) / bucket.refillMs);
  if (earned <= 0) return nowMs < state.atMs ? { tokens: state.tokens, atMs: nowMs } : state;
  const tokens = Math.min(bucket.burst, state.tokens + earned);
  return { tokens, atMs: tokens === bucket.burst ? nowMs : state.atMs + earned * bucket.refillMs };
}

/** Milliseconds until there is a token; 0 if there is one. */
export function waitMs(bucket: TokenBucket, state: TokenState, nowMs: number): number {
  const now = refill(bucket, state, nowMs);
  return now.tokens >= 1 ? 0 : Math.max(1, now.atMs + bucket.refillMs - nowMs);
}

export function spend(state: TokenState): TokenState {
  return { tokens: Math.max(0, state.tokens - 1), atMs: state.atMs };
}
