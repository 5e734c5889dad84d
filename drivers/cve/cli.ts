/** `refmon cve list | show | run`: published bugs of device models, and what a specification from the data sheet does about them. */
import type { Command } from 'commander';
import type { Terminal } from '../../bin/terminal.ts';
import type { Bug } from './bug.ts';
import { BUGS, bugNamed, cvesOf } from './catalogue.ts';
import { CVES } from './known.ts';
import { runIfPossible, type BugResult, type NotRun } from './run.ts';
import { numbers, standingOf } from './standing.ts';

/** Two at a time: starting a QEMU takes most of the time, and a board's own work is short. */
const PARALLEL = 2;

export function registerCveCommands(program: Command, terminal: () => Terminal): void {
  const cve = program
    .command('cve')
    .summary('published device bugs, fired and stopped')
    .description(
      'Published bugs of QEMU’s device models that fire on the QEMU of a current Debian, and CVEs whose sequences are refused: ' +
        'each without the monitor, with it, and beside it the work of an honest driver.',
    );
  cve
    .command('list')
    .summary('every bug and CVE, and how it stands')
    .action(() => list(terminal()));
  cve
    .command('show')
    .summary('one bug: what goes wrong, and which rule of the data sheet forbids it')
    .argument('<id>', 'a bug, or a CVE')
    .action((id: string) => show(id, terminal()));
  cve
    .command('run')
    .summary('run bugs on the real QEMU, without and with the monitor')
    .argument('[id...]', 'bugs or CVEs')
    .option('--all', 'all of them')
    .action(async (ids: string[], options: { all?: boolean }) => {
      if (options.all !== true && ids.length === 0) {
        terminal().complain('refmon: say which bugs to run, or --all; `refmon cve list` names them');
        terminal().finish('usage', { command: 'cve run', status: 'nothing to run' });
        return;
      }
      const chosen = options.all === true ? BUGS : [...new Set(ids.map(bugNamed))];
      await run(chosen, terminal());
    });
  for (const command of cve.commands) command.exitOverride();
}

function list(terminal: Terminal): void {
  terminal.print(terminal.paint('bold', 'Bugs that can be run (refmon cve run ID)'));
  for (const bug of BUGS) {
    const what = bug.effect === 'silent' ? 'trace refused' : 'fired and stopped';
    terminal.print(`  ${bug.id.padEnd(26)}${what.padEnd(19)}${bug.part}`);
  }
  terminal.print();
  terminal.print(terminal.paint('bold', 'CVEs of device models (~: the id is recalled, not checked)'));
  for (const cve of CVES) {
    const standing = standingOf(cve);
    const rest = 'bug' in standing ? standing.bug : 'because' in standing ? standing.because : standing.rule;
    const mark = cve.checked ? ' ' : '~';
    terminal.print(`  ${mark}${cve.id.padEnd(16)}${cve.device.padEnd(16)}${standing.status.padEnd(25)}${rest}`);
  }
  terminal.print();
  const sums = numbers();
  terminal.print(`fired and stopped: ${sums.firedAndStopped} bugs of today's QEMU`);
  terminal.print(`trace refused: ${sums.traceRefused} CVEs`);
  terminal.print(
    `out of scope: ${sums.outOfScope} of ${sums.known} CVEs; rule known, not written: ${sums.ruleKnownNotWritten}`,
  );
  terminal.finish('ok', {
    command: 'cve list',
    status: 'ok',
    numbers: sums,
    bugs: BUGS.map((bug) => ({ id: bug.id, part: bug.part, effect: bug.effect, cves: cvesOf(bug) })),
    cves: CVES.map((cve) => ({ ...cve, ...standingOf(cve) })),
  });
}

function show(id: string, terminal: Terminal): void {
  const known = CVES.find((cve) => cve.id.toLowerCase() === id.toLowerCase());
  const standing = known === undefined ? undefined : standingOf(known);
  if (known !== undefined && standing !== undefined && !('bug' in standing)) {
    terminal.print(`${known.id}: ${known.device}`);
    terminal.print(
      'because' in standing ? `out of scope, because ${standing.because}` : `rule known, not written: ${standing.rule}`,
    );
    terminal.print('The rule is recalled, a design estimate; nothing here shows it at work.');
    terminal.finish('ok', { command: 'cve show', status: 'ok', cve: { ...known, ...standing } });
    return;
  }
  const bug = bugNamed(id);
  const { note } = bug;
  terminal.print(terminal.paint('bold', `${bug.id}: ${bug.part}`));
  const rows: [string, string][] = [
    ['goes wrong', note.bug],
    ['rule', note.rule],
    ['honest work', note.benign],
    ['specification', bug.specification],
    ...bug.attacks.map(({ name, refusedBy, cves }): [string, string] => [
      'attack',
      `${name}${cves === undefined ? '' : ` (${cves.join(', ')})`}; refused: ${refusedBy}`,
    ]),
    ...note.sources.map((source): [string, string] => ['source', source]),
  ];
  for (const [title, text] of rows) printWrapped(title, text, terminal);
  const { board: _, benign: __, attacks, ...facts } = bug;
  terminal.finish('ok', {
    command: 'cve show',
    status: 'ok',
    bug: { ...facts, attacks: attacks.map(({ run: ___, ...attack }) => attack) },
  });
}

const TITLE_COLUMNS = 15;

function printWrapped(title: string, text: string, terminal: Terminal): void {
  const columns = Math.max(40, Math.min(terminal.columns, 120) - TITLE_COLUMNS - 1);
  let line = '';
  let head = title;
  const flush = (): void => {
    terminal.print(`${terminal.paint('cyan', head.padEnd(TITLE_COLUMNS))}${line}`);
    head = '';
    line = '';
  };
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length + 1 > columns) flush();
    line = line === '' ? word : `${line} ${word}`;
  }
  flush();
}

async function run(bugs: readonly Bug[], terminal: Terminal): Promise<void> {
  const results = new Map<string, BugResult | NotRun>();
  const waiting = [...bugs];
  const progress = terminal.progress('starting QEMU');
  const work = async (): Promise<void> => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      progress.update(`${bug.id}: ${bug.part}`);
      results.set(bug.id, await runIfPossible(bug));
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(PARALLEL, bugs.length) }, work));
  } finally {
    progress.clear();
  }
  const ordered = bugs.flatMap(({ id }) => results.get(id) ?? []);
  printResults(ordered, terminal);
  const bad = ordered.filter(({ status }) => status === 'not as promised');
  const missing = ordered.filter(({ status }) => status === 'not run');
  const [exit, status] =
    bad.length > 0
      ? (['violation', 'not as promised'] as const)
      : missing.length > 0
        ? (['environment', 'incomplete'] as const)
        : (['ok', 'ok'] as const);
  terminal.finish(exit, {
    command: 'cve run',
    status,
    numbers: {
      firedAndStopped: ordered.filter((each) => each.status === 'fired and stopped').length,
      traceRefused: ordered.filter((each) => each.status === 'trace refused').length,
      notAsPromised: bad.length,
      notRun: missing.length,
    },
    bugs: ordered,
  });
}

function printResults(results: readonly (BugResult | NotRun)[], terminal: Terminal): void {
  const row = (...cells: string[]): string =>
    cells.map((cell, index) => cell.padEnd([26, 18, 10, 8][index] ?? 0)).join('');
  terminal.print(terminal.paint('bold', row('bug', 'without', 'with', 'honest', 'refused by')));
  for (const result of results) {
    if (result.status === 'not run') {
      terminal.print(`${row(result.id, 'not run')}${terminal.paint('yellow', result.message)}`);
      continue;
    }
    const good = result.status !== 'not as promised';
    const [first] = result.attacks;
    const harm = first === undefined || first.evidence === '' ? result.without : `${result.without} ${first.evidence}`;
    const line = row(result.id, harm.slice(0, 17), result.with, result.benign, result.rule);
    terminal.print(good ? line : terminal.paint('red', line));
    terminal.print(terminal.paint('dim', row('', '', '', '', result.reason)));
    for (const problem of result.problems) terminal.print(`  ${terminal.paint('red', problem)}`);
  }
  const count = (status: (BugResult | NotRun)['status']): number =>
    results.filter((each) => each.status === status).length;
  const honest = results.reduce((sum, each) => sum + (each.status === 'not run' ? 0 : each.benignOperations), 0);
  const wrong = count('not as promised');
  const missing = count('not run');
  terminal.print();
  terminal.print(
    `${count('fired and stopped')} fired and stopped, ${count('trace refused')} refused as traces` +
      `${wrong > 0 ? `, ${wrong} not as promised` : ''}${missing > 0 ? `, ${missing} not run` : ''}; ${honest} operations of honest drivers`,
  );
}
