/** The shield for people, live, and as one document for tools. Writes to a terminal that it is handed. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Terminal } from '../../bin/terminal.ts';
import { rulePlace } from '../../dsslang/index.ts';
import { describeOperation, renderFault, type Fault } from '../../kernel/index.ts';
import { packageRoot } from '../package-root.ts';
import { loadSpecification } from '../specification.ts';
import { allModules, SHIELD_NAMES, SHIELD_ROWS, type ShieldRow } from './devices.ts';
import { ShieldError, workNotDone } from './errors.ts';
import { obtainGuest } from './guest-packages.ts';
import { moduleName } from './modules.ts';
import { runShield, usableQemu, type ShieldEvent, type ShieldResult } from './run.ts';

export interface ShowFlags {
  readonly rogue?: boolean;
  readonly record?: string;
  readonly spec?: string;
  readonly timeout: number;
  readonly anyQemu?: boolean;
  readonly console?: boolean;
  readonly setup?: boolean;
  /** Package files; see `obtainGuest`. */
  readonly kernel?: readonly string[];
  readonly script?: string;
  readonly module?: readonly string[];
}

const PHASES: Readonly<Record<string, string>> = {
  boot: 'Linux boots; its firmware finds the device on the bus',
  probe: 'the driver is loaded and brings the device up',
  traffic: 'the device works',
  script: 'the guest does what --script says',
  rogue: 'the guest misbehaves',
  again: 'the guest lets go of the device, takes it again, and works',
  unload: 'the driver is unloaded',
  end: 'the guest powers off',
};
const SCRIPT_MAX_BYTES = 8 << 20;

export async function showShield(device: string, flags: ShowFlags, terminal: Terminal): Promise<void> {
  const rows = device === 'all' ? SHIELD_ROWS : SHIELD_ROWS.filter(({ name }) => name === device);
  if (rows.length === 0) {
    const known = SHIELD_NAMES.join(', ');
    throw new ShieldError('UNKNOWN_SHIELD_DEVICE', `the shield knows no device ${device}; it knows ${known}, all`);
  }
  // Before 70 MB are fetched for it.
  if (flags.setup !== true) await usableQemu(flags.anyQemu === true);
  const script = flags.script === undefined ? undefined : readScript(flags.script);
  const modules = [...new Set([...(flags.module ?? []).map(moduleName), ...allModules()])];
  const note = (text: string): void => terminal.note(`refmon: ${text}`);
  const guest = await obtainGuest(modules, note, undefined, flags.kernel);
  if (flags.setup === true) {
    terminal.print(`the guest's kernel is ready: ${guest.kernelPackage}, ${guest.modules.size} modules`);
    return terminal.finish('ok', { command: 'shield', status: 'ok', kernel: guest.kernelPackage });
  }
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  // Not `once`: a second signal must not end the process before it has cleaned up.
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const documents: object[] = [];
  let exit: 'ok' | 'rejected' | 'violation' = 'ok';
  try {
    for (const row of rows) {
      const { document, good, undone } = await showOne(
        row,
        rows.length > 1,
        guest,
        flags,
        script,
        stop.signal,
        terminal,
      );
      documents.push(document);
      if (!good && exit !== 'violation') exit = undone ? 'rejected' : 'violation';
    }
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
  const single = documents[0];
  terminal.finish(exit, {
    command: 'shield',
    status: exit === 'ok' ? 'ok' : 'failed',
    ...(rows.length === 1 && single !== undefined ? single : { devices: documents }),
  });
}

function readScript(file: string): Uint8Array {
  const text = readFileSync(file);
  if (text.length > SCRIPT_MAX_BYTES)
    throw new RangeError(`--script: ${file} is longer than ${SCRIPT_MAX_BYTES} bytes`);
  return text;
}

async function showOne(
  row: ShieldRow,
  several: boolean,
  guest: Awaited<ReturnType<typeof obtainGuest>>,
  flags: ShowFlags,
  script: Uint8Array | undefined,
  signal: AbortSignal,
  terminal: Terminal,
): Promise<{ readonly document: object; readonly good: boolean; readonly undone: boolean }> {
  const file = flags.spec ?? join(packageRoot(), row.specification);
  const specification = await loadSpecification(file, flags.spec ?? row.specification);
  if (several && flags.record !== undefined) mkdirSync(flags.record, { recursive: true });
  const record = flags.record === undefined || !several ? flags.record : join(flags.record, `${row.name}.jsonl.gz`);
  terminal.print(terminal.paint('bold', `${row.title}`));
  terminal.print(`  guest: ${guest.kernelPackage}, unmodified    specification: ${flags.spec ?? row.specification}`);
  const rogue = flags.rogue === true;
  const show = (event: ShieldEvent): void => showEvent(event, row, flags.console === true, terminal);
  const timeoutMs = flags.timeout * 1000;
  const result = await runShield({
    row,
    specification,
    guest,
    rogue,
    timeoutMs,
    signal,
    anyQemu: flags.anyQemu === true,
    modules: flags.module ?? [],
    ...(script === undefined ? {} : { script }),
    ...(record === undefined ? {} : { record }),
    onEvent: show,
  });
  const good = isGood(result, rogue);
  showResult(result, good, terminal);
  if (record !== undefined) terminal.print(`  trace:   ${record}, ${result.recorded} lines`);
  const undone = result.work.wrong.length > 0 && (rogue || result.counts.denied === 0);
  if (!undone) return { document: documentOf(result, good), good, undone };
  const error = workNotDone(row.name, result.work.wrong, result.counts);
  terminal.complain(`refmon: ${error.message}`);
  return {
    document: { ...documentOf(result, good), error: { code: error.code, message: error.message } },
    good,
    undone,
  };
}

/** Everything worked; nothing was refused, or exactly what the rogue did was, and the guest went on. */
export function isGood(result: ShieldResult, rogue: boolean): boolean {
  if (result.work.wrong.length > 0) return false;
  if (!rogue) return result.counts.denied === 0;
  return result.violations.length > 0 && result.alive && result.returned && result.violations.every(wasReset);
}

const wasReset = (fault: Fault): boolean => fault.reset.done === 'reset';

function showEvent(event: ShieldEvent, row: ShieldRow, console: boolean, terminal: Terminal): void {
  switch (event.event) {
    case 'phase': {
      const time = `${(event.milliseconds / 1000).toFixed(1)} s`.padStart(8);
      const what = event.phase === 'rogue' ? row.rogue.title : (PHASES[event.phase] ?? event.phase);
      const name = terminal.paint(event.phase === 'rogue' ? 'yellow' : 'cyan', event.phase.padEnd(8));
      return terminal.print(`${time}  ${name} ${what}`);
    }
    case 'violation':
      for (const line of renderFault(event.fault).split('\n')) {
        terminal.print(
          `          ${terminal.paint('red', line.replace('faulted', 'loses the device').replace('ipd 0', 'the guest'))}`,
        );
      }
      return;
    case 'note':
      terminal.print(
        `          ${describeOperation(event.operation)}: ${event.rule.reason} (${event.rule.action}, ${rulePlace(event.rule)})`,
      );
      return;
    case 'returned':
      return terminal.print('          the device is given back: reset, and before a monitor in its first state');
    case 'fact':
      if (event.name === 'failed')
        terminal.print(terminal.paint('red', `          failed in the guest: ${event.value}`));
      if (event.name === 'note') terminal.print(`          from the guest: ${event.value}`);
      if (event.name === 'alive') terminal.print(`          the guest is alive: ${event.value}`);
      return;
    case 'console':
      if (console && event.text !== '') terminal.print(terminal.paint('dim', `          | ${event.text}`));
  }
}

function showResult(result: ShieldResult, good: boolean, terminal: Terminal): void {
  const { counts, shadow, work } = result;
  terminal.print(`  work:    ${work.summary}`);
  for (const wrong of work.wrong) terminal.print(terminal.paint('red', `           ${wrong}`));
  terminal.print(
    `  vetted:  ${counts.reads} reads and ${counts.writes} writes of registers, ${counts.configReads} and ` +
      `${counts.configWrites} of the configuration space, ${counts.interrupts} interrupts`,
  );
  terminal.print(`  shadow:  ${describeShadow(shadow)}`);
  const denied = `${counts.denied} denied`;
  terminal.print(`  ${terminal.paint(good ? 'green' : 'red', good ? 'ok' : 'not as it should be')}       ${denied}`);
}

function describeShadow(shadow: ShieldResult['shadow']): string {
  switch (shadow.kind) {
    case 'mirrored':
      return `${shadow.descriptors} descriptors (${shadow.bytes} bytes) read by the device from the monitor's copy only`;
    case 'none':
      return 'nothing to shadow: this device reads no descriptors that its specification names';
    case 'impossible':
      return `descriptors are not judged: ${shadow.reason}; the device's machine has no memory but the guest's`;
  }
}

function documentOf(result: ShieldResult, good: boolean): object {
  const { violations, ...rest } = result;
  return {
    ...rest,
    good,
    denied: result.counts.denied,
    violations: violations.map((fault) =>
      fault.kind === 'violation'
        ? {
            operation: describeOperation(fault.refused),
            reason: fault.rule.reason,
            rule: rulePlace(fault.rule),
            states: fault.states,
            blame: fault.blame,
            reset: fault.reset.done,
          }
        : { kind: fault.kind },
    ),
  };
}
