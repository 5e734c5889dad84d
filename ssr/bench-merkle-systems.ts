/**
 * The systems that `bench-merkle-child.ts` measures: ours, and each peer used in the fastest way that it offers.
 *
 * Peers are development dependencies and loaded when asked for: an installed refmon has none. What they are given is
 * what they take (nodes, Buffers, hexadecimal strings), made ready before the clock starts.
 */
import { createHash, hash as cryptoHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import type { Node } from '@chainsafe/persistent-merkle-tree';
import type { HashEngine } from './hash-engine.ts';
import { DIGEST_SIZE_BYTES } from './hash-engine.ts';
import { currentHelper } from './hash/helper.ts';
import { openEngine } from './hash/open.ts';
import { MerkleTree } from './merkle.ts';

export interface Change {
  readonly index: number;
  readonly leaf: Uint8Array;
}

/** A tree under test. `update` changes one leaf and makes the root, `batch` changes many and makes one root. */
export interface Built {
  root(): string;
  readonly batch?: (changes: readonly Change[]) => void;
  readonly update?: (change: Change) => void;
  /** Nanoseconds that count since the last call, if not all that pass do. */
  readonly takeNs?: () => number;
}

export interface System {
  /** What it has besides the heap and the arrays of its thread: bytes that the thread's statistics do not have. */
  readonly besidesBytes?: number;
  /** Turns the leaves into what the system takes; not timed. */
  prepare(leaves: readonly Uint8Array[]): unknown;
  build(prepared: unknown): Built;
}

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

/** Our tree; the leaves are copied once, as one block. */
function ours(arity: number, engine: HashEngine): System {
  const geometry = { arity, leafSizeBytes: 32, leafKind: 'digests' } as const;
  return {
    prepare: (leaves) => Buffer.concat(leaves),
    build: (prepared) => {
      const tree = MerkleTree.build(geometry, prepared as Buffer, engine);
      return {
        root: () => hex(tree.root()),
        batch: (changes) => void tree.updateBatch(changes.map(({ index, leaf }) => ({ index, bytes: leaf }))),
        update: ({ index, leaf }) => void tree.update(index, leaf),
      };
    },
  };
}

const HELPER_START_MAX_MS = 5000;

/** The same with a second thread, whose own memory is weighed before there is any tree to speak of. */
async function oursTogether(arity: number): Promise<System> {
  const system = ours(arity, openEngine('parallel'));
  const small = system.build(Buffer.alloc(DIGEST_SIZE_BYTES * 8192));
  const changes = Array.from({ length: 1000 }, (_, k) => ({ index: 8 * k, leaf: new Uint8Array(DIGEST_SIZE_BYTES) }));
  const before = process.memoryUsage.rss();
  const giveUpAt = performance.now() + HELPER_START_MAX_MS;
  while ((currentHelper()?.groupsHashed ?? 0) === 0 && performance.now() < giveUpAt) {
    small.batch?.(changes);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return { ...system, besidesBytes: process.memoryUsage.rss() - before };
}

/** The same, and only the time inside of hash calls counts: what no bookkeeping of ours can go below. */
function hashCallsOfOurs(arity: number): System {
  const engine = openEngine('fastest');
  let ns = 0;
  const timed = (hashing: () => void): void => {
    const before = performance.now();
    hashing();
    ns += (performance.now() - before) * 1e6;
  };
  const system = ours(arity, {
    ...engine,
    hash: (message, out, outOffset) => timed(() => engine.hash(message, out, outOffset)),
    hashMany: (batch) => timed(() => engine.hashMany(batch)),
  });
  const takeNs = (): number => {
    const taken = ns;
    ns = 0;
    return taken;
  };
  return { prepare: (leaves) => system.prepare(leaves), build: (prepared) => ({ ...system.build(prepared), takeNs }) };
}

/**
 * As its README has it: many nodes are set in one call, and `root` hashes what is new, node after node, when it is asked for.
 * Or, by exports that the README does not speak of: all pending hashes of a change go to the native hasher level by level.
 */
async function chainsafe(way: 'as documented' | 'level by level'): Promise<System> {
  const library = await import('@chainsafe/persistent-merkle-tree');
  const { hasher } = await import('@chainsafe/persistent-merkle-tree/hasher/hashtree');
  library.setHasher(hasher);
  const levels = new library.HashComputationGroup();
  const hashLevels = (node: Node): void => {
    levels.reset();
    library.getHashComputations(node, 0, levels.byLevel);
    hasher.executeHashComputations(levels.byLevel);
    levels.clean();
  };
  const hashAll = way === 'level by level' ? hashLevels : (node: Node) => void node.root;
  return {
    prepare: (leaves) => leaves,
    build: (prepared) => {
      const leaves = prepared as readonly Uint8Array[];
      const depth = Math.ceil(Math.log2(leaves.length));
      const leafNode = (leaf: Uint8Array) => library.LeafNode.fromRoot(leaf);
      let node = library.subtreeFillToContents(leaves.map(leafNode), depth);
      hashAll(node);
      const setMany = (changes: readonly Change[]): void => {
        const latest = new Map(changes.map(({ index, leaf }) => [index, leaf]));
        const sorted = [...latest].sort(([a], [b]) => a - b);
        const indexes = sorted.map(([index]) => index);
        node = library.setNodesAtDepth(node, depth, indexes, sorted.map(([, leaf]) => leafNode(leaf))); // prettier-ignore
        hashAll(node);
      };
      const setOne = ({ index, leaf }: Change): void => {
        node = library.setNodeAtDepth(node, depth, index, leafNode(leaf));
        hashAll(node);
      };
      return { root: () => hex(node.root), batch: setMany, update: setOne };
    },
  };
}

async function merkletreejs(): Promise<System> {
  const { MerkleTree: Tree } = await import('merkletreejs');
  return {
    prepare: (leaves) => leaves.map((leaf) => Buffer.from(leaf)),
    build: (prepared) => {
      const tree = new Tree(prepared as Buffer[], sha256);
      return { root: () => tree.getRoot().toString('hex') };
    },
  };
}

async function leanImt(): Promise<System> {
  const { LeanIMT } = await import('@zk-kit/lean-imt');
  return {
    prepare: (leaves) => leaves.map((leaf) => Buffer.from(leaf)),
    build: (prepared) => {
      const tree = new LeanIMT<Buffer>((a, b) => createHash('sha256').update(a).update(b).digest());
      tree.insertMany(prepared as Buffer[]);
      return {
        root: () => tree.root.toString('hex'),
        update: ({ index, leaf }) => tree.update(index, Buffer.from(leaf)),
      };
    },
  };
}

async function openZeppelin(): Promise<System> {
  const { SimpleMerkleTree } = await import('@openzeppelin/merkle-tree');
  const hexOf = (value: string | Uint8Array | readonly number[]): string =>
    typeof value === 'string' ? value.slice(2) : Buffer.from(value).toString('hex');
  return {
    prepare: (leaves) => leaves.map((leaf) => `0x${hex(leaf)}`),
    build: (prepared) => {
      const tree = SimpleMerkleTree.of(prepared as string[], {
        nodeHash: (a, b) => `0x${cryptoHash('sha256', Buffer.from(hexOf(a) + hexOf(b), 'hex'), 'hex')}`,
      });
      return { root: () => tree.root.slice(2) };
    },
  };
}

/** Systems by name. */
export const SYSTEMS: Readonly<Record<string, () => System | Promise<System>>> = {
  'ours binary': () => ours(2, openEngine('fastest')),
  'ours arity 5': () => ours(5, openEngine('fastest')),
  'ours binary, two threads': () => oursTogether(2),
  'ours arity 5, two threads': () => oursTogether(5),
  'ours binary node:crypto': () => ours(2, openEngine('node')),
  'ours binary, hash calls alone': () => hashCallsOfOurs(2),
  'ours arity 5, hash calls alone': () => hashCallsOfOurs(5),
  '@chainsafe/persistent-merkle-tree hashtree, as documented': () => chainsafe('as documented'),
  '@chainsafe/persistent-merkle-tree hashtree, level by level': () => chainsafe('level by level'),
  merkletreejs: merkletreejs,
  '@zk-kit/lean-imt': leanImt,
  '@openzeppelin/merkle-tree': openZeppelin,
};

/** The name of the package that is missing, if that is what `error` says. */
export function missingPeer(error: unknown): string | undefined {
  const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
  return isMissing ? (/package '([^']+)'/.exec(error.message)?.[1] ?? error.message) : undefined;
}

/** @throws RangeError if there is no such system; what loading a peer throws: see `missingPeer` */
export async function openSystem(name: string): Promise<System> {
  const open = SYSTEMS[name];
  if (open === undefined) throw new RangeError(`there is no system \`${name}\``);
  return open();
}
