/**
 * The one place that talks to people: stdout, stderr, colour, progress and exit codes.
 *
 * Results go to stdout; diagnostics, notes and progress to stderr. With `--format json`, stdout carries exactly one JSON
 * document. Commands receive a `Terminal`; the rooms import only its type.
 */
import { stripVTControlCharacters, styleText } from 'node:util';
import type { Ora } from 'ora';
import type { Style } from '../dsslang/index.ts';

/** What a script may rely on; docs/cli.md says the same. */
export const EXIT = {
  ok: 0,
  /** The input was rejected: error diagnostics, a bad trace line. */
  rejected: 1,
  usage: 2,
  /** A denied operation, a falsified property, tampering. */
  violation: 3,
  /** The budget was spent without an answer. */
  inconclusive: 4,
  /** Something that must be installed is missing. */
  environment: 5,
  /** A bug in refmon. */
  bug: 70,
} as const;
export type Exit = keyof typeof EXIT;

export type Format = 'human' | 'plain' | 'json';

/** A line that changes while long work goes on; one line at its end where there is no terminal. */
export interface Progress {
  update(text: string): void;
  /** Leaves `text` behind as done. */
  done(text: string): void;
  fail(text: string): void;
  /** Leaves nothing behind. */
  clear(): void;
}

type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'bold' | 'dim';

export interface Terminal {
  readonly format: Format;
  /** Columns of the terminal; 100 in a pipe. */
  readonly columns: number;
  paint(colour: Colour, text: string): string;
  /** How diagnostics are dressed (they go to stderr). */
  readonly style: Style;
  /** To stdout, for people; nothing with `--format json`. */
  print(text?: string): void;
  /** To stderr; nothing with `--quiet`. */
  note(text: string): void;
  /** To stderr, always: what went wrong. */
  complain(text: string): void;
  progress(text: string): Progress;
  /** Ends the command: its exit code, and with `--format json` its document (schema and command are added). */
  finish(
    exit: Exit,
    document: { readonly command: string; readonly status: string; readonly [key: string]: unknown },
  ): void;
}

export interface TerminalOptions {
  readonly format: Format;
  readonly colour: boolean | undefined;
  readonly quiet: boolean;
}

/** The documents' version: raised when a field changes its meaning. */
const SCHEMA = 1;

export function createTerminal({ format, colour, quiet }: TerminalOptions): Terminal {
  const allowed = (stream: NodeJS.WriteStream): boolean =>
    format === 'human' && (colour ?? (stream.isTTY === true && process.env['NO_COLOR'] === undefined));
  const painter = (stream: NodeJS.WriteStream) => {
    const on = allowed(stream);
    return (how: Parameters<typeof styleText>[0], text: string): string => (on ? styleText(how, text) : text);
  };
  const out = painter(process.stdout);
  const err = painter(process.stderr);
  const clean = (text: string): string => (format === 'human' ? text : stripVTControlCharacters(text));
  return {
    format,
    columns: process.stdout.columns ?? 100,
    paint: out,
    style: {
      error: (text) => err(['red', 'bold'], text),
      warning: (text) => err(['yellow', 'bold'], text),
      strong: (text) => err('bold', text),
      faint: (text) => err('dim', text),
    },
    print: (text = '') => {
      if (format !== 'json') process.stdout.write(`${clean(text)}\n`);
    },
    note: (text) => {
      if (!quiet) process.stderr.write(`${clean(text)}\n`);
    },
    complain: (text) => {
      process.stderr.write(`${clean(text)}\n`);
    },
    progress: (text) => startProgress(text, quiet),
    finish: (exit, document) => {
      if (format === 'json') process.stdout.write(`${JSON.stringify({ schema: SCHEMA, ...document }, null, 2)}\n`);
      process.exitCode = EXIT[exit];
    },
  };
}

/** A spinner on a terminal; silence until the end elsewhere. The spinner is loaded when there is something to wait for. */
function startProgress(text: string, quiet: boolean): Progress {
  if (quiet || process.stderr.isTTY !== true) {
    const say = (end: string): void => {
      if (!quiet) process.stderr.write(`${end}\n`);
    };
    return { update: () => undefined, done: say, fail: say, clear: () => undefined };
  }
  let current = text;
  let over = false;
  let spinner: Ora | undefined;
  const start = async (): Promise<void> => {
    const { default: ora } = await import('ora');
    if (!over) spinner = ora({ text: current, stream: process.stderr, discardStdin: false }).start();
  };
  void start();
  const end = (mark: string, last: string): void => {
    over = true;
    spinner?.stop();
    process.stderr.write(`${mark} ${last}\n`);
  };
  return {
    update: (next) => {
      current = next;
      if (spinner !== undefined) spinner.text = next;
    },
    done: (last) => {
      end(styleText('green', '\u2714'), last);
    },
    fail: (last) => {
      end(styleText('red', '\u2716'), last);
    },
    clear: () => {
      over = true;
      spinner?.stop();
    },
  };
}
