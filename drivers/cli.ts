/** The drivers' commands: `demo`, `run`, `replay`, `doctor`. */
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { seconds, wholeNumber } from '../bin/numbers.ts';
import type { Terminal } from '../bin/terminal.ts';
import { renderDiagnostics } from '../dsslang/index.ts';
import { renderFault } from '../kernel/index.ts';
import type { BackingName } from './device-entry.ts';
import { DEVICE_NAMES } from './device-names.ts';
import { availableBackings, deviceNamed, inPackage, loadDeviceSpecification } from './devices.ts';
import { showDemo } from './demo/show.ts';
import { testFrame } from './class/network-traffic.ts';
import { examine } from './doctor.ts';
import { runDriver } from './run.ts';
import { loadSpecification, SpecificationError, type LoadedSpecification } from './specification.ts';
import { recordDriver } from './trace/record-driver.ts';
import { LOW_RAM, replay, type AssumedGrant, type ReplayResult } from './trace/replay.ts';

type GetTerminal = () => Terminal;

const TIME_SECONDS_MAX = 86_400;
/** They are sent at once, and wait in the driver's queue. */
const FRAMES_MAX = 10_000;

const deviceOption = (): Option => new Option('--device <name>', 'which device').choices(DEVICE_NAMES).default('e1000');

export function registerDriverCommands(program: Command, terminal: GetTerminal): void {
  program
    .command('demo')
    .summary('the whole idea on a device, in about ten seconds')
    .description(
      'Compiles a specification, runs the honest driver with real traffic, then lets rogue drivers attack, and shows what ' +
        'refused each of them. With --format json on every backing there is.',
    )
    .addOption(deviceOption())
    .addOption(
      new Option('--backing <name>', 'which kind of device; default: QEMU where installed').choices([
        'qemu',
        'model',
        'all',
      ]),
    )
    .action(async (options: { device: string; backing?: BackingName | 'all' }) => {
      const wanted =
        options.backing === undefined
          ? undefined
          : options.backing === 'all'
            ? await availableBackings()
            : [options.backing];
      await showDemo(deviceNamed(options.device), wanted, terminal());
    });
  program
    .command('run')
    .summary('run one driver program behind its monitor')
    .description(
      'Runs a driver program (a script whose value is a function of `io`) in its own domain, and prints what it says. ' +
        'Without a program, the driver that comes with the device.',
    )
    .argument('[program]', 'driver program (.js)')
    .addOption(deviceOption())
    .option('--spec <file>', "specification; the device's own by default")
    .addOption(
      new Option('--backing <name>', 'which kind of device; default: QEMU where installed').choices(['qemu', 'model']),
    )
    .option('--seconds <n>', 'how long', seconds(TIME_SECONDS_MAX), 2)
    .option('--frames <n>', 'a network card: send this many test frames once it is up', wholeNumber(0, FRAMES_MAX), 3)
    .action(async (file: string | undefined, options: RunFlags) => {
      await run(file, options, terminal());
    });
  program
    .command('record')
    .summary("write down what a device's own driver does")
    .description(
      "Has the device's driver do a little of its work behind its monitor, and writes a trace of every access at the driver's " +
        'side, with the descriptors it published. `refmon replay` reads it; so does any other tool that knows JSON lines.',
    )
    .addOption(deviceOption())
    .addOption(
      new Option('--backing <name>', 'which kind of device; default: QEMU where installed').choices(['qemu', 'model']),
    )
    .requiredOption('-o, --out <file>', 'the trace, gzip; overwritten')
    .action(async (options: { device: string; backing?: BackingName; out: string }) => {
      await record(options, terminal());
    });
  program
    .command('doctor')
    .summary('what this machine has of what refmon can use')
    .action(async () => {
      const findings = await examine();
      for (const { what, status, detail, advice } of findings) {
        const colour = status === 'ok' ? 'green' : status === 'missing' ? 'red' : 'yellow';
        terminal().print(`${terminal().paint(colour, status.padEnd(9))}${what.padEnd(18)}${detail}`);
        if (advice !== '') terminal().print(`         ${''.padEnd(18)}${advice}`);
      }
      const missing = findings.some(({ status }) => status === 'missing');
      terminal().finish(missing ? 'environment' : 'ok', {
        command: 'doctor',
        status: missing ? 'missing' : 'ok',
        findings,
      });
    });
  program
    .command('replay')
    .summary('check recorded drivers against a specification')
    .description(
      'Feeds every recorded access to the monitor and lists what it would have refused. A trace does not say which memory ' +
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

interface RunFlags {
  readonly device: string;
  readonly spec?: string;
  readonly backing?: BackingName;
  readonly seconds: number;
  readonly frames: number;
}

async function run(file: string | undefined, flags: RunFlags, terminal: Terminal): Promise<void> {
  const device = deviceNamed(flags.device);
  const specification =
    flags.spec === undefined ? await loadDeviceSpecification(device) : await load(flags.spec, terminal, 'run');
  if (specification === undefined) return;
  const backing = flags.backing ?? (await availableBackings())[0] ?? 'model';
  const messages: string[] = [];
  let framesOut = 0;
  let up = (_mac: string): void => undefined;
  const result = await runDriver({
    device,
    specification,
    backing,
    program: file ?? inPackage(device.program),
    name: file === undefined ? device.name : basename(file),
    milliseconds: flags.seconds * 1000,
    onStart: (ipd) => {
      terminal.note(`ipd ${ipd.id}: ${ipd.name} on ${backing}, program sha256 ${ipd.programHash.slice(0, 16)}`);
      up = (mac) => {
        for (let number = 0; number < flags.frames; number += 1)
          ipd.send({ kind: 'transmit', frame: testFrame(mac, number) });
      };
    },
    onMessage: (message) => {
      const text = describeMessage(message);
      messages.push(text);
      terminal.print(`driver  ${text}`);
      if (message.kind === 'up' && device.classes.includes('network')) up(String(message['mac']));
    },
    onFrame: (frame) => {
      framesOut += 1;
      terminal.print(`wire    frame of ${frame.length} bytes`);
    },
  });
  for (const line of result.log) terminal.print(`log     ${line}`);
  if (result.fault !== undefined) terminal.print(renderFault(result.fault));
  const { fault, reset } = result;
  terminal.finish(fault === undefined ? 'ok' : 'violation', {
    command: 'run',
    status: fault === undefined ? 'ok' : 'violation',
    backing,
    messages,
    framesOut,
    log: result.log,
    fault: fault ?? null,
    reset,
  });
}

async function record(
  options: { readonly device: string; readonly backing?: BackingName; readonly out: string },
  terminal: Terminal,
): Promise<void> {
  const device = deviceNamed(options.device);
  const backing = options.backing ?? (await availableBackings())[0] ?? 'model';
  const specification = await loadDeviceSpecification(device);
  const open = await device.backings[backing]().open();
  try {
    const { lines, operations, memory } = await recordDriver(device, specification, open, options.out);
    const grant = `0x${memory.address.toString(16)}:0x${memory.sizeBytes.toString(16)}`;
    terminal.print(`${options.out}: ${lines} lines, ${operations} operations of ${device.name} on ${backing}`);
    terminal.print(`replay it: refmon replay ${device.specification} ${options.out} --grant ${grant}`);
    terminal.finish('ok', {
      command: 'record',
      status: 'ok',
      device: device.name,
      backing,
      trace: options.out,
      lines,
      operations,
      grant,
    });
  } finally {
    await open.close();
  }
}

/** `receive frame: 60 bytes`. */
function describeMessage({ kind, ...fields }: { readonly kind: string; readonly [key: string]: unknown }): string {
  const parts = Object.entries(fields).map(
    ([name, value]) => `${name}: ${value instanceof Uint8Array ? `${value.length} bytes` : JSON.stringify(value)}`,
  );
  return [kind, ...parts].join(' ');
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
    terminal.print(`        ${terminal.paint('dim', `rule \`${denial.clause}\` at ${denial.rule}`)}`);
  }
  const more = result.denied - result.denials.length;
  if (more > 0) terminal.print(`        and ${more} more`);
  const verdict =
    result.denied === 0 ? terminal.paint('green', 'nothing denied') : terminal.paint('red', `${result.denied} denied`);
  terminal.print(
    `${result.trace}: ${result.operations} operations, ${verdict} ` +
      terminal.paint(
        'dim',
        `(descriptors seen: ${result.descriptors}; configuration writes of the platform: ${result.platform}` +
          `${result.unjudged === 0 ? '' : `; not judged, for descriptors that the trace does not show: ${result.unjudged}`})`,
      ),
  );
}
