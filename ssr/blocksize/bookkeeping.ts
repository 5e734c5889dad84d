/**
 * Measures what a tree does besides hashing: sorting changes, finding parents, copying new leaves, calling the engine.
 *
 * Small trees are updated with an engine that hashes nothing (and are good for nothing else). They differ in one thing each,
 * so that differences are prices: larger leaves cost their bytes, more levels cost their nodes.
 */
import { performance } from 'node:perf_hooks';
import type { HashEngine } from '../hash-engine.ts';
import { MerkleTree } from '../merkle.ts';
import type { BookkeepingCost } from './cost.ts';
import { fastQuantile } from './line-fit.ts';
import { seededRandom } from './random.ts';

const LEAVES = 2 ** 12;
const CHANGES = 100;
const SMALL_LEAF_BYTES = 128;
const LARGE_LEAF_BYTES = 4096;
/** Of each tree in one pass; a fast one counts. */
const COMMITS = 5;

/** Microseconds of one commit of each tree. */
export interface BookkeepingPass {
  readonly fewNodesUs: number;
  readonly manyNodesUs: number;
  readonly largeLeavesUs: number;
}

/** A tree whose hashes take no time, and how many nodes it has asked for. */
class IdleTree {
  readonly #tree: MerkleTree;
  readonly #bytes: Uint8Array;
  readonly #random = seededRandom(1);
  #nodes = 0;
  #commits = 0;

  constructor(leafSizeBytes: number, arity: number) {
    const idle: HashEngine = {
      name: 'node',
      hash: () => void (this.#nodes += 1),
      hashMany: ({ count }) => void (this.#nodes += count),
    };
    this.#tree = MerkleTree.build({ arity, leafSizeBytes }, new Uint8Array(LEAVES * leafSizeBytes), idle);
    this.#bytes = new Uint8Array(leafSizeBytes);
    this.#nodes = 0;
  }

  /** Hashed at each commit, leaves included. */
  get nodesPerCommit(): number {
    return this.#nodes / this.#commits;
  }

  commitsUs(): number {
    const times = Array.from({ length: COMMITS }, () => {
      const changes = Array.from({ length: CHANGES }, () => ({
        index: Math.floor(this.#random() * LEAVES),
        bytes: this.#bytes,
      }));
      const before = performance.now();
      this.#tree.updateBatch(changes);
      return (performance.now() - before) * 1000;
    });
    this.#commits += COMMITS;
    return fastQuantile(times);
  }
}

export class BookkeepingCalibrator {
  readonly #fewNodes = new IdleTree(SMALL_LEAF_BYTES, 8);
  readonly #manyNodes = new IdleTree(SMALL_LEAF_BYTES, 2);
  readonly #largeLeaves = new IdleTree(LARGE_LEAF_BYTES, 8);

  /** A fraction of a millisecond, once V8 has compiled it. */
  pass(): BookkeepingPass {
    return {
      fewNodesUs: this.#fewNodes.commitsUs(),
      manyNodesUs: this.#manyNodes.commitsUs(),
      largeLeavesUs: this.#largeLeaves.commitsUs(),
    };
  }

  cost(passes: readonly BookkeepingPass[]): BookkeepingCost {
    const fast = (pick: (pass: BookkeepingPass) => number): number => fastQuantile(passes.map(pick));
    const fewUs = fast((pass) => pass.fewNodesUs);
    const [few, many] = [this.#fewNodes.nodesPerCommit, this.#manyNodes.nodesPerCommit];
    const perNodeUs = Math.max(0, (fast((pass) => pass.manyNodesUs) - fewUs) / (many - few));
    const moreBytes = CHANGES * (LARGE_LEAF_BYTES - SMALL_LEAF_BYTES);
    const perLeafByteUs = Math.max(0, (fast((pass) => pass.largeLeavesUs) - fewUs) / moreBytes);
    const nodesUs = perNodeUs * (few - CHANGES);
    const perLeafUs = Math.max(0, (fewUs - nodesUs) / CHANGES - perLeafByteUs * SMALL_LEAF_BYTES);
    return { perLeafUs, perLeafByteUs, perNodeUs };
  }
}
