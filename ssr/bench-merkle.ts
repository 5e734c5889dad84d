/**
 * `refmon bench merkle`: our tree beside the npm libraries, 2^20 leaves of 32 bytes, SHA-256 everywhere.
 *
 * Every system runs alone in a process of its own (`bench-merkle-child.ts`), so that its memory is its own, and the systems
 * take turns over several rounds. Of all rounds together each row gives three numbers. The *median* is what one call takes,
 * and ratios are made of it. The *mean* is what a call costs in the long run: it has the garbage collections, which a median
 * leaves out where they are rarer than every second call, and the pauses of a busy machine. The *minimum* is the fastest
 * call: no other program, no collection. Leaves are digests, given ready-made, because that is what all the peers take. A peer that is not installed is reported as such and never guessed. Peers differ in
 * what else they do: @chainsafe keeps old versions alive by structural sharing, OpenZeppelin keeps hexadecimal strings,
 * merkletreejs and OpenZeppelin have no update and must rebuild. Rows named "hash calls alone" are our tree with nothing
 * but its hash calls timed: the bound that no better bookkeeping of ours could pass.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export type MerkleTask = 'build' | 'first batch' | 'batch' | 'single' | 'memory';

/** Why a child process did not run. */
interface PeerMissing {
  readonly status: 'peer not installed';
  readonly peer: string;
}

/** What a child process that was warmed up reports: nanoseconds and bytes. */
export type WarmReport =
  | {
      readonly status: 'ok';
      readonly build_ns: number;
      /** Of each batch. */
      readonly batch_ns?: readonly number[];
      /** For one update, of each run of updates. */
      readonly single_ns?: readonly number[];
      readonly memory_bytes: number;
      readonly root: string;
    }
  | PeerMissing;

/** What one reports that did nothing before: nanoseconds of the first batch, if the system has batches. */
export type ColdReport = { readonly status: 'ok'; readonly first_ns?: number } | PeerMissing;

/** Both of one round. */
interface Round {
  readonly warm: WarmReport;
  readonly cold: ColdReport;
}

export interface BenchRow {
  readonly name: string;
  readonly system: string;
  readonly task: MerkleTask;
  readonly status: 'ok' | 'peer not installed' | 'not offered' | 'failed';
  /**
   * For `memory` absent. `single` is one update with its root, `batch` all updates with one root; `first batch` is one in a process
   * that has only built the tree, and found no garbage: what a program sees that makes a batch now and then.
   */
  readonly median_ns?: number;
  readonly mean_ns?: number;
  readonly min_ns?: number;
  /** Median of the rounds. */
  readonly bytes?: number;
  /** This system's median over that of `ours binary`, the same tree as the peers': above 1, ours is better. */
  readonly ratio?: number;
  /** The same over `ours arity 5`, the arity that the block-size model picks for sparse updates with this engine. */
  readonly ratio_to_planned?: number;
  readonly note?: string;
}

export interface MerkleBenchOptions {
  /** Number of leaves; 2^20 by default. */
  readonly leaves?: number;
  readonly updates?: number;
  readonly rounds?: number;
  readonly systems?: readonly string[];
  /** Milliseconds after which one process is given up. */
  readonly timeoutMs?: number;
}

/** Ours first: the others are compared with it. Kept apart from the systems, which load what the command line must not. */
export const MERKLE_SYSTEMS: readonly string[] = [
  'ours binary',
  'ours arity 5',
  'ours binary node:crypto',
  'ours binary, hash calls alone',
  'ours arity 5, hash calls alone',
  '@chainsafe/persistent-merkle-tree hashtree, as documented',
  '@chainsafe/persistent-merkle-tree hashtree, level by level',
  'merkletreejs',
  '@zk-kit/lean-imt',
  '@openzeppelin/merkle-tree',
];
const BASELINE = 'ours binary';
const PLANNED = 'ours arity 5';
const TASKS: readonly MerkleTask[] = ['build', 'first batch', 'batch', 'single', 'memory'];
const CHILD = fileURLToPath(new URL('../ssr/bench-merkle-child.js', import.meta.url));

const run = promisify(execFile);

/** Runs one child after the other. @returns what they report, or the first line of what went wrong */
async function runRound(system: string, leaves: number, updates: number, timeoutMs: number): Promise<Round | string> {
  const flags = ['--expose-gc', '--max-old-space-size=4096'];
  const child = async (mode: 'warm' | 'cold'): Promise<unknown> => {
    const args = [...flags, CHILD, system, String(leaves), String(updates), mode];
    const { stdout } = await run(process.execPath, args, { timeout: timeoutMs, maxBuffer: 2 ** 20 });
    return JSON.parse(stdout);
  };
  try {
    const warm = (await child('warm')) as WarmReport;
    const hasBatches = warm.status === 'ok' && warm.batch_ns !== undefined;
    return { warm, cold: hasBatches ? ((await child('cold')) as ColdReport) : { status: 'ok' } };
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? 'failed';
  }
}

/** Runs the benchmark: one row per system and task. Takes one to five seconds per quick system and round. */
export async function benchMerkle(options: MerkleBenchOptions = {}): Promise<readonly BenchRow[]> {
  const { leaves = 2 ** 20, updates = 1000, rounds = 5, systems = MERKLE_SYSTEMS, timeoutMs = 600_000 } = options;
  const reports = new Map<string, (Round | string)[]>(systems.map((system) => [system, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const [system, list] of reports) {
      // What failed once, is missing, or takes many seconds is not run again.
      const first = list[0];
      if (first === undefined || isWorthRepeating(first)) list.push(await runRound(system, leaves, updates, timeoutMs));
    }
  }
  return [...reports].flatMap(([system, list]) =>
    TASKS.map((task) => {
      const ours = measured(reports.get(BASELINE) ?? [], task)?.median;
      const planned = measured(reports.get(PLANNED) ?? [], task)?.median;
      return rowOf(system, task, list, ours, planned);
    }),
  );
}

function isWorthRepeating(first: Round | string): boolean {
  return typeof first !== 'string' && first.warm.status === 'ok' && first.warm.build_ns < 5e9;
}

interface Measured {
  readonly median: number;
  readonly mean: number;
  readonly min: number;
}

function measured(list: readonly (Round | string)[], task: MerkleTask): Measured | undefined {
  const values = list
    .flatMap((round) => (typeof round === 'string' ? [] : valuesOf(round, task)))
    .sort((a, b) => a - b);
  const [min, median] = [values[0], values[Math.floor(values.length / 2)]];
  if (min === undefined || median === undefined) return undefined;
  return { min, median, mean: values.reduce((sum, value) => sum + value, 0) / values.length };
}

function valuesOf({ warm, cold }: Round, task: MerkleTask): readonly number[] {
  if (warm.status !== 'ok' || cold.status !== 'ok') return [];
  switch (task) {
    case 'build':
      return [warm.build_ns];
    case 'first batch':
      return cold.first_ns === undefined ? [] : [cold.first_ns];
    case 'batch':
      return warm.batch_ns ?? [];
    case 'single':
      return warm.single_ns ?? [];
    case 'memory':
      return [warm.memory_bytes];
  }
}

function rowOf(
  system: string,
  task: MerkleTask,
  list: readonly (Round | string)[],
  ours: number | undefined,
  planned: number | undefined,
): BenchRow {
  const head = { name: `merkle ${task}: ${system}`, system, task };
  const first = list[0];
  if (typeof first === 'string') return { ...head, status: 'failed', note: first };
  if (first === undefined || first.warm.status !== 'ok') return { ...head, status: 'peer not installed' };
  const values = measured(list, task);
  if (values === undefined) {
    return {
      ...head,
      status: 'not offered',
      note: 'its interface has no such update; every change is a rebuild or a path',
    };
  }
  const { median, mean, min } = values;
  return {
    ...head,
    status: 'ok',
    ...(task === 'memory' ? { bytes: median } : { median_ns: median, mean_ns: Math.round(mean), min_ns: min }),
    ...(ours !== undefined && { ratio: Number((median / ours).toFixed(2)) }),
    ...(planned !== undefined && { ratio_to_planned: Number((median / planned).toFixed(2)) }),
  };
}
