/**
 * `refmon bench merkle`: our tree beside the npm libraries, 2^20 leaves of 32 bytes, SHA-256 everywhere.
 *
 * Every system runs alone in a process of its own (`bench-merkle-child.ts`), so that its memory is its own, and the systems
 * are all alive at once and take turns of a few calls. *Ratios are paired*: each turn has its own, and the median of them counts, since
 * a processor that is slow for a while is then slow for all. Of builds, first batches and memory a round has one each.
 * Of all rounds together each row gives three times. The *median* is what one call takes. The *mean* is what a call costs in the long run: it has the garbage collections, which a median
 * leaves out where they are rarer than every second call, and the pauses of a busy machine. The *minimum* is the fastest
 * call: no other program, no collection. Leaves are digests, given ready-made, because that is what all the peers take. A peer that is not installed is reported as such and never guessed. Peers differ in
 * what else they do: @chainsafe keeps old versions alive by structural sharing, OpenZeppelin keeps hexadecimal strings,
 * merkletreejs and OpenZeppelin have no update and must rebuild. Rows named "hash calls alone" are our tree with nothing
 * but its hash calls timed: the bound that no better bookkeeping of ours could pass.
 */
import { quantile } from './blocksize/line-fit.ts';
import { Contender } from './bench-merkle-contender.ts';

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
      readonly memory_bytes: number;
      readonly root: string;
      /** What it can be asked for: `batch`, `single`. */
      readonly offers: readonly string[];
    }
  | PeerMissing;

/** What one reports that did nothing before: nanoseconds of the first batch, if the system has batches. */
export type ColdReport = { readonly status: 'ok'; readonly first_ns?: number } | PeerMissing;

/** Both of one round. */
interface Round {
  readonly warm: WarmReport;
  readonly cold: ColdReport;
  /** Nanoseconds of each call of each counted turn: of a batch, or of one update in a run of them. */
  readonly batch: readonly (readonly number[])[];
  readonly single: readonly (readonly number[])[];
}

/** How a round's calls of one kind are divided. */
export interface TurnCalls {
  readonly turns: number;
  /** So many turns are not counted: V8 compiles what the large tree needs. */
  readonly warmUp: number;
  readonly inOne: number;
}

export const BATCHES: TurnCalls = { turns: 15, warmUp: 3, inOne: 4 };
/** Runs of single updates. */
export const SINGLE_RUNS: TurnCalls = { turns: 8, warmUp: 2, inOne: 2 };

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
  /** This system's median over that of `ours binary`, the same tree as the peers', turn by turn: above 1, ours is better. */
  readonly ratio?: number;
  /** A quarter of the turns lie below the first, a quarter above the second. */
  readonly ratio_quartiles?: readonly [number, number];
  /** The same over `ours arity 5`, the arity that the block-size model picks for sparse updates with this engine. */
  readonly ratio_to_planned?: number;
  readonly ratio_to_planned_quartiles?: readonly [number, number];
  /** The same two over our trees whose levels two threads hash. */
  readonly ratio_two_threads?: number;
  readonly ratio_two_threads_quartiles?: readonly [number, number];
  readonly ratio_to_planned_two_threads?: number;
  readonly ratio_to_planned_two_threads_quartiles?: readonly [number, number];
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

/** The fastest npm tree with its native hasher, used in two ways. */
const PEERS = [
  '@chainsafe/persistent-merkle-tree hashtree, as documented',
  '@chainsafe/persistent-merkle-tree hashtree, level by level',
] as const;

/** Ours first: the others are compared with it. Kept apart from the systems, which load what the command line must not. */
export const MERKLE_SYSTEMS: readonly string[] = [
  'ours binary',
  'ours arity 5',
  'ours binary, two threads',
  'ours arity 5, two threads',
  'ours binary node:crypto',
  'ours binary, hash calls alone',
  'ours arity 5, hash calls alone',
  ...PEERS,
  'merkletreejs',
  '@zk-kit/lean-imt',
  '@openzeppelin/merkle-tree',
];
/** Trees that the others are compared with, by the field that has the ratio. */
const COMPARED = {
  ratio: 'ours binary',
  ratio_to_planned: 'ours arity 5',
  ratio_two_threads: 'ours binary, two threads',
  ratio_to_planned_two_threads: 'ours arity 5, two threads',
} as const;
/** So many times faster than the peer should a batch be. */
export const BATCH_GOAL = 5;
const TASKS: readonly MerkleTask[] = ['build', 'first batch', 'batch', 'single', 'memory'];

type Reports = ReadonlyMap<string, (Round | string)[]>;

/** Starts one after the other, lets all that run take their turns, then has each start cold. What goes wrong is said in its place. */
async function runRound(
  systems: readonly string[],
  sizes: readonly string[],
  timeoutMs: number,
): Promise<Map<string, Round | string>> {
  const results = new Map<string, Round | string>();
  const running: Running[] = [];
  for (const system of systems) {
    const contender = new Contender([system, ...sizes, 'warm'], timeoutMs);
    try {
      running.push({ system, contender, warm: (await contender.answer()) as WarmReport });
    } catch (error) {
      results.set(system, noteOf(error));
      await contender.end();
    }
  }
  const batch = await takeTurns(running, 'batch', BATCHES);
  const single = await takeTurns(running, 'single', SINGLE_RUNS);
  for (const { system, contender, warm } of running) {
    await contender.end();
    const cold: ColdReport = offers(warm, 'batch') ? await startCold([system, ...sizes], timeoutMs) : { status: 'ok' };
    results.set(system, { warm, cold, batch: batch.get(system) ?? [], single: single.get(system) ?? [] });
  }
  return results;
}

interface Running {
  readonly system: string;
  readonly contender: Contender;
  readonly warm: WarmReport;
}

function offers(warm: WarmReport, what: string): boolean {
  return warm.status === 'ok' && warm.offers.includes(what);
}

function noteOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? 'failed';
}

/** Every second turn goes backwards: who comes after whom is then not always the same. */
async function takeTurns(
  running: readonly Running[],
  what: 'batch' | 'single',
  calls: TurnCalls,
): Promise<Map<string, number[][]>> {
  const taken = new Map<string, number[][]>();
  const able = running.filter(({ warm }) => offers(warm, what));
  for (let turn = 0; turn < calls.turns; turn += 1) {
    for (const { system, contender } of turn % 2 === 0 ? able : [...able].reverse()) {
      const times = (await contender.ask(what)) as number[];
      if (turn >= calls.warmUp) taken.set(system, [...(taken.get(system) ?? []), times]);
    }
  }
  return taken;
}

async function startCold(args: readonly string[], timeoutMs: number): Promise<ColdReport> {
  const contender = new Contender([...args, 'cold'], timeoutMs);
  try {
    return (await contender.answer()) as ColdReport;
  } finally {
    await contender.end();
  }
}

/** Runs the benchmark: one row per system and task. Takes one to five seconds per quick system and round. */
export async function benchMerkle(options: MerkleBenchOptions = {}): Promise<readonly BenchRow[]> {
  const { leaves = 2 ** 20, updates = 1000, rounds = 5, systems = MERKLE_SYSTEMS, timeoutMs = 600_000 } = options;
  const reports: Reports = new Map(systems.map((system) => [system, []]));
  const sizes = [String(leaves), String(updates)];
  for (let round = 0; round < rounds; round += 1) {
    // What failed once, is missing, or takes many seconds is not run again.
    const left = systems.filter((system) => (reports.get(system) ?? []).every(isWorthRepeating));
    for (const [system, result] of await runRound(left, sizes, timeoutMs)) reports.get(system)?.push(result);
  }
  return [...reports].flatMap(([system, list]) => TASKS.map((task) => rowOf(system, task, list, reports)));
}

function isWorthRepeating(first: Round | string): boolean {
  return typeof first !== 'string' && first.warm.status === 'ok' && first.warm.build_ns < 5e9;
}

interface Measured {
  readonly median: number;
  readonly mean: number;
  readonly min: number;
}

function measured(rounds: readonly (Round | string)[], task: MerkleTask): Measured | undefined {
  const values = rounds.flatMap((round) => turnsOf(round, task).flat()).sort((a, b) => a - b);
  const [min, median] = [values[0], quantile(values, 0.5)];
  if (min === undefined) return undefined;
  return { min, median, mean: values.reduce((sum, value) => sum + value, 0) / values.length };
}

interface Ratio {
  readonly median: number;
  readonly quartiles: readonly [number, number];
}

/** Turn by turn the one's median over the other's. */
function pairedRatio(
  of: readonly (Round | string)[],
  to: readonly (Round | string)[],
  task: MerkleTask,
): Ratio | undefined {
  const ratios = of.flatMap((round, k) => {
    const others = turnsOf(to[k] ?? '', task);
    return turnsOf(round, task).flatMap((turn, at) => {
      const other = others[at];
      return other === undefined ? [] : [quantile(turn, 0.5) / quantile(other, 0.5)];
    });
  });
  if (ratios.length === 0) return undefined;
  const [low = 0, median = 0, high = 0] = [0.25, 0.5, 0.75].map((part) => Number(quantile(ratios, part).toFixed(2)));
  return { median, quartiles: [low, high] };
}

function turnsOf(round: Round | string, task: MerkleTask): readonly (readonly number[])[] {
  if (typeof round === 'string' || round.warm.status !== 'ok' || round.cold.status !== 'ok') return [];
  const { warm, cold, batch, single } = round;
  switch (task) {
    case 'build':
      return [[warm.build_ns]];
    case 'first batch':
      return cold.first_ns === undefined ? [] : [[cold.first_ns]];
    case 'batch':
      return batch;
    case 'single':
      return single;
    case 'memory':
      return [[warm.memory_bytes]];
  }
}

function rowOf(system: string, task: MerkleTask, list: readonly (Round | string)[], reports: Reports): BenchRow {
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
  const ratios: Record<string, number | Ratio['quartiles']> = {};
  for (const [field, to] of Object.entries(COMPARED)) {
    const ratio = pairedRatio(list, reports.get(to) ?? [], task);
    if (ratio === undefined) continue;
    ratios[field] = ratio.median;
    ratios[`${field}_quartiles`] = ratio.quartiles;
  }
  return {
    ...head,
    status: 'ok',
    ...(task === 'memory' ? { bytes: median } : { median_ns: median, mean_ns: Math.round(mean), min_ns: min }),
    ...ratios,
  };
}

/** How one of our trees stands to the goal: its batch beside the peer's, in whichever way the peer is faster. */
export interface GoalVerdict {
  readonly system: string;
  readonly ratio: number;
  readonly isMet: boolean;
}

/** Which of our trees meet the goal of the batch; empty if the peer did not run. */
export function batchGoalVerdicts(rows: readonly BenchRow[]): readonly GoalVerdict[] {
  const peers = rows.filter(({ system, task }) => task === 'batch' && PEERS.some((peer) => peer === system));
  return Object.entries(COMPARED).flatMap(([field, system]) => {
    const ratios = peers.flatMap((row) => row[field as keyof typeof COMPARED] ?? []);
    const ratio = Math.min(...ratios);
    return ratios.length === 0 ? [] : [{ system, ratio, isMet: ratio >= BATCH_GOAL }];
  });
}
