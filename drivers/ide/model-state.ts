/**
 * Everything that the IDE model remembers, in one buffer that threads share: PCI configuration, one channel with its drive,
 * and its half of the bus master. The medium is not part of it: it lies in the model's options, as a disk lies in its bay.
 */
import { layOut } from '../backing/model/state-layout.ts';
import * as r from './registers.ts';

export const CONFIG_SIZE_BYTES = 256;
/** A block of READ MULTIPLE has at most this many sectors. */
export const MULTIPLE_MAX = 16;
export const BLOCK_BYTES_MAX = MULTIPLE_MAX * r.SECTOR_BYTES;

/** What a block of the data port is. */
export const FLOW_NONE = 0;
export const FLOW_IDENTITY = 1;
export const FLOW_IN = 2;
export const FLOW_OUT = 3;

const FIELDS = [
  // The task file; `...Before` is what was written before, which 48-bit commands take for the high half.
  'features', 'error', 'count', 'countBefore', 'lbaLow', 'lbaLowBefore', 'lbaMid', 'lbaMidBefore', 'lbaHigh', 'lbaHighBefore',
  'device', 'status', 'control', 'interrupting', 'line',
  // The command under way: its block, and the sectors that it still has to move.
  'flow', 'position', 'limit', 'sectorsLeft', 'blockSectors', 'multiple', 'wide',
  // The bus master; and whether a command waits for it: 0 no, 1 to read the disk, 2 to write it.
  'masterCommand', 'masterStatus', 'table', 'waiting',
  'powered',
] as const; // prettier-ignore

export interface IdeState {
  readonly config: Uint8Array;
  readonly block: Uint8Array;
  /** The next sector that the command moves, as its first element: too large for 32 bits. */
  readonly sector: Float64Array;
  readonly fields: Record<(typeof FIELDS)[number], number>;
}

export const STATE_SIZE_BYTES = 16 + CONFIG_SIZE_BYTES + BLOCK_BYTES_MAX + FIELDS.length * 4;

export function ideState(buffer: ArrayBufferLike): IdeState {
  const layout = layOut(buffer);
  const sector = layout.doubles(1);
  const fields = layout.fields(FIELDS);
  return { sector, fields, config: layout.bytes(CONFIG_SIZE_BYTES), block: layout.bytes(BLOCK_BYTES_MAX) };
}
