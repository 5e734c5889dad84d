/** The language's commands: `check` and `compile`. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { Terminal } from '../bin/terminal.ts';
import {
  compileBytes,
  emitJs,
  emitJson,
  renderDiagnostics,
  type CompileResult,
  type Diagnostic,
  type Program,
} from './index.ts';
import { costOf } from './cost.ts';
import { emitMarkdown } from './emit/markdown.ts';
import { registerToolCommands } from './tools/cli.ts';
import { watchSpecifications } from './tools/watch.ts';

type GetTerminal = () => Terminal;

export function registerLanguageCommands(program: Command, terminal: GetTerminal): void {
  program
    .command('check')
    .summary('check device safety specifications')
    .description('Reads specifications and reports every mistake with its place. `-` is standard input.')
    .argument('<file...>', 'specifications (.dss)')
    .option('--deny-warnings', 'warnings reject the file as well')
    .option('--cost', 'the worst-case steps of each handler, and the memory of the monitor')
    .option('--watch', 'check again whenever a file changes, until interrupted')
    .action((files: string[], options: CheckOptions, command: Command) => {
      if (options.watch !== true) check(files, options, terminal());
      else if (files.includes('-') || terminal().format === 'json')
        command.error('error: `--watch` takes files, and prints for people', { exitCode: 2 });
      else watchFiles(files, options, terminal());
    });
  program
    .command('compile')
    .summary('compile a specification to a reference monitor')
    .description(
      'Compiles a specification. The JavaScript is one ES module that imports nothing: `createMonitor(memory)`.',
    )
    .argument('<file>', 'specification (.dss); `-` is standard input')
    .addOption(new Option('--target <target>', 'what to make').choices(Object.keys(emitters)).default('js'))
    .option('-o, --output <file>', 'where to write it; standard output by default')
    .action(async (file: string, options: { target: keyof typeof emitters; output?: string }) => {
      await compileFile(file, options.target, options.output, terminal());
    });
  registerToolCommands(program, terminal);
}

interface CheckOptions {
  readonly denyWarnings?: boolean;
  readonly cost?: boolean;
  readonly watch?: boolean;
}

const emitters = { js: emitJs, json: emitJson, markdown: emitMarkdown } satisfies Record<
  string,
  (program: Program) => string
>;

/** @throws a system error whose message names the file */
function read(file: string): CompileResult {
  const bytes = readFileSync(file === '-' ? 0 : file);
  return compileBytes(bytes, file === '-' ? '<stdin>' : file);
}

/** Checks now and after every change, until it is interrupted; the last check decides the exit code. */
function watchFiles(files: readonly string[], options: CheckOptions, terminal: Terminal): void {
  const again = (): void => {
    if (process.stdout.isTTY === true) process.stdout.write('\u001B[2J\u001B[H');
    try {
      check(files, options, terminal);
    } catch (error) {
      // A file that is being replaced is missing for a moment.
      terminal.complain(`refmon: ${error instanceof Error ? error.message : String(error)}`);
      terminal.finish('rejected', { command: 'check', status: 'failed' });
    }
    terminal.note('watching; Ctrl-C ends');
  };
  const watching = watchSpecifications(files, again);
  process.once('SIGINT', () => {
    watching.close();
  });
  again();
}

function printCost(program: Program, terminal: Terminal): void {
  const cost = costOf(program);
  for (const { operation, guard, steps } of cost.handlers)
    terminal.print(`${String(steps).padStart(10)} steps  ${operation}${guard === '' ? '' : ` in ${guard}`}`);
  const { stateBits, stateBytes, tableBytes, copyBytes, monitorBytes } = cost;
  terminal.print(
    `${String(monitorBytes).padStart(10)} bytes  state ${stateBytes} (${stateBits} bits), grants and BARs ${tableBytes}, copy of descriptors ${copyBytes}`,
  );
}

function check(files: readonly string[], options: CheckOptions, terminal: Terminal): void {
  const denyWarnings = options.denyWarnings === true;
  const results = files.map((file) => ({ file, result: read(file) }));
  const rejected = results.filter(
    ({ result }) => result.program === undefined || (denyWarnings && result.diagnostics.length > 0),
  );
  for (const { file, result } of results) {
    report(result, terminal);
    if (result.program === undefined) continue;
    terminal.print(`${terminal.paint('green', 'ok')}  ${file}: ${summary(result.program)}`);
    if (options.cost === true) printCost(result.program, terminal);
  }
  terminal.finish(rejected.length > 0 ? 'rejected' : 'ok', {
    command: 'check',
    status: rejected.length > 0 ? 'rejected' : 'ok',
    files: results.map(({ file, result }) => ({
      file,
      ok: result.program !== undefined,
      ...(options.cost === true && result.program !== undefined ? { cost: costOf(result.program) } : {}),
    })),
    diagnostics: results.flatMap(({ result }) => result.diagnostics.map(diagnosticDocument)),
  });
}

function report(result: CompileResult, terminal: Terminal): void {
  if (result.diagnostics.length > 0)
    terminal.complain(`${renderDiagnostics(result.diagnostics, result.dropped, terminal.style)}\n`);
}

function summary(program: Program): string {
  const states = program.machines.map((machine) => `${machine.name} ${machine.states.length}`).join(', ');
  return `device ${program.device}, ${program.registers.length} registers, ${program.rules.length - 1} rules, states: ${states}`;
}

/** A diagnostic for tools: 1-based lines and columns for people, offsets (UTF-16 units from 0) for editors. */
function diagnosticDocument(diagnostic: Diagnostic): Record<string, unknown> {
  const { source } = diagnostic;
  const place = (span: { start: number; end: number }) => ({
    start: { ...source.position(span.start), offset: span.start },
    end: { ...source.position(span.end), offset: span.end },
  });
  return {
    code: diagnostic.code,
    severity: diagnostic.severity,
    message: diagnostic.message,
    file: source.file,
    ...place(diagnostic.span),
    labels: diagnostic.labels.map((label) => ({ text: label.text, ...place(label.span) })),
    help: diagnostic.help,
  };
}

async function compileFile(
  file: string,
  target: keyof typeof emitters,
  output: string | undefined,
  terminal: Terminal,
): Promise<void> {
  const result = read(file);
  report(result, terminal);
  const base = { command: 'compile', target, diagnostics: result.diagnostics.map(diagnosticDocument) };
  if (result.program === undefined) {
    terminal.finish('rejected', { ...base, status: 'rejected' });
    return;
  }
  const text = emitters[target](result.program);
  if (output !== undefined) {
    await writeFile(output, text);
    terminal.note(`wrote ${output}: ${summary(result.program)}`);
  } else terminal.print(text.trimEnd());
  terminal.finish('ok', { ...base, status: 'ok', output: output ?? null, ...(output === undefined ? { text } : {}) });
}
