/**
 * The table of commands: global flags, and which room registers what. No logic: each room's `cli.ts` has its own.
 */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { createTerminal, type Format, type Terminal } from './terminal.ts';

const packageFile = new URL('../../package.json', import.meta.url);
export const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

export const program = new Command('refmon')
  .description(
    'Reference monitors for device drivers: compile device safety specifications, run untrusted drivers behind them, ' +
      'and check recorded drivers against them.',
  )
  .version(version)
  .addOption(
    new Option('--format <format>', 'how to print results').choices(['human', 'plain', 'json']).default('human'),
  )
  .option('--color', 'colour even where there is no terminal')
  .option('--no-color', 'no colour')
  .option('--quiet', 'no notes and no progress')
  .exitOverride()
  .addHelpText(
    'after',
    '\nExit codes: 0 ok, 1 input rejected, 2 usage, 3 violation found, 4 inconclusive, 5 something is not installed, 70 bug in refmon.\n' +
      '\nExamples:\n' +
      '  refmon demo                                       the whole idea on a real device model\n' +
      '  refmon check drivers/e1000/e1000.dss              is this specification well-formed?\n' +
      '  refmon compile drivers/e1000/e1000.dss -o out.js  a monitor that imports nothing\n' +
      '  refmon replay drivers/e1000/e1000.dss trace.gz    would it have refused a recorded driver?',
  );

/** Commands ask for their terminal when they run: the flags are known only then. */
let current: Terminal | undefined;
export const terminal = (): Terminal => {
  const options = program.opts<{ format: Format; color?: boolean; quiet?: boolean }>();
  current ??= createTerminal({
    format: options.format,
    colour: process.argv.includes('--color') || process.argv.includes('--no-color') ? options.color : undefined,
    quiet: options.quiet === true,
  });
  return current;
};

/** A room that has commands. */
interface Room {
  readonly commands: readonly string[];
  readonly load: () => Promise<(program: Command, terminal: () => Terminal) => void>;
}

const rooms: readonly Room[] = [
  {
    commands: ['check', 'compile', 'fmt', 'explain', 'graph', 'init'],
    load: async () => (await import('../dsslang/cli.ts')).registerLanguageCommands,
  },
  {
    commands: ['demo', 'run', 'record', 'doctor', 'replay'],
    load: async () => (await import('../drivers/cli.ts')).registerDriverCommands,
  },
  { commands: ['shield'], load: async () => (await import('../drivers/shield/cli.ts')).registerShieldCommands },
  { commands: ['cve'], load: async () => (await import('../drivers/cve/cli.ts')).registerCveCommands },
  { commands: ['ssr'], load: async () => (await import('../ssr/cli.ts')).registerSsrCommands },
  {
    commands: ['bench', 'verify'],
    load: async () => (await import('../proptests/cli.ts')).registerVerificationCommands,
  },
];

/** The first argument that is no global flag. */
export function wantedCommand(args: readonly string[]): string | undefined {
  return args.find((arg, at) => !arg.startsWith('-') && args[at - 1] !== '--format');
}

/** `refmon check` need not load what starts devices. Help, and a word that no room lists, load every room. */
export async function registerCommands(wanted: string | undefined): Promise<void> {
  const room = rooms.find(({ commands }) => wanted !== undefined && commands.includes(wanted));
  for (const { load } of room === undefined ? rooms : [room]) (await load())(program, terminal);
  for (const command of program.commands) command.exitOverride();
  describeBySummary(program);
}

/** A command's own help begins with what it does, also where there is no more to say than its summary. */
function describeBySummary(command: Command): void {
  const summary = command.summary();
  if (command.description() === '' && summary !== '') {
    command.description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`);
  }
  command.commands.forEach(describeBySummary);
}
