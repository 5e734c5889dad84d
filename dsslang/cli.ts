/** The language's commands: `check` and `compile`. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Terminal } from '../bin/terminal.ts';
import {
  compileBytes,
  emitC,
  emitJs,
  emitJson,
  emitJsTypes,
  loadFrom,
  renderDiagnostics,
  type CompileResult,
  type Diagnostic,
  type Program,
  type Source,
  type Span,
} from './index.ts';
import { costOf } from './cost.ts';
import { emitDot } from './emit/dot.ts';
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
    .option('--strict', 'warn of registers that no rule speaks of, as well')
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
      'Compiles a specification. `js` is one ES module that imports nothing, `createMonitor(memory)`, with its types in a .d.ts beside it; `c` is freestanding C99, NAME_monitor.h and NAME_monitor.c; `json` is the checked program; `markdown` is its reference page; in a file, with its state diagram in an .svg beside it.',
    )
    .argument('<file>', 'specification (.dss); `-` is standard input')
    .addOption(new Option('--target <target>', 'what to make').choices(targets).default('js'))
    .option('-o, --output <file>', 'where to write it (a folder for c); standard output by default')
    .action((file: string, options: { target: Target; output?: string }) =>
      compileFile(file, options.target, options.output, terminal()),
    );
  registerToolCommands(program, terminal);
}

interface CheckOptions {
  readonly denyWarnings?: boolean;
  readonly strict?: boolean;
  readonly cost?: boolean;
  readonly watch?: boolean;
}

const targets = ['js', 'c', 'json', 'markdown'] as const;
type Target = (typeof targets)[number];

interface OutputFile {
  readonly path: string;
  readonly text: string;
}

/** What a target writes to `output`: one file and what belongs beside it, or the files of a folder. */
async function outputFiles(program: Program, target: Target, output: string): Promise<OutputFile[]> {
  switch (target) {
    case 'js':
      return [
        { path: output, text: emitJs(program) },
        {
          path: `${output.replace(/\.(js|mjs)$/, '')}.d.${output.endsWith('.mjs') ? 'mts' : 'ts'}`,
          text: emitJsTypes(program),
        },
      ];
    case 'json':
      return [{ path: output, text: emitJson(program) }];
    case 'markdown':
      return await pageFiles(program, output);
    case 'c': {
      const { name, header, source } = emitC(program);
      return [
        { path: join(output, `${name}_monitor.h`), text: header },
        { path: join(output, `${name}_monitor.c`), text: source },
      ];
    }
  }
}

/** A reference page and, if there is anything to draw, its state diagram. */
async function pageFiles(program: Program, output: string): Promise<OutputFile[]> {
  if (program.machines.length === 0) return [{ path: output, text: emitMarkdown(program) }];
  const picture = `${output.replace(/\.md$/, '')}.svg`;
  const { drawSvg } = await import('./emit/svg.ts');
  return [
    { path: output, text: emitMarkdown(program, basename(picture)) },
    { path: picture, text: await drawSvg(emitDot(program)) },
  ];
}

/** The same for standard output: of C, the header and then the source. */
function outputText(program: Program, target: Target): string {
  switch (target) {
    case 'js':
      return emitJs(program);
    case 'json':
      return emitJson(program);
    case 'markdown':
      return emitMarkdown(program);
    case 'c': {
      const { header, source } = emitC(program);
      return `${header}\n${source}`;
    }
  }
}

/** @throws a system error whose message names the file */
function read(file: string, strict = false): CompileResult {
  const bytes = readFileSync(file === '-' ? 0 : file);
  const name = file === '-' ? '<stdin>' : file;
  return compileBytes(bytes, name, { load: loadFrom(file, name), strict });
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
  const results = files.map((file) => ({ file, result: read(file, options.strict === true) }));
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
  const place = (span: Span, file: Source = source) => ({
    start: { ...file.position(span.start), offset: span.start },
    end: { ...file.position(span.end), offset: span.end },
  });
  return {
    code: diagnostic.code,
    severity: diagnostic.severity,
    message: diagnostic.message,
    file: source.file,
    ...place(diagnostic.span),
    labels: diagnostic.labels.map((label) => ({
      text: label.text,
      ...(label.source === source ? {} : { file: label.source.file }),
      ...place(label.span, label.source),
    })),
    help: diagnostic.help,
  };
}

async function compileFile(
  file: string,
  target: Target,
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
  const { program } = result;
  if (output === undefined) {
    const text = outputText(program, target);
    terminal.print(text.trimEnd());
    terminal.finish('ok', { ...base, status: 'ok', output: null, text });
    return;
  }
  const files = await outputFiles(program, target, output);
  if (target === 'c') mkdirSync(output, { recursive: true });
  for (const { path, text } of files) writeFileSync(path, text);
  terminal.note(`wrote ${files.map(({ path }) => path).join(' and ')}: ${summary(program)}`);
  terminal.finish('ok', { ...base, status: 'ok', output, files: files.map(({ path }) => path) });
}
