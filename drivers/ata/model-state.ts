/**
 * The state of a modelled ATA drive, as views of whatever buffer its controller's threads share: the task file, the command
 * under way and its block. The medium is not part of it: it lies in the model's options, as a disk lies in its bay.
 */
import type { StateLayout } from '../backing/model/state-layout.ts';
import * as r from './registers.ts';

/** A block of READ MULTIPLE has at most this many sectors. */
export const MULTIPLE_MAX = 16;
export const BLOCK_BYTES_MAX = MULTIPLE_MAX * r.SECTOR_BYTES;

/** What a block of the data port is. */
export const FLOW_NONE = 0;
export const FLOW_IDENTITY = 1;
export const FLOW_IN = 2;
export const FLOW_OUT = 3;

/** What a command waits for that moves its data by DMA. */
export const WAITING_TO_READ = 1;
export const WAITING_TO_WRITE = 2;

const FIELDS = [
  // The task file; `...Before` is what was written before, which 48-bit commands take for the high half.
  'features', 'error', 'count', 'countBefore', 'lbaLow', 'lbaLowBefore', 'lbaMid', 'lbaMidBefore', 'lbaHigh', 'lbaHighBefore',
  'device', 'status', 'control', 'interrupting',
  // The command under way: its block, the sectors that it still has to move, and whether it waits for DMA.
  'flow', 'position', 'limit', 'sectorsLeft', 'blockSectors', 'multiple', 'wide', 'waiting',
] as const; // prettier-ignore

export interface DriveState {
  readonly block: Uint8Array;
  /** The next sector that the command moves, as its first element: too large for 32 bits. */
  readonly sector: Float64Array;
  readonly fields: Record<(typeof FIELDS)[number], number>;
}

export const DRIVE_STATE_BYTES = 16 + BLOCK_BYTES_MAX + FIELDS.length * 4;

export function driveState(layout: StateLayout): DriveState {
  return { sector: layout.doubles(1), fields: layout.fields(FIELDS), block: layout.bytes(BLOCK_BYTES_MAX) };
}
