/**
 * Fills the JavaScript heap until there is no more.
 *
 * Without limits the whole process dies of it, kernel included.
 * Must be stopped by the memory limit of the driver's own thread.
 */
import type { DeviceIo } from '../../kernel/abi.ts';
import { bare } from './bare.ts';

const CHUNK = 100_000;

export default (io: DeviceIo) => {
  const hoard: unknown[] = [];
  return bare(io, {
    attack() {
      for (;;) hoard.push(Array.from({ length: CHUNK }, (_, index) => ({ index })));
    },
  });
};
