/**
 * `refmon ssr`: secure storage regions from the command line. Here: `plan`, which chooses a region's block size, and
 * `bench`; the commands that work on volumes are in `commands/cli.ts`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { numberList, sizeInBytes, wholeNumber } from '../bin/numbers.ts';
import type { Terminal } from '../bin/terminal.ts';
import type { Workload } from './blocksize.ts';
import { drawSvg } from './blocksize/chart.ts';
import { parseTrace } from './blocksize/trace.ts';
import { registerVolumeCommands } from './commands/cli.ts';
import { SERIAL_ENGINE_NAMES } from './hash/open.ts';
import { planChart, planText } from './plan-text.ts';
import type { PlanEngine, RegionPlanRequest } from './plan.ts';
import { planRegion } from './plan.ts';

const count = wholeNumber(1, 1e9);

interface PlanOptions {
  readonly size: number;
  readonly updates: number;
  readonly workload: string;
  readonly engine: PlanEngine;
  readonly measure: boolean;
  readonly svg?: string;
  readonly arity?: number[];
  readonly multipleOf?: number;
  readonly cipher?: number[];
  readonly disk?: number[];
  readonly tpm?: number;
}

/** @throws RangeError if the text names no workload; the file system's error if a trace cannot be read */
function parseWorkload(text: string, updates: number): Workload {
  const [kind, first, second, ...rest] = text.split(':');
  if (kind === 'trace' && first !== undefined) {
    return { kind, commits: parseTrace(readFileSync(text.slice('trace:'.length), 'utf8'), updates) };
  }
  const number = Number(first === '' ? Number.NaN : first);
  if (kind === 'uniform' && first === undefined) return { kind };
  if (kind === 'sequential' && second === undefined && number >= 1) return { kind, runBytes: number };
  const order = second ?? 'contiguous';
  if (kind === 'zipf' && rest.length === 0 && number >= 0 && (order === 'contiguous' || order === 'scrambled')) {
    return { kind, exponent: number, order };
  }
  throw new RangeError(
    `\`${text}\` is no workload; give uniform, zipf:1.0, zipf:1.0:scrambled, sequential:4096 or trace:FILE`,
  );
}

function requestOf(options: PlanOptions, terminal: Terminal): RegionPlanRequest {
  const [cipherFixedUs = 0, cipherPerByteUs = 0] = options.cipher ?? [];
  const [diskFixedUs = 0, diskPerByteUs = 0, sectorSizeBytes = 512] = options.disk ?? [];
  if (options.disk && sectorSizeBytes < 1) throw new RangeError('a sector has at least 1 byte');
  return {
    sizeBytes: options.size,
    updates: options.updates,
    workload: parseWorkload(options.workload, options.updates),
    engine: options.engine,
    measure: options.measure,
    ...(options.arity && { arities: options.arity }),
    ...(options.multipleOf !== undefined && { leafMultipleBytes: options.multipleOf }),
    ...(options.cipher && { cipher: { fixedUs: cipherFixedUs, perByteUs: cipherPerByteUs } }),
    ...(options.disk && { disk: { fixedUs: diskFixedUs, perByteUs: diskPerByteUs, sectorSizeBytes } }),
    ...(options.tpm !== undefined && { tpmCommitUs: options.tpm }),
    onProgress: (text) => {
      if (process.stderr.isTTY) terminal.note(`refmon: ${text}`);
    },
  };
}

async function runPlan(options: PlanOptions, terminal: Terminal): Promise<void> {
  const command = 'ssr plan';
  try {
    const request = requestOf(options, terminal);
    const plan = planRegion(request);
    if (options.svg !== undefined) writeFileSync(options.svg, await drawSvg(planChart(request, plan)));
    terminal.print(planText(request, plan).trimEnd());
    const { sizeBytes, updates } = request;
    terminal.finish('ok', { command, status: 'ok', sizeBytes, updates, workload: options.workload, ...plan });
  } catch (error) {
    const isInput = error instanceof RangeError || (error instanceof Error && 'syscall' in error);
    if (!isInput) throw error;
    terminal.complain(`refmon ssr plan: ${error.message}`);
    terminal.finish('usage', { command, status: 'usage', error: { code: 'USAGE', message: error.message } });
  }
}

function registerPlan(ssr: Command, terminal: () => Terminal): void {
  const engines = [...SERIAL_ENGINE_NAMES, 'sha1-2004'];
  ssr
    .command('plan')
    .summary('choose the leaf size and arity of a region’s hash tree')
    .description('Chooses the leaf size and arity of a region’s hash tree, and says what it costs.')
    .requiredOption('--size <size>', 'size of the region, as 64MiB', sizeInBytes)
    .option('--updates <n>', 'updates in one commit', count, 1)
    .option('--workload <kind>', 'uniform, zipf:EXPONENT[:scrambled], sequential:BYTES or trace:FILE', 'uniform')
    .addOption(new Option('--engine <name>', 'hash engine, or the prices of 2004').choices(engines).default('fastest'))
    .option('--arity <list>', 'arities to choose from, as 2,4,8', numberList('arities'))
    .option('--multiple-of <bytes>', 'leaf sizes are multiples of this', count)
    .option('--cipher <fixed,byte>', 'cipher: us per leaf, us per byte', numberList('two numbers', 2))
    .option(
      '--disk <fixed,byte,sector>',
      'disk: us per write, us per byte, bytes per sector',
      numberList('three numbers', 3),
    )
    .option('--tpm <us>', 'the TPM’s part of a commit, us', (text) => numberList('one number', 1)(text)[0] ?? 0)
    .option('--measure', 'run the real update at several sizes and compare', false)
    .option('--svg <file>', 'draw the cost curve')
    .action((options: PlanOptions) => runPlan(options, terminal()));
}

function registerBench(ssr: Command, terminal: () => Terminal): void {
  ssr
    .command('bench')
    .summary('measure volumes against their floor, as ratios in one run')
    .option('--directory <dir>', 'where the scratch store lies; the system’s temporary directory by default')
    .option('--size <size>', 'how much data the sequential rows write', sizeInBytes, 64 * 1024 * 1024)
    .action(async (options: { directory?: string; size: number }) => {
      const { benchSsr, ssrBenchText } = await import('./bench-ssr.ts');
      const out = terminal();
      const progress = out.progress('measuring');
      const rows = await benchSsr({ ...options, onProgress: (text) => progress.update(text) });
      progress.clear();
      out.print(ssrBenchText(rows));
      const isMet = rows.every((row) => row.isMet !== false);
      out.finish(isMet ? 'ok' : 'inconclusive', { command: 'ssr bench', status: isMet ? 'ok' : 'missed', rows });
    });
}

/** Adds `ssr` with its subcommands. */
export function registerSsrCommands(program: Command, terminal: () => Terminal): void {
  const ssr = program.command('ssr').summary('secure storage regions: confidential, intact, replay-proof');
  ssr.description('Secure storage regions: confidential, intact and replay-proof data on a disk nobody trusts.');
  registerVolumeCommands(ssr, terminal);
  registerPlan(ssr, terminal);
  registerBench(ssr, terminal);
  for (const command of ssr.commands) command.exitOverride();
}
