/**
 * One system of `bench-merkle.ts`, alone in this process: builds a tree, weighs it, prints one JSON line; then updates it whenever
 * standard input says `batch` or `single`, and prints what each call took, until the input ends.
 *
 * Arguments: system, number of leaves, number of updates, `warm` or `cold`. A cold process does nothing before the tree is built
 * and reports the batch after it; a warm one has worked on small trees, so that V8 has compiled all, and reports everything.
 * Not part of the library.
 */
import { performance } from 'node:perf_hooks';
import { missingPeer, openSystem } from './bench-merkle-systems.ts';
import type { Built, Change, System } from './bench-merkle-systems.ts';
import { createInterface } from 'node:readline';
import { BATCHES, SINGLE_RUNS } from './bench-merkle.ts';
import type { ColdReport, TurnCalls, WarmReport } from './bench-merkle.ts';
import { seededRandom } from './blocksize/random.ts';

function randomLeaf(random: () => number): Uint8Array {
  const leaf = new Uint8Array(32);
  for (let at = 0; at < 32; at += 1) leaf[at] = Math.floor(random() * 256);
  return leaf;
}

/** What `action` took, or what of it the system says counts. */
function elapsedNs(action: () => void, built?: Built): number {
  built?.takeNs?.();
  const before = performance.now();
  action();
  const passed = (performance.now() - before) * 1e6;
  return Math.round(built?.takeNs?.() ?? passed);
}

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
  const passed = (performance.now() - before) * 1e6;
  return { built, ns: Math.round(built.takeNs?.() ?? passed) };
}

/** A small tree, built and updated, so that no code is compiled while the clock runs. */
function warmUp(system: System, random: () => number): void {
  for (let round = 0; round < 4; round += 1) {
    const small = system.build(system.prepare(Array.from({ length: 8192 }, () => randomLeaf(random))));
    for (let k = 0; k < 300; k += 1) small.update?.({ index: k, leaf: randomLeaf(random) });
    small.batch?.(Array.from({ length: 1000 }, (_, k) => ({ index: k * 7, leaf: randomLeaf(random) })));
  }
}

function drawChanges(random: () => number, leafCount: number, updates: number): Change[] {
  return Array.from({ length: updates }, () => ({ index: Math.floor(random() * leafCount), leaf: randomLeaf(random) }));
}

async function measureCold(name: string, leafCount: number, updates: number): Promise<ColdReport> {
  const system = await openSystem(name);
  const random = seededRandom(1);
  const built = system.build(prepareLeaves(system, leafCount, random));
  const changes = drawChanges(random, leafCount, updates);
  await settle();
  const { batch } = built;
  return batch ? { status: 'ok', first_ns: elapsedNs(() => batch(changes), built) } : { status: 'ok' };
}

/** Calls to come, by what they are called: nanoseconds of each call of the next turn. */
type Turns = Readonly<Record<string, () => number[]>>;

async function prepareWarm(
  name: string,
  leafCount: number,
  updates: number,
): Promise<{ readonly report: WarmReport; readonly turns: Turns }> {
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
  const memory_bytes = memoryInUse() - before + (system.besidesBytes ?? 0);
  const turnsOf = (calls: TurnCalls, run: (changes: readonly Change[]) => void): (() => number[]) => {
    // All drawn before: between the timed calls nothing is allocated, so that they collect all of their own garbage.
    const drawn = Array.from({ length: calls.turns * calls.inOne }, () => drawChanges(random, leafCount, updates));
    return () => drawn.splice(0, calls.inOne).map((changes) => elapsedNs(() => run(changes), built));
  };
  const { batch, update } = built;
  const singles = update && turnsOf(SINGLE_RUNS, (changes) => changes.forEach(update));
  const turns: Turns = {
    ...(batch && { batch: turnsOf(BATCHES, batch) }),
    ...(singles && { single: () => singles().map((ns) => Math.round(ns / updates)) }),
  };
  return { report: { status: 'ok', build_ns, memory_bytes, root: built.root(), offers: Object.keys(turns) }, turns };
}

function say(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

async function answerTurns(turns: Turns): Promise<void> {
  for await (const question of createInterface({ input: process.stdin })) say(turns[question]?.() ?? []);
}

const [name = '', leaves = '', updates = '', mode = ''] = process.argv.slice(2);
try {
  if (mode === 'cold') say(await measureCold(name, Number(leaves), Number(updates)));
  else {
    const { report, turns } = await prepareWarm(name, Number(leaves), Number(updates));
    say(report);
    await answerTurns(turns);
  }
} catch (error) {
  const peer = missingPeer(error);
  if (peer === undefined) throw error;
  say({ status: 'peer not installed', peer } satisfies WarmReport);
}
