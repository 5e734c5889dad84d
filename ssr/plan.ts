/**
 * A whole plan for a region: calibrate the engine if it runs here, choose, compare with the usual choices, draw the curve,
 * and on request run the real update to see whether the prediction holds. Returns data; `cli.ts` prints it.
 */
import type { CommitCost, CostTerms, HashCost, SearchSpace, Workload } from './blocksize.ts';
import {
  cheapestHashCost,
  closedFormJoint,
  closedFormLeafBytes,
  commitCost,
  costCurve,
  planBlockSize,
  SHA1_2004,
  sha1Cost2004,
  shaEdgeAtOrAbove,
  touchedNodes,
} from './blocksize.ts';
import type { BlockSizePlan, PlanRequest } from './blocksize.ts';
import type { Calibration } from './blocksize/calibrate.ts';
import { calibrateBookkeeping, calibratedHashCost, calibrateEngine } from './blocksize/calibrate.ts';
import { measureCommit } from './blocksize/measure.ts';
import { LEAF_SEARCH_MAX_BYTES, LEAF_SEARCH_MIN_BYTES } from './blocksize/optimise.ts';
import type { EngineName } from './hash-engine.ts';
import { DIGEST_SIZE_BYTES, PREFIX_SIZE_BYTES } from './hash-engine.ts';
import { openEngine } from './hash/open.ts';

/** `sha1-2004` is a price list, not an engine: the original's, for comparison. */
export type PlanEngine = EngineName | 'sha1-2004';

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

/** Hash time of one commit as predicted and as measured; cipher, disk and TPM are in neither. */
export interface Comparison {
  readonly leafSizeBytes: number;
  readonly arity: number;
  readonly predictedUs: number;
  readonly measuredUs: number;
  /** measured / predicted - 1 */
  readonly error: number;
}

export interface RegionPlan extends BlockSizePlan {
  readonly engine: PlanEngine;
  readonly calibrations: readonly Calibration[];
  readonly closedForm: ClosedForm | undefined;
  /** The cost over the leaf size at the chosen arity. */
  readonly curve: readonly CommitCost[];
  readonly comparisons: readonly Comparison[];
}

interface Prices {
  readonly hash: HashCost;
  readonly bookkeepingPerLeafUs: number;
  readonly calibrations: readonly Calibration[];
  readonly closedForm: ClosedForm | undefined;
  readonly space: SearchSpace;
}

const CURVE_POINTS_PER_OCTAVE = 8;
const MEASURED_LEAF_SIZES = [64, 128, 256, 512, 1024, 4096];
/** Larger trees are not built for a measurement: 256 MB of digests. */
const MEASURED_LEAVES_MAX = 2 ** 22;
const MEASURED_TURNS = 3;
/** Of one size in one turn. */
const MEASURED_BUDGET_MS = 130;

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

/** What the engine charges: known constants, or a calibration that runs now (about a tenth of a second). */
function priceOf(engine: PlanEngine): Prices {
  if (engine === 'sha1-2004') {
    return {
      hash: sha1Cost2004(true),
      bookkeepingPerLeafUs: 0,
      calibrations: [],
      closedForm: closedForm(SHA1_2004, SHA1_2004.digestSizeBytes, 0),
      space: { arities: [SHA1_2004.arity], prefixSizeBytes: 0 },
    };
  }
  const space = { prefixSizeBytes: PREFIX_SIZE_BYTES };
  const bookkeepingPerLeafUs = calibrateBookkeeping();
  if (engine === 'fastest') {
    const node = calibrateEngine(openEngine('node'));
    const wasm = calibrateEngine(openEngine('wasm'));
    const nodes = calibrateEngine(openEngine('wasm'), { isInPlace: true });
    const hash = cheapestHashCost('fastest', [calibratedHashCost(node), calibratedHashCost(wasm, nodes)]);
    return { hash, bookkeepingPerLeafUs, calibrations: [node, wasm, nodes], closedForm: undefined, space };
  }
  const calibration = calibrateEngine(openEngine(engine));
  const nodes = engine === 'wasm' ? calibrateEngine(openEngine(engine), { isInPlace: true }) : undefined;
  const form = closedForm(calibration, DIGEST_SIZE_BYTES, PREFIX_SIZE_BYTES);
  const hash = calibratedHashCost(calibration, nodes);
  const calibrations = nodes === undefined ? [calibration] : [calibration, nodes];
  return { hash, bookkeepingPerLeafUs, calibrations, closedForm: form, space };
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
  const prices = priceOf(engine);
  const terms: CostTerms = {
    hash: prices.hash,
    bookkeepingPerLeafUs: prices.bookkeepingPerLeafUs,
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
    comparisons: request.measure === true ? compare(request, engine as EngineName, plan.choice) : [],
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

/**
 * Predicts and measures the hash time of the choice and of some other leaf sizes at its arity. The two are taken in turns, for a
 * machine that others use is now fast and now slow, and the lowest of each counts: other programs only ever add time.
 */
function compare(
  request: RegionPlanRequest,
  engineName: EngineName,
  choice: { readonly arity: number; readonly leafSizeBytes: number },
): Comparison[] {
  const { sizeBytes, updates, workload } = request;
  const touched = touchedNodes(workload, sizeBytes, updates);
  const engine = openEngine(engineName);
  const buildEngine = openEngine('fastest');
  const lowest = [...new Set([...MEASURED_LEAF_SIZES, choice.leafSizeBytes])]
    .sort((a, b) => a - b)
    .filter((leafSizeBytes) => leafSizeBytes <= sizeBytes && sizeBytes / leafSizeBytes <= MEASURED_LEAVES_MAX)
    .map((leafSizeBytes) => ({ leafSizeBytes, arity: choice.arity, predictedUs: Infinity, measuredUs: Infinity }));
  for (let turn = 0; turn < MEASURED_TURNS; turn += 1) {
    const { hash, bookkeepingPerLeafUs } = priceOf(engineName);
    for (const row of lowest) {
      request.onProgress?.(`measuring ${row.leafSizeBytes}-byte leaves, arity ${row.arity}`);
      const predictedUs = commitCost(row, sizeBytes, touched, { hash, bookkeepingPerLeafUs }).totalUs;
      const budgetMs = MEASURED_BUDGET_MS;
      const { measuredUs } = measureCommit({ sizeBytes, updates, workload, engine, buildEngine, budgetMs }, row);
      row.predictedUs = Math.min(row.predictedUs, predictedUs);
      row.measuredUs = Math.min(row.measuredUs, measuredUs);
    }
  }
  return lowest.map((row) => ({ ...row, error: row.measuredUs / row.predictedUs - 1 }));
}
