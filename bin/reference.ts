/**
 * docs/cli.md: every command's own help, in one page. Made from the commands themselves, so that it cannot say anything else.
 */
import type { Command } from 'commander';

/** 80 columns, whatever terminal the page is made in. */
const WIDTH = 80;

const HEAD = [
  '# The command line',
  '',
  '<!-- Written by bin/reference.test.ts from `--help`: run it with UPDATE=1. Do not edit. -->',
  '',
  '| exit code | means |',
  '| --- | --- |',
  '| 0 | it went well |',
  '| 1 | the input was rejected: an error in a specification, a bad line of a trace |',
  '| 2 | the command was used wrongly |',
  '| 3 | a violation was found: an operation denied, a property falsified, storage tampered with |',
  '| 4 | the budget was spent without an answer |',
  '| 5 | something that must be installed is missing; `refmon doctor` says what |',
  '| 70 | a bug in refmon |',
  '',
  'Results go to standard output; diagnostics, notes and progress to standard error. With `--format json`, standard output is one',
  'document: `schema` (a number, raised when a field changes its meaning), `command`, `status`, and what the command found. `-`',
  'as a file is standard input. `NO_COLOR` is honoured.',
];

/** @returns the page: the program's help, then each command's, commands of commands after their own */
export function referenceOf(program: Command): string {
  return `${[...HEAD, ...sections(program, '')].join('\n')}\n`;
}

function sections(command: Command, before: string): string[] {
  const name = `${before}${command.name()}`;
  const inner = command.commands.flatMap((each) => sections(each, `${name} `));
  return ['', `## \`${name}\``, '', '```text', helpOf(command).trimEnd(), '```', ...inner];
}

/** All that `--help` prints, examples included. */
function helpOf(command: Command): string {
  let help = '';
  command.configureHelp({ helpWidth: WIDTH }).configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  return help;
}
