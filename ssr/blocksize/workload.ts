/**
 * What a workload does to a tree: the expected number of nodes of a given span that one commit touches.
 *
 * A node of level i spans s * B^i bytes, so one function of the span serves every leaf size and arity. "Touched" means
 * that at least one of the commit's updates falls under the node; an update is one byte, except in runs and traces.
 * The sums are exact expectations, not bounds (NCA'04 gives the uniform case and a smooth bound). They assume that
 * updates are independent, and that nodes are aligned to the start of the region.
 */
import { seededRandom } from './random.ts';

/** One changed stretch of bytes. */
export interface Access {
  readonly offset: number;
  readonly lengthBytes: number;
}

export type Workload =
  /** Every byte equally likely, with replacement. */
  | { readonly kind: 'uniform' }
  /**
   * Item of rank k is hit with probability proportional to k^-exponent; each byte of an item equally. Ranks lie in
   * order (`contiguous`: the hot items side by side) or anywhere (`scrambled`, as after hashing keys).
   */
  | {
      readonly kind: 'zipf';
      readonly exponent: number;
      readonly order: 'contiguous' | 'scrambled';
      readonly itemCount?: number;
    }
  /** Each update is a run of this many bytes that starts anywhere it fits. */
  | { readonly kind: 'sequential'; readonly runBytes: number }
  /** What was really written, commit by commit. */
  | { readonly kind: 'trace'; readonly commits: readonly (readonly Access[])[] };

/** Expected touched nodes per commit, given the bytes a node spans. */
export type Touched = (spanBytes: number) => number;

export const ZIPF_ITEMS_MAX = 65_536;
/** The smallest item of a Zipf workload, unless a count of items is given. */
export const ZIPF_ITEM_MIN_BYTES = 16;
/** Seed of the scrambled order: fixed, so that a plan is the same in every run. */
export const SCRAMBLE_SEED = 0x5eed;

/** How often k of n independent updates, each with probability `mass`, hit at least once. */
export function hitProbability(mass: number, updates: number): number {
  if (mass >= 1) return updates > 0 ? 1 : 0;
  const expected = mass * updates;
  // Two terms of the series are exact to 1e-9 here, and spare a logarithm and an exponential for the many cold nodes.
  if (expected < 1e-4) return expected - (expected * (expected - mass)) / 2;
  return -Math.expm1(updates * Math.log1p(-mass));
}

/**
 * The workload on a region of `sizeBytes`, with `updates` updates per commit (ignored for a trace), as a function of the span.
 * @throws RangeError if a parameter is out of range
 */
export function touchedNodes(workload: Workload, sizeBytes: number, updates: number): Touched {
  if (!(sizeBytes >= 1)) throw new RangeError(`sizeBytes must be at least 1, not ${sizeBytes}`);
  if (!(updates >= 1)) throw new RangeError(`updates must be at least 1, not ${updates}`);
  const touched = touchedBy(workload, sizeBytes, updates);
  const known = new Map<number, number>();
  return (spanBytes) => {
    if (spanBytes >= sizeBytes) return 1;
    const value = known.get(spanBytes) ?? touched(spanBytes);
    known.set(spanBytes, value);
    return value;
  };
}

function touchedBy(workload: Workload, sizeBytes: number, updates: number): Touched {
  switch (workload.kind) {
    case 'uniform':
      return (spanBytes) => uniformTouched(sizeBytes, updates, spanBytes);
    case 'sequential':
      return sequentialTouched(workload.runBytes, sizeBytes, updates);
    case 'zipf':
      return zipfTouched(workload, sizeBytes, updates);
    case 'trace':
      return traceTouched(workload.commits, sizeBytes);
  }
}

/** Whole nodes, and the ragged last one with what is left: floor(f/S)(1-(1-S/f)^n) + [r>0](1-(1-r/f)^n), r = f mod S. */
function uniformTouched(sizeBytes: number, updates: number, spanBytes: number): number {
  const whole = Math.floor(sizeBytes / spanBytes);
  const restBytes = sizeBytes - whole * spanBytes;
  return whole * hitProbability(spanBytes / sizeBytes, updates) + hitProbability(restBytes / sizeBytes, updates);
}

/** One run touches min(1 + (L-1)/S, ceil(f/S)) nodes; several overlap as if each chose its nodes independently. */
function sequentialTouched(runBytes: number, sizeBytes: number, updates: number): Touched {
  if (!(runBytes >= 1 && runBytes <= sizeBytes)) {
    throw new RangeError(`a sequential run must be 1 to ${sizeBytes} bytes long, not ${runBytes}`);
  }
  return (spanBytes) => {
    const nodes = Math.ceil(sizeBytes / spanBytes);
    const byOneRun = Math.min(1 + (runBytes - 1) / spanBytes, nodes);
    return updates === 1 ? byOneRun : nodes * hitProbability(byOneRun / nodes, updates);
  };
}

/** Probability of each rank. @throws RangeError */
export function zipfProbabilities(exponent: number, itemCount: number): Float64Array {
  if (!(exponent >= 0 && exponent <= 10))
    throw new RangeError(`the Zipf exponent must be from 0 to 10, not ${exponent}`);
  if (!(Number.isInteger(itemCount) && itemCount >= 1 && itemCount <= ZIPF_ITEMS_MAX)) {
    throw new RangeError(`a Zipf workload has 1 to ${ZIPF_ITEMS_MAX} items, not ${itemCount}`);
  }
  const weights = Float64Array.from({ length: itemCount }, (_, k) => (k + 1) ** -exponent);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

export function zipfItemCount(workload: { readonly itemCount?: number }, sizeBytes: number): number {
  return workload.itemCount ?? Math.max(1, Math.min(ZIPF_ITEMS_MAX, Math.floor(sizeBytes / ZIPF_ITEM_MIN_BYTES)));
}

/** Where the item of each rank lies: the identity, or a permutation fixed by `SCRAMBLE_SEED` (Fisher and Yates). */
export function zipfPlaces(order: 'contiguous' | 'scrambled', itemCount: number): Uint32Array {
  const places = Uint32Array.from({ length: itemCount }, (_, k) => k);
  if (order === 'contiguous') return places;
  const random = seededRandom(SCRAMBLE_SEED);
  for (let k = itemCount - 1; k > 0; k -= 1) {
    const other = Math.floor(random() * (k + 1));
    const place = places[k] ?? 0;
    places[k] = places[other] ?? 0;
    places[other] = place;
  }
  return places;
}

function zipfTouched(workload: Extract<Workload, { kind: 'zipf' }>, sizeBytes: number, updates: number): Touched {
  const itemCount = zipfItemCount(workload, sizeBytes);
  const byRank = zipfProbabilities(workload.exponent, itemCount);
  const itemBytes = sizeBytes / itemCount;
  const massBefore = new Float64Array(itemCount + 1);
  zipfPlaces(workload.order, itemCount).forEach((place, rank) => {
    massBefore[place + 1] = byRank[rank] ?? 0;
  });
  for (let place = 1; place <= itemCount; place += 1)
    massBefore[place] = (massBefore[place] ?? 0) + (massBefore[place - 1] ?? 0);
  /** The probability mass of the first `bytes` bytes. */
  const massUpTo = (bytes: number): number => {
    const items = Math.min(bytes / itemBytes, itemCount);
    const whole = Math.floor(items);
    const before = massBefore[whole] ?? 1;
    return before + (items - whole) * ((massBefore[whole + 1] ?? before) - before);
  };
  const runs = rankRuns(itemCount);
  return (spanBytes) => {
    if (spanBytes < itemBytes) {
      // Several nodes per item, all alike; where items lie does not matter.
      const nodesPerItem = itemBytes / spanBytes;
      return sum(runs, ({ from, to }) => {
        const mass = (byRank[Math.floor((from + to - 1) / 2)] ?? 0) / nodesPerItem;
        return (to - from) * nodesPerItem * hitProbability(mass, updates);
      });
    }
    const nodes = Math.ceil(sizeBytes / spanBytes);
    const nodeRuns = workload.order === 'contiguous' ? rankRuns(nodes) : undefined;
    if (nodeRuns !== undefined) {
      return sum(nodeRuns, ({ from, to }) => {
        const mass = (massUpTo(to * spanBytes) - massUpTo(from * spanBytes)) / (to - from);
        return (to - from) * hitProbability(mass, updates);
      });
    }
    let touched = 0;
    let before = 0;
    for (let node = 1; node <= nodes; node += 1) {
      const upTo = massUpTo(node * spanBytes);
      touched += hitProbability(upTo - before, updates);
      before = upTo;
    }
    return touched;
  };
}

/** Ranks 0..count-1 in runs of nearly equal probability: singly up to 512, then 1% wider each time. */
function rankRuns(count: number): readonly { readonly from: number; readonly to: number }[] {
  const runs: { from: number; to: number }[] = [];
  for (let from = 0; from < count;) {
    const to = Math.min(count, from < 512 ? from + 1 : Math.floor(from * 1.01));
    runs.push({ from, to });
    from = to;
  }
  return runs;
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}

/** Distinct nodes under each commit's accesses, exactly, averaged over the commits. */
function traceTouched(commits: readonly (readonly Access[])[], sizeBytes: number): Touched {
  if (commits.length === 0) throw new RangeError('a trace needs at least one commit');
  const sorted = commits.map((accesses) => [...accesses].sort((a, b) => a.offset - b.offset));
  for (const { offset, lengthBytes } of sorted.flat()) {
    if (!(offset >= 0 && lengthBytes >= 1 && offset + lengthBytes <= sizeBytes)) {
      throw new RangeError(
        `the trace writes ${lengthBytes} bytes at ${offset}, outside the ${sizeBytes} bytes of the region`,
      );
    }
  }
  return (spanBytes) => {
    let touched = 0;
    for (const accesses of sorted) {
      let next = 0; // the first node that is not counted yet
      for (const { offset, lengthBytes } of accesses) {
        const first = Math.max(next, Math.floor(offset / spanBytes));
        const last = Math.floor((offset + lengthBytes - 1) / spanBytes);
        if (last >= first) touched += last - first + 1;
        next = Math.max(next, last + 1);
      }
    }
    return touched / commits.length;
  };
}
