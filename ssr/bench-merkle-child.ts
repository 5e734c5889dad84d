/**
 * One system of `bench-merkle.ts`, alone in this process: builds a tree, updates it, weighs it, prints one JSON line.
 *
 * Arguments: system, number of leaves, number of updates. Peers are imported by name; for development, the environment
 * variable REFMON_PEERS names a folder whose node_modules is asked first. Not part of the library.
 */
import { createHash, hash as cryptoHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import type { ChildReport } from './bench-merkle.ts';
import { openEngine } from './hash/open.ts';
import { MerkleTree } from './merkle.ts';
import { seededRandom } from './blocksize/random.ts';

/** A system under test. `update` changes one leaf and returns the root; `batch` changes many and returns the root. */
interface Built {
  root(): string;
  batch?(changes: readonly Change[]): void;
  update?(change: Change): void;
}

interface Change {
  readonly index: number;
  readonly leaf: Uint8Array;
}

interface System {
  /** Turns the leaves into what the system takes; not timed. */
  prepare(leaves: readonly Uint8Array[]): unknown;
  build(prepared: unknown): Built;
}

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest();

class PeerMissing extends Error {}

/** Imports an installed package; types are the caller's, as peers are not dependencies of the library. */
async function peer<T>(name: string, subpath = '.'): Promise<T> {
  const folder = process.env['REFMON_PEERS'];
  const manifest = folder === undefined ? '' : join(folder, 'node_modules', name, 'package.json');
  try {
    if (folder !== undefined && existsSync(manifest)) {
      const entry = entryPoint(JSON.parse(readFileSync(manifest, 'utf8')) as Manifest, subpath);
      return (await import(pathToFileURL(join(folder, 'node_modules', name, entry)).href)) as T;
    }
    return (await import(subpath === '.' ? name : `${name}/${subpath.slice(2)}`)) as T;
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_MODULE_NOT_FOUND') throw new PeerMissing(name, { cause: error });
    throw error;
  }
}

interface Manifest {
  readonly main?: string;
  readonly module?: string;
  readonly exports?: string | Record<string, string | Record<string, string | Record<string, string>>>;
}

/** The ECMAScript entry of a package, read from its manifest as Node would. */
function entryPoint(manifest: Manifest, subpath: string): string {
  let target: unknown = typeof manifest.exports === 'object' ? manifest.exports[subpath] : manifest.exports;
  while (typeof target === 'object' && target !== null) {
    const conditions = target as Record<string, unknown>;
    target = conditions['import'] ?? conditions['node'] ?? conditions['default'] ?? conditions['require'];
  }
  return typeof target === 'string' ? target : (manifest.main ?? 'index.js');
}

/** Our tree; the leaves are copied once, as one block. */
function ours(arity: number, engineName: 'fastest' | 'node'): System {
  const geometry = { arity, leafSizeBytes: 32, leafKind: 'digests' } as const;
  const engine = openEngine(engineName);
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

interface ChainsafeNode {
  readonly root: Uint8Array;
}
interface ChainsafeHasher {
  initialize?(): Promise<void>;
  executeHashComputations(levels: unknown[]): void;
}
interface ChainsafeModule {
  readonly LeafNode: { fromRoot(root: Uint8Array): ChainsafeNode };
  readonly HashComputationGroup: new () => { readonly byLevel: unknown[]; reset(): void; clean(): void };
  subtreeFillToContents(nodes: ChainsafeNode[], depth: number): ChainsafeNode;
  setNodesAtDepth(root: ChainsafeNode, depth: number, indexes: number[], nodes: ChainsafeNode[]): ChainsafeNode;
  setHasher(hasher: ChainsafeHasher): void;
  getHashComputations(node: ChainsafeNode, offset: number, byLevel: unknown[]): void;
}

/** Its fastest way: level by level through the native hasher. */
async function chainsafe(): Promise<System> {
  const name = '@chainsafe/persistent-merkle-tree';
  const library = await peer<ChainsafeModule>(name);
  const { hasher } = await peer<{ hasher: ChainsafeHasher }>(name, './hasher/hashtree');
  await hasher.initialize?.();
  library.setHasher(hasher);
  const levels = new library.HashComputationGroup();
  const hashAll = (node: ChainsafeNode): void => {
    levels.reset();
    library.getHashComputations(node, 0, levels.byLevel);
    hasher.executeHashComputations(levels.byLevel);
    levels.clean();
  };
  return {
    prepare: (leaves) => leaves,
    build: (prepared) => {
      const leaves = prepared as readonly Uint8Array[];
      const depth = Math.ceil(Math.log2(leaves.length));
      const leafNode = (leaf: Uint8Array): ChainsafeNode => library.LeafNode.fromRoot(leaf);
      let node = library.subtreeFillToContents(leaves.map(leafNode), depth);
      hashAll(node);
      const set = (changes: readonly Change[]): void => {
        const latest = new Map(changes.map(({ index, leaf }) => [index, leaf]));
        const sorted = [...latest].sort(([a], [b]) => a - b);
        const indexes = sorted.map(([index]) => index);
        node = library.setNodesAtDepth(node, depth, indexes, sorted.map(([, leaf]) => leafNode(leaf))); // prettier-ignore
        hashAll(node);
      };
      return { root: () => hex(node.root), batch: set, update: (change) => set([change]) };
    },
  };
}

async function merkletreejs(): Promise<System> {
  type Tree = { getRoot(): Buffer };
  type TreeClass = new (leaves: Buffer[], hash: (bytes: Buffer) => Buffer) => Tree;
  const library = await peer<{ MerkleTree?: TreeClass; default?: { MerkleTree?: TreeClass } }>('merkletreejs');
  const Tree = library.MerkleTree ?? library.default?.MerkleTree;
  if (Tree === undefined) throw new Error('merkletreejs exports no MerkleTree');
  return {
    prepare: (leaves) => leaves.map((leaf) => Buffer.from(leaf)),
    build: (prepared) => {
      const tree = new Tree(prepared as Buffer[], sha256);
      return { root: () => tree.getRoot().toString('hex') };
    },
  };
}

async function leanImt(): Promise<System> {
  type Tree = { readonly root: Buffer; insertMany(leaves: Buffer[]): void; update(index: number, leaf: Buffer): void };
  const { LeanIMT } = await peer<{ LeanIMT: new (hash: (a: Buffer, b: Buffer) => Buffer) => Tree }>('@zk-kit/lean-imt');
  return {
    prepare: (leaves) => leaves.map((leaf) => Buffer.from(leaf)),
    build: (prepared) => {
      const tree = new LeanIMT((a, b) => createHash('sha256').update(a).update(b).digest());
      tree.insertMany(prepared as Buffer[]);
      return {
        root: () => tree.root.toString('hex'),
        update: ({ index, leaf }) => tree.update(index, Buffer.from(leaf)),
      };
    },
  };
}

async function openZeppelin(): Promise<System> {
  type Options = { nodeHash: (a: string, b: string) => string };
  type TreeClass = { of(values: string[], options: Options): { readonly root: string } };
  const { SimpleMerkleTree } = await peer<{ SimpleMerkleTree: TreeClass }>('@openzeppelin/merkle-tree');
  const nodeHash = (a: string, b: string): string => {
    return `0x${cryptoHash('sha256', Buffer.from(a.slice(2) + b.slice(2), 'hex'), 'hex')}`;
  };
  return {
    prepare: (leaves) => leaves.map((leaf) => `0x${hex(leaf)}`),
    build: (prepared) => {
      const tree = SimpleMerkleTree.of(prepared as string[], { nodeHash });
      return { root: () => tree.root.slice(2) };
    },
  };
}

function openSystem(name: string): System | Promise<System> {
  switch (name) {
    case 'ours binary':
      return ours(2, 'fastest');
    case 'ours arity 5':
      return ours(5, 'fastest');
    case 'ours binary node:crypto':
      return ours(2, 'node');
    case '@chainsafe/persistent-merkle-tree hashtree':
      return chainsafe();
    case 'merkletreejs':
      return merkletreejs();
    case '@zk-kit/lean-imt':
      return leanImt();
    case '@openzeppelin/merkle-tree':
      return openZeppelin();
    default:
      throw new RangeError(`there is no system \`${name}\``);
  }
}

function randomLeaf(random: () => number): Uint8Array {
  const leaf = new Uint8Array(32);
  for (let at = 0; at < 32; at += 1) leaf[at] = Math.floor(random() * 256);
  return leaf;
}

function elapsedNs(action: () => void): number {
  const before = performance.now();
  action();
  return Math.round((performance.now() - before) * 1e6);
}

/** Batches in one process; their median counts. */
const BATCHES = 15;
/** Runs of single updates; the median run counts. */
const SINGLE_RUNS = 5;

const collectGarbage = (globalThis as { gc?: () => void }).gc ?? ((): void => undefined);

/** Bytes in use: the heap and what lives outside of it. */
function memoryInUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Lets finished functions' registers go, then collects: without it, GC of a million dead leaves is timed as building. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  collectGarbage();
  collectGarbage();
}

/** In a function of its own, so that the leaves are garbage afterwards, unless the system took them as they are. */
function prepareLeaves(system: System, leafCount: number, random: () => number): unknown {
  return system.prepare(Array.from({ length: leafCount }, () => randomLeaf(random)));
}

function timedBuild(system: System, prepared: unknown): { readonly built: Built; readonly ns: number } {
  const before = performance.now();
  const built = system.build(prepared);
  return { built, ns: Math.round((performance.now() - before) * 1e6) };
}

/** A small tree, built and updated, so that no code is compiled while the clock runs. */
function warmUp(system: System, random: () => number): void {
  for (let round = 0; round < 4; round += 1) {
    const small = system.build(system.prepare(Array.from({ length: 8192 }, () => randomLeaf(random))));
    for (let k = 0; k < 300; k += 1) small.update?.({ index: k, leaf: randomLeaf(random) });
    small.batch?.(Array.from({ length: 1000 }, (_, k) => ({ index: k * 7, leaf: randomLeaf(random) })));
  }
}

async function measure(name: string, leafCount: number, updates: number): Promise<ChildReport> {
  const system = await openSystem(name);
  const random = seededRandom(1);
  warmUp(system, random);
  await settle();
  const before = memoryInUse();
  let prepared: unknown = prepareLeaves(system, leafCount, random);
  await settle();
  const { built, ns: build_ns } = timedBuild(system, prepared);
  prepared = undefined;
  await settle();
  const memory_bytes = memoryInUse() - before;
  const draw = (): Change[] =>
    Array.from({ length: updates }, () => ({ index: Math.floor(random() * leafCount), leaf: randomLeaf(random) }));
  const batches = Array.from({ length: BATCHES }, draw);
  const singles = Array.from({ length: SINGLE_RUNS }, draw);
  const times: { batch_ns?: number; single_ns?: number } = {};
  if (built.batch) {
    const sorted = batches.map((changes) => elapsedNs(() => built.batch?.(changes))).sort((a, b) => a - b);
    times.batch_ns = sorted[Math.floor(BATCHES / 2)] ?? 0;
  }
  if (built.update) {
    const run = (changes: readonly Change[]): number =>
      elapsedNs(() => changes.forEach((change) => built.update?.(change)));
    const sorted = singles.map(run).sort((a, b) => a - b);
    times.single_ns = Math.round((sorted[Math.floor(SINGLE_RUNS / 2)] ?? 0) / updates);
  }
  return { status: 'ok', build_ns, ...times, memory_bytes, root: built.root() };
}

const [name = '', leaves = '', updates = ''] = process.argv.slice(2);
try {
  process.stdout.write(JSON.stringify(await measure(name, Number(leaves), Number(updates))));
} catch (error) {
  if (!(error instanceof PeerMissing)) throw error;
  process.stdout.write(JSON.stringify({ status: 'peer not installed', peer: error.message } satisfies ChildReport));
}
