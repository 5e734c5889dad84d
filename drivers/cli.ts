/** The drivers' commands: `demo`, `run`, `replay`, `doctor`. */
import type { Command } from 'commander';
import type { Terminal } from '../bin/terminal.ts';
import { renderDiagnostics } from '../dsslang/index.ts';
import { loadSpecification, SpecificationError, type LoadedSpecification } from './specification.ts';
import { LOW_RAM, replay, type AssumedGrant, type ReplayResult } from './trace/replay.ts';

type GetTerminal = () => Terminal;

export function registerDriverCommands(program: Command, terminal: GetTerminal): void {
  program
    .command('replay')
    .summary('check recorded drivers against a specification')
    .description(
      'Feeds every recorded access to the monitor and lists what it would have refused. A trace does not say which memory\n' +
        'its driver was granted: low RAM (below 3 GiB) is assumed, unless --grant says otherwise.',
    )
    .argument('<spec>', 'specification (.dss)')
    .argument('<trace...>', 'traces, plain or gzip')
    .option('--grant <address:length...>', 'memory the driver may use, in place of low RAM', collectGrant)
    .action(async (spec: string, traces: string[], options: { grant?: AssumedGrant[] }) => {
      await replayAll(spec, traces, options.grant ?? LOW_RAM, terminal());
    });
}

function collectGrant(text: string, before: AssumedGrant[] = []): AssumedGrant[] {
  const [address, length] = text.split(':').map(Number);
  if (
    address === undefined ||
    length === undefined ||
    !Number.isSafeInteger(address) ||
    !Number.isSafeInteger(length) ||
    length <= 0
  ) {
    throw new RangeError(`--grant ${text}: write it as ADDRESS:LENGTH, for example 0x100000:0x4000`);
  }
  return [...before, { address, length }];
}

async function load(spec: string, terminal: Terminal, command: string): Promise<LoadedSpecification | undefined> {
  try {
    return await loadSpecification(spec);
  } catch (error) {
    if (!(error instanceof SpecificationError)) throw error;
    terminal.complain(renderDiagnostics(error.result.diagnostics, error.result.dropped, terminal.style));
    terminal.finish('rejected', { command, status: 'rejected', error: { code: error.code, message: error.message } });
    return undefined;
  }
}

async function replayAll(
  spec: string,
  traces: readonly string[],
  grants: readonly AssumedGrant[],
  terminal: Terminal,
): Promise<void> {
  const specification = await load(spec, terminal, 'replay');
  if (specification === undefined) return;
  const results: ReplayResult[] = [];
  for (const trace of traces) {
    const result = await replay(specification.module.createMonitor, trace, grants);
    results.push(result);
    printReplay(result, terminal);
  }
  const sum = (pick: (result: ReplayResult) => number): number =>
    results.reduce((total, result) => total + pick(result), 0);
  const denied = sum((result) => result.denied);
  terminal.finish(denied > 0 ? 'violation' : 'ok', {
    command: 'replay',
    status: denied > 0 ? 'violation' : 'ok',
    specification: spec,
    operations: sum((result) => result.operations),
    denied,
    denials: results.flatMap((result) => result.denials),
    traces: results.map(({ denials: _, ...counts }) => counts),
    assumedGrants: grants,
  });
}

function printReplay(result: ReplayResult, terminal: Terminal): void {
  for (const denial of result.denials) {
    terminal.print(`${terminal.paint('red', 'denied')}  ${result.trace}:${denial.line}: ${denial.operation}`);
    terminal.print(`        ${denial.reason}`);
    terminal.print(`        ${terminal.paint('dim', denial.rule)}`);
  }
  const more = result.denied - result.denials.length;
  if (more > 0) terminal.print(`        and ${more} more`);
  const verdict =
    result.denied === 0 ? terminal.paint('green', 'nothing denied') : terminal.paint('red', `${result.denied} denied`);
  terminal.print(
    `${result.trace}: ${result.operations} operations, ${verdict} ` +
      terminal.paint(
        'dim',
        `(${result.descriptors} descriptors seen, ${result.platform} configuration writes of the platform)`,
      ),
  );
}
