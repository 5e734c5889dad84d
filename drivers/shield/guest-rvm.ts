/**
 * The reference validation mechanism for a guest: the same monitor as for a driver of our own, with other hands.
 *
 * What differs from `kernel/rvm/rvm.ts`: the driver is a whole operating system, so its memory is granted as one piece and
 * its stores are not seen as they are made (hence the shadow); nobody calls it, so nobody knows when it has dealt with an interrupt; and it
 * cannot be killed. A refusal is therefore never a dropped write, which stalls Linux for good: the device is reset by the
 * specification's own sequence and then *withdrawn*, as if it had been pulled out of its slot. Reads give all ones, writes
 * go nowhere, it does not interrupt. The guest gets it back, reset and before a monitor in its first state, by what a
 * driver does when it lets go of a device: it turns bus mastering off.
 *
 * Invariants: no access reaches the device without a verdict, save the platform's own (decoding stays on, BARs stay put)
 * and the specification's resets; after a violation nothing of the guest reaches the device until it is given back.
 */
import { ALLOWED, CONFIG_SPACE, describeStates, everyPurpose, registerAt } from '../../dsslang/index.ts';
import type { Monitor, MonitorInfo, Program, Rule, Space, Verdict } from '../../dsslang/index.ts';
import { runSteps, type Device, type Fault, type Operation, type ResetOutcome } from '../../kernel/index.ts';
import type { MonitorModule } from '../../dsslang/index.ts';
import { createReadParts } from '../register-parts.ts';
import { COMMAND, COMMAND_DECODE, COMMAND_MASTER } from './config-space.ts';
import { pointerAt, type PointerRegister } from './pointers.ts';
import { KeptDemands, type PollDemand } from './poll-demand.ts';
import type { Shadow } from './shadow.ts';

type Width = 1 | 2 | 4;

export interface GuestRvmOptions {
  readonly device: Device;
  readonly program: Program;
  readonly monitor: MonitorModule;
  readonly guestBytes: number;
  readonly shadow: Shadow;
  readonly pointers: readonly PointerRegister[];
  readonly demand?: PollDemand;
  /** Where the platform has placed the memory BARs. */
  readonly places: readonly { readonly bar: number; readonly address: number; readonly sizeBytes: number }[];
  /** An operation was allowed; `shadow.fetched()` has the descriptors that it published. Before the device sees it. */
  readonly onAccess?: (write: boolean, space: Space, offset: number, width: Width, value: number) => void;
  /** The guest was refused something and the device is being withdrawn, or a rule of action `deny` or `log` spoke. */
  readonly onViolation: (fault: Fault) => void;
  readonly onNote?: (operation: Operation, rule: Rule) => void;
  /** Withdrawn: the guest's interrupt line must fall. Given back: nothing to do. */
  readonly onWithdrawn: (withdrawn: boolean) => void;
}

export interface GuestCounts {
  reads: number;
  writes: number;
  configReads: number;
  configWrites: number;
  denied: number;
}

export class GuestRvm {
  readonly info: MonitorInfo;
  readonly counts: GuestCounts = { reads: 0, writes: 0, configReads: 0, configWrites: 0, denied: 0 };
  readonly #options: GuestRvmOptions;
  readonly #device: Device;
  readonly #shadow: Shadow;
  readonly #monitor: Monitor;
  readonly #readParts: ReturnType<typeof createReadParts>;
  readonly #demands: KeptDemands;
  #withdrawn = false;
  /** The guest has been brought everything since the last poll. */
  #collected = false;
  #operations = 0;
  /** The guest's own command register: what the device has differs in the platform's bits. */
  #command = 0;

  constructor(options: GuestRvmOptions) {
    this.#options = options;
    this.#device = options.device;
    this.#shadow = options.shadow;
    this.#demands = new KeptDemands(options.demand);
    this.#monitor = options.monitor.createMonitor({
      fetch: (address, length, target, at) => this.#shadow.fetch(address, length, target, at),
      stored: (address, length, target, at) => this.#shadow.stored(address, length, target, at),
    });
    this.info = this.#monitor.info;
    this.#readParts = createReadParts(this.info);
    this.#begin();
  }

  get withdrawn(): boolean {
    return this.#withdrawn;
  }

  get states(): string {
    return describeStates(this.#monitor);
  }

  read(space: Space, offset: number, width: Width): number {
    this.#count(space, false);
    if (space === CONFIG_SPACE) return this.#readConfig(offset, width);
    return this.#withdrawn ? ones(width) : this.#vettedRead(space, offset, width);
  }

  write(space: Space, offset: number, width: Width, value: number): void {
    this.#count(space, true);
    if (space === CONFIG_SPACE) return this.#writeConfig(offset, width, value);
    if (!this.#withdrawn) this.#vettedWrite(space, offset, width, value);
  }

  /** The device raised its line. False: it is not to be delivered. */
  interrupt(): boolean {
    if (this.#withdrawn) return false;
    this.#shadow.begin();
    const verdict = this.#monitor.interrupt(this.#now());
    return verdict === ALLOWED || this.#refuse(verdict, { kind: 'interrupt' }, 'device', 0) !== undefined;
  }

  /** What the device has written reaches the guest; also right after an interrupt, see `guest-interrupts.ts`. */
  collect(): void {
    if (this.#withdrawn) return;
    this.#shadow.collect();
    this.#collected = true;
  }

  /** Time has passed: what the device has written reaches the guest, and what the guest has stored is judged. */
  poll(): void {
    if (this.#withdrawn) return;
    if (!this.#collected) this.#shadow.collect();
    this.#collected = false;
    if (this.#refresh()) this.#demandAgain();
  }

  /** The line has been up for the whole of the guest's time: was it dealt with? */
  checkInterrupt(): void {
    if (this.#withdrawn) return;
    this.#shadow.begin();
    const verdict = this.#monitor.check(this.#now());
    if (verdict !== ALLOWED) this.#refuse(verdict, { kind: 'check' }, 'driver', 0);
  }

  /** The guest's machine was reset, or its device is: as at the beginning. */
  reset(): ResetOutcome {
    const outcome = this.#quiesce();
    this.#withdrawn = false;
    this.#command = 0;
    return outcome;
  }

  /** Withdraws the device for a reason that no rule of the specification gives. */
  withdraw(): ResetOutcome {
    this.#withdrawn = true;
    const outcome = this.#quiesce();
    this.#options.onWithdrawn(true);
    return outcome;
  }

  // -------------------------------------------------------------------------------------------------------------------

  #vettedRead(space: Space, offset: number, width: Width): number {
    this.#shadow.begin();
    this.#operations += 1;
    const parts = this.#readParts(space, offset, width);
    for (const part of parts) {
      const before = this.#monitor.read(space, part.offset, part.width, this.#now());
      if (before === ALLOWED) continue;
      const operation = this.#operation('read', space, offset, width, undefined);
      if (this.#refuse(before, operation, 'driver', 0) === undefined) return ones(width);
    }
    const target = this.#throughWindow(space, offset);
    let value = (this.#device.read(space, offset, width) & ones(width)) >>> 0;
    if (this.#pointer(target, width) !== undefined) value = this.#shadow.fromMirror(value);
    this.collect();
    for (const part of parts) {
      // No bus here reads 8 bytes; see `proxy-server.ts`.
      const bytes = part.width as Width;
      const said = ((value >>> part.shift) & ones(bytes)) >>> 0;
      const after = this.#monitor.report(space, part.offset, bytes, said, 0, this.#now());
      if (after === ALLOWED) continue;
      const allowed = this.#refuse(after, this.#operation('report', space, part.offset, bytes, said), 'device', said);
      if (allowed === undefined) return ones(width);
      value = ((value & ~(ones(bytes) << part.shift)) | (allowed << part.shift)) >>> 0;
    }
    this.#options.onAccess?.(false, space, offset, width, value);
    return value;
  }

  #vettedWrite(space: Space, offset: number, width: Width, wanted: number): void {
    this.#shadow.begin();
    this.#operations += 1;
    const target = this.#throughWindow(space, offset);
    const verdict = this.#monitor.write(space, offset, width, wanted, 0, this.#now());
    let value = wanted;
    if (verdict !== ALLOWED) {
      const operation = this.#operation('write', space, offset, width, wanted);
      const allowed = this.#refuse(verdict, operation, 'driver', wanted);
      if (allowed === undefined) return;
      value = allowed;
    }
    this.#options.onAccess?.(true, space, offset, width, value);
    this.#shadow.commit();
    if (!this.#refresh()) return;
    const pointer = this.#pointer(target, width);
    const told = pointer === undefined ? value : this.#shadow.toMirror(value, pointer.pool);
    this.#device.write(space, offset, width, told);
    if (this.#shadow.isBehind) this.#demands.keep(space, offset, value);
  }

  /** Judged as if the guest made it now, for what allowed it may be gone; if so, there is nothing to look at. */
  #demandAgain(): void {
    const again = this.#shadow.isBehind ? undefined : this.#demands.take();
    if (again === undefined) return;
    const { space, offset, value } = again;
    this.#shadow.begin();
    if (this.#monitor.write(space, offset, 1, value, 0, this.#now()) !== ALLOWED || !this.#refresh()) return;
    this.#device.write(space, offset, 1, value);
    if (this.#shadow.isBehind) this.#demands.keep(space, offset, value);
  }

  #readConfig(offset: number, width: Width): number {
    const value = this.#vettedRead(CONFIG_SPACE, offset, width);
    if (offset > COMMAND || offset + width <= COMMAND) return value;
    // The decoding bits are the platform's: the guest sees those that it wrote; of a device that was withdrawn, all of them.
    const shift = 8 * (COMMAND - offset);
    const own = (this.#withdrawn ? 0xffff : COMMAND_DECODE) << shift;
    return ((value & ~own) | ((this.#command << shift) & own)) >>> 0;
  }

  #writeConfig(offset: number, width: Width, value: number): void {
    const touchesCommand = offset === COMMAND && width >= 2;
    if (touchesCommand) this.#command = value & 0xffff;
    if (this.#withdrawn) {
      // The driver lets go: whoever enables the device next begins with one that is reset, and with a fresh monitor.
      if (touchesCommand && (value & COMMAND_MASTER) === 0) this.#giveBack();
      return;
    }
    if (!touchesCommand) return this.#vettedWrite(CONFIG_SPACE, offset, width, value);
    this.#shadow.begin();
    this.#operations += 1;
    const verdict = this.#monitor.write(CONFIG_SPACE, offset, width, value, 0, this.#now());
    const operation = this.#operation('write', CONFIG_SPACE, offset, width, value);
    if (verdict !== ALLOWED && this.#refuse(verdict, operation, 'driver', value) === undefined) return;
    this.#options.onAccess?.(true, CONFIG_SPACE, offset, width, value);
    this.#device.write(CONFIG_SPACE, offset, width, (value | COMMAND_DECODE) >>> 0);
  }

  /** The register that an access is really to: a window's is the one that its selector names. */
  #throughWindow(space: Space, offset: number): { readonly space: Space; readonly offset: number } {
    const { program } = this.#options;
    for (const window of program.windows) {
      if (window.space === space && window.offset === offset) {
        return { space: window.into, offset: Number(this.#monitor.snapshot()[window.selector] ?? 0n) };
      }
    }
    return { space, offset };
  }

  #pointer(target: { readonly space: Space; readonly offset: number }, width: Width): PointerRegister | undefined {
    return width === 4 ? pointerAt(this.#options.pointers, target.space, target.offset) : undefined;
  }

  /** False: the guest has stored what is refused, and nothing may be delivered that would have the device look at it. */
  #refresh(): boolean {
    const refused = this.#shadow.refresh(this.#monitor, this.#now());
    if (refused === undefined) return true;
    const { verdict, address, length } = refused;
    this.#refuse(verdict, { kind: 'store', address, length }, 'driver', 0);
    return false;
  }

  /** The value to go on with, where the rule lets the operation pass; otherwise undefined, and the device is withdrawn. */
  #refuse(verdict: Verdict, operation: Operation, blame: 'driver' | 'device', value: number): number | undefined {
    if (verdict < 0) {
      const noted = this.info.rules[-verdict];
      if (noted !== undefined) this.#options.onNote?.(operation, noted);
      return 'value' in operation ? this.#monitor.valueLo() : value;
    }
    this.counts.denied += 1;
    const rule = this.info.rules[verdict] ?? brokenMonitor(this.info, verdict);
    if (rule.action === 'deny') {
      this.#options.onNote?.(operation, rule);
      return undefined;
    }
    this.#withdrawn = true;
    const states = describeStates(this.#monitor);
    const reset = this.#quiesce();
    this.#options.onWithdrawn(true);
    const who = { ipd: 0, driver: `guest's ${this.info.device}`, operation: this.#operations };
    this.#options.onViolation({ ...who, kind: 'violation', states, refused: operation, rule, blame, reset });
    return undefined;
  }

  /** Masked, reset, decoding again; monitor and mirror as at the beginning. */
  #quiesce(): ResetOutcome {
    const masked = runSteps(this.#device, this.info.interrupt?.mask ?? []);
    const reset = runSteps(this.#device, this.info.reset);
    this.#device.write(CONFIG_SPACE, COMMAND, 2, COMMAND_DECODE);
    this.#shadow.clear();
    this.#demands.clear();
    this.#monitor.reset();
    this.#begin();
    return reset.done === 'reset' ? masked : reset;
  }

  #giveBack(): void {
    this.#withdrawn = false;
    this.#options.onWithdrawn(false);
  }

  /** The guest's memory is what its driver was granted. @throws RangeError when the specification refuses that */
  #begin(): void {
    const { guestBytes, places } = this.#options;
    for (const { bar, address, sizeBytes } of places) this.#must(this.#monitor.place(bar, address, sizeBytes));
    this.#must(this.#monitor.grant(0, guestBytes, everyPurpose(this.info)));
  }

  #must(verdict: Verdict): void {
    if (verdict > 0) throw new RangeError(`the guest's memory: ${this.info.rules[verdict]?.reason ?? 'refused'}`);
  }

  #count(space: Space, write: boolean): void {
    if (space === CONFIG_SPACE) this.counts[write ? 'configWrites' : 'configReads'] += 1;
    else this.counts[write ? 'writes' : 'reads'] += 1;
  }

  #now(): number {
    return Math.floor(this.#device.now());
  }

  #operation(
    kind: 'read' | 'report' | 'write',
    space: Space,
    offset: number,
    width: Width,
    value: number | undefined,
  ): Operation {
    const target = this.#throughWindow(space, offset);
    return { kind, register: registerAt(this.info, target.space, target.offset), space, offset, width, value };
  }
}

function ones(width: Width): number {
  return width === 1 ? 0xff : width === 2 ? 0xffff : 0xffff_ffff;
}

function brokenMonitor(info: MonitorInfo, verdict: Verdict): Rule {
  const reason = `the monitor gave verdict ${verdict}, which is not in its own rule table`;
  return { reason, file: info.device, line: 1, column: 1, text: '(no rule)', action: 'fault' };
}
