/**
 * Chooses the block size: which leaf size and arity make the commits of a given workload cheapest, and by how much.
 *
 * After "NCA'04": an incremental update of a hash tree has an optimal block size that follows from the region's size, the
 * number of updates per commit and the price of the hash. Here the arity is chosen together with it (28 to 30 % cheaper
 * than the best binary tree for sparse updates), the workload need not be uniform, and cipher, disk and TPM have their
 * terms. A plan is arithmetic: it measures nothing and is the same in every run. `blocksize/calibrate.ts` measures.
 */
import type { CommitCost, CostTerms } from './blocksize/cost.ts';
import { commitCost, wholeRegionUs } from './blocksize/cost.ts';
import type { SearchSpace } from './blocksize/optimise.ts';
import { optimise } from './blocksize/optimise.ts';
import type { Touched, Workload } from './blocksize/workload.ts';
import { touchedNodes } from './blocksize/workload.ts';

export interface PlanRequest {
  readonly sizeBytes: number;
  /** Updates per commit; at least 1. A trace brings its own. */
  readonly updates: number;
  readonly workload: Workload;
  readonly terms: CostTerms;
  readonly space?: SearchSpace;
}

/** What people use without thinking, with its expected cost. */
export interface UsualChoice {
  readonly name: string;
  readonly cost: CommitCost;
  /** Its cost over the chosen one's. */
  readonly ratio: number;
}

export interface BlockSizePlan {
  /** `whole-region`: hashing everything at each commit is cheaper than any tree; `choice` is then the best tree all the same. */
  readonly use: 'tree' | 'whole-region';
  readonly choice: CommitCost;
  /** The best leaf of each other arity, best first. */
  readonly runnersUp: readonly CommitCost[];
  readonly wholeRegionUs: number;
  readonly usualChoices: readonly UsualChoice[];
}

const USUAL_CHOICES: readonly { readonly name: string; readonly leafSizeBytes: number; readonly arity: number }[] = [
  { name: '4 KiB pages, binary tree', leafSizeBytes: 4096, arity: 2 },
  { name: '4 KiB pages, 128 digests a node (fs-verity, dm-verity)', leafSizeBytes: 4096, arity: 128 },
  { name: '1 KiB blocks, binary tree', leafSizeBytes: 1024, arity: 2 },
  { name: '512-byte sectors, binary tree', leafSizeBytes: 512, arity: 2 },
  { name: '32-byte chunks, binary tree (SSZ)', leafSizeBytes: 32, arity: 2 },
];

/** Half as many updates as bytes, or a tree dearer than one hash of everything: then no tree (as the original did). */
function prefersWholeRegion(request: PlanRequest, bestTreeUs: number, wholeUs: number): boolean {
  const dense = request.workload.kind !== 'trace' && request.updates >= request.sizeBytes / 2;
  return dense || bestTreeUs > wholeUs;
}

/**
 * The cheapest geometry for the request, what comes next, and what the usual choices would cost.
 * @throws RangeError if a size, a count or the workload is out of range
 */
export function planBlockSize(request: PlanRequest): BlockSizePlan {
  const touched = touchedOf(request);
  const [choice, ...runnersUp] = optimise(request.sizeBytes, touched, request.terms, request.space);
  if (choice === undefined) throw new RangeError('arities must name at least one arity');
  const wholeUs = wholeRegionUs(request.sizeBytes, request.terms);
  const use = prefersWholeRegion(request, choice.totalUs, wholeUs) ? 'whole-region' : 'tree';
  const usualChoices = USUAL_CHOICES.map(({ name, leafSizeBytes, arity }) => {
    const cost = commitCost({ leafSizeBytes, arity }, request.sizeBytes, touched, request.terms);
    return { name, cost, ratio: cost.totalUs / choice.totalUs };
  });
  return { use, choice, runnersUp, wholeRegionUs: wholeUs, usualChoices };
}

/** The cost over the leaf size, for one arity: the curve that people look at. */
export function costCurve(request: PlanRequest, arity: number, leafSizes: readonly number[]): readonly CommitCost[] {
  const touched = touchedOf(request);
  return leafSizes.map((leafSizeBytes) =>
    commitCost({ leafSizeBytes, arity }, request.sizeBytes, touched, request.terms),
  );
}

function touchedOf(request: PlanRequest): Touched {
  return touchedNodes(request.workload, request.sizeBytes, request.updates);
}

export { closedFormJoint, closedFormLeafBytes } from './blocksize/closed-form.ts';
export { commitCost, linearHashCost, shaEdgeAtOrAbove, shaSteppedBytes, wholeRegionUs } from './blocksize/cost.ts';
export type { BookkeepingCost, CommitCost, CostTerms, DiskCost, HashCost, LinearCost } from './blocksize/cost.ts';
export type { SearchSpace } from './blocksize/optimise.ts';
export { SHA1_2004, sha1Cost2004 } from './blocksize/presets.ts';
export { touchedNodes } from './blocksize/workload.ts';
export type { Access, Touched, Workload } from './blocksize/workload.ts';
