/**
 * Sets the model beside real updates, on a machine whose processors are now fast and now slow.
 *
 * Everything is paired: between any two measurements of a tree the engine is calibrated anew, on places of its own, and what
 * the tree took is compared with what the model predicts of the calibrations right before and right after. Each such pair
 * sees one speed of the processor, or their median over many turns does; turns in which the processor was given to others most
 * often do not count. The prediction never sees the tree.
 */
import { performance } from 'node:perf_hooks';
import { openEngine } from '../hash/open.ts';
import { commitCost } from './cost.ts';
import { quantile } from './line-fit.ts';
import type { Geometry } from './measure.ts';
import { MeasuredTree } from './measure.ts';
import type { PriceMeter, Prices } from './prices.ts';
import type { Workload } from './workload.ts';
import { touchedNodes } from './workload.ts';

export interface CompareRequest {
  readonly sizeBytes: number;
  readonly updates: number;
  readonly workload: Workload;
  readonly meter: PriceMeter;
  /** Those that the plan was made with. */
  readonly plannedPrices: Pick<Prices, 'hash' | 'bookkeeping'>;
  readonly geometries: readonly Geometry[];
  /** Told before each tree that is built and before each turn. */
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** Hash time of one commit as predicted and as measured; cipher, disk and TPM are in neither. */
export interface Comparison extends Geometry {
  /** Of the middle turn, when turns are put in the order of their errors. */
  readonly predictedUs: number;
  readonly measuredUs: number;
  /** measured / predicted - 1 of that turn: the median of all. */
  readonly error: number;
  /** A quarter of the turns lie below the first, a quarter above the second. */
  readonly errorQuartiles: readonly [number, number];
  /** The half that was interrupted least, and all that were interrupted as little. */
  readonly turns: number;
  /** As measured, were the processor as fast as when the plan's own prices were taken: for the chart. */
  readonly atPlannedSpeedUs: number;
}

interface Turn {
  readonly predictedUs: number;
  readonly measuredUs: number;
  readonly error: number;
  /** How often the processor was given to somebody else meanwhile, who left other caches behind. */
  readonly interruptions: number;
}

/** For all turns together, the building of the trees excluded; no more turns than these. */
const BUDGET_MS = 7000;
const TURNS_MIN = 5;
const TURNS_MAX = 40;
/** Of one tree in one turn. */
const COMMITS_MS = 16;

export function compareWithModel(request: CompareRequest): Comparison[] {
  const { sizeBytes, updates, workload, meter, onProgress } = request;
  const touched = touchedNodes(workload, sizeBytes, updates);
  const engine = openEngine(meter.engine);
  const buildEngine = openEngine('fastest');
  const rows = request.geometries.map((geometry) => {
    onProgress?.(`building a tree of ${geometry.leafSizeBytes}-byte leaves, arity ${geometry.arity}`);
    const tree = new MeasuredTree({ sizeBytes, updates, workload, engine, buildEngine }, geometry);
    // Until V8 has compiled what the large tree needs.
    tree.commitsUs(2 * COMMITS_MS);
    return { geometry, tree, turns: [] as Turn[] };
  });
  const costUs = (geometry: Geometry, { hash, bookkeeping }: CompareRequest['plannedPrices']): number =>
    commitCost(geometry, sizeBytes, touched, { hash, bookkeeping }).totalUs;
  const start = performance.now();
  let before = meter.prices([meter.pass()]);
  let switches = interruptionsSoFar();
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    if (turn >= TURNS_MIN && performance.now() - start > BUDGET_MS) break;
    onProgress?.(`measuring, turn ${turn + 1}`);
    for (const { geometry, tree, turns } of rows) {
      const measuredUs = tree.commitsUs(COMMITS_MS);
      const after = meter.prices([meter.pass()]);
      const predictedUs = (costUs(geometry, before) + costUs(geometry, after)) / 2;
      const interruptions = interruptionsSoFar() - switches;
      turns.push({ measuredUs, predictedUs, error: measuredUs / predictedUs - 1, interruptions });
      switches += interruptions;
      before = after;
    }
  }
  return rows.map(({ geometry, turns }) => comparisonOf(geometry, turns, costUs(geometry, request.plannedPrices)));
}

function comparisonOf(geometry: Geometry, turns: readonly Turn[], plannedUs: number): Comparison {
  const counted = leastInterrupted(turns);
  const ordered = counted.sort((a, b) => a.error - b.error);
  const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => ordered[Math.floor((ordered.length - 1) * part)]);
  if (low === undefined || middle === undefined || high === undefined) throw new RangeError('no turn was measured');
  const errorQuartiles = [low.error, high.error] as const;
  const atPlannedSpeedUs = plannedUs * (1 + middle.error);
  const { predictedUs, measuredUs, error } = middle;
  return { ...geometry, predictedUs, measuredUs, error, errorQuartiles, turns: counted.length, atPlannedSpeedUs };
}

function interruptionsSoFar(): number {
  return process.resourceUsage().involuntaryContextSwitches;
}

/** On a quiet machine these are all. */
function leastInterrupted(turns: readonly Turn[]): Turn[] {
  const middle = quantile(turns.map((turn) => turn.interruptions), 0.5); // prettier-ignore
  return turns.filter(({ interruptions }) => interruptions <= middle);
}
