/** Draws one commit's updates from a workload: for measuring the real tree and for checking the model by simulation. */
import type { Access, Workload } from './workload.ts';
import { zipfItemCount, zipfPlaces, zipfProbabilities } from './workload.ts';

/**
 * A function that gives one commit's accesses at each call; a trace's commits come round in order.
 * @param random uniform in [0, 1)
 */
export function commitSampler(
  workload: Workload,
  sizeBytes: number,
  updates: number,
  random: () => number,
): () => readonly Access[] {
  const many = (draw: () => Access): readonly Access[] => Array.from({ length: updates }, draw);
  switch (workload.kind) {
    case 'uniform':
      return () => many(() => ({ offset: Math.floor(random() * sizeBytes), lengthBytes: 1 }));
    case 'sequential': {
      const lengthBytes = workload.runBytes;
      const starts = sizeBytes - lengthBytes + 1;
      return () => many(() => ({ offset: Math.floor(random() * starts), lengthBytes }));
    }
    case 'zipf': {
      const itemCount = zipfItemCount(workload, sizeBytes);
      const itemBytes = sizeBytes / itemCount;
      const places = zipfPlaces(workload.order, itemCount);
      const rankOf = inverseTransform(zipfProbabilities(workload.exponent, itemCount));
      return () =>
        many(() => {
          const place = places[rankOf(random())] ?? 0;
          return { offset: Math.min(sizeBytes - 1, Math.floor((place + random()) * itemBytes)), lengthBytes: 1 };
        });
    }
    case 'trace': {
      let next = 0;
      return () => {
        const commit = workload.commits[next % workload.commits.length] ?? [];
        next += 1;
        return commit;
      };
    }
  }
}

/** From a uniform number to a rank, by bisection in the cumulated probabilities. */
function inverseTransform(probabilities: Float64Array): (uniform: number) => number {
  const cumulated = new Float64Array(probabilities.length);
  let total = 0;
  probabilities.forEach((probability, rank) => {
    total += probability;
    cumulated[rank] = total;
  });
  return (uniform) => {
    let [low, high] = [0, cumulated.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulated[middle] ?? 1) > uniform) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** The distinct leaves that a commit's accesses fall into, for leaves of `leafSizeBytes`. */
export function touchedLeaves(accesses: readonly Access[], leafSizeBytes: number): Set<number> {
  const leaves = new Set<number>();
  for (const { offset, lengthBytes } of accesses) {
    const last = Math.floor((offset + lengthBytes - 1) / leafSizeBytes);
    for (let leaf = Math.floor(offset / leafSizeBytes); leaf <= last; leaf += 1) leaves.add(leaf);
  }
  return leaves;
}
