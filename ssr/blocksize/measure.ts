/**
 * Runs the update that the model predicts, on a real tree of the real size.
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
import { fastQuantile } from './line-fit.ts';
import { commitSampler, touchedLeaves } from './sample.ts';
import { seededRandom } from './random.ts';
import type { Access, Workload } from './workload.ts';

export interface MeasureRequest {
  readonly sizeBytes: number;
  readonly updates: number;
  readonly workload: Workload;
  readonly engine: HashEngine;
  /** Builds the tree before the engine under test updates it; all engines give the same digests. */
  readonly buildEngine: HashEngine;
}

export interface Geometry {
  readonly leafSizeBytes: number;
  readonly arity: number;
}

const CHUNK_SIZE_BYTES = 2 ** 20;

/** One tree, ready to be updated as often as somebody wants to know how long it takes. */
export class MeasuredTree {
  readonly #tree: MerkleTree;
  readonly #leafSizeBytes: number;
  readonly #random: () => number;
  readonly #nextCommit: () => readonly Access[];
  readonly #fresh: Uint8Array;

  constructor(request: MeasureRequest, geometry: Geometry) {
    const { leafSizeBytes, arity } = geometry;
    this.#tree = builtTree(request, geometry);
    this.#leafSizeBytes = leafSizeBytes;
    this.#random = seededRandom(leafSizeBytes * 131 + arity);
    this.#nextCommit = commitSampler(request.workload, request.sizeBytes, request.updates, this.#random);
    this.#fresh = Uint8Array.from({ length: 2 * leafSizeBytes }, () => Math.floor(this.#random() * 256));
  }

  /**
   * Commits for about so many milliseconds, the first quarter untimed: whatever ran before has emptied the caches.
   * @returns microseconds of a fast one, as batches are calibrated: other programs only ever add time
   */
  commitsUs(budgetMs: number): number {
    const start = performance.now();
    const times: number[] = [];
    for (let passedMs = 0; passedMs < budgetMs || times.length === 0; passedMs = performance.now() - start) {
      const us = this.#commitUs();
      if (passedMs >= budgetMs / 4) times.push(us);
    }
    return fastQuantile(times);
  }

  #commitUs(): number {
    const changes = [...touchedLeaves(this.#nextCommit(), this.#leafSizeBytes)].map((index): LeafChange => {
      const at = Math.floor(this.#random() * this.#leafSizeBytes);
      return { index, bytes: this.#fresh.subarray(at, at + leafLength(this.#tree.shape, index)) };
    });
    const before = performance.now();
    this.#tree.updateBatch(changes);
    return (performance.now() - before) * 1000;
  }
}

/** A tree over zeros: the engine under test sees the same work whatever the bytes are. */
function builtTree(request: MeasureRequest, geometry: Geometry): MerkleTree {
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
