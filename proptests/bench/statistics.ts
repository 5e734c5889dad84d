/**
 * Timing of contenders side by side, fit for a machine that others use too.
 *
 * The contenders take turns in interleaved rounds (A B C, C B A, A B C, ...), so that a busy minute hits all of them;
 * the median of many rounds stands for each. Ratios within one table can be trusted, absolute numbers only roughly.
 * Reports numbers; prints nothing.
 */

/** Something that can be timed, again and again. */
export interface Contender {
  readonly name: string;
  /** Events that one `run` handles. */
  readonly events: number;
  /** Brings the contender to its beginning and its code and data into the caches; not timed. */
  prepare(): void;
  /** The timed part. What it returns must be `expected`, or the measurement is void. */
  run(): number;
  readonly expected: number;
}

/** Nanoseconds are for one event. */
export interface BenchRow {
  readonly name: string;
  readonly median_ns: number;
  /** The round that a fifth of all rounds were faster than: what a quiet machine would show. */
  readonly p20_ns: number;
  readonly min_ns: number;
  /** Median over the median of the baseline. */
  readonly ratio: number;
  readonly rounds: number;
  /** Events in one round. */
  readonly events: number;
}

export interface MeasureOptions {
  /** Timed rounds, at least 1. */
  readonly rounds: number;
  /** Rounds before those, in which the engine compiles; their times are dropped. */
  readonly warmups: number;
  /** Name of the contender whose ratio is 1. */
  readonly baseline: string;
}

/** A contender did something else than was agreed: its time would mean nothing. */
export class BenchmarkError extends Error {
  readonly code: 'BENCH_VERDICTS_DIFFER' | 'BENCH_RESULT_DIFFERS' | 'BENCH_SPECIFICATION';
  constructor(code: BenchmarkError['code'], message: string) {
    super(message);
    this.name = 'BenchmarkError';
    this.code = code;
  }
}

/**
 * Times the contenders in interleaved rounds.
 * @returns one row a contender, in the order given
 * @throws BenchmarkError `BENCH_RESULT_DIFFERS` when a run does not return what it must; RangeError for bad options
 */
export function measure(contenders: readonly Contender[], options: MeasureOptions): BenchRow[] {
  const { rounds, warmups, baseline } = options;
  if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError('`rounds` must be an integer of at least 1');
  if (!Number.isInteger(warmups) || warmups < 0) throw new RangeError('`warmups` must be an integer of at least 0');
  const samples = contenders.map(() => [] as number[]);
  for (let round = 0; round < warmups + rounds; round += 1) {
    // Every other round goes backwards, so that no contender always runs after the same neighbour.
    const turn = contenders.map((_, index) => (round % 2 === 0 ? index : contenders.length - 1 - index));
    for (const index of turn) {
      const contender = contenders[index];
      if (contender === undefined) continue;
      const ns = timeOnce(contender);
      if (round >= warmups) samples[index]?.push(ns / contender.events);
    }
  }
  const base = contenders.findIndex((contender) => contender.name === baseline);
  if (base === -1) throw new RangeError(`\`baseline\` names no contender: ${baseline}`);
  const reference = quantile(samples[base] ?? [], 0.5);
  return contenders.map((contender, index) => {
    const times = samples[index] ?? [];
    const median = quantile(times, 0.5);
    return {
      name: contender.name,
      median_ns: median,
      p20_ns: quantile(times, 0.2),
      min_ns: quantile(times, 0),
      ratio: median / reference,
      rounds,
      events: contender.events,
    };
  });
}

function timeOnce(contender: Contender): number {
  contender.prepare();
  const start = process.hrtime.bigint();
  const result = contender.run();
  const ns = Number(process.hrtime.bigint() - start);
  if (result !== contender.expected) {
    throw new BenchmarkError(
      'BENCH_RESULT_DIFFERS',
      `${contender.name} returned ${result} in a timed run, not ${contender.expected}`,
    );
  }
  return ns;
}

/**
 * The value below which a fraction `q` of the samples lies, interpolated between neighbours.
 * @param q from 0 (the least) to 1 (the greatest)
 * @throws RangeError when there are no samples
 */
export function quantile(samples: readonly number[], q: number): number {
  if (!(q >= 0 && q <= 1)) throw new RangeError('`q` must lie between 0 and 1');
  const sorted = [...samples].sort((a, b) => a - b);
  const place = q * (sorted.length - 1);
  const below = sorted[Math.floor(place)];
  const above = sorted[Math.ceil(place)];
  if (below === undefined || above === undefined) throw new RangeError('`samples` is empty');
  return below + (above - below) * (place - Math.floor(place));
}

/**
 * The mean of the middle half of the samples: as deaf to strangers as the median, and nearer to the truth where there are none.
 * @throws RangeError when there are no samples
 */
export function meanOfMiddle(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError('`samples` is empty');
  const left = Math.floor(samples.length / 4);
  const middle = [...samples].sort((a, b) => a - b).slice(left, samples.length - left);
  return middle.reduce((sum, sample) => sum + sample, 0) / middle.length;
}
