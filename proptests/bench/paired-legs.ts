/**
 * What rounds with and without a monitor say together, when they were measured in pairs and in legs.
 *
 * A pair is two neighbouring rounds, so both see the same machine; their ratio counts, not their times. Whoever comes second in
 * a pair finds the caches full of the other's, and is up to a tenth slower for it: so the next pair goes the other way round, and
 * two pairs (A B, B A) are one comparison. A leg is many of them of the same two drivers, and its median is the leg's ratio.
 * Between legs the two sides change places, lest the faster of two devices speak for one of them. The answer is the mean of the
 * middle half of the legs: of two identical sides one may share its processor with a stranger for a whole leg (then it took
 * twice as long), which shall spoil no more than that leg. How far the legs are apart says what the answer is worth.
 */
import { meanOfMiddle, quantile } from './statistics.ts';

/** One pair of rounds, of equally much work; nanoseconds for one unit of it. */
export interface Pair {
  readonly withMonitorNs: number;
  readonly passThroughNs: number;
}

export interface LegsSummary {
  readonly withMonitorNs: number;
  readonly passThroughNs: number;
  /** Throughput with the monitor over throughput without: 0.95 is a loss of 5 %. */
  readonly throughputRatio: number;
  /** The same of the leg that lost most, and of the one that lost least. */
  readonly lowestRatio: number;
  readonly highestRatio: number;
}

const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** Throughput with the monitor over throughput without: one ratio for every two pairs, and one for a last pair that is left. */
function ratiosOf(pairs: readonly Pair[]): number[] {
  const ratios: number[] = [];
  for (let first = 0; first < pairs.length; first += 2) {
    const both = pairs.slice(first, first + 2);
    const sum = (of: (pair: Pair) => number): number => both.reduce((total, pair) => total + of(pair), 0);
    ratios.push(sum((pair) => pair.passThroughNs) / sum((pair) => pair.withMonitorNs));
  }
  return ratios;
}

/** @param legs of each its pairs, every second one in the opposite order */
export function summarizeLegs(legs: readonly (readonly Pair[])[]): LegsSummary {
  const all = legs.flat();
  const ratios = legs.map((pairs) => median(ratiosOf(pairs)));
  return {
    withMonitorNs: median(all.map((pair) => pair.withMonitorNs)),
    passThroughNs: median(all.map((pair) => pair.passThroughNs)),
    throughputRatio: Math.exp(meanOfMiddle(ratios.map(Math.log))),
    lowestRatio: Math.min(...ratios),
    highestRatio: Math.max(...ratios),
  };
}
