/**
 * What the demo, `refmon run`, the tests and the campaigns know of a device: one entry, made in the device's own folder.
 *
 * An entry brings together what each device has: a specification, an honest driver, rogue ones, an in-process model, QEMU's
 * model, and some work whose result can be checked from outside. It holds no logic of its own.
 */
import type { Backing, Fault, Ipd, OpenBacking } from '../kernel/index.ts';
import type { ModelDefinition } from './backing/model/device-model.ts';
import type { Exercise } from './class/exercise.ts';
import type { RogueDriver } from './rogue/rogue-driver.ts';

export type BackingName = 'qemu' | 'model';
export type DeviceClass = 'network' | 'audio' | 'block' | 'input';

/** What the honest driver did, after every part of it was compared with what is on the far side of the device. */
export interface WorkResult {
  /** One line for people: `52:54:00:12:34:56 is up; 100 frames out, 100 in, each compared byte by byte`. */
  readonly summary: string;
  /** The same as numbers and names, for tools. */
  readonly counts: Readonly<Record<string, number | string>>;
  readonly milliseconds: number;
}

/** The device did not do what its driver said, or the driver did not do its work. */
export class WorkError extends Error {
  readonly code = 'WORK_FAILED';
  readonly fault: Fault | undefined;
  constructor(message: string, fault: Fault | undefined) {
    super(message);
    this.name = 'WorkError';
    this.fault = fault;
  }
}

export interface DeviceEntry {
  readonly name: string;
  readonly title: string;
  readonly classes: readonly DeviceClass[];
  /** From the package's root, as rules name it. */
  readonly specification: string;
  /** The line of the specification that the demo shows four lines from, and what they are about. */
  readonly excerpt: { readonly from: string; readonly title: string };
  /** The compiled driver program, from the package's root. */
  readonly program: string;
  readonly model: ModelDefinition;
  readonly backings: Readonly<Record<BackingName, () => Backing>>;
  /** The device's own; those that attack the kernel run on every device besides. */
  readonly rogues: readonly RogueDriver[];
  /** The rogue whose refusal the demo shows in full. */
  readonly shownRogue: string;
  /**
   * Has a driver that was just spawned do its work, and compares the results. The driver runs on afterwards.
   * @throws WorkError
   */
  work(ipd: Ipd, backing: OpenBacking): Promise<WorkResult>;
  /** A little of that work for campaigns, in virtual time. */
  readonly exercise: Exercise;
  /** A fresh value for the option `model` of an in-process device: its medium, if it has one. */
  readonly modelOptions?: () => unknown;
}
