/**
 * Measures what hashing costs here and now: a fixed price per message and one per byte, with their errors.
 *
 * Least squares on batches of several body sizes. Bodies are read from ascending, scattered places, as a
 * commit reads them: the line is measured on 1 MiB, which lies in the cache as the upper levels of a tree do, and the
 * extra price of memory on 32 MiB. Without that price a commit on a tree of 64 MiB takes up to 40 % more than predicted
 * for the fastest engine (measured). Errors are weighted by 1/time, so that small
 * messages, of which a tree has most, count as much as pages. Bytes are those of whole SHA blocks
 * (`shaSteppedBytes`), prefix included. Of the rounds the fast ones are taken: other programs only ever add time.
 */
import { performance } from 'node:perf_hooks';
import type { HashEngine } from '../hash-engine.ts';
import { DIGEST_SIZE_BYTES, PREFIX_SIZE_BYTES } from '../hash-engine.ts';
import { LANES } from '../hash/wasm.ts';
import type { HashCost, LinearCost } from './cost.ts';
import { COLD_SIZE_BYTES, HOT_SIZE_BYTES, linearHashCost, shaSteppedBytes } from './cost.ts';
import { MerkleTree } from '../merkle.ts';
import { seededRandom } from './random.ts';

export interface Calibration extends LinearCost {
  readonly engine: string;
  /** Of inner nodes that lie in the engine's own memory. */
  readonly isInPlace: boolean;
  /** Standard errors of the two. */
  readonly fixedErrorUs: number;
  readonly perByteErrorUs: number;
  /** 1 for a perfect line; of the weighted fit. */
  readonly r2: number;
  /** What a message costs more when it lies in memory and not in the cache. */
  readonly coldUs: number;
  readonly samples: readonly CalibrationSample[];
}

export interface CalibrationSample {
  readonly bodySizeBytes: number;
  readonly steppedBytes: number;
  readonly us: number;
}

export interface CalibrationOptions {
  readonly bodySizesBytes?: readonly number[];
  /** About how long to measure, milliseconds. */
  readonly budgetMs?: number;
  /** Bodies in the memory that the engine gives trees for their levels, where it hashes without copying. */
  readonly isInPlace?: boolean;
}

const DEFAULT_BODY_SIZES = [32, 64, 128, 183, 256, 512, 1024, 2048, 4096];
/** Bodies of inner nodes: whole digests. */
const NODE_BODY_SIZES = [64, 96, 160, 256, 512, 1024, 2048, 4096];
const DEFAULT_BUDGET_MS = 250;
/** Where the extra price of memory is measured: it hardly depends on the body. */
const COLD_BODY_SIZES = [64, 160, 512];
const ROUNDS_MIN = 5;
const ROUNDS_MAX = 40;

/** @throws RangeError with fewer than three body sizes: a line through two points has no error to tell */
export function calibrateEngine(engine: HashEngine, options: CalibrationOptions = {}): Calibration {
  const isInPlace = options.isInPlace === true;
  const sizes = options.bodySizesBytes ?? (isInPlace ? NODE_BODY_SIZES : DEFAULT_BODY_SIZES);
  if (new Set(sizes.map((size) => shaSteppedBytes(size + PREFIX_SIZE_BYTES))).size < 3) {
    throw new RangeError('calibration needs at least three body sizes of different numbers of SHA blocks');
  }
  const hot = placeFor(engine, HOT_SIZE_BYTES, sizes, isInPlace);
  for (const size of sizes) measureBatch(engine, hot, size, 0);
  const budgetMs = (options.budgetMs ?? DEFAULT_BUDGET_MS) / sizes.length;
  const samples = sizes.map((bodySizeBytes): CalibrationSample => {
    const us = measureBatch(engine, hot, bodySizeBytes, budgetMs);
    return { bodySizeBytes, steppedBytes: shaSteppedBytes(bodySizeBytes + PREFIX_SIZE_BYTES), us };
  });
  const cold = placeFor(engine, COLD_SIZE_BYTES, COLD_BODY_SIZES, isInPlace);
  const differences = COLD_BODY_SIZES.map((size) => {
    return measureBatch(engine, cold, size, budgetMs) - measureBatch(engine, hot, size, budgetMs);
  });
  const coldUs = Math.max(0, [...differences].sort((a, b) => a - b)[1] ?? 0);
  return { engine: engine.name, isInPlace, ...fitLine(samples), coldUs, samples };
}

/**
 * What a tree does per touched leaf besides hashing, microseconds: the time of a commit with the hashing left out. Its
 * engine writes nothing, so that tree is good for nothing else.
 */
export function calibrateBookkeeping(): number {
  const idle: HashEngine = { name: 'node', hash: () => undefined, hashMany: () => undefined };
  const leafSizeBytes = 128;
  const tree = MerkleTree.build({ arity: 8, leafSizeBytes }, new Uint8Array(HOT_SIZE_BYTES * 4), idle);
  const random = seededRandom(1);
  const bytes = new Uint8Array(leafSizeBytes);
  const times = Array.from({ length: 300 }, () => {
    const changes = Array.from({ length: 200 }, () => ({ index: Math.floor(random() * 2 ** 15), bytes }));
    const before = performance.now();
    tree.updateBatch(changes);
    return ((performance.now() - before) * 1000) / changes.length;
  });
  return fastQuantile(times);
}

interface Place {
  readonly source: Uint8Array;
  readonly out: Uint8Array;
}

/** So many bytes of bodies, and room for their digests; filled, so that no page is touched first while the clock runs. */
function placeFor(engine: HashEngine, sizeBytes: number, bodySizes: readonly number[], isInPlace: boolean): Place {
  const outSizeBytes = Math.ceil(sizeBytes / Math.min(...bodySizes)) * DIGEST_SIZE_BYTES;
  const given = isInPlace ? engine.allocate?.([sizeBytes, outSizeBytes]) : undefined;
  const [source = new Uint8Array(sizeBytes), out = new Uint8Array(outSizeBytes)] = given ?? [];
  return { source: source.fill(1), out: out.fill(1) };
}

/** Microseconds per message. */
function measureBatch(engine: HashEngine, { source, out }: Place, bodySizeBytes: number, budgetMs: number): number {
  const places = Math.max(1, Math.floor(source.length / bodySizeBytes));
  const count = Math.max(LANES, Math.min(512, places, 4 * Math.ceil(65_536 / bodySizeBytes / 4)));
  const random = seededRandom(bodySizeBytes);
  const times: number[] = [];
  const start = performance.now();
  while (times.length < ROUNDS_MIN || (times.length < ROUNDS_MAX && performance.now() - start < budgetMs)) {
    const indices = Uint32Array.from({ length: count }, () => Math.floor(random() * places)).sort();
    const before = performance.now();
    engine.hashMany({
      prefix: new Uint8Array(PREFIX_SIZE_BYTES),
      source,
      sourceStart: 0,
      strideBytes: bodySizeBytes,
      bodySizeBytes,
      gather: true,
      indices,
      count,
      out,
    });
    times.push(((performance.now() - before) * 1000) / count);
  }
  return fastQuantile(times);
}

/** The fastest fifth's slowest: robust against other programs, less eager than the minimum. */
export function fastQuantile(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 5)] ?? 0;
}

/**
 * The line with the least sum of squared relative errors, its standard errors and R². A price below zero is no price:
 * it is clamped to 0 (a fixed cost lost in noise), and the other refitted.
 */
export function fitLine(
  samples: readonly CalibrationSample[],
): Omit<Calibration, 'engine' | 'isInPlace' | 'coldUs' | 'samples'> {
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

/** A calibration as a price for the cost model; with a second one, the price of inner nodes is that one's. */
export function calibratedHashCost(calibration: Calibration, ofNodes?: Calibration): HashCost {
  const cost = linearHashCost({
    name: calibration.engine,
    fixedUs: calibration.fixedUs,
    perByteUs: calibration.perByteUs,
    digestSizeBytes: DIGEST_SIZE_BYTES,
    stepped: true,
    coldUs: calibration.coldUs,
    prefixSizeBytes: PREFIX_SIZE_BYTES,
    lanes: calibration.engine === 'wasm' ? LANES : 1,
  });
  if (ofNodes === undefined) return cost;
  const nodes = calibratedHashCost(ofNodes);
  return { ...cost, nodeLevelUs: (messages, bodySizeBytes, levelSizeBytes) => nodes.levelUs(messages, bodySizeBytes, levelSizeBytes) }; // prettier-ignore
}
