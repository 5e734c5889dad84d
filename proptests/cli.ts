/** The verification room's commands: `bench`. What they run is loaded when it is asked for: peers are heavy. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Terminal } from '../bin/terminal.ts';
import { packageRoot } from '../drivers/package-root.ts';
import type { BenchRow } from './bench/statistics.ts';

interface BenchFlags {
  readonly rounds?: number;
}

export function registerVerificationCommands(program: Command, terminal: () => Terminal): void {
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
    .option('--rounds <n>', 'rounds of the fast contenders', Number)
    .action(async (options: BenchFlags) => {
      await benchMonitor(options, terminal());
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
