/**
 * Runs the update that the model predicts, on a real tree of the real size, and puts the two numbers side by side.
 *
 * One measured commit: draw the workload's updates, hand each touched leaf to the tree, commit. Drawing, and picking the
 * new bytes, are not timed; the tree's own bookkeeping is, as a user pays for it. In memory only: cipher, disk and TPM
 * are not part of what is measured, so they must not be part of the prediction it is compared with.
 */
import { performance } from 'node:perf_hooks';
import type { HashEngine } from '../hash-engine.ts';
import type { LeafChange } from '../merkle.ts';
import { MerkleTree } from '../merkle.ts';
import { leafLength } from '../merkle/shape.ts';
import { fastQuantile } from './calibrate.ts';
import { commitSampler, touchedLeaves } from './sample.ts';
import { seededRandom } from './random.ts';
import type { Workload } from './workload.ts';

export interface MeasureRequest {
  readonly sizeBytes: number;
  readonly updates: number;
  readonly workload: Workload;
  readonly engine: HashEngine;
  /** Builds the tree before the engine under test updates it; all engines give the same digests. */
  readonly buildEngine: HashEngine;
  /** About how long to measure one geometry, milliseconds, the build excluded. */
  readonly budgetMs?: number;
}

export interface Measurement {
  readonly leafSizeBytes: number;
  readonly arity: number;
  readonly measuredUs: number;
  readonly commits: number;
}

const DEFAULT_BUDGET_MS = 400;
const COMMITS_MIN = 5;
const COMMITS_MAX = 200;
const WARM_UP_COMMITS = 3;
const CHUNK_SIZE_BYTES = 2 ** 20;

/** Builds one tree and measures its commits. */
export function measureCommit(
  request: MeasureRequest,
  geometry: { readonly leafSizeBytes: number; readonly arity: number },
): Measurement {
  const tree = builtTree(request, geometry);
  const random = seededRandom(geometry.leafSizeBytes * 131 + geometry.arity);
  const nextCommit = commitSampler(request.workload, request.sizeBytes, request.updates, random);
  const fresh = Uint8Array.from({ length: 2 * geometry.leafSizeBytes }, () => Math.floor(random() * 256));
  const times: number[] = [];
  const start = performance.now();
  const budgetMs = request.budgetMs ?? DEFAULT_BUDGET_MS;
  for (let round = 0; times.length < COMMITS_MAX; round += 1) {
    if (times.length >= COMMITS_MIN && performance.now() - start > budgetMs) break;
    const changes = [...touchedLeaves(nextCommit(), geometry.leafSizeBytes)].map((index): LeafChange => {
      const at = Math.floor(random() * geometry.leafSizeBytes);
      return { index, bytes: fresh.subarray(at, at + leafLength(tree.shape, index)) };
    });
    const before = performance.now();
    tree.updateBatch(changes);
    const us = (performance.now() - before) * 1000;
    if (round >= WARM_UP_COMMITS) times.push(us);
  }
  return { ...geometry, measuredUs: fastQuantile(times), commits: times.length };
}

/** A tree over zeros: the engine under test sees the same work whatever the bytes are. */
function builtTree(
  request: MeasureRequest,
  geometry: { readonly leafSizeBytes: number; readonly arity: number },
): MerkleTree {
  let building = true;
  const { engine, buildEngine, sizeBytes } = request;
  const switching: HashEngine = {
    name: engine.name,
    ...(engine.allocate && { allocate: (sizes) => engine.allocate?.(sizes) }),
    hash: (message, out, outOffset) => (building ? buildEngine : engine).hash(message, out, outOffset),
    hashMany: (batch) => (building ? buildEngine : engine).hashMany(batch),
  };
  const tree = MerkleTree.create(
    { leafSizeBytes: geometry.leafSizeBytes, arity: geometry.arity },
    switching,
    sizeBytes,
  );
  const zeros = new Uint8Array(Math.min(sizeBytes, CHUNK_SIZE_BYTES));
  for (let rest = sizeBytes; rest > 0; rest -= zeros.length)
    tree.append(zeros.subarray(0, Math.min(rest, zeros.length)));
  tree.commit();
  building = false;
  return tree;
}
