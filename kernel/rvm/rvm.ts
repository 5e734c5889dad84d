/**
 * The reference validation mechanism: the device as an untrusted driver sees it (Nexus, OSDI'08).
 *
 * `Rvm` has the interface of the device that it wraps. Every operation takes the same way:
 *
 *     check arguments -> still alive? -> ask the monitor -> touch the device -> ask about the answer -> deliver
 *
 * Invariants:
 *  - complete mediation: nothing reaches the device but through a monitor's verdict, save the specification's own resets;
 *  - what was checked is what is used: arguments are primitive numbers or private copies before the monitor sees them;
 *  - after a violation `dying` is set first of all, and no later operation of this driver reaches the device. One thread
 *    runs driver and RVM, so "if dying, skip" is atomic;
 *  - an operation that was cut in half (a driver can exhaust the stack anywhere, also inside this file or the monitor)
 *    leaves `busy` set, and the next operation finds it: fail closed.
 *
 * It does not bound the driver's time and does not isolate it; that is the IPD's work. An allowed register access allocates nothing.
 */
import { ALLOWED, GRANT_COMMANDS, describeStates, registerAt } from '../../dsslang/runtime.ts';
import type { Monitor, MonitorInfo, Space, Verdict, Width } from '../../dsslang/runtime.ts';
import type { Device, DmaPurpose } from '../abi.ts';
import { isDeviceError } from '../device-error.ts';
import type { Accusation, Blame, Fault, Operation, ResetOutcome } from '../fault.ts';
import { checkInteger, checkMemory, checkRegister, poolNamed, purposeFlags, valueMax } from './arguments.ts';
import { CommandMemory } from './command-memory.ts';
import { DmaTable, fillMemory } from './dma.ts';
import { InterruptLine } from './interrupt.ts';
import type { Granted, RvmOptions } from './options.ts';
import { DriverStopped, OperationDenied, quiesce, ruleOf } from './violation.ts';

export class Rvm implements Device {
  readonly info: MonitorInfo;
  readonly #options: RvmOptions;
  readonly #device: Device;
  readonly #monitor: Monitor;
  readonly #dma: DmaTable;
  readonly #line: InterruptLine;
  readonly #commands: CommandMemory;
  #handler: ((level: 0 | 1) => void) | undefined;
  #fault: Fault | undefined;
  #dying = false;
  /** Ended in good order, by `stop`. */
  #stopped = false;
  #busy = false;
  #operations = 0;
  #lastUs = 0;

  constructor(options: RvmOptions) {
    this.#options = options;
    this.#device = options.device;
    this.#dma = new DmaTable(options.dma);
    this.#commands = new CommandMemory(this.#device, this.#dma, () => this.#time());
    this.#monitor = options.monitor.createMonitor(this.#commands);
    this.info = this.#monitor.info;
    this.#line = new InterruptLine(this.info.interrupt, {
      raise: () => this.#raise(),
      check: () => this.#checkInterrupt(),
      deliver: () => this.#deliver(),
      now: () => this.#time(),
      later: (action) => (options.later ?? queueMicrotask)(() => this.#quietly(action)),
    });
    this.#device.onInterrupt((level) => this.#quietly(() => this.#line.edge(level)));
  }

  /** Why the driver was condemned, with the outcome of the reset; undefined while it is in good standing. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  /** Operations mediated so far. */
  get operations(): number {
    return this.#operations;
  }

  /** @throws TypeError, RangeError for nonsense; OperationDenied; DriverStopped */
  read(space: Space, offset: number, width: Width): number {
    checkRegister(space, offset, width);
    this.#begin();
    try {
      const value = this.#vettedRead(space, offset, width);
      this.#busy = false;
      return value;
    } catch (error) {
      throw this.#cutShort(error);
    }
  }

  /** @throws TypeError, RangeError for nonsense; OperationDenied; DriverStopped */
  write(space: Space, offset: number, width: Width, value: number): void {
    checkRegister(space, offset, width);
    checkInteger(value, valueMax(width) + 1, 'value');
    this.#begin();
    try {
      const verdict = this.#monitor.write(space, offset, width, value, 0, this.#lastUs);
      this.#commands.forget();
      if (verdict !== ALLOWED)
        this.#refuse(verdict, this.#registerOperation('write', space, offset, width, value), 'driver');
      this.#device.write(space, offset, width, value);
      this.#busy = false;
    } catch (error) {
      throw this.#cutShort(error);
    }
  }

  /** Copies from the driver's own DMA memory. @throws RangeError outside its regions; DriverStopped */
  readMemory(address: number, into: Uint8Array): void {
    checkMemory(address, into);
    this.#region(address, into.length);
    this.#begin();
    try {
      this.#device.readMemory(address, into);
      this.#busy = false;
    } catch (error) {
      throw this.#cutShort(error);
    }
  }

  /**
   * Copies into the driver's own DMA memory. `from` must be private to the caller: it is checked and used, not copied.
   * @throws RangeError outside its regions; OperationDenied; DriverStopped
   */
  writeMemory(address: number, from: Uint8Array): void {
    checkMemory(address, from);
    const vetted = (this.#region(address, from.length).purposes & GRANT_COMMANDS) !== 0 && from.length > 0;
    this.#begin();
    try {
      const isAllowed = vetted && this.#vetStore(address, from);
      this.#device.writeMemory(address, from);
      if (isAllowed) this.#commands.noteStore(address, from);
      this.#busy = false;
    } catch (error) {
      throw this.#cutShort(error);
    }
  }

  /**
   * Grants zeroed, page-aligned DMA memory of exactly `sizeBytes` (of a pool: filled with its word); refused: nothing is kept.
   * @throws TypeError, RangeError for nonsense; DmaExhausted; OperationDenied; DriverStopped
   */
  allocate(sizeBytes: number, purpose: DmaPurpose, poolName?: string): Granted {
    checkInteger(sizeBytes, 2 ** 32, 'sizeBytes');
    if (sizeBytes === 0) throw new RangeError('sizeBytes must be at least 1');
    const pool = poolNamed(poolName, this.info.pools);
    const purposes = purposeFlags(purpose, pool);
    const address = this.#dma.place(sizeBytes);
    this.#begin();
    try {
      const verdict = this.#monitor.grant(address, sizeBytes, purposes);
      if (verdict !== ALLOWED) {
        const fatal = this.#refuse(verdict, { kind: 'grant', address, length: sizeBytes, purpose }, 'driver');
        // `log` cannot help here: a monitor that does not know the grant would refuse each use of it.
        if (!fatal) throw this.#denied(verdict);
      }
      this.#commands.forget();
      fillMemory(this.#device, address, sizeBytes, pool?.filled ?? 0);
      this.#dma.keep({ address, sizeBytes, purposes });
      this.#options.onDmaUsed?.(this.#dma.usedBytes);
      const granted: Granted = { address, sizeBytes, purpose };
      this.#options.onGrant?.(granted);
      this.#busy = false;
      return granted;
    } catch (error) {
      throw this.#cutShort(error);
    }
  }

  /** The driver's interrupt handler, called with 1 for each delivered interrupt. Unused with `scheduleInterrupt`. */
  onInterrupt(handler: (level: 0 | 1) => void): void {
    this.#handler = handler;
  }

  now(): number {
    return this.#device.now();
  }

  detach(): void {
    this.stop();
    this.#device.detach();
  }

  /** The scheduled interrupt entry begins: the driver's time to acknowledge counts from here. */
  interruptEntered(): void {
    this.#quietly(() => this.#line.entryBegins());
  }

  /** The scheduled interrupt entry has returned. Never throws: a denial condemns the driver, see `fault`. */
  interruptReturned(): void {
    this.#quietly(() => this.#line.entryReturned());
  }

  /** Some entry has returned: an operation that it left cut in half is noticed. Never throws. */
  poll(): void {
    if (this.#dying && !this.#stopped && this.#fault === undefined) {
      // The stack ran out while the driver was being condemned; here it is shallow again.
      this.condemn({ kind: 'crashed', entry: undefined, message: 'the driver exhausted the stack', blame: 'driver' });
    }
    this.#quietly(() => {
      if (this.#busy) this.#tear('the driver left an operation unfinished');
    });
  }

  /** Stops the driver for a reason found outside the RVM: the device is reset, memory reclaimed. The first fault stays. */
  condemn(accusation: Accusation): Fault {
    if (this.#fault !== undefined) return this.#fault;
    this.#dying = true;
    const who = { ipd: this.#options.ipd, driver: this.#options.driver, operation: this.#operations };
    const states = describeStates(this.#monitor);
    const fault: Fault = { ...who, states, reset: { done: 'pending' }, ...accusation };
    this.#fault = fault;
    this.#options.onFault?.(fault);
    const reset = this.#reset(accusation);
    this.#fault = { ...fault, reset };
    this.#options.onReset?.(reset);
    return this.#fault;
  }

  /** Orderly end: the device is reset, memory reclaimed, every later operation refused. Idempotent. */
  stop(): ResetOutcome {
    if (this.#dying) return this.#fault?.reset ?? { done: 'reset' };
    this.#dying = true;
    this.#stopped = true;
    return this.#quiesce();
  }

  // -------------------------------------------------------------------------------------------------------------------

  #begin(): void {
    if (this.#dying || (this.#options.killed !== undefined && this.#options.killed())) throw new DriverStopped();
    if (this.#busy) this.#tear('an operation of the driver was cut short');
    this.#busy = true;
    this.#operations += 1;
    this.#commands.begin();
    if (this.#time() > this.#line.deadlineUs) {
      try {
        this.#line.expire();
      } catch (error) {
        throw this.#cutShort(error);
      }
    }
  }

  /** Device time in whole microseconds; it never runs backwards. */
  #time(): number {
    const now = Math.floor(this.#device.now());
    if (now > this.#lastUs) this.#lastUs = now;
    return this.#lastUs;
  }

  #vettedRead(space: Space, offset: number, width: Width): number {
    const before = this.#monitor.read(space, offset, width, this.#lastUs);
    if (before !== ALLOWED)
      this.#refuse(before, this.#registerOperation('read', space, offset, width, undefined), 'driver');
    this.#commands.forget();
    const value = (this.#device.read(space, offset, width) & valueMax(width)) >>> 0;
    const after = this.#monitor.report(space, offset, width, value, 0, this.#time());
    if (after !== ALLOWED)
      this.#refuse(after, this.#registerOperation('report', space, offset, width, value), 'device');
    return value;
  }

  /** Asks before a store into command memory. False: a rule refused it and only took note, so the bytes may be the device's. */
  #vetStore(address: number, from: Uint8Array): boolean {
    const verdict = this.#commands.judgeStore(this.#monitor, address, from, this.#lastUs);
    if (verdict === ALLOWED) return true;
    this.#commands.forget();
    return this.#refuse(verdict, { kind: 'store', address, length: from.length }, 'driver');
  }

  #region(address: number, length: number): { readonly purposes: number } {
    const region = this.#dma.find(address, length);
    if (region !== undefined) return region;
    throw new RangeError(`${length} bytes at 0x${address.toString(16)} are not inside one DMA region of this driver`);
  }

  #raise(): boolean {
    this.#commands.forget();
    const verdict = this.#monitor.interrupt(this.#time());
    if (verdict === ALLOWED) return true;
    try {
      this.#refuse(verdict, { kind: 'interrupt' }, 'device');
      return true;
    } catch {
      return false;
    }
  }

  #checkInterrupt(): void {
    this.#commands.forget();
    const verdict = this.#monitor.check(this.#lastUs);
    if (verdict === ALLOWED) return;
    const rule = ruleOf(this.info, verdict);
    // There is no operation to refuse here, so `deny` and `clamp` cannot mean anything milder than `fault`.
    if (rule.action === 'log') return this.#note({ kind: 'check' }, rule.reason);
    this.condemn({ kind: 'violation', refused: { kind: 'check' }, rule, blame: 'driver' });
    throw new DriverStopped();
  }

  #deliver(): 'done' | 'scheduled' {
    if (this.#options.scheduleInterrupt !== undefined) {
      this.#options.scheduleInterrupt();
      return 'scheduled';
    }
    try {
      this.#handler?.(1);
    } catch (error) {
      const message = error instanceof Error ? error.message : 'not an Error';
      this.condemn({ kind: 'crashed', entry: 'interrupt', message, blame: 'driver' });
    }
    return 'done';
  }

  /**
   * A monitor said no. Returns only for the action `log`, with false; otherwise throws.
   * `clamp` is treated as `deny`: a monitor has no way yet to say to what.
   */
  #refuse(verdict: Verdict, operation: Operation, blame: Blame): false {
    const rule = ruleOf(this.info, verdict);
    if (rule.action !== 'fault') {
      this.#note(operation, rule.reason);
      if (rule.action === 'log') return false;
      throw this.#denied(verdict);
    }
    this.condemn({ kind: 'violation', refused: operation, rule, blame });
    throw this.#denied(verdict);
  }

  #denied(verdict: Verdict): OperationDenied {
    return new OperationDenied(ruleOf(this.info, verdict).reason);
  }

  #note(operation: Operation, reason: string): void {
    this.#options.onRefused?.(`refused: operation ${this.#operations}, ${operation.kind}: ${reason}`);
  }

  #registerOperation(
    kind: 'read' | 'report' | 'write',
    space: Space,
    offset: number,
    width: Width,
    value: number | undefined,
  ): Operation {
    return { kind, register: registerAt(this.info, space, offset), space, offset, width, value };
  }

  /** An operation ended by an exception. Refusals are expected; all else condemns: the device failed or we were torn. */
  #cutShort(error: unknown): unknown {
    if (error instanceof OperationDenied || error instanceof DriverStopped) {
      this.#busy = false;
      return error;
    }
    if (isDeviceError(error)) {
      this.#busy = false;
      this.condemn({ kind: 'device-failed', code: error.code, message: error.message, blame: 'device' });
      return error;
    }
    this.#tear(`an operation was cut short: ${error instanceof Error ? error.message : 'unknown'}`);
  }

  /** `busy` stays set: nothing in this thread may use the device again, so the kernel resets it from its own. */
  #tear(message: string): never {
    this.condemn({ kind: 'crashed', entry: undefined, message, blame: 'driver' });
    throw new DriverStopped();
  }

  #quietly(action: () => void): void {
    if (this.#dying) return;
    try {
      action();
    } catch (error) {
      if (this.#dying) return;
      const message = `end of an entry failed: ${error instanceof Error ? error.message : 'unknown'}`;
      if (isDeviceError(error)) this.condemn({ kind: 'device-failed', code: error.code, message, blame: 'device' });
      else this.condemn({ kind: 'crashed', entry: undefined, message, blame: 'driver' });
    }
  }

  #reset(accusation: Accusation): ResetOutcome {
    if (accusation.kind === 'device-failed') return { done: 'impossible', reason: accusation.message };
    if (accusation.kind === 'crashed' && this.#busy) {
      return { done: 'failed', reason: 'this hold on the device was left in the middle of an operation' };
    }
    return this.#quiesce();
  }

  #quiesce(): ResetOutcome {
    this.#line.silence();
    this.#commands.forget();
    const outcome = quiesce(this.#device, this.info, () => this.#dma.reclaim(this.#device));
    this.#monitor.reset();
    return outcome;
  }
}
