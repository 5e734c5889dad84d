/**
 * Finds the leaf size and arity with the least expected cost: a scan where the cost jumps, then a search to the byte.
 *
 * The cost has jumps in the leaf size: one where a level of the tree appears or goes, one at each SHA block. The scan
 * tries both sides of those and a geometric grid; the search then moves from the best few by shrinking steps. Nothing
 * relies on convexity, and no derivative is taken (the original's Newton search stopped early at a rounding error).
 */
import type { CommitCost, CostTerms } from './cost.ts';
import { commitCost, SHA_BLOCK_BYTES, shaEdgeAtOrAbove } from './cost.ts';
import { ARITY_MAX } from '../merkle/shape.ts';
import type { Touched } from './workload.ts';

export const DEFAULT_ARITIES: readonly number[] = [2, 3, 4, 5, 6, 7, 8, 12, 16, 24, 32, 48, 64];
export const LEAF_SEARCH_MIN_BYTES = 16;
export const LEAF_SEARCH_MAX_BYTES = 65_536;
const GRID_PER_OCTAVE = 8;
const REFINED_PER_ARITY = 3;
/** SHA edges are tried up to here; beyond, one block more is less than 2 % of a leaf. */
const EDGES_MAX_BYTES = 2048;

export interface SearchSpace {
  readonly arities?: readonly number[];
  readonly leafMinBytes?: number;
  readonly leafMaxBytes?: number;
  /** Leaf sizes are multiples of this (a cipher block, a sector); 1 by default. */
  readonly leafMultipleBytes?: number;
  /** Bytes that the tree adds before each body: moves the SHA edges. */
  readonly prefixSizeBytes?: number;
}

/** The best leaf for every arity, best first. @throws RangeError if an arity is out of range or no leaf size is left */
export function optimise(
  sizeBytes: number,
  touched: Touched,
  terms: CostTerms,
  space: SearchSpace = {},
): readonly CommitCost[] {
  const arities = space.arities ?? DEFAULT_ARITIES;
  for (const arity of arities) {
    if (Number.isInteger(arity) && arity >= 2 && arity <= ARITY_MAX) continue;
    throw new RangeError(`an arity must be an integer from 2 to ${ARITY_MAX}, not ${arity}`);
  }
  const best = arities.map((arity) => bestLeaf(arity, sizeBytes, touched, terms, space));
  return best.sort(byCost);
}

function bestLeaf(
  arity: number,
  sizeBytes: number,
  touched: Touched,
  terms: CostTerms,
  space: SearchSpace,
): CommitCost {
  const multiple = space.leafMultipleBytes ?? 1;
  const min = multiple * Math.ceil((space.leafMinBytes ?? LEAF_SEARCH_MIN_BYTES) / multiple);
  const max =
    multiple * Math.floor(Math.min(space.leafMaxBytes ?? LEAF_SEARCH_MAX_BYTES, Math.max(sizeBytes, min)) / multiple);
  if (!(Number.isInteger(min) && max >= min)) throw new RangeError('no leaf size lies within the given limits');
  const known = new Map<number, CommitCost>();
  const at = (leafSizeBytes: number): CommitCost => {
    const cost = known.get(leafSizeBytes) ?? commitCost({ leafSizeBytes, arity }, sizeBytes, touched, terms);
    known.set(leafSizeBytes, cost);
    return cost;
  };
  const cheapest = (sizes: Iterable<number>): CommitCost[] => [...sizes].map(at).sort(byCost);
  const fit = (bytes: number): number => Math.min(max, Math.max(min, multiple * Math.round(bytes / multiple)));

  const starts = cheapest(new Set(scanSizes(arity, sizeBytes, min, max, space.prefixSizeBytes ?? 0).map(fit)));
  for (const start of starts.slice(0, REFINED_PER_ARITY)) {
    let centre = start;
    for (let step = start.leafSizeBytes / GRID_PER_OCTAVE; step >= multiple; step /= 2) {
      const around = [-1, -0.5, 0, 0.5, 1].map((factor) => fit(centre.leafSizeBytes + factor * step));
      centre = cheapest(new Set(around))[0] ?? centre;
    }
    for (;;) {
      const around = [-multiple, 0, multiple].map((move) => fit(centre.leafSizeBytes + move));
      const next = cheapest(new Set(around))[0] ?? centre;
      if (!(byCost(next, centre) < 0)) break; // so written, a cost that is not a number ends the search too
      centre = next;
    }
  }
  const best = cheapest(known.keys())[0];
  if (best === undefined) throw new RangeError('no leaf size lies within the given limits');
  return best;
}

/** Cheaper first; of two that differ by rounding only, the larger leaf, because its tree takes less memory. */
function byCost(a: CommitCost, b: CommitCost): number {
  const difference = a.totalUs - b.totalUs;
  return Math.abs(difference) <= 1e-9 * a.totalUs ? b.leafSizeBytes - a.leafSizeBytes : difference;
}

/** Where the cost may have its minimum: a geometric grid, SHA edges, and both sides of every change in the levels' sizes. */
function scanSizes(arity: number, sizeBytes: number, min: number, max: number, prefixSizeBytes: number): number[] {
  const sizes: number[] = [min, max];
  for (let size = min; size < max; size *= 2 ** (1 / GRID_PER_OCTAVE)) sizes.push(size);
  for (let size = min; size < Math.min(max, EDGES_MAX_BYTES); size += SHA_BLOCK_BYTES) {
    sizes.push(shaEdgeAtOrAbove(size, prefixSizeBytes));
  }
  for (let nodes = 1; sizeBytes / nodes >= min; nodes *= arity) {
    sizes.push(Math.ceil(sizeBytes / nodes), Math.ceil(sizeBytes / nodes) - 1);
  }
  return sizes;
}
