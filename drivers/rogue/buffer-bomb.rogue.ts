/**
 * Fills memory with array buffers, which live outside the JavaScript heap and its limit.
 *
 * A limit on the heap alone does not see it; the machine runs out of memory.
 * Must be stopped by the kernel: a limit on buffers, or on the time of one entry.
 */
import type { DeviceIo } from '../../kernel/abi.ts';
import { bare } from './bare.ts';

const CHUNK_BYTES = 16 * 1024 * 1024;

export default (io: DeviceIo) => {
  const hoard: Uint8Array[] = [];
  return bare(io, {
    attack() {
      // Filled, so that the memory is really taken.
      for (;;) hoard.push(new Uint8Array(CHUNK_BYTES).fill(1));
    },
  });
};
