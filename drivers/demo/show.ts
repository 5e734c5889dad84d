/** The guided demo for people, and as one document for tools. Drives `runDemo` and writes to a terminal it is handed. */
import { readFileSync } from 'node:fs';
import type { Progress, Terminal } from '../../bin/terminal.ts';
import { renderFault } from '../../kernel/index.ts';
import type { BackingName, DeviceEntry } from '../device-entry.ts';
import { availableBackings, inPackage, loadDeviceSpecification } from '../devices.ts';
import type { LoadedSpecification } from '../specification.ts';
import { runDemo, type DemoEvent } from './demo.ts';
import type { RogueOutcome } from './rogues.ts';
import { showReplay, type StorageResult } from './storage.ts';

const BACKING_TITLES: Readonly<Record<BackingName, string>> = {
  qemu: "QEMU's device model, over qtest",
  model: 'the embedded in-process model',
};
const NAME_COLUMNS = 36;
const OUTCOME_COLUMNS = 10;

interface BackingReport {
  readonly backing: BackingName;
  readonly work: object | undefined;
  readonly rogues: readonly object[];
  /** Programs on the right side of a limit, which must be allowed. */
  readonly benign: readonly object[];
  readonly survived: object | undefined;
  readonly ok: boolean;
}

/** @param wanted the backings to use; undefined: QEMU where it is, else the model */
export async function showDemo(
  device: DeviceEntry,
  wanted: readonly BackingName[] | undefined,
  terminal: Terminal,
): Promise<void> {
  const begun = performance.now();
  const specification = await loadDeviceSpecification(device);
  const available = await availableBackings();
  const backings = wanted ?? (terminal.format === 'json' ? available : available.slice(0, 1));
  terminal.print(terminal.paint('bold', 'refmon: an untrusted driver on a device, behind its reference monitor'));
  showSpecification(device, specification, Math.round(performance.now() - begun), terminal);
  if (!available.includes('qemu')) {
    terminal.note(
      'QEMU is not installed: this is the embedded model (on Debian or Ubuntu: sudo apt-get install qemu-system-x86)',
    );
  }
  const reports: BackingReport[] = [];
  for (const backing of backings) reports.push(await showBacking(device, specification, backing, terminal));
  const storage = await showStorage(terminal);
  const ok = reports.every((report) => report.ok) && storage.refused;
  terminal.print();
  terminal.print(
    ok
      ? terminal.paint('green', 'Nothing got past the monitor.')
      : terminal.paint('red', 'Something did not go as it should.'),
  );
  terminal.print(
    terminal.paint(
      'dim',
      'Next: docs/start.md writes a specification from nothing; docs/threat-model.md says what is trusted.',
    ),
  );
  terminal.finish(ok ? 'ok' : 'violation', {
    command: 'demo',
    status: ok ? 'ok' : 'failed',
    device: device.name,
    specification: device.specification,
    backings: reports,
    storage,
  });
}

function showSpecification(
  device: DeviceEntry,
  { program, source }: LoadedSpecification,
  milliseconds: number,
  terminal: Terminal,
): void {
  terminal.print(`\n${terminal.paint('bold', '1. The specification')}  ${device.title}`);
  terminal.print(
    `   ${device.specification}: ${program.registers.length} registers, ${program.rules.length - 1} rules`,
  );
  terminal.print(
    `   compiled in ${milliseconds} ms to ${Math.round(source.length / 1024)} KiB of JavaScript that imports nothing`,
  );
  const lines = readFileSync(inPackage(device.specification), 'utf8').split('\n');
  const first = lines.findIndex((line) => line.includes(device.excerpt.from));
  if (first === -1) return;
  terminal.print(terminal.paint('dim', `   ${device.excerpt.title}:`));
  for (const [index, line] of lines.slice(first, first + 4).entries()) {
    terminal.print(terminal.paint('cyan', `   ${String(first + index + 1).padStart(5)} | ${line}`));
  }
}

async function showBacking(
  device: DeviceEntry,
  specification: LoadedSpecification,
  backing: BackingName,
  terminal: Terminal,
): Promise<BackingReport> {
  terminal.print(`\n${terminal.paint('bold', '2. The honest driver')}  on ${BACKING_TITLES[backing]}`);
  const rogues: RogueOutcome[] = [];
  let work: object | undefined;
  let survived: object | undefined;
  let progress: Progress | undefined = terminal.progress(`starting ${backing}`);
  try {
    for await (const event of runDemo({ device, specification, backing })) {
      switch (event.event) {
        case 'started':
          progress?.update('the honest driver at work');
          break;
        case 'work':
          work = event.result;
          progress?.clear();
          showWork(event, terminal);
          terminal.print(`\n${terminal.paint('bold', '3. The rogue drivers')}  one attack each, on the same device`);
          terminal.print(
            terminal.paint(
              'dim',
              `   ${'driver'.padEnd(NAME_COLUMNS)}${'outcome'.padEnd(OUTCOME_COLUMNS)}by which line`,
            ),
          );
          progress = terminal.progress('attacking');
          break;
        case 'rogue':
          rogues.push(event.result);
          progress?.clear();
          showRogue(event.result, terminal);
          if (event.number < event.of) progress = terminal.progress(`${event.number} of ${event.of} rogue drivers`);
          break;
        case 'survived':
          survived = event.result;
          progress?.clear();
          showOneFault(rogues, device.shownRogue, terminal);
          terminal.print(
            `\n${terminal.paint('bold', '4. The device lived')}  the honest driver again, after all of them`,
          );
          showWork(event, terminal);
      }
    }
  } finally {
    progress?.clear();
  }
  const ok = survived !== undefined && rogues.every((rogue) => rogue.asExpected);
  const documents = rogues.map(({ fault: _fault, grants: _grants, ...rest }) => rest);
  return {
    backing,
    work,
    rogues: documents.filter(({ threat }) => threat !== 'none'),
    benign: documents.filter(({ threat }) => threat === 'none'),
    survived,
    ok,
  };
}

/** Disks need not be trusted either. */
async function showStorage(terminal: Terminal): Promise<StorageResult> {
  const result = await showReplay();
  const chip =
    result.tpm === 'swtpm' ? 'a real TPM 2.0 simulator (swtpm)' : 'the simulated TPM (swtpm is not installed)';
  terminal.print(
    `\n${terminal.paint('bold', '5. The disk is not trusted either')}  a storage region anchored in ${chip}`,
  );
  terminal.print("   a letter is written, and written again; then yesterday's copy of the disk is put back");
  const outcome = result.refused ? terminal.paint('green', 'refused') : terminal.paint('red', 'ACCEPTED');
  terminal.print(`   ${outcome}  ${result.message}`);
  terminal.print(`   ${terminal.paint('green', 'ok')}  today's disk opens again and says "${result.secret}"`);
  return result;
}

function showWork({ result }: Extract<DemoEvent, { event: 'work' | 'survived' }>, terminal: Terminal): void {
  terminal.print(`   ${terminal.paint('green', 'ok')}  ${result.summary} (${result.milliseconds} ms)`);
}

function showRogue(rogue: RogueOutcome, terminal: Terminal): void {
  const colour = rogue.asExpected ? (rogue.outcome === 'allowed' ? 'yellow' : 'green') : 'red';
  const outcome = terminal.paint(colour, rogue.outcome.padEnd(OUTCOME_COLUMNS));
  terminal.print(`   ${rogue.name.padEnd(NAME_COLUMNS)}${outcome}${rogue.rule ?? ''}`);
  terminal.print(terminal.paint('dim', `     ${rogue.title}: ${rogue.reason}`));
}

/** One refusal in full: who, what, in which state, by which rule, and what was done. */
function showOneFault(rogues: readonly RogueOutcome[], name: string, terminal: Terminal): void {
  const shown = rogues.find((rogue) => rogue.name === name)?.fault;
  if (shown === undefined) return;
  terminal.print(terminal.paint('dim', '\n   one refusal in full:'));
  for (const line of renderFault(shown).split('\n')) terminal.print(`   ${line}`);
}
