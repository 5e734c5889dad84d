/** From noisy samples to a price: a line with its errors, what lies between two samples, and the quantile that others disturb least. */
import type { LinearCost } from './cost.ts';

export interface PricedSample {
  /** Bytes that SHA really processes for the message. */
  readonly steppedBytes: number;
  readonly us: number;
}

export interface LineFit extends LinearCost {
  /** Standard errors of the two. */
  readonly fixedErrorUs: number;
  readonly perByteErrorUs: number;
  /** 1 for a perfect line; of the weighted fit. */
  readonly r2: number;
}

/** The fastest quarter's slowest: robust against other programs, less eager than the minimum. */
export function fastQuantile(times: readonly number[]): number {
  return quantile(times, 0.25);
}

/** The value below which this part of the others lie; 0 of none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
}

/**
 * The line with the least sum of squared relative errors, its standard errors and R². Errors are weighted by 1/time, so that
 * small messages, of which a tree has most, count as much as pages. A price below zero is no price: it is clamped to 0 (a
 * fixed cost lost in noise), and the other refitted.
 */
export function fitLine(samples: readonly PricedSample[]): LineFit {
  let [sw, swx, swy, swxx, swxy, swyy] = [0, 0, 0, 0, 0, 0];
  for (const { steppedBytes: x, us: y } of samples) {
    const w = 1 / (y * y);
    sw += w;
    swx += w * x;
    swy += w * y;
    swxx += w * x * x;
    swxy += w * x * y;
    swyy += w * y * y;
  }
  const determinant = sw * swxx - swx * swx;
  let fixedUs = (swxx * swy - swx * swxy) / determinant;
  let perByteUs = (sw * swxy - swx * swy) / determinant;
  if (fixedUs < 0) [fixedUs, perByteUs] = [0, swxy / swxx];
  if (perByteUs < 0) [fixedUs, perByteUs] = [swy / sw, 0];
  const residual = samples.reduce((sum, { steppedBytes, us }) => {
    return sum + ((us - fixedUs - perByteUs * steppedBytes) / us) ** 2;
  }, 0);
  const variance = residual / Math.max(1, samples.length - 2);
  return {
    fixedUs,
    perByteUs,
    fixedErrorUs: Math.sqrt((variance * swxx) / determinant),
    perByteErrorUs: Math.sqrt((variance * sw) / determinant),
    r2: 1 - residual / (swyy - (swy * swy) / sw),
  };
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The value at `x` in a table in ascending order of x: straight lines between its points, its ends beyond them. */
export function interpolate(table: readonly Point[], x: number): number {
  const above = table.findIndex((point) => point.x >= x);
  const [low, high] = [table[above - 1], table[above]];
  if (low === undefined || high === undefined) return (high ?? table.at(-1))?.y ?? 0;
  return low.y + ((high.y - low.y) * (x - low.x)) / (high.x - low.x);
}
