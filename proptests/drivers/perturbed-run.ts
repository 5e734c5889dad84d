/**
 * One run of the perturbation campaign: a driver whose operations are perturbed, then the same driver unperturbed.
 *
 * What must hold, whatever the perturbed driver does:
 *  - the device touches memory only inside what the driver was granted, in the direction it was granted for;
 *  - once the driver was stopped, for a fault or in good order, the device touches nothing at all;
 *  - neither the RVM nor the monitor fails: all that ends a driver is a rule, or the driver's own exception;
 *  - a fresh driver on the same device does its exercise.
 *
 * The oracle knows no monitor: it compares the grants that the RVM's allocator gave with the model's own record of its DMA.
 */
import type { MonitorModule } from '../../dsslang/runtime.ts';
import { DMA_DIRECTIONS, type DmaTouch } from '../../drivers/backing/model/dma-memory.ts';
import type { DeviceEntry } from '../../drivers/device-entry.ts';
import { InlineDevice, inlineBuffers, type InlineBuffers } from '../../drivers/inline/inline-device.ts';
import { InlineDomain } from '../../drivers/inline/inline-domain.ts';
import type { DriverProgram, Granted } from '../../kernel/index.ts';
import { Random } from '../dsslang/random.ts';
import { PerturbedDevice, type Rate } from './perturbation.ts';

/** A device ready to be run many times. */
export interface Subject {
  readonly device: DeviceEntry;
  readonly program: DriverProgram;
  readonly monitor: MonitorModule;
  /** Operations of an unperturbed exercise. */
  readonly operations: number;
  /** Used by one run after the other. */
  readonly buffers: InlineBuffers;
}

export interface RunReport {
  /** How the perturbed driver ended. */
  readonly end: 'violation' | 'crashed' | 'lived';
  readonly perturbed: number;
  readonly operations: number;
  /** DMA touches that were looked at. */
  readonly touches: number;
  /** What should never be; undefined if all is well. */
  readonly problem: string | undefined;
  /** The problem is only that the fresh driver took too long, in real time. */
  readonly late?: boolean;
  /** How often the case was tried again for that. */
  readonly retries?: number;
}

/** Virtual time in slices; between two of them the exercise takes its next step and the oracle looks. */
const SLICE_US = 2000;
const PERTURBED_SLICES = 60;
const AFTERMATH_SLICES = 5;
/** A fresh driver may have to wait for a device to come out of reset. */
const FRESH_SLICES = 5000;

function isGranted(touch: DmaTouch, grants: readonly Granted[]): boolean {
  return grants.some(
    ({ address, sizeBytes, purpose }) =>
      DMA_DIRECTIONS[purpose].includes(touch.direction) &&
      touch.address >= address &&
      touch.address + touch.length <= address + sizeBytes,
  );
}

/** Watches the device's own record of what it touched. */
export class Oracle {
  touches = 0;
  readonly #device: InlineDevice;
  #total = 0;

  constructor(device: InlineDevice) {
    this.#device = device;
  }

  /** The first touch since the last look that no grant allows, in words. */
  look(grants: readonly Granted[]): string | undefined {
    const { touches, missed, total } = this.#device.memory.since(this.#total);
    this.#total = total;
    this.touches += touches.length;
    if (missed > 0) return `the record of DMA is too short by ${missed} touches`;
    const foreign = touches.find((touch) => !isGranted(touch, grants));
    if (foreign === undefined) return undefined;
    const { direction, length, address } = foreign;
    const when = grants.length === 0 ? 'after it was reset' : 'outside the grants';
    return `the device ${direction === 'read' ? 'read' : 'wrote'} ${length} bytes at 0x${address.toString(16)}, ${when}`;
  }
}

const inlineDevice = (device: DeviceEntry, buffers: InlineBuffers): InlineDevice =>
  new InlineDevice(device.model, { model: device.modelOptions?.(), buffers });

/** One in three runs goes wrong once, at any operation; the others every now and then, or often. */
export function rateOf(random: Random, operations: number): Rate {
  switch (random.below(3)) {
    case 0:
      return { at: 1 + random.below(operations) };
    case 1:
      return { oneIn: Math.max(2, Math.ceil(operations / 4)) };
    default:
      return { oneIn: 2 + random.below(Math.max(1, Math.ceil(operations / 16))) };
  }
}

/** The same seed gives the same run. */
export function perturbedRun(subject: Subject, seed: number): RunReport {
  const { device, program, monitor, operations, buffers } = subject;
  const random = new Random(seed);
  const machine = inlineDevice(device, buffers);
  const oracle = new Oracle(machine);
  let perturbation: PerturbedDevice | undefined;
  const domain = new InlineDomain({
    device: machine,
    program,
    monitor,
    name: `perturbed ${device.name}`,
    mediate: (rvm) => (perturbation = new PerturbedDevice(rvm, random, rateOf(random, operations))),
  });
  const report = (problem: string | undefined): RunReport => ({
    end: domain.fault === undefined ? 'lived' : domain.fault.kind === 'violation' ? 'violation' : 'crashed',
    perturbed: perturbation?.perturbed ?? 0,
    operations: domain.operations,
    touches: oracle.touches,
    problem,
  });

  const step = device.exercise({
    ends: machine.ends,
    messages: domain.messages,
    send: (message) => domain.send(message),
  });
  for (let slice = 0; slice < PERTURBED_SLICES && domain.fault === undefined; slice += 1) {
    domain.wait(SLICE_US);
    // A fault takes the grants back in the middle of a slice; what came before was granted, what comes after must not be.
    const problem = oracle.look(domain.grants);
    if (problem !== undefined) return report(problem);
    if (step() === 'done') break;
  }
  const outcome = domain.fault?.reset ?? domain.stop();
  const broken =
    brokenKernel(domain) ?? (outcome.done === 'reset' ? undefined : `not reset: ${JSON.stringify(outcome)}`);
  if (broken !== undefined) return report(broken);

  // The memory belongs to nobody now. What the far side still sends must stay there.
  const last = oracle.look(domain.grants);
  if (last !== undefined) return report(last);
  for (let slice = 0; slice < AFTERMATH_SLICES; slice += 1) {
    step();
    domain.wait(SLICE_US);
  }
  const aftermath = oracle.look([]);
  if (aftermath !== undefined) return report(aftermath);
  machine.detach();
  return report(freshDriver(subject, machine, oracle));
}

/** @returns what is wrong with it; undefined if the exercise was done */
export function freshDriver(
  { device, program, monitor }: Subject,
  machine: InlineDevice,
  oracle: Oracle,
): string | undefined {
  const domain = new InlineDomain({ device: machine, program, monitor, name: `fresh ${device.name}` });
  const step = device.exercise({
    ends: machine.ends,
    messages: domain.messages,
    send: (message) => domain.send(message),
  });
  for (let slice = 0; slice < FRESH_SLICES && domain.fault === undefined; slice += 1) {
    domain.wait(SLICE_US);
    const problem = oracle.look(domain.grants);
    if (problem !== undefined) return `a fresh driver: ${problem}`;
    if (step() === 'done') return undefined;
  }
  if (domain.fault === undefined) return 'a fresh driver could not do its exercise';
  return `a fresh driver was faulted: ${describeFault(domain)}`;
}

/** Exceptions of the RVM or the monitor themselves, which the RVM reports as an operation cut short. */
export function brokenKernel({ fault }: InlineDomain): string | undefined {
  if (fault?.kind !== 'crashed') return undefined;
  return /cut short|end of an entry failed|unfinished/.test(fault.message) ? fault.message : undefined;
}

function describeFault({ fault }: InlineDomain): string {
  if (fault?.kind === 'violation') return fault.rule.reason;
  return fault?.kind === 'crashed' ? fault.message : (fault?.kind ?? 'no fault');
}

/**
 * Runs the exercise once without any perturbation, and counts its operations.
 * @throws Error if it cannot be done
 */
export function prepareSubject(device: DeviceEntry, program: DriverProgram, monitor: MonitorModule): Subject {
  const buffers = inlineBuffers();
  const machine = inlineDevice(device, buffers);
  const domain = new InlineDomain({ device: machine, program, monitor, name: device.name });
  const step = device.exercise({
    ends: machine.ends,
    messages: domain.messages,
    send: (message) => domain.send(message),
  });
  for (let slice = 0; slice < FRESH_SLICES && domain.fault === undefined; slice += 1) {
    domain.wait(SLICE_US);
    if (step() === 'done') return { device, program, monitor, operations: domain.operations, buffers };
  }
  throw new Error(`${device.name}: the unperturbed driver does not do its exercise: ${describeFault(domain)}`);
}
