/**
 * Measures what hashing costs here and now: a fixed price per message and one per byte, with their errors.
 *
 * In short *passes*, each with every body size, so that all sizes see the same speed of a processor that is now fast and now
 * slow; a calibration is made of many passes, or of one that stands beside what it is to predict. Bodies are read from
 * ascending, scattered places, as a commit reads them: the line is measured on 512 KiB, which lies in the cache as the upper
 * levels of a tree do, and the extra price of memory on 4 and 32 MiB. Without that price a commit on a tree of 64 MiB takes up to
 * 40 % more than predicted for the fastest engine (measured). The line explains; a price follows the samples, which lie up to
 * 14 % off it where an engine copies in another way from some size on. Bytes are those of whole SHA blocks
 * (`shaSteppedBytes`), prefix included. No tree has a part in this.
 */
import { performance } from 'node:perf_hooks';
import type { HashEngine } from '../hash-engine.ts';
import { DIGEST_SIZE_BYTES, PREFIX_SIZE_BYTES } from '../hash-engine.ts';
import { LANES } from '../hash/wasm.ts';
import type { HashCost } from './cost.ts';
import { linearHashCost, shaSteppedBytes } from './cost.ts';
import type { LineFit, PricedSample } from './line-fit.ts';
import { fastQuantile, fitLine, interpolate, quantile } from './line-fit.ts';
import { seededRandom } from './random.ts';

/**
 * As a tree hands them to its engine: new leaves one after the other, their digests to scattered places; nodes from scattered
 * places in the memory that the engine gives trees for their levels, where some engines hash without copying.
 */
export type MessageKind = 'leaves' | 'nodes';

export interface Calibration extends LineFit {
  readonly engine: string;
  readonly of: MessageKind;
  /** What a message costs more in a level that the cache does not hold; in between in proportion to the size's logarithm. */
  readonly memory: readonly { readonly levelSizeBytes: number; readonly moreUs: number }[];
  /** What a call costs, however many messages it hands over. */
  readonly callUs: number;
  readonly samples: readonly CalibrationSample[];
}

export interface CalibrationSample extends PricedSample {
  readonly bodySizeBytes: number;
}

/** Microseconds per message, of each body size. */
export interface CalibrationPass {
  readonly hotUs: readonly number[];
  /** What each of `MEMORY_BODY_SIZES` takes more in a level of each of `MEMORY_SIZES_BYTES`. */
  readonly moreUs: readonly (readonly number[])[];
  /** What one group of messages takes more than its part of a large batch. */
  readonly callUs: number;
}

/** Those of nodes are whole digests. */
const BODY_SIZES: Readonly<Record<MessageKind, readonly number[]>> = {
  leaves: [32, 64, 96, 128, 183, 256, 512, 1024, 2048, 4096],
  nodes: [64, 96, 160, 256, 512, 1024, 2048, 4096],
};
/** A level of up to this size is taken to lie in the cache when a commit comes to it. */
export const HOT_SIZE_BYTES = 2 ** 19;
/** Levels that do not, or not whole. */
const MEMORY_SIZES_BYTES = [2 ** 22, 2 ** 25];
/** Where the extra price of memory is measured: it hardly depends on the body. */
const MEMORY_BODY_SIZES = [64, 256];
/** Where the price of a call is measured. */
const CALL_BODY_SIZE = 64;
/** Of one size in one pass, after one that fetches code and data. A fast one counts. */
const BATCHES = 5;
const BATCH_SIZE_BYTES = 16_384;
const BATCH_MESSAGES_MAX = 128;

interface Place {
  readonly source: Uint8Array;
  readonly out: Uint8Array;
}

/** One engine, ready to be measured again and again. */
export class Calibrator {
  readonly #engine: HashEngine;
  readonly #of: MessageKind;
  readonly #sizes: readonly number[];
  readonly #hot: Place;
  readonly #larger: readonly Place[];
  readonly #random = seededRandom(1);

  /** @throws RangeError with fewer than three body sizes: a line through two points has no error to tell */
  constructor(engine: HashEngine, of: MessageKind, sizes = BODY_SIZES[of]) {
    if (new Set(sizes.map((size) => shaSteppedBytes(size + PREFIX_SIZE_BYTES))).size < 3) {
      throw new RangeError('calibration needs at least three body sizes of different numbers of SHA blocks');
    }
    this.#engine = engine;
    this.#of = of;
    this.#sizes = sizes;
    const place = of === 'leaves' ? placeOfLeaves : placeOfNodes;
    this.#hot = place(engine, HOT_SIZE_BYTES, Math.max(...sizes));
    this.#larger = MEMORY_SIZES_BYTES.map((size) => place(engine, size, Math.max(...sizes)));
  }

  /** Measures every size. Some milliseconds. */
  pass(): CalibrationPass {
    const hotUs = this.#sizes.map((size) => this.#batches(this.#hot, size));
    const small = MEMORY_BODY_SIZES.map((size) => this.#batches(this.#hot, size));
    const moreUs = this.#larger.map((place) => MEMORY_BODY_SIZES.map((size, k) => this.#batches(place, size) - (small[k] ?? 0))); // prettier-ignore
    const [few, many] = [this.#batches(this.#hot, CALL_BODY_SIZE, LANES), this.#batches(this.#hot, CALL_BODY_SIZE)];
    return { hotUs, moreUs, callUs: LANES * (few - many) };
  }

  /** What these passes say together: of each size the fast ones, for other programs only ever add time. */
  calibration(passes: readonly CalibrationPass[]): Calibration {
    const samples = this.#sizes.map((bodySizeBytes, k): CalibrationSample => {
      const us = fastQuantile(passes.map(({ hotUs }) => hotUs[k] ?? 0));
      return { bodySizeBytes, steppedBytes: shaSteppedBytes(bodySizeBytes + PREFIX_SIZE_BYTES), us };
    });
    const memory = MEMORY_SIZES_BYTES.map((levelSizeBytes, k) => {
      const differences = passes.flatMap(({ moreUs }) => moreUs[k] ?? []);
      return { levelSizeBytes, moreUs: Math.max(0, quantile(differences, 0.5)) };
    });
    const callUs = Math.max(0, quantile(passes.map((pass) => pass.callUs), 0.5)); // prettier-ignore
    return { engine: this.#engine.name, of: this.#of, ...fitLine(samples), memory, callUs, samples };
  }

  /** Microseconds per message. */
  #batches(place: Place, bodySizeBytes: number, messagesMax = BATCH_MESSAGES_MAX): number {
    // In the cache it is where a commit that follows another finds it, whatever ran in between here.
    if (place === this.#hot) filled(place);
    this.#batchUs(place, bodySizeBytes, messagesMax);
    const times = Array.from({ length: BATCHES }, () => this.#batchUs(place, bodySizeBytes, messagesMax));
    return fastQuantile(times);
  }

  #batchUs({ source, out }: Place, bodySizeBytes: number, messagesMax: number): number {
    const gather = this.#of === 'nodes';
    const places = gather ? Math.floor(source.length / bodySizeBytes) : out.length / DIGEST_SIZE_BYTES;
    const wanted = Math.ceil(BATCH_SIZE_BYTES / bodySizeBytes / LANES) * LANES;
    const count = Math.min(messagesMax, places, wanted);
    const indices = Uint32Array.from({ length: count }, () => Math.floor(this.#random() * places)).sort();
    const prefix = new Uint8Array(PREFIX_SIZE_BYTES);
    const where = { source, sourceStart: 0, strideBytes: bodySizeBytes, bodySizeBytes, gather };
    const before = performance.now();
    this.#engine.hashMany({ prefix, ...where, indices, count, out });
    return ((performance.now() - before) * 1000) / count;
  }
}

/** Room for a batch of leaves, and a level of so many bytes for their digests. */
function placeOfLeaves(engine: HashEngine, levelSizeBytes: number, bodyMaxBytes: number): Place {
  const source = new Uint8Array(BATCH_SIZE_BYTES + LANES * bodyMaxBytes);
  const [out = new Uint8Array(levelSizeBytes)] = engine.allocate?.([levelSizeBytes]) ?? [];
  return filled({ source, out });
}

/** A level of so many bytes, and the one above it in a binary tree. */
function placeOfNodes(engine: HashEngine, levelSizeBytes: number): Place {
  const outSizeBytes = levelSizeBytes / 2;
  const given = engine.allocate?.([levelSizeBytes, outSizeBytes]) ?? [];
  const [source = new Uint8Array(levelSizeBytes), out = new Uint8Array(outSizeBytes)] = given;
  return filled({ source, out });
}

/** So that no page is touched first while the clock runs. */
function filled({ source, out }: Place): Place {
  return { source: source.fill(1), out: out.fill(1) };
}

/** How far the samples lie off the line, as a factor. */
function factorOffLine({ samples, fixedUs, perByteUs }: Calibration): (bodySizeBytes: number) => number {
  const table = samples.map(({ bodySizeBytes, steppedBytes, us }) => ({
    x: Math.log2(bodySizeBytes),
    y: us / (fixedUs + perByteUs * steppedBytes),
  }));
  return (bodySizeBytes) => interpolate(table, Math.log2(bodySizeBytes));
}

function memoryPrice({ memory }: Calibration): (levelSizeBytes: number) => number {
  const larger = memory.map(({ levelSizeBytes, moreUs }) => ({ x: Math.log2(levelSizeBytes), y: moreUs }));
  const table = [{ x: Math.log2(HOT_SIZE_BYTES), y: 0 }, ...larger];
  return (levelSizeBytes) => interpolate(table, Math.log2(Math.max(1, levelSizeBytes)));
}

/** Two calibrations as a price for the cost model. */
export function calibratedHashCost(leaves: Calibration, nodes: Calibration): HashCost {
  const [ofLeaves, ofNodes] = [lineCost(leaves), lineCost(nodes)];
  return { ...ofLeaves, nodeLevelUs: (...level) => ofNodes.levelUs(...level) };
}

function lineCost(calibration: Calibration): HashCost {
  return linearHashCost({
    name: calibration.engine,
    fixedUs: calibration.fixedUs,
    perByteUs: calibration.perByteUs,
    digestSizeBytes: DIGEST_SIZE_BYTES,
    stepped: true,
    factor: factorOffLine(calibration),
    memoryUs: memoryPrice(calibration),
    callUs: calibration.callUs,
    prefixSizeBytes: PREFIX_SIZE_BYTES,
    lanes: calibration.engine === 'wasm' ? LANES : 1,
  });
}
