/**
 * A whole plan for a region: calibrate the engine if it runs here, choose, compare with the usual choices, draw the curve,
 * and on request run the real update to see whether the prediction holds. Returns data; `cli.ts` prints it.
 */
import type { BookkeepingCost, CommitCost, CostTerms, HashCost, SearchSpace, Workload } from './blocksize.ts';
import {
  closedFormJoint,
  closedFormLeafBytes,
  costCurve,
  planBlockSize,
  SHA1_2004,
  sha1Cost2004,
  shaEdgeAtOrAbove,
} from './blocksize.ts';
import type { BlockSizePlan, PlanRequest } from './blocksize.ts';
import type { Calibration } from './blocksize/calibrate.ts';
import type { CompareRequest, Comparison } from './blocksize/compare.ts';
import { compareWithModel } from './blocksize/compare.ts';
import type { Geometry } from './blocksize/measure.ts';
import { LEAF_SEARCH_MAX_BYTES, LEAF_SEARCH_MIN_BYTES } from './blocksize/optimise.ts';
import { PriceMeter } from './blocksize/prices.ts';
import type { SerialEngineName } from './hash-engine.ts';
import { DIGEST_SIZE_BYTES, PREFIX_SIZE_BYTES } from './hash-engine.ts';

/** `sha1-2004` is a price list, not an engine: the original's, for comparison. */
export type PlanEngine = SerialEngineName | 'sha1-2004';

export interface RegionPlanRequest {
  readonly sizeBytes: number;
  readonly updates: number;
  readonly workload: Workload;
  readonly engine: PlanEngine;
  /** Arities to choose from; by default a range of them, and 2 for `sha1-2004`. */
  readonly arities?: readonly number[];
  readonly leafMultipleBytes?: number;
  readonly cipher?: NonNullable<CostTerms['cipher']>;
  readonly disk?: NonNullable<CostTerms['disk']>;
  readonly tpmCommitUs?: number;
  readonly measure?: boolean;
  /** Told before each measurement, which may take a second. */
  readonly onProgress?: (text: string) => void;
}

/** The optimum by formula; only for a hash whose price is one line. */
export interface ClosedForm {
  readonly arity: number;
  readonly leafSizeBytes: number;
  /** Rounded up to the end of its last SHA block. */
  readonly snappedLeafSizeBytes: number;
  readonly joint: { readonly arity: number; readonly leafSizeBytes: number };
}

export interface RegionPlan extends BlockSizePlan {
  readonly engine: PlanEngine;
  readonly calibrations: readonly Calibration[];
  readonly closedForm: ClosedForm | undefined;
  /** The cost over the leaf size at the chosen arity. */
  readonly curve: readonly CommitCost[];
  readonly comparisons: readonly Comparison[];
}

interface PriceList {
  readonly hash: HashCost;
  readonly bookkeeping: BookkeepingCost;
  readonly calibrations: readonly Calibration[];
  readonly closedForm: ClosedForm | undefined;
  readonly space: SearchSpace;
}

const CURVE_POINTS_PER_OCTAVE = 8;
const MEASURED_LEAF_SIZES = [64, 128, 256, 512, 1024, 4096];
/** Larger trees are not built for a measurement: 256 MB of digests. */
const MEASURED_LEAVES_MAX = 2 ** 22;
/** About half a second. */
const CALIBRATION_PASSES = 24;

function closedForm(
  line: { perByteUs: number; fixedUs: number },
  digestSizeBytes: number,
  prefixSizeBytes: number,
): ClosedForm {
  const leafSizeBytes = closedFormLeafBytes(2, line.perByteUs, line.fixedUs, digestSizeBytes);
  return {
    arity: 2,
    leafSizeBytes,
    snappedLeafSizeBytes: shaEdgeAtOrAbove(leafSizeBytes, prefixSizeBytes),
    joint: closedFormJoint(line.perByteUs, line.fixedUs, digestSizeBytes),
  };
}

/** The prices of the machine of 2004. */
function pricesOf2004(): PriceList {
  return {
    hash: sha1Cost2004(true),
    bookkeeping: { perLeafUs: 0, perLeafByteUs: 0, perNodeUs: 0 },
    calibrations: [],
    closedForm: closedForm(SHA1_2004, SHA1_2004.digestSizeBytes, 0),
    space: { arities: [SHA1_2004.arity], prefixSizeBytes: 0 },
  };
}

/** What the engine charges here and now. */
function calibratedPrices(meter: PriceMeter): PriceList {
  const { calibrations, ...prices } = meter.prices(meter.passes(CALIBRATION_PASSES));
  const [only, ...others] = calibrations.filter(({ of }) => of === 'nodes');
  // The choice between two engines is no line.
  const line = others.length === 0 ? only : undefined;
  return {
    ...prices,
    calibrations,
    closedForm: line && closedForm(line, DIGEST_SIZE_BYTES, PREFIX_SIZE_BYTES),
    space: { prefixSizeBytes: PREFIX_SIZE_BYTES },
  };
}

/**
 * Plans a region.
 * @throws RangeError if a parameter is out of range, or `measure` is asked of `sha1-2004`, which runs nowhere
 */
export function planRegion(request: RegionPlanRequest): RegionPlan {
  const { engine, sizeBytes, updates, workload } = request;
  if (request.measure === true && engine === 'sha1-2004') {
    throw new RangeError('sha1-2004 is a list of prices from 2004; there is nothing to measure');
  }
  const meter = engine === 'sha1-2004' ? undefined : new PriceMeter(engine);
  const prices = meter === undefined ? pricesOf2004() : calibratedPrices(meter);
  const terms: CostTerms = {
    hash: prices.hash,
    bookkeeping: prices.bookkeeping,
    ...(request.cipher && { cipher: request.cipher }),
    ...(request.disk && { disk: request.disk }),
    ...(request.tpmCommitUs !== undefined && { tpmCommitUs: request.tpmCommitUs }),
  };
  const space: SearchSpace = {
    ...prices.space,
    ...(request.arities && { arities: request.arities }),
    ...(request.leafMultipleBytes !== undefined && { leafMultipleBytes: request.leafMultipleBytes }),
  };
  const planRequest: PlanRequest = { sizeBytes, updates, workload, terms, space };
  const plan = planBlockSize(planRequest);
  return {
    ...plan,
    engine,
    calibrations: prices.calibrations,
    closedForm: prices.closedForm,
    curve: costCurve(planRequest, plan.choice.arity, curveSizes(sizeBytes)),
    comparisons:
      request.measure === true && meter !== undefined
        ? compare(request, { meter, plannedPrices: prices }, plan.choice)
        : [],
  };
}

function curveSizes(sizeBytes: number): number[] {
  const sizes = new Set<number>();
  const end = Math.min(LEAF_SEARCH_MAX_BYTES, sizeBytes);
  for (let size = Math.min(LEAF_SEARCH_MIN_BYTES, end); size <= end; size *= 2 ** (1 / CURVE_POINTS_PER_OCTAVE)) {
    sizes.add(Math.round(size));
  }
  return [...sizes];
}

/** The choice and some other leaf sizes at its arity. */
function compare(
  request: RegionPlanRequest,
  prices: Pick<CompareRequest, 'meter' | 'plannedPrices'>,
  { arity, leafSizeBytes }: Geometry,
): Comparison[] {
  const { sizeBytes, updates, workload, onProgress } = request;
  const geometries = [...new Set([...MEASURED_LEAF_SIZES, leafSizeBytes])]
    .sort((a, b) => a - b)
    .filter((size) => size <= sizeBytes && sizeBytes / size <= MEASURED_LEAVES_MAX)
    .map((size) => ({ leafSizeBytes: size, arity }));
  return compareWithModel({ sizeBytes, updates, workload, ...prices, geometries, onProgress });
}
