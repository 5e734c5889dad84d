/**
 * Many operations in one call: what `runBatch` of an emitted module takes. An operation is one index into typed arrays.
 *
 * | kind                    | space | offset | width    | lo, hi  | now    |
 * |-------------------------|-------|--------|----------|---------|--------|
 * | read                    | space | offset | bytes    |         | time   |
 * | report, write           | space | offset | bytes    | value   | time   |
 * | store                   |       | length |          | address | time   |
 * | interrupt, check, tick  |       |        |          |         | time   |
 * | grant                   |       |        | purposes | address | length |
 * | place                   | bar   |        |          | address | length |
 * | reset                   |       |        |          |         |        |
 */
import type { Monitor } from './runtime.ts';

/** Kinds of operations by number, in the order of this list. */
export const BATCH_KINDS = [
  'read',
  'report',
  'write',
  'store',
  'interrupt',
  'check',
  'tick',
  'grant',
  'place',
  'reset',
] as const;

export type BatchKind = (typeof BATCH_KINDS)[number];

/** What `runBatch` takes, in order: an index into all arrays is one operation. */
export const BATCH_PARAMETERS = [
  ['kinds', 'Uint8Array'],
  ['spaces', 'Uint8Array'],
  ['offsets', 'Uint32Array'],
  ['widths', 'Uint8Array'],
  ['los', 'Uint32Array'],
  ['his', 'Uint32Array'],
  ['nows', 'Float64Array'],
  ['verdicts', 'Int32Array'],
  ['count', 'number'],
] as const;

interface Types {
  readonly Uint8Array: Uint8Array;
  readonly Uint32Array: Uint32Array;
  readonly Int32Array: Int32Array;
  readonly Float64Array: Float64Array;
  readonly number: number;
}

type ArgumentsOf<P extends readonly (readonly [name: string, type: keyof Types])[]> = {
  [At in keyof P]: Types[P[At][1]];
};

/** A monitor as emitted: besides single operations it takes many at once. */
export interface BatchMonitor extends Monitor {
  /**
   * Judges operations 0 .. count - 1 in order and puts each verdict into `verdicts`. After a verdict below 0 on a write or
   * a report, the value to deliver is in `los` and `his`. A denial does not end the batch.
   * @param batch `BATCH_PARAMETERS`
   * @returns how many were denied
   */
  runBatch(...batch: ArgumentsOf<typeof BATCH_PARAMETERS>): number;
}
