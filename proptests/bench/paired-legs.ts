/**
 * What rounds with and without a monitor say together, when they were measured in pairs and in legs.
 *
 * A pair is two neighbouring rounds, so both see the same machine; their ratio counts, not their times. A leg is many pairs of
 * the same two drivers, and its median is the leg's ratio. Between legs the two sides change places, lest the faster of two
 * devices speak for one of them. The answer is the median of the legs: of two identical sides one may share its processor with
 * a stranger for a whole leg (then it took twice as long), which shall spoil no more than that leg. How far the legs are apart
 * says what the answer is worth.
 */
import { quantile } from './statistics.ts';

/** One pair of rounds; nanoseconds for one unit of work. */
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

export function summarizeLegs(legs: readonly (readonly Pair[])[]): LegsSummary {
  const all = legs.flat();
  const ratios = legs.map((pairs) => median(pairs.map((pair) => pair.passThroughNs / pair.withMonitorNs)));
  return {
    withMonitorNs: median(all.map((pair) => pair.withMonitorNs)),
    passThroughNs: median(all.map((pair) => pair.passThroughNs)),
    throughputRatio: Math.exp(median(ratios.map(Math.log))),
    lowestRatio: Math.min(...ratios),
    highestRatio: Math.max(...ratios),
  };
}
