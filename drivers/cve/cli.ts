/** `refmon cve list | show | run`: published bugs of device models, and what a specification from the data sheet does about them. */
import type { Command } from 'commander';
import type { Terminal } from '../../bin/terminal.ts';
import { BUGS, bugNamed } from './catalogue.ts';
import type { Bug } from './bug.ts';
import { runBug, type BugResult } from './run.ts';

/** Two at a time: starting a QEMU takes most of the time, and a board's own work is short. */
const PARALLEL = 2;

export function registerCveCommands(program: Command, terminal: () => Terminal): void {
  const cve = program.command('cve').summary('published device bugs, fired and stopped');
  cve
    .command('run')
    .summary('run bugs on the real QEMU, without and with the monitor')
    .argument('[id...]', 'bugs or CVEs')
    .option('--all', 'all of them')
    .action(async (ids: string[], options: { all?: boolean }) => {
      if (options.all !== true && ids.length === 0) throw new RangeError('say which bugs to run, or --all');
      await runAll(options.all === true ? BUGS : ids.map(bugNamed), terminal());
    });
  for (const command of cve.commands) command.exitOverride();
}

async function runAll(bugs: readonly Bug[], terminal: Terminal): Promise<void> {
  const results = new Map<string, BugResult>();
  const waiting = [...bugs];
  const progress = terminal.progress('starting QEMU');
  const work = async (): Promise<void> => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      progress.update(bug.id);
      results.set(bug.id, await runBug(bug));
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  progress.clear();
  const ordered = bugs.flatMap(({ id }) => results.get(id) ?? []);
  for (const result of ordered) printResult(result, terminal);
  const bad = ordered.filter(({ status }) => status === 'not as promised');
  terminal.finish(bad.length > 0 ? 'violation' : 'ok', {
    command: 'cve run',
    status: bad.length > 0 ? 'not as promised' : 'ok',
    bugs: ordered,
  });
}

function printResult(result: BugResult, terminal: Terminal): void {
  terminal.print(JSON.stringify(result, null, 1));
}
