/** The verification room's commands: `bench` and `verify`. What they run is loaded when it is asked for: peers are heavy. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { wholeNumber } from '../bin/numbers.ts';
import type { Terminal } from '../bin/terminal.ts';
import { packageRoot } from '../drivers/package-root.ts';
import type { BenchRow } from './bench/statistics.ts';
import type { RvmBenchRow } from './bench/bench-rvm.ts';
import { registerVerifyCommands } from './verify/cli.ts';

interface BenchFlags {
  readonly rounds?: number;
}

/** One at least, and no more than anybody would wait for. */
const count = wholeNumber(1, 10_000);

export function registerVerificationCommands(program: Command, terminal: () => Terminal): void {
  registerVerifyCommands(program, terminal);
  const bench = program
    .command('bench')
    .summary('measure, as ratios within one run against a peer or a bound')
    .description(
      'Measures in one run, contenders taking turns, and prints medians and ratios. Quote ratios, not single times.',
    );
  bench
    .command('monitor')
    .description(
      'The e1000 monitor: compiled to JavaScript and C, written by hand in both, interpreted, and as an XState machine. Verdicts are compared first.',
    )
    .option('--rounds <n>', 'rounds of the fast contenders', count)
    .action(async (options: BenchFlags) => {
      await benchMonitor(options, terminal());
    });
  bench
    .command('compile')
    .description(
      'The compiler: against a parser written by hand, on files of growing length, and started cold against bare node.',
    )
    .option('--rounds <n>', 'rounds of the short texts', count)
    .action(async (options: BenchFlags) => {
      await benchCompile(options, terminal());
    });
  bench
    .command('rvm')
    .description(
      "Frames through QEMU's e1000, pieces of its disk and sound, with and without the monitor, in turns; one register access; one start of a driver. Takes some seven minutes.",
    )
    .option('--rounds <n>', 'pairs of legs: in each, drivers are started anew with monitors exchanged', count, 12)
    .action(async (options: { readonly rounds: number }) => {
      await benchRvm(options, terminal());
    });
  bench
    .command('shield')
    .description(
      'A Linux guest at work on a shielded device, with the monitor and without, in turns: added time per access, transfer rate, memory.',
    )
    .option('--device <name>', 'which device', 'e1000')
    .option('--rounds <n>', 'boots with, and as many without', count, 3)
    .option('--repeat <n>', 'how often the guest works in each', count, 3)
    .action(async (options: { readonly device: string; readonly rounds: number; readonly repeat: number }) => {
      await benchShield(options, terminal());
    });
  bench
    .command('merkle')
    .description(
      'Our Merkle trees against other libraries, each in a process of its own; with the hash calls alone as a bound.',
    )
    .option('--rounds <n>', 'rounds', count)
    .action(async (options: BenchFlags) => {
      await benchMerkle(options, terminal());
    });
  bench
    .command('ssr')
    .description(
      'Storage regions against the sum of their flushes and NV commands, and against plain encryption without integrity.',
    )
    .option('--megabytes <n>', 'size of the sequential rows', count, 64)
    .action(async (options: { readonly megabytes: number }) => {
      await benchSsr(options.megabytes, terminal());
    });
}

const NAME_COLUMNS = 28;
const NUMBER_COLUMNS = 12;

/** One line a row; the first number column is the median. */
function printRows(rows: readonly BenchRow[], terminal: Terminal): void {
  const header = ['median ns', 'p20 ns', 'min ns', 'ratio'].map((title) => title.padStart(NUMBER_COLUMNS)).join('');
  terminal.print(terminal.paint('dim', `${''.padEnd(NAME_COLUMNS)}${header}`));
  for (const row of rows) {
    const numbers = [row.median_ns, row.p20_ns, row.min_ns].map((value) => value.toFixed(1).padStart(NUMBER_COLUMNS));
    terminal.print(
      `${row.name.padEnd(NAME_COLUMNS)}${numbers.join('')}${row.ratio.toFixed(3).padStart(NUMBER_COLUMNS)}`,
    );
  }
}

async function benchMonitor(options: BenchFlags, terminal: Terminal): Promise<void> {
  const { benchMonitor: run } = await import('./bench/bench-monitor.ts');
  const progress = terminal.progress('comparing verdicts, then timing');
  const specification = readFileSync(join(packageRoot(), 'drivers/e1000/e1000.dss'), 'utf8');
  const result = await run({ specification, ...(options.rounds === undefined ? {} : { rounds: options.rounds }) });
  progress.clear();
  const { allowed, denied } = result.verdicts;
  terminal.print(
    `e1000 monitor, ${result.events} operations, seed ${result.seed}: ${allowed} allowed, ${denied} denied, all verdicts agree`,
  );
  printRows(result.rows, terminal);
  terminal.print(terminal.paint('dim', 'ratio: to the class written by hand; below 1 is faster'));
  const c = result.missing ?? 'ratio of c: to C written by hand; of js batch: to emitted C';
  terminal.print(terminal.paint('dim', c));
  terminal.finish('ok', { command: 'bench monitor', status: 'ok', ...result });
}

async function benchCompile(options: BenchFlags, terminal: Terminal): Promise<void> {
  const { benchCompile: run } = await import('./bench/bench-compile.ts');
  const progress = terminal.progress('comparing trees, then timing');
  const result = run({
    specification: readFileSync(join(packageRoot(), 'drivers/e1000/e1000.dss'), 'utf8'),
    command: join(packageRoot(), 'bin/refmon.cjs'),
    ...(options.rounds === undefined ? {} : { rounds: options.rounds }),
  });
  progress.clear();
  terminal.print(terminal.paint('bold', 'one file, warm (ratio: to the parser written by hand)'));
  printRows(result.warm, terminal);
  terminal.print(terminal.paint('bold', '\none line of files of growing length (ratio: to the shortest)'));
  printRows(result.growth, terminal);
  terminal.print(terminal.paint('bold', '\none start, cold (ratio: to bare node)'));
  printRows(result.cold, terminal);
  terminal.print(`refmon check takes ${result.coldDifferenceMs.toFixed(0)} ms more than bare node`);
  const rows = [...result.warm, ...result.growth, ...result.cold];
  terminal.finish('ok', { command: 'bench compile', status: 'ok', rows, coldDifferenceMs: result.coldDifferenceMs });
}

async function benchShield(
  options: { readonly device: string; readonly rounds: number; readonly repeat: number },
  terminal: Terminal,
): Promise<void> {
  const { benchShield: run } = await import('./bench/bench-shield.ts');
  const progress = terminal.progress('a Linux guest, with the monitor and without, in turns');
  const result = await run({ ...options, onProgress: (text) => progress.update(text) });
  progress.clear();
  const { accessUs, transfer, memoryBytes, guestBytes } = result;
  terminal.print(
    `access     ${accessUs.watched} us with the monitor, ${accessUs.unwatched} us without: ${accessUs.added} us more (goal ${accessUs.goal})`,
  );
  if (transfer !== undefined) {
    const [watched, unwatched] = [transfer.watched, transfer.unwatched].map((rate) => Math.round(rate / 1024));
    terminal.print(
      `transfer   ${watched} KiB/s with, ${unwatched} KiB/s without: ratio ${transfer.ratio} (goal ${transfer.goal})`,
    );
  }
  const mib = (bytes: number): string => `${Math.round(bytes / 1024 / 1024)} MiB`;
  terminal.print(`memory     ${mib(memoryBytes)} in all, of which the guest may use ${mib(guestBytes)}`);
  terminal.finish('ok', { command: 'bench shield', status: 'ok', ...result });
}

async function benchRvm(options: { readonly rounds: number }, terminal: Terminal): Promise<void> {
  const { benchRvm: run } = await import('./bench/bench-rvm.ts');
  const progress = terminal.progress('frames with and without the monitor, in turns');
  const result = await run({ legs: 2 * options.rounds, onProgress: (text) => progress.update(text) });
  progress.clear();
  if (result.skipped !== undefined) terminal.note(result.skipped);
  for (const row of result.rows) printRvmRow(row, terminal);
  terminal.print(terminal.paint('dim', 'ratio: time with the monitor over time without it'));
  terminal.finish('ok', { command: 'bench rvm', status: 'ok', ...result });
}

function goalText(goal: NonNullable<RvmBenchRow['goal']>): string {
  if ('underruns' in goal) return `${goal.underruns} underruns`;
  return 'ratio' in goal ? `ratio at most ${goal.ratio.toFixed(3)}` : `at most ${goal.median_ns} ns`;
}

function legsText(legs: RvmBenchRow['legsLostPercent']): string {
  return legs === undefined ? '' : ` (legs: ${legs.map((percent) => percent.toFixed(1)).join(' to ')})`;
}

function printRvmRow(row: RvmBenchRow, terminal: Terminal): void {
  const parts = [
    `${row.median_ns.toFixed(0)} ns`.padStart(NUMBER_COLUMNS + 4),
    `ratio ${row.ratio.toFixed(3)}`.padStart(NUMBER_COLUMNS + 2),
    row.framesPerSecond === undefined ? '' : `  ${row.framesPerSecond.toFixed(0)} frames/s`,
    row.lostPercent === undefined ? '' : `  ${row.lostPercent.toFixed(1)} % lost${legsText(row.legsLostPercent)}`,
    row.underruns === undefined ? '' : `  ${row.underruns} underruns in ${row.seconds ?? 0} s`,
    row.goal === undefined ? '' : terminal.paint('dim', `  goal: ${goalText(row.goal)}`),
  ];
  terminal.print(`${row.name.padEnd(NAME_COLUMNS + 20)}${parts.join('')}`);
}

async function benchMerkle(options: BenchFlags, terminal: Terminal): Promise<void> {
  const { BATCH_GOAL, batchGoalVerdicts, benchMerkle: run } = await import('../ssr/bench-merkle.ts');
  const progress = terminal.progress('building trees of 2^20 leaves');
  const rows = await run(options.rounds === undefined ? {} : { rounds: options.rounds });
  progress.clear();
  for (const row of rows) {
    const { name, status, median_ns: median, mean_ns: mean, bytes, ratio, ratio_quartiles: quartiles } = row;
    const value =
      bytes === undefined
        ? median === undefined
          ? status
          : `${(median / 1e6).toFixed(2)} ms`
        : `${(bytes / 1e6).toFixed(0)} MB`;
    const spread = quartiles === undefined ? '' : ` (half: ${quartiles.map((value) => value.toFixed(2)).join(' to ')})`;
    const times = ratio === undefined ? '' : `  ${ratio.toFixed(2)}x ours${spread}`;
    const average = mean === undefined ? '' : `  mean ${(mean / 1e6).toFixed(2)} ms`;
    terminal.print(`${name.padEnd(NAME_COLUMNS + 30)}${value.padStart(NUMBER_COLUMNS + 8)}${times}${average}`);
  }
  const goals = batchGoalVerdicts(rows);
  for (const { system, ratio, isMet } of goals) {
    const verdict = `batch ${ratio.toFixed(2)} times as fast as @chainsafe, whichever way that is faster`;
    terminal.print(`${isMet ? 'met   ' : 'missed'}  ${system}: ${verdict} (goal: ${BATCH_GOAL})`);
  }
  terminal.finish('ok', { command: 'bench merkle', status: 'ok', rows, goals });
}

async function benchSsr(megabytes: number, terminal: Terminal): Promise<void> {
  const { benchSsr: run, ssrBenchText } = await import('../ssr/bench-ssr.ts');
  const progress = terminal.progress('measuring');
  const rows = await run({ size: megabytes * 1024 * 1024, onProgress: (text) => progress.update(text) });
  progress.clear();
  terminal.print(ssrBenchText(rows));
  terminal.finish('ok', { command: 'bench ssr', status: 'ok', rows });
}
