/**
 * Asks for DMA memory until there is no more.
 *
 * Without limits one driver takes all memory that devices can use.
 * Must be refused: the table of grants is bounded, and so is the memory.
 */
import type { DeviceIo } from '../../kernel/abi.ts';
import { bare } from './bare.ts';

const REGION_BYTES = 4096;
const REQUESTS = 100_000;

export default (io: DeviceIo) =>
  bare(io, {
    attack() {
      for (let count = 0; count < REQUESTS; count += 1) io.allocate(REGION_BYTES, 'device-reads');
    },
  });
