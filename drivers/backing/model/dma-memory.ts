/**
 * The memory that a device model reaches by DMA, and the record of everything it touched there.
 *
 * The record is written by the model's side of the fence and knows nothing of grants or monitors: an independent oracle
 * for "did the device ever touch memory that the driver was not given?". It is a ring of the last `RECORD_MAX` touches
 * with a total count, so a reader can tell whether it has seen all of them.
 *
 * Like a PC's memory bus, it never fails: reads beyond its end give zeros and writes there are lost, yet both are recorded.
 */
import type { DmaPurpose } from '../../../kernel/abi.ts';

/** Touches remembered; older ones are overwritten. */
export const RECORD_MAX = 16_384;

const DIRECTIONS = ['read', 'write'] as const;
/** Seen from the device: it `read`s memory to transmit and `write`s memory to receive. */
export type DmaDirection = (typeof DIRECTIONS)[number];

/** What a device may do to memory that was granted for a purpose. */
export const DMA_DIRECTIONS: Readonly<Record<DmaPurpose, readonly DmaDirection[]>> = {
  commands: ['read', 'write'],
  'device-reads': ['read'],
  'device-writes': ['write'],
  'device-reads-writes': ['read', 'write'],
};

/** One run of bytes that the device touched. */
export interface DmaTouch {
  readonly address: number;
  readonly length: number;
  readonly direction: DmaDirection;
}

/** The touches since some point in time. `missed` counts those that were overwritten before they were read. */
export interface DmaRecord {
  readonly touches: readonly DmaTouch[];
  readonly missed: number;
  /** Pass it to the next `since` to go on from here. */
  readonly total: number;
}

export interface DmaMemory {
  /** Device addresses 0 .. sizeBytes-1. */
  readonly bytes: Uint8Array;
  /** The device reads `length` bytes into `target` at `at`. */
  read(address: number, target: Uint8Array, at: number, length: number): void;
  /** The device writes `length` bytes of `source` from `at`. */
  write(address: number, source: Uint8Array, at: number, length: number): void;
  since(total: number): DmaRecord;
}

/** Bytes that the record needs beside the memory itself. */
export const RECORD_SIZE_BYTES = 8 + RECORD_MAX * 16;

/**
 * @param memory the device-visible memory, address 0 first
 * @param record `RECORD_SIZE_BYTES` of zeros, shared by all who attach
 */
export function dmaMemory(memory: ArrayBufferLike, record: ArrayBufferLike): DmaMemory {
  const bytes = new Uint8Array(memory);
  const total = new Float64Array(record, 0, 1);
  const addresses = new Float64Array(record, 8, RECORD_MAX);
  const lengths = new Uint32Array(record, 8 + RECORD_MAX * 8, RECORD_MAX);
  const directions = new Uint32Array(record, 8 + RECORD_MAX * 12, RECORD_MAX);

  function note(address: number, length: number, direction: 0 | 1): void {
    const count = total[0] ?? 0;
    const slot = count % RECORD_MAX;
    addresses[slot] = address;
    lengths[slot] = length;
    directions[slot] = direction;
    total[0] = count + 1;
  }

  /** How many of the bytes from `address` on lie inside the memory. */
  function inside(address: number, length: number): number {
    return Math.max(0, Math.min(length, bytes.length - address));
  }

  return {
    bytes,
    read(address, target, at, length) {
      if (length === 0) return;
      note(address, length, 0);
      const present = inside(address, length);
      if (present > 0) target.set(bytes.subarray(address, address + present), at);
      target.fill(0, at + present, at + length);
    },
    write(address, source, at, length) {
      if (length === 0) return;
      note(address, length, 1);
      const present = inside(address, length);
      if (present > 0) bytes.set(source.subarray(at, at + present), address);
    },
    since(seen) {
      const count = total[0] ?? 0;
      const first = Math.max(seen, count - RECORD_MAX);
      const touches: DmaTouch[] = [];
      for (let index = first; index < count; index += 1) {
        const slot = index % RECORD_MAX;
        const direction = DIRECTIONS[directions[slot] ?? 0] ?? 'read';
        touches.push({ address: addresses[slot] ?? 0, length: lengths[slot] ?? 0, direction });
      }
      return { touches, missed: first - seen, total: count };
    },
  };
}
