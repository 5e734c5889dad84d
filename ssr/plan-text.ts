/** A plan in words, for a terminal; and the chart of its curve. Pure text, so that it can be tested whole. */
import type { CommitCost, Workload } from './blocksize.ts';
import type { Chart } from './blocksize/chart.ts';
import { sparkline } from './blocksize/chart.ts';
import type { Comparison } from './blocksize/compare.ts';
import type { RegionPlan, RegionPlanRequest } from './plan.ts';

const RUNNERS_UP_SHOWN = 5;
/** The terminal's curve shows the leaf sizes that cost up to so many times the best: the rest would flatten it. */
const SPARKLINE_RATIO_MAX = 2;

/** `67108864` as `64 MiB`, `183` as `183 B`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && value % 1024 === 0 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value} ${units[unit]}`;
}

function workloadText(workload: Workload, updates: number): string {
  switch (workload.kind) {
    case 'uniform':
      return `${updates} uniform updates a commit`;
    case 'zipf':
      return `${updates} Zipf updates (exponent ${workload.exponent}, ${workload.order}) a commit`;
    case 'sequential':
      return `${updates} runs of ${workload.runBytes} B a commit`;
    case 'trace':
      return `a trace of ${workload.commits.length} commits`;
  }
}

/** Microseconds with a precision that fits its size. */
export function usText(us: number): string {
  return us >= 1000 ? `${(us / 1000).toFixed(2)} ms` : `${us.toFixed(1)} us`;
}

function geometryText({ leafSizeBytes, arity }: { leafSizeBytes: number; arity: number }): string {
  return `${sizeText(leafSizeBytes)} leaves, arity ${arity}`;
}

function row(name: string, us: number, ratio: number): string {
  return `  ${name.padEnd(56)} ${usText(us).padStart(11)}  ${ratio.toFixed(2)}x`;
}

function partsText(cost: CommitCost): string {
  const parts: [string, number][] = [
    ['leaves', cost.leafHashUs],
    ['nodes', cost.nodeHashUs],
    ['bookkeeping', cost.bookkeepingUs],
    ['cipher', cost.cipherUs],
    ['disk', cost.diskUs],
    ['TPM', cost.tpmUs],
  ];
  const shown = parts.filter(([, us]) => us > 0).map(([name, us]) => `${name} ${usText(us)}`);
  return `${shown.join(', ')}; ${cost.touchedLeaves.toFixed(1)} leaves and ${cost.touchedNodes.toFixed(1)} nodes touched`;
}

function percentText(part: number): string {
  return `${part >= 0 ? '+' : ''}${(part * 100).toFixed(0)} %`;
}

function comparisonText(compared: Comparison): string {
  const times = [compared.predictedUs, compared.measuredUs].map((us) => usText(us).padStart(11)).join(' ');
  const half = compared.errorQuartiles.map(percentText).join(' to ');
  return `  ${geometryText(compared).padEnd(44)} ${times} ${percentText(compared.error).padStart(7)}  (${half})`;
}

/** The whole answer, one string with a final newline. */
export function planText(request: RegionPlanRequest, plan: RegionPlan): string {
  const { choice } = plan;
  const lines = [
    `region of ${sizeText(request.sizeBytes)}, ${workloadText(request.workload, request.updates)}, engine ${plan.engine}`,
    ...plan.calibrations.map(
      (c) =>
        `calibrated ${c.engine}, ${c.of}: ${c.fixedUs.toFixed(3)} us (+- ${c.fixedErrorUs.toFixed(3)}) a hash` +
        ` + ${(c.perByteUs * 1000).toFixed(3)} ns (+- ${(c.perByteErrorUs * 1000).toFixed(3)}) a byte, R2 ${c.r2.toFixed(4)}`,
    ),
    '',
    plan.use === 'tree'
      ? `choose ${geometryText(choice)}: ${usText(choice.totalUs)} a commit`
      : `choose no tree: one hash of the region takes ${usText(plan.wholeRegionUs)}; the best tree is ${geometryText(choice)}`,
    `  ${partsText(choice)}`,
  ];
  if (plan.closedForm) {
    const { leafSizeBytes, snappedLeafSizeBytes, joint } = plan.closedForm;
    lines.push(
      `  by formula, sparse updates: ${leafSizeBytes.toFixed(1)} B for arity 2, at the end of its SHA block ${snappedLeafSizeBytes} B;` +
        ` arity ${joint.arity.toFixed(2)} with ${joint.leafSizeBytes.toFixed(1)} B`,
    );
  }
  const near = plan.curve.filter(({ totalUs }) => totalUs <= SPARKLINE_RATIO_MAX * choice.totalUs);
  const range = `${sizeText(near[0]?.leafSizeBytes ?? 0)} to ${sizeText(near.at(-1)?.leafSizeBytes ?? 0)}`;
  lines.push(
    '',
    `cost over leaf size at arity ${choice.arity}, ${range}`,
    `  ${sparkline(near.map((cost) => cost.totalUs))}`,
  );
  if (plan.runnersUp.length > 0) {
    lines.push('', 'runners-up');
    for (const other of plan.runnersUp.slice(0, RUNNERS_UP_SHOWN)) {
      lines.push(row(geometryText(other), other.totalUs, other.totalUs / choice.totalUs));
    }
  }
  lines.push('', 'the usual choices');
  for (const { name, cost, ratio } of plan.usualChoices) lines.push(row(name, cost.totalUs, ratio));
  lines.push(row('no tree: hash the whole region', plan.wholeRegionUs, plan.wholeRegionUs / choice.totalUs));
  if (plan.comparisons.length > 0) {
    const [{ turns } = { turns: 0 }] = plan.comparisons;
    lines.push(
      '',
      `measured here, hashing only: the middle one of ${turns} turns, and where half of the turns' errors lie`,
    );
    lines.push(`  ${''.padEnd(44)} ${'predicted'.padStart(11)} ${'measured'.padStart(11)} ${'error'.padStart(7)}`);
    lines.push(...plan.comparisons.map(comparisonText));
  }
  return `${lines.join('\n')}\n`;
}

/** The curve with the choice marked and, if there are any, the measured points. */
export function planChart(request: RegionPlanRequest, plan: RegionPlan): Chart {
  const { choice } = plan;
  return {
    title: `${sizeText(request.sizeBytes)}, ${workloadText(request.workload, request.updates)}, ${plan.engine}, arity ${choice.arity}`,
    xLabel: 'leaf size, bytes',
    yLabel: 'one commit, microseconds (line: model, dots: measured hashing)',
    line: plan.curve.map(({ leafSizeBytes, totalUs }) => ({ x: leafSizeBytes, y: totalUs })),
    dots: plan.comparisons.map(({ leafSizeBytes, atPlannedSpeedUs }) => ({ x: leafSizeBytes, y: atPlannedSpeedUs })),
    mark: { x: choice.leafSizeBytes, y: choice.totalUs, label: `${choice.leafSizeBytes} B` },
  };
}
