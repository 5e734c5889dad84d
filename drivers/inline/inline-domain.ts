/**
 * A driver behind its real RVM and monitor, on the caller's own thread: in virtual time on a model, and, for recording, on
 * any device in real time, where the caller lets time pass and calls `poll`.
 *
 * What is missing of an IPD is its walls: there is no compartment, no limit on memory, and an endless loop without `io` is
 * one. So programs here are our own, and `proptests` may do to their operations what it likes (`mediate`). The order of events
 * is the kernel's: interrupts go first, one entry at a time, and what is left unfinished after an entry condemns the driver.
 */
import type { MonitorModule } from '../../dsslang/runtime.ts';
import {
  createDriverIo,
  Rvm,
  type DriverEntries,
  type DriverMessage,
  type DriverProgram,
  type EntryName,
  type Fault,
  type Granted,
  type MediatedDevice,
  type ResetOutcome,
} from '../../kernel/index.ts';
import type { PacedDevice } from './paced-device.ts';

/** Events without time passing: more is a storm, which the monitor's rate must have ended long before. */
const EVENTS_AT_ONCE_MAX = 100_000;

export interface InlineDomainOptions {
  readonly device: PacedDevice;
  readonly program: DriverProgram;
  readonly monitor: MonitorModule;
  readonly name?: string;
  /** Stands between the driver and its RVM. */
  readonly mediate?: (rvm: Rvm) => MediatedDevice;
}

export class InlineDomain {
  readonly device: PacedDevice;
  readonly messages: DriverMessage[] = [];
  readonly log: string[] = [];
  readonly grants: Granted[] = [];
  readonly #rvm: Rvm;
  readonly #waiting: { readonly name: EntryName; readonly run: () => void }[] = [];
  readonly #later: (() => void)[] = [];
  #timerAtUs = Infinity;
  #entries: DriverEntries | undefined;

  constructor(options: InlineDomainOptions) {
    this.device = options.device;
    this.#rvm = new Rvm({
      device: options.device,
      monitor: options.monitor,
      dma: options.device.dma,
      ipd: 1,
      driver: options.name ?? 'driver',
      scheduleInterrupt: () =>
        void this.#waiting.unshift({
          name: 'interrupt',
          run: () => {
            this.#rvm.interruptEntered();
            this.#entries?.interrupt?.();
          },
        }),
      later: (action) => void this.#later.push(action),
      onGrant: (granted) => void this.grants.push(granted),
      onRefused: (text) => void this.log.push(text),
    });
    const io = createDriverIo({
      rvm: options.mediate?.(this.#rvm) ?? this.#rvm,
      harden: (value) => value,
      setTimer: (delayUs) => {
        this.#timerAtUs = this.device.now() + delayUs;
      },
      post: (posted) => {
        if (posted.type === 'message') this.messages.push(posted.message);
        else this.log.push(posted.text);
        return true;
      },
    });
    this.#waiting.push({ name: 'load', run: () => (this.#entries = options.program(io)) });
    this.#waiting.push({ name: 'init', run: () => this.#entries?.init() });
    this.#settle();
  }

  get fault(): Fault | undefined {
    return this.#rvm.fault;
  }

  get operations(): number {
    return this.#rvm.operations;
  }

  send(message: DriverMessage): void {
    this.#waiting.push({ name: 'message', run: () => this.#entries?.message?.(message) });
    this.#settle();
  }

  /** Lets time pass: timers and the device's own events come in order. Time goes on when the driver is gone. */
  wait(us: number): void {
    const endUs = this.device.now() + us;
    this.#settle();
    for (let events = 0; this.device.now() < endUs; events += 1) {
      const dueUs = Math.min(this.#timerAtUs, this.device.nextDeadlineUs());
      this.device.waitUntil(Math.min(endUs, events < EVENTS_AT_ONCE_MAX ? dueUs : endUs));
      this.poll();
    }
  }

  /** Runs what is due now: interrupts that have been heard of, and the driver's timer. */
  poll(): void {
    if (this.device.isRealTime) for (const action of this.#later.splice(0)) action();
    if (this.#timerAtUs <= this.device.now()) {
      this.#timerAtUs = Infinity;
      this.#waiting.push({ name: 'timer', run: () => this.#entries?.timer?.() });
    }
    this.#settle();
  }

  /** The orderly end, as `Ipd.stop`. */
  stop(): ResetOutcome {
    this.#waiting.length = 0;
    return this.#rvm.stop();
  }

  /** Runs entries until nothing is left to do at this moment. */
  #settle(): void {
    for (let events = 0; events < EVENTS_AT_ONCE_MAX; events += 1) {
      if (this.device.tellInterrupt()) continue;
      const action = this.device.isRealTime ? undefined : this.#later.shift();
      if (action !== undefined) {
        action();
        continue;
      }
      if (this.fault !== undefined) this.#waiting.length = 0;
      const entry = this.#waiting.shift();
      if (entry === undefined) return;
      this.#enter(entry.name, entry.run);
    }
    this.#rvm.condemn({ kind: 'unresponsive', entry: undefined, limitMs: 0, blame: 'driver' });
  }

  #enter(name: EntryName, run: () => void): void {
    try {
      run();
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : 'not an Error';
      this.#rvm.condemn({ kind: 'crashed', entry: name, message, blame: 'driver' });
    }
    if (name === 'interrupt') this.#rvm.interruptReturned();
    this.#rvm.poll();
  }
}
