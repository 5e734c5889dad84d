/**
 * A fault: why an IPD was stopped, as plain data that crosses threads, and as the text that a person reads.
 *
 * It answers: which driver, which operation, in which state, by which rule at which line, who is to blame, what happens
 * now. Blame is exact and modest: it names the side whose act was refused. A register value or an interrupt is the
 * device's act; everything else is the driver's. It does not decide who *caused* the act.
 */
import { rulePlace, spaceName } from '../dsslang/runtime.ts';
import type { Rule, Space, Width } from '../dsslang/runtime.ts';
import type { DeviceErrorCode, DmaPurpose } from './abi.ts';

/** The entries of a driver that the kernel calls. `load` is the evaluation of its program text. */
export const ENTRY_NAMES = ['load', 'init', 'interrupt', 'timer', 'message'] as const;
export type EntryName = (typeof ENTRY_NAMES)[number];

/** One operation that the monitor was asked about. */
export type Operation =
  | {
      readonly kind: 'read' | 'report' | 'write';
      /** As the specification names it; undefined where it names none. */
      readonly register: string | undefined;
      readonly space: Space;
      readonly offset: number;
      readonly width: Width;
      /** What was written, or what the device reported; undefined for a read that was refused before it was made. */
      readonly value: number | undefined;
    }
  | { readonly kind: 'store'; readonly address: number; readonly length: number }
  | { readonly kind: 'grant'; readonly address: number; readonly length: number; readonly purpose: DmaPurpose }
  | { readonly kind: 'interrupt' }
  | { readonly kind: 'check' };

export type Blame = 'driver' | 'device';

/** What became of the device. `pending` only while its reset is still going on. */
export type ResetOutcome =
  | { readonly done: 'pending' }
  | { readonly done: 'reset' }
  | { readonly done: 'failed'; readonly reason: string }
  /** The device itself is gone: there is nothing left to reset. */
  | { readonly done: 'impossible'; readonly reason: string };

interface FaultBase {
  /** The IPD's number. */
  readonly ipd: number;
  readonly driver: string;
  /** Number of mediated operations up to and including the one at fault; undefined when the thread died with the count. */
  readonly operation: number | undefined;
  /** The monitor's machines before the reset, `tx=Running rx=Off`; undefined when they died with their thread. */
  readonly states: string | undefined;
  readonly blame: Blame;
  readonly reset: ResetOutcome;
}

/** The monitor refused an operation. */
export interface ViolationFault extends FaultBase {
  readonly kind: 'violation';
  readonly refused: Operation;
  readonly rule: Rule;
}

/** The driver threw, or one of its operations was cut in half. */
export interface CrashFault extends FaultBase {
  readonly kind: 'crashed';
  readonly entry: EntryName | undefined;
  readonly message: string;
}

/** An entry did not end in its time. */
export interface UnresponsiveFault extends FaultBase {
  readonly kind: 'unresponsive';
  readonly entry: EntryName | undefined;
  readonly limitMs: number;
}

/** The driver holds more memory than its limit. */
export interface OutOfMemoryFault extends FaultBase {
  readonly kind: 'out-of-memory';
  readonly what: 'heap' | 'buffers' | 'process';
  readonly limitBytes: number;
}

/** The device failed by itself. */
export interface DeviceFault extends FaultBase {
  readonly kind: 'device-failed';
  readonly code: DeviceErrorCode;
  readonly message: string;
}

export type Fault = ViolationFault | CrashFault | UnresponsiveFault | OutOfMemoryFault | DeviceFault;
export type FaultKind = Fault['kind'];

/** What a fault says of itself before the RVM or the kernel adds who, when and in which state. */
export type Accusation =
  | Pick<ViolationFault, 'kind' | 'refused' | 'rule' | 'blame'>
  | Pick<CrashFault, 'kind' | 'entry' | 'message' | 'blame'>
  | Pick<UnresponsiveFault, 'kind' | 'entry' | 'limitMs' | 'blame'>
  | Pick<OutOfMemoryFault, 'kind' | 'what' | 'limitBytes' | 'blame'>
  | Pick<DeviceFault, 'kind' | 'code' | 'message' | 'blame'>;

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** `write TDT = 0x40, 4 bytes, BAR0+0x3818`. */
export function describeOperation(operation: Operation): string {
  switch (operation.kind) {
    case 'read':
    case 'report':
    case 'write': {
      const where = `${spaceName(operation.space)}+${hex(operation.offset)}`;
      const value = operation.value === undefined ? '' : ` = ${hex(operation.value)}`;
      const bytes = operation.width === 1 ? '1 byte' : `${operation.width} bytes`;
      return `${operation.kind} ${operation.register ?? '(no register)'}${value}, ${bytes}, ${where}`;
    }
    case 'store':
      return `store of ${operation.length} bytes at ${hex(operation.address)} in command memory`;
    case 'grant':
      return `grant of ${operation.length} bytes at ${hex(operation.address)} for \`${operation.purpose}\``;
    case 'interrupt':
      return 'interrupt';
    case 'check':
      return 'end of interrupt';
  }
}

function firstLine(fault: Fault): string {
  const who = `${fault.driver} driver (ipd ${fault.ipd})`;
  const number = fault.operation === undefined ? '' : `, operation ${fault.operation}`;
  switch (fault.kind) {
    case 'violation':
      return `denied  ${who}: ${describeOperation(fault.refused)}${number}`;
    case 'crashed':
      return `crashed  ${who}${inEntry(fault.entry)}: ${fault.message}${number}`;
    case 'unresponsive':
      return `unresponsive  ${who}${inEntry(fault.entry)}: did not end within ${fault.limitMs} ms`;
    case 'out-of-memory':
      return `out of memory  ${who}: more than ${fault.limitBytes} bytes of ${memoryName(fault.what)}${number}`;
    case 'device-failed':
      return `device failed  ${who}: ${fault.code}: ${fault.message}${number}`;
  }
}

function inEntry(entry: EntryName | undefined): string {
  return entry === undefined ? '' : ` in \`${entry}\``;
}

function memoryName(what: OutOfMemoryFault['what']): string {
  return what === 'process' ? 'memory, seen from outside' : what === 'heap' ? 'heap' : 'array buffers';
}

function resetText(reset: ResetOutcome): string {
  switch (reset.done) {
    case 'pending':
      return 'device reset under way';
    case 'reset':
      return 'device reset';
    case 'failed':
      return `device reset FAILED (${reset.reason})`;
    case 'impossible':
      return `device not reset (${reset.reason})`;
  }
}

/** The human text of a fault: three or four lines, no line break at the end. */
export function renderFault(fault: Fault): string {
  const lines = [firstLine(fault)];
  const states = fault.states === undefined || fault.states === '' ? '' : `state \`${fault.states}\`   `;
  if (fault.kind === 'violation') {
    lines.push(`  because: ${fault.rule.reason}`);
    lines.push(`  ${states}rule \`${fault.rule.text}\` at ${rulePlace(fault.rule)}   blame ${fault.blame}`);
  } else {
    lines.push(`  ${states}blame ${fault.blame}`);
  }
  lines.push(`  action: ipd ${fault.ipd} faulted, ${resetText(fault.reset)}`);
  return lines.join('\n');
}
