/** `refmon verify NAME`: one campaign from the command line. Exit code 0 held, 3 violated, 4 unfinished or not all of it could run. */
import { randomInt } from 'node:crypto';
import type { Command } from 'commander';
import { wholeNumber } from '../../bin/numbers.ts';
import type { Progress, Terminal } from '../../bin/terminal.ts';
import { runCampaign } from './campaign.ts';
import type { Campaign, CampaignReport, CampaignSize, PartReport } from './campaign.ts';
import { CAMPAIGNS } from './registry.ts';

const SEEDS = 2 ** 32;
const BUDGET_MAX_SECONDS = 1e7;
const NAME_COLUMNS = 14;
const EXIT_OF = { held: 'ok', violated: 'violation', unfinished: 'inconclusive' } as const;

type Flags = Readonly<Record<string, unknown>> & {
  readonly part?: string[];
  readonly seed?: number;
  readonly budget?: number;
  readonly replay?: string;
};

/** `--swtpm-histories` becomes the property `swtpmHistories`, as commander names it. */
function propertyOf({ name }: CampaignSize): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

export function registerVerifyCommands(program: Command, terminal: () => Terminal): void {
  const verify = program
    .command('verify')
    .summary('try to break a room, for as long as you like')
    .description('Campaigns that try to break one room: the tests of `npm test`, as large as you let them be.');
  for (const campaign of CAMPAIGNS) registerCampaign(verify, campaign, terminal);
}

function registerCampaign(verify: Command, campaign: Campaign, terminal: () => Terminal): void {
  const command = verify.command(campaign.name).summary(campaign.summary).description(campaign.description);
  for (const { name, meaning, usual, max } of campaign.sizes) {
    command.option(`--${name} <n>`, `${meaning} (${usual} unless given)`, wholeNumber(0, max));
  }
  command
    .option('--part <name...>', 'run only these parts')
    .option(
      '--seed <n>',
      'what everything random follows from; drawn and printed unless given',
      wholeNumber(0, SEEDS - 1),
    )
    .option(
      '--budget <seconds>',
      'stop after so many seconds; what is unfinished then counts as such',
      wholeNumber(0, BUDGET_MAX_SECONDS),
    ) // prettier-ignore
    .option('--replay <case>', 'run one case again, as a violation names it')
    .addHelpText(
      'after',
      `\nParts:\n${campaign.parts.map((part) => `  ${part.name.padEnd(NAME_COLUMNS)}${part.meaning}\n`).join('')}`,
    ) // prettier-ignore
    .exitOverride()
    .action(async (flags: Flags) => {
      await verifyOne(campaign, flags, terminal());
    });
}

async function verifyOne(campaign: Campaign, flags: Flags, terminal: Terminal): Promise<void> {
  const command = `verify ${campaign.name}`;
  const seed = flags.seed ?? randomInt(SEEDS);
  const sizes: Record<string, number> = {};
  for (const size of campaign.sizes) {
    const given = flags[propertyOf(size)];
    if (typeof given === 'number') sizes[size.name] = given;
  }
  terminal.print(`seed ${seed}`);
  let progress: Progress | undefined;
  const clear = (): void => {
    progress?.clear();
    progress = undefined;
  };
  try {
    const report = await runCampaign(campaign, {
      seed,
      sizes,
      ...(flags.part !== undefined && { parts: flags.part }),
      ...(flags.budget !== undefined && { budgetSeconds: flags.budget }),
      ...(flags.replay !== undefined && { replay: flags.replay }),
      onProgress: (part, text) => {
        progress ??= terminal.progress(part);
        progress.update(`${part}: ${text}`);
      },
      onPart: (part) => {
        clear();
        printPart(part, again(command, seed, sizes), terminal);
      },
    });
    printEnd(report, terminal);
    terminal.finish(EXIT_OF[report.outcome], { command, status: report.outcome, seed, sizes: sizesOf(campaign, sizes), ...report }); // prettier-ignore
  } catch (error) {
    clear();
    if (!(error instanceof RangeError)) throw error;
    terminal.complain(`refmon ${command}: ${error.message}`);
    terminal.finish('usage', { command, status: 'usage', error: { code: 'USAGE', message: error.message } });
  }
}

function sizesOf(campaign: Campaign, given: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(campaign.sizes.map(({ name, usual }) => [name, given[name] ?? usual]));
}

/** The command that shows a case again; sizes belong to it, as they say which cases there are. */
function again(command: string, seed: number, sizes: Readonly<Record<string, number>>): string {
  const flags = Object.entries(sizes).map(([name, value]) => ` --${name} ${value}`);
  return `refmon ${command} --seed ${seed}${flags.join('')} --replay`;
}

function printPart(report: PartReport, replay: string, terminal: Terminal): void {
  const { part, outcome, cases, violations, seconds, details = {}, missing } = report;
  const mark = outcome === 'held' ? terminal.paint('green', 'ok  ') : terminal.paint(outcome === 'violated' ? 'red' : 'yellow', '!!  '); // prettier-ignore
  const numbers = missing ?? `${cases} cases, violations ${violations.length}`;
  const extra = Object.entries(details).map(([name, value]) => `, ${name} ${value}`);
  const ending = outcome === 'unfinished' ? ', out of time' : '';
  terminal.print(`${mark}${part.padEnd(NAME_COLUMNS)}${numbers}${extra.join('')}${ending} (${seconds.toFixed(1)} s)`);
  for (const { what, history, replay: name } of violations) {
    terminal.print(`    ${terminal.paint('red', what)}`);
    terminal.print(`    after ${history === '' ? 'nothing' : history}`);
    if (name !== undefined) terminal.print(`    again: ${replay} ${part}:${name}`);
  }
}

function printEnd(report: CampaignReport, terminal: Terminal): void {
  const violations = report.parts.reduce((sum, part) => sum + part.violations.length, 0);
  terminal.print(`${report.outcome}: ${report.cases} cases, violations ${violations}`);
}
