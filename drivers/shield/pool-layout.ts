/**
 * The device's memory above the guest's, where a device without a doorbell finds the RVM's copies.
 *
 *   guest   | structures as the guest has them
 *   planes  | one for each pool that registers name: the copy of what lies at A is at A + a constant
 *   slots   | one area for each pool: copies of structures that links lead to, wherever there was room
 */
import { ShieldError } from './errors.ts';
import type { PoolPlan, PoolShape } from './pool-plan.ts';

/** Structures of one pool, copies that linger included. A USB disk's request of 120 KiB has 1920. */
export const STRUCTURES_MAX = 16_384;

export interface PoolLayout {
  readonly guestBytes: number;
  /** Of a pool: what is added to an address for its plane. */
  readonly plane: (pool: number) => number;
  readonly slots: (pool: number) => number;
  readonly totalBytes: number;
}

/** @param guestBytes a multiple of a page */
export function poolLayout({ pools }: PoolPlan, guestBytes: number): PoolLayout {
  const plane = (pool: number): number => guestBytes * (1 + pool);
  const starts: number[] = [];
  let end = plane(pools.length);
  for (const { bytes } of pools) {
    starts.push(end);
    end += STRUCTURES_MAX * bytes;
  }
  // Whole MiB: a machine has no less.
  const totalBytes = Math.ceil(end / (1 << 20)) * (1 << 20);
  return { guestBytes, plane, slots: (pool) => starts[pool] ?? end, totalBytes };
}

export function tooMany({ name }: PoolShape): ShieldError {
  return new ShieldError(
    'GUEST_FLOOD',
    `the guest gives its device more than ${STRUCTURES_MAX} structures (\`${name}\`)`,
  );
}
