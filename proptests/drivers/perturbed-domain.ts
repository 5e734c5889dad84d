/**
 * One run of the perturbation campaign in a real domain on QEMU's device: kernel, thread, compartment, RVM and all.
 *
 * Checked as on the model, as far as a real device lets one look: canaries around every grant for what the device wrote, its
 * wire for what it read. The same device serves all runs, so that each must leave it in order for the next.
 */
import { readFileSync } from 'node:fs';
import type { DeviceEntry } from '../../drivers/device-entry.ts';
import { inPackage } from '../../drivers/devices.ts';
import type { DriverMessage, ExitReport, Ipd, Kernel, OpenBacking } from '../../kernel/index.ts';
import { Random } from '../dsslang/random.ts';
import { deadCanary, paintCanaries } from './canaries.ts';
import { isLate } from './late.ts';
import { rateOf, type RunReport } from './perturbed-run.ts';
import type { Perturbation } from './perturbing.driver.ts';

/** A device of QEMU that was started once for many runs. */
export interface LiveSubject {
  readonly kernel: Kernel;
  readonly device: DeviceEntry;
  readonly open: OpenBacking;
  readonly monitorModule: string;
  /** Operations of an unperturbed exercise. */
  readonly operations: number;
}

const PERTURBING_PROGRAM = 'dist/proptests/drivers/perturbing.driver.program.js';
const STEP_MS = 4;
const PERTURBED_MS = 500;
/** QEMU's network card holds frames back for a second after its receiver is switched on. */
const FRESH_MS = 15_000;

function perturbingProgram(device: DeviceEntry, seed: number, operations: number): string {
  const driver = readFileSync(inPackage(device.program), 'utf8');
  const perturbation: Perturbation = { driver, seed, rate: rateOf(new Random(seed), operations) };
  return `const perturbation = ${JSON.stringify(perturbation)};\n${readFileSync(inPackage(PERTURBING_PROGRAM), 'utf8')}`;
}

/** Has the driver do the device's exercise. @returns whether it was done in time */
async function exercise({ device, open }: LiveSubject, ipd: Ipd, patienceMs: number): Promise<boolean> {
  const messages: DriverMessage[] = [];
  ipd.onMessage((message) => messages.push(message));
  const send = (message: DriverMessage): void => {
    if (ipd.fault === undefined && ipd.state === 'running') ipd.send(message);
  };
  const step = device.exercise({ ends: open, messages, send });
  const giveUpAt = performance.now() + patienceMs;
  while (performance.now() < giveUpAt && ipd.state === 'running') {
    if (step() === 'done') return true;
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  return false;
}

/** The same seed perturbs the same operations; what the device answers, and when, is its own affair. */
export async function perturbedDomain(subject: LiveSubject, seed: number): Promise<RunReport> {
  const { kernel, device, open, monitorModule, operations } = subject;
  paintCanaries(open);
  const program = perturbingProgram(device, seed, operations);
  const ipd = await kernel.spawn({ name: `perturbed ${device.name}`, program, monitorModule, backing: open });
  await exercise(subject, ipd, PERTURBED_MS);
  void ipd.stop();
  const end = await ipd.exited;
  const broken = problemOf(end) ?? deadCanary(open, ipd.grants);
  const { problem, late } = broken === undefined ? await freshDriver(subject) : { problem: broken, late: false };
  return {
    end: end.fault === undefined ? 'lived' : end.fault.kind === 'violation' ? 'violation' : 'crashed',
    perturbed: 0,
    operations: end.fault?.operation ?? 0,
    touches: 0,
    problem,
    late,
  };
}

function problemOf({ fault, reset }: ExitReport): string | undefined {
  if (reset.done !== 'reset') return `not reset: ${JSON.stringify(reset)}`;
  if (fault?.kind === 'device-failed') return fault.message;
  return undefined;
}

async function freshDriver(
  subject: LiveSubject,
): Promise<{ readonly problem: string | undefined; readonly late: boolean }> {
  const { kernel, device, open, monitorModule } = subject;
  const program = readFileSync(inPackage(device.program), 'utf8');
  const ipd = await kernel.spawn({ name: `fresh ${device.name}`, program, monitorModule, backing: open });
  const done = await exercise(subject, ipd, FRESH_MS);
  await ipd.stop();
  if (ipd.fault !== undefined) {
    const why = ipd.fault.kind === 'violation' ? ipd.fault.rule.reason : ipd.fault.kind;
    return { problem: `a fresh driver was faulted: ${why}`, late: isLate(ipd.fault) };
  }
  return done
    ? { problem: undefined, late: false }
    : { problem: 'a fresh driver could not do its exercise', late: true };
}
