/**
 * The regions of a command table in the AHCI model (AHCI 1.3.1, 4.2.3.3), as one run of bytes that data is moved through.
 *
 * A table may have 65535 regions; the model looks at the first `REGIONS_MAX`, for no call of a model is without a bound.
 */
import type { DmaMemory } from '../backing/model/dma-memory.ts';
import * as r from './registers.ts';

export const REGIONS_MAX = 8192;

/** Reads tables of two words that may lie anywhere: no more than 2^53 are exact, and beyond memory all are alike. */
export function wide(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

export interface Regions {
  /** Bytes in all. */
  readonly total: number;
  /** The next `length` bytes, to memory or from it, as far as there are any. @returns how many there were */
  move(direction: 'to memory' | 'from memory', bytes: Uint8Array, at: number, length: number): number;
}

/** @param table the address of the command table */
export function regionsOf(memory: DmaMemory, table: number, count: number): Regions {
  const entry = new DataView(new ArrayBuffer(r.REGION_SIZE_BYTES));
  const regions: { readonly base: number; readonly size: number }[] = [];
  let total = 0;
  for (let index = 0; index < Math.min(count, REGIONS_MAX); index += 1) {
    const place = table + r.TABLE_REGIONS + index * r.REGION_SIZE_BYTES;
    memory.read(place, new Uint8Array(entry.buffer), 0, r.REGION_SIZE_BYTES);
    const size = (entry.getUint32(12, true) & r.REGION_BYTES_MASK) + 1;
    regions.push({ base: wide(entry, 0), size });
    total += size;
  }
  let current = 0;
  let offset = 0;
  return {
    total,
    move(direction, bytes, at, length) {
      let done = 0;
      for (let region = regions[current]; region !== undefined && done < length; region = regions[current]) {
        const run = Math.min(region.size - offset, length - done);
        if (direction === 'to memory') memory.write(region.base + offset, bytes, at + done, run);
        else memory.read(region.base + offset, bytes, at + done, run);
        done += run;
        offset += run;
        if (offset === region.size) {
          current += 1;
          offset = 0;
        }
      }
      return done;
    },
  };
}
