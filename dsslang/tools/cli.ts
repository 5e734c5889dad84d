/** The language's tools as commands: `fmt`, `explain`, `graph` and `init`. What they need is loaded when they run. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { Terminal } from '../../bin/terminal.ts';
import { compileBytes } from '../compile.ts';
import { didYouMean } from '../diagnostics.ts';
import { emitDot } from '../emit/dot.ts';
import { codes, errorsMarkdown, isCode, parsePage, type Page } from '../explain/page.ts';
import { format } from '../format.ts';
import { nameFrom, scaffold } from '../init/scaffold.ts';
import { loadFrom } from '../load.ts';
import { catalogue, type Code } from '../messages.ts';
import { renderDiagnostics } from '../render.ts';
import { packageFolder, packageRoot, packageText } from './package-files.ts';

type GetTerminal = () => Terminal;

export function registerToolCommands(program: Command, terminal: GetTerminal): void {
  program
    .command('fmt')
    .summary('format device safety specifications')
    .description(
      'Rewrites specifications in the one way to write them. `-` reads standard input and prints the result.',
    )
    .argument('<file...>', 'specifications (.dss)')
    .option('--check', 'write nothing; fail if a file is not formatted')
    .action((files: string[], options: { check?: boolean }) => {
      formatFiles(files, options.check === true, terminal());
    });
  program
    .command('explain')
    .summary('what a diagnostic means, with a bad and a good example')
    .argument('[code]', 'a code such as DSS204; without one, all codes are listed')
    .option('--all', 'every page, as one Markdown document')
    .action((code: string | undefined, options: { all?: boolean }) => {
      explain(code?.toUpperCase(), options.all === true, terminal());
    });
  program
    .command('graph')
    .summary('draw the state machines of a specification')
    .argument('<file>', 'specification (.dss); `-` is standard input')
    .addOption(new Option('--as <kind>', 'what to draw; by default what the output is called').choices(['svg', 'dot']))
    .option('-o, --output <file>', 'where to write it; standard output by default')
    .action(async (file: string, options: { as?: 'svg' | 'dot'; output?: string }) => {
      await graph(file, options, terminal());
    });
  program
    .command('init')
    .summary('begin a specification with a driver and a test that pass')
    .argument('[dir]', 'folder to write into; made if it is missing', '.')
    .option('--name <name>', "the device's name; the folder's by default")
    .action((dir: string, options: { name?: string }) => {
      init(dir, options.name, terminal());
    });
}

const readInput = (file: string): Buffer => readFileSync(file === '-' ? 0 : file);
const nameOf = (file: string): string => (file === '-' ? '<stdin>' : file);

function formatFiles(files: readonly string[], checkOnly: boolean, terminal: Terminal): void {
  const results = files.map((file) => {
    const bytes = readInput(file);
    const text = bytes.toString('utf8');
    // Bytes that are no text would come back as others.
    const broken = !Buffer.from(text, 'utf8').equals(bytes);
    const { text: formatted, diagnostics } = broken
      ? { text: undefined, diagnostics: compileBytes(bytes, nameOf(file)).diagnostics }
      : format(text, nameOf(file));
    if (diagnostics.length > 0) terminal.complain(`${renderDiagnostics(diagnostics, 0, terminal.style)}\n`);
    const changed = formatted !== undefined && formatted !== text;
    if (formatted !== undefined && !checkOnly && file === '-') terminal.print(formatted.trimEnd());
    else if (formatted !== undefined && changed && !checkOnly) writeFileSync(file, formatted);
    if (changed && file !== '-') terminal.note(`${checkOnly ? 'not formatted' : 'formatted'}: ${file}`);
    return { file, formatted: !changed && formatted !== undefined, rejected: formatted === undefined, text: formatted };
  });
  const failed = results.some((each) => each.rejected || (checkOnly && !each.formatted));
  terminal.finish(failed ? 'rejected' : 'ok', {
    command: 'fmt',
    status: failed ? 'rejected' : 'ok',
    files: results.map(({ file, formatted, rejected, text }) => ({
      file,
      status: rejected ? 'rejected' : formatted ? 'unchanged' : checkOnly ? 'not formatted' : 'formatted',
      ...(file === '-' && text !== undefined ? { text } : {}),
    })),
  });
}

/** @returns undefined if nobody has written it yet */
function pageOf(code: Code): Page | undefined {
  const text = packageText('dsslang', 'explain', `${code}.md`);
  return text === undefined ? undefined : parsePage(code, text);
}

function explain(code: string | undefined, all: boolean, terminal: Terminal): void {
  if (code === undefined) {
    const pages = codes().flatMap((each) => pageOf(each) ?? []);
    if (all) terminal.print(errorsMarkdown(pages).trimEnd());
    else for (const page of pages) terminal.print(`${terminal.paint('bold', page.code)}  ${page.title}`);
    terminal.finish('ok', { command: 'explain', status: 'ok', pages });
    return;
  }
  const page = isCode(code) ? pageOf(code) : undefined;
  if (page === undefined) {
    const close = didYouMean(code, Object.keys(catalogue));
    const help = code.startsWith('CVE-')
      ? `; \`refmon cve show ${code}\` is about device bugs`
      : close === undefined
        ? ''
        : `; did you mean ${close}?`;
    terminal.complain(`refmon: there is no page for \`${code}\`${help}`);
    terminal.finish('usage', { command: 'explain', status: 'unknown code', code });
    return;
  }
  const severity = terminal.paint(page.severity === 'error' ? 'red' : 'yellow', page.severity);
  terminal.print(`${severity} ${terminal.paint('bold', `${page.code}: ${page.title}`)}\n\n${page.prose}`);
  if (page.wrong !== undefined) terminal.print(`\n${terminal.paint('red', 'wrong:')}\n\n${indented(page.wrong)}`);
  terminal.print(`\n${terminal.paint('green', 'right:')}\n\n${indented(page.right)}`);
  terminal.finish('ok', { command: 'explain', status: 'ok', page });
}

const indented = (text: string): string => text.trimEnd().replace(/^(?=.)/gm, '  ');

async function graph(
  file: string,
  options: { as?: 'svg' | 'dot'; output?: string },
  terminal: Terminal,
): Promise<void> {
  const load = loadFrom(file, nameOf(file));
  const { program, diagnostics, dropped } = compileBytes(readInput(file), nameOf(file), { load });
  if (diagnostics.length > 0) terminal.complain(`${renderDiagnostics(diagnostics, dropped, terminal.style)}\n`);
  if (program === undefined) {
    terminal.finish('rejected', { command: 'graph', status: 'rejected' });
    return;
  }
  const kind = options.as ?? (options.output?.endsWith('.svg') === true ? 'svg' : 'dot');
  const dot = emitDot(program);
  const text = kind === 'dot' ? dot : await (await import('../emit/svg.ts')).drawSvg(dot);
  if (options.output === undefined) terminal.print(text.trimEnd());
  else {
    writeFileSync(options.output, text);
    terminal.note(`wrote ${options.output}: ${program.machines.map((machine) => machine.name).join(', ')}`);
  }
  const output = options.output === undefined ? { text } : { output: options.output };
  terminal.finish('ok', { command: 'graph', status: 'ok', kind, ...output });
}

function init(dir: string, wanted: string | undefined, terminal: Terminal): void {
  const name = wanted ?? nameFrom(basename(resolve(dir)));
  const files = scaffold(packageFolder('dsslang', 'init', 'template'), name);
  const present = files.filter(({ path }) => existsSync(join(dir, path)));
  if (present.length > 0) {
    const list = present.map(({ path }) => path).join(', ');
    terminal.complain(`refmon: nothing written: ${join(dir)} already has ${list}`);
    terminal.finish('rejected', { command: 'init', status: 'rejected', present: present.map(({ path }) => path) });
    return;
  }
  mkdirSync(dir, { recursive: true });
  for (const { path, text } of files) {
    writeFileSync(join(dir, path), text);
    terminal.print(`${terminal.paint('green', 'new')}  ${join(dir, path)}`);
  }
  terminal.note(`\nnext: cd ${quoted(dir)} && npm install ${quoted(packageRoot())} && node --test`);
  terminal.finish('ok', { command: 'init', status: 'ok', name, files: files.map(({ path }) => join(dir, path)) });
}

/** A path as a shell wants it. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}
