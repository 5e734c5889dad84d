/** Prices that were measured once and matter by name. Everything else is calibrated at start: machines differ tenfold. */
import { linearHashCost } from './cost.ts';

/** SHA-1 on the machine of the original block-size work (NCA'04): microseconds, a per byte, b per hash, g for whole regions. */
export const SHA1_2004 = {
  perByteUs: 0.010384,
  fixedUs: 0.621739,
  wholeRegionPerByteUs: 0.009991288,
  digestSizeBytes: 20,
  arity: 2,
} as const;

/** @param stepped charge whole SHA blocks, as the original did when it rounded its answer up to 183 bytes */
export function sha1Cost2004(stepped: boolean): ReturnType<typeof linearHashCost> {
  return linearHashCost({ name: 'sha1-2004', ...SHA1_2004, stepped, prefixSizeBytes: 0 });
}
