/**
 * An isolated protection domain, as its user holds it: one untrusted driver on one device.
 *
 * The kernel's thread is authoritative. Whatever the driver's thread does or says, `exited` resolves: after the thread is
 * gone, the device has been reset (by the RVM in that thread, or else from here), and DMA memory has been zeroed.
 */
import type { DriverMessage } from './abi.ts';
import { KernelError } from './errors.ts';
import type { Accusation, Fault, ResetOutcome } from './fault.ts';
import type { FromIpd } from './ipd-messages.ts';
import type { DomainThread, ThreadEnd } from './ipd-thread.ts';
import { EARLY_MESSAGES_MAX, LOG_LINES_MAX } from './limits.ts';
import { copyMessage } from './plain-data.ts';
import type { Granted } from './rvm/options.ts';

export type IpdState = 'running' | 'faulted' | 'stopped';

/** How an IPD ended. */
export interface ExitReport {
  readonly state: 'faulted' | 'stopped';
  readonly fault: Fault | undefined;
  readonly reset: ResetOutcome;
}

/** What an IPD needs from the kernel. */
export interface IpdParts {
  readonly id: number;
  readonly name: string;
  readonly programHash: string;
  readonly thread: DomainThread;
  /** Longest time for the driver's thread to reset the device. */
  readonly resetMs: number;
  /** Resets the device from the kernel's own thread. The IPD's thread is gone. */
  readonly resetHere: () => ResetOutcome;
  /** Ends the hold on the device of a thread that may have been terminated in the middle of an access. */
  readonly takeBack: () => void;
  /** The device is free again. */
  readonly onExit: () => void;
}

export class Ipd {
  readonly id: number;
  readonly name: string;
  /** SHA-256 of the program's text, hexadecimal: who this driver is, whatever it calls itself. */
  readonly programHash: string;
  /** Resolves when everything is over; never rejects. */
  readonly exited: Promise<ExitReport>;
  /** Resolves when the driver's `init` has returned, or with `exited`. */
  readonly started: Promise<void>;
  readonly #parts: IpdParts;
  readonly #log: string[] = [];
  readonly #grants: Granted[] = [];
  readonly #listeners: ((message: DriverMessage) => void)[] = [];
  /** Said, and not heard by anybody yet. */
  readonly #early: DriverMessage[] = [];
  #state: IpdState = 'running';
  #startFailure: string | undefined;
  #fault: Fault | undefined;
  #ending = false;
  #stopping = false;
  #grace: NodeJS.Timeout | undefined;
  #resolveExited: (report: ExitReport) => void = () => undefined;
  #resolveStarted: () => void = () => undefined;

  /** Only the kernel makes IPDs: `Kernel.spawn`. */
  constructor(parts: IpdParts) {
    this.id = parts.id;
    this.name = parts.name;
    this.programHash = parts.programHash;
    this.#parts = parts;
    this.exited = new Promise((resolve) => (this.#resolveExited = resolve));
    this.started = new Promise((resolve) => (this.#resolveStarted = resolve));
  }

  get state(): IpdState {
    return this.#state;
  }

  /** Why it was stopped; undefined while it is in good standing. Its `reset` is final once `exited` has resolved. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  /** Why the trusted part of the domain could not begin; undefined if it did. */
  get startFailure(): string | undefined {
    return this.#startFailure;
  }

  /** The DMA memory that the driver was granted, in order; what a killed thread got in its last moments may be missing. */
  get grants(): readonly Granted[] {
    return this.#grants;
  }

  /** What the driver logged and what was refused to it without a fault; the newest lines. */
  get log(): readonly string[] {
    return this.#log;
  }

  /**
   * Enters the driver's `message`.
   * @throws TypeError, RangeError for anything but plain data; KernelError `IPD_STOPPED`
   */
  send(message: DriverMessage): void {
    const copy = copyMessage(message);
    if (this.#ending || this.#stopping)
      throw new KernelError('IPD_STOPPED', `ipd ${this.id} (${this.name}) does not run any more`);
    this.#parts.thread.post({ type: 'message', message: copy });
  }

  /**
   * Calls `listener` with each message of the driver. The first listener also hears, soon, what the driver said before there
   * was any: at the most `EARLY_MESSAGES_MAX` messages. A listener that throws is its owner's uncaught exception.
   */
  onMessage(listener: (message: DriverMessage) => void): void {
    this.#listeners.push(listener);
    if (this.#listeners.length === 1 && this.#early.length > 0) queueMicrotask(() => this.#deliverEarly());
  }

  /** Orderly end: the device reset, memory reclaimed. Resolves when it is over, also if the driver faults meanwhile. */
  async stop(): Promise<void> {
    if (!this.#stopping && !this.#ending && this.#fault === undefined) {
      this.#stopping = true;
      this.#parts.thread.post({ type: 'stop' });
      this.#waitAtMost(this.#parts.thread.limits.entryMs + this.#parts.resetMs);
    }
    await this.exited;
  }

  /** A word from the driver's thread. */
  hear(message: FromIpd): void {
    // Promises made to a user end with the domain: a word that was still under way is not delivered after it.
    if (this.#state !== 'running') return;
    switch (message.type) {
      case 'ready':
        return this.#resolveStarted();
      case 'message':
        if (this.#fault !== undefined) return;
        if (this.#listeners.length === 0 && this.#early.length === EARLY_MESSAGES_MAX) return;
        this.#early.push(message.message);
        if (this.#listeners.length > 0) this.#deliverEarly();
        return;
      case 'log':
        this.#log.push(message.text);
        if (this.#log.length > LOG_LINES_MAX) this.#log.shift();
        return;
      case 'granted':
        this.#grants.push(message.granted);
        return;
      case 'fault':
        this.#fault ??= message.fault;
        this.#parts.thread.control.kill();
        // The RVM resets the device there; if it does not come to an end, the kernel does it here.
        return this.#waitAtMost(this.#parts.resetMs);
      case 'reset':
      case 'stopped':
        return void this.#end(message.outcome);
      case 'no-device':
        return this.condemn(message.accusation);
      case 'no-start':
        // Nothing of the driver has run yet, so there is nobody to fault.
        this.#startFailure = message.reason;
        return void this.#end({ done: 'pending' });
    }
  }

  /** The thread ended by itself. */
  heardEnd(end: ThreadEnd): void {
    if (this.#startFailure !== undefined) return;
    this.condemn(
      end.outOfMemory
        ? { kind: 'out-of-memory', what: 'heap', limitBytes: this.#parts.thread.limits.heapBytes, blame: 'driver' }
        : { kind: 'crashed', entry: this.#parts.thread.control.entryName, message: end.message, blame: 'driver' },
    );
  }

  /** Stops the driver for what was found out here. The first fault stays. */
  condemn(accusation: Accusation): void {
    const gone = accusation.kind === 'device-failed';
    const resetGoesOn = this.#fault !== undefined && this.#grace !== undefined;
    if (this.#ending || (resetGoesOn && !gone)) return;
    this.#fault ??= {
      ipd: this.id,
      driver: this.name,
      operation: undefined,
      states: undefined,
      reset: { done: 'pending' },
      ...accusation,
    };
    void this.#end(gone ? { done: 'impossible', reason: accusation.message } : { done: 'pending' });
  }

  /** In the order in which the driver said it. */
  #deliverEarly(): void {
    for (let message = this.#early.shift(); message !== undefined; message = this.#early.shift()) {
      for (const listener of this.#listeners) listener(message);
    }
  }

  #waitAtMost(ms: number): void {
    clearTimeout(this.#grace);
    this.#grace = setTimeout(() => {
      const { control, limits } = this.#parts.thread;
      this.#grace = undefined;
      this.condemn({ kind: 'unresponsive', entry: control.entryName, limitMs: limits.entryMs, blame: 'driver' });
    }, ms);
  }

  /** The one way out. `reset` is what the driver's thread achieved. */
  async #end(reset: ResetOutcome): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    clearTimeout(this.#grace);
    const gone = await this.#parts.thread.terminate();
    const here = reset.done === 'pending' || reset.done === 'failed' ? this.#parts.resetHere() : reset;
    if (gone && here.done === 'impossible') this.#parts.takeBack();
    const outcome: ResetOutcome =
      gone || here.done !== 'reset'
        ? here
        : { done: 'failed', reason: 'the device was reset, but its driver’s thread would not end' };
    if (this.#fault !== undefined) this.#fault = { ...this.#fault, reset: outcome };
    const state = this.#fault === undefined ? 'stopped' : 'faulted';
    this.#state = state;
    this.#parts.onExit();
    this.#resolveStarted();
    this.#resolveExited({ state, fault: this.#fault, reset: outcome });
  }
}
