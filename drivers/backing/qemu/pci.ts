/**
 * PCI as firmware sees it: finding one device on bus 0, giving its BARs addresses, and routing its interrupt.
 *
 * The halted machine has no firmware, so this does the least of what firmware does, for one device only. Configuration
 * mechanism #1 (PCI Local Bus 3.0, 3.2.2.3.2): an address written to port 0xCF8, then the data at 0xCFC. The two steps
 * travel in one write, so no thread can be terminated between them. Bus mastering is left off: enabling DMA is the
 * driver's wish and the specification's decision.
 */
import { DeviceError } from '../../../kernel/abi.ts';
import type { Session } from './session.ts';

export const CONFIG_SIZE_BYTES = 256;
const CONFIG_ADDRESS = 0xcf8;
const CONFIG_DATA = 0xcfc;
const CONFIG_ENABLE = 0x8000_0000;

const COMMAND = 0x04;
const COMMAND_IO_AND_MEMORY = 0x3;
const COMMAND_DECODE_AND_MASTER = 0x7;
const STATUS = 0x06;
const STATUS_INTERRUPT = 0x08;
const HEADER_TYPE = 0x0e;
const BAR0 = 0x10;
const BAR_COUNT = 6;
const INTERRUPT_LINE = 0x3c;
const INTERRUPT_PIN = 0x3d;

/** The south bridge of the `pc` machine: its four PIRQ registers choose the interrupt line of INTA..INTD. */
const PIIX3 = { slot: 1, id: 0x7000_8086, pirqRouteControl: 0x60 };
/** A line that no legacy device of the machine uses, so that whatever happens on it is the device's. */
export const ROUTED_IRQ_LINE = 11;

/** Free address space of the `pc` machine: nothing else claims it while nobody boots. */
const PORT_WINDOW = { base: 0xc000, limit: 0x10000 };
const MEMORY_WINDOW = { base: 0xe000_0000, limit: 0xfec0_0000 };

/** Slot and function on bus 0, as mechanism #1 packs them. */
export type PciFunction = number;
export const pciFunction = (slot: number, fn: number): PciFunction => (slot << 3) | fn;

export interface Bar {
  readonly kind: 'memory' | 'ports';
  readonly base: number;
  readonly sizeBytes: number;
}

type ConfigWidth = 1 | 2 | 4;
const SUFFIX: Record<ConfigWidth, 'b' | 'w' | 'l'> = { 1: 'b', 2: 'w', 4: 'l' };

function select(at: PciFunction, offset: number): string {
  return `outl ${CONFIG_ADDRESS} ${(CONFIG_ENABLE | (at << 8) | (offset & 0xfc)) >>> 0}\n`;
}

/** `offset` must be aligned to `width`: mechanism #1 cannot cross a dword. */
export function configRead(session: Session, at: PciFunction, offset: number, width: ConfigWidth): number {
  return session.exchange(`${select(at, offset)}in${SUFFIX[width]} ${CONFIG_DATA + (offset & 3)}\n`, 2);
}

export function configWrite(
  session: Session,
  at: PciFunction,
  offset: number,
  width: ConfigWidth,
  value: number,
): void {
  session.exchange(`${select(at, offset)}out${SUFFIX[width]} ${CONFIG_DATA + (offset & 3)} ${value}\n`, 2);
}

/** Whether the device asserts INTx at this moment, masked or not. */
export function interruptAsserted(session: Session, at: PciFunction): boolean {
  return (configRead(session, at, STATUS, 2) & STATUS_INTERRUPT) !== 0;
}

export interface Placement {
  readonly at: PciFunction;
  /** By BAR index; undefined where the device has none. */
  readonly bars: readonly (Bar | undefined)[];
}

/**
 * Finds the device, gives every BAR an address, and turns decoding on. @throws DeviceError DEVICE_NOT_FOUND
 */
export function placeDevice(session: Session, vendor: number, device: number): Placement {
  const at = findFunction(session, vendor, device);
  const command = configRead(session, at, COMMAND, 2);
  configWrite(session, at, COMMAND, 2, command & ~COMMAND_DECODE_AND_MASTER);
  const bars = assignBars(session, at);
  configWrite(session, at, COMMAND, 2, (command & ~COMMAND_DECODE_AND_MASTER) | COMMAND_IO_AND_MEMORY);
  return { at, bars };
}

function findFunction(session: Session, vendor: number, device: number): PciFunction {
  const wanted = ((device << 16) | vendor) >>> 0;
  const seen: string[] = [];
  for (let slot = 0; slot < 32; slot += 1) {
    for (let fn = 0; fn < 8; fn += 1) {
      const at = pciFunction(slot, fn);
      const id = configRead(session, at, 0, 4);
      if (id === wanted) return at;
      if (id !== 0xffff_ffff) seen.push(identityText(id));
      const multifunction = id !== 0xffff_ffff && (configRead(session, at, HEADER_TYPE, 1) & 0x80) !== 0;
      if (fn === 0 && !multifunction) break;
    }
  }
  const found = seen.join(', ');
  throw new DeviceError('DEVICE_NOT_FOUND', `no device ${identityText(wanted)} on PCI bus 0; found ${found}`);
}

function identityText(id: number): string {
  const hex = (value: number): string => value.toString(16).padStart(4, '0');
  return `${hex(id & 0xffff)}:${hex(id >>> 16)}`;
}

/** What a BAR that was written with all ones says of itself (PCI 3.0, 6.2.5.1). */
export type BarProbe =
  | { readonly kind: 'none' }
  | { readonly kind: 'memory'; readonly sizeBytes: number; readonly is64Bit: boolean }
  | { readonly kind: 'ports'; readonly sizeBytes: number };

export function decodeBarProbe(mask: number): BarProbe {
  if (mask === 0) return { kind: 'none' };
  if ((mask & 1) !== 0) return { kind: 'ports', sizeBytes: (~(mask & ~3) + 1) & 0xffff };
  return { kind: 'memory', sizeBytes: (~(mask & ~15) + 1) >>> 0, is64Bit: (mask & 6) === 4 };
}

function assignBars(session: Session, at: PciFunction): (Bar | undefined)[] {
  const next = { ports: PORT_WINDOW.base, memory: MEMORY_WINDOW.base };
  const limit = { ports: PORT_WINDOW.limit, memory: MEMORY_WINDOW.limit };
  const bars: (Bar | undefined)[] = [];
  for (let index = 0; index < BAR_COUNT; index += 1) {
    const offset = BAR0 + 4 * index;
    configWrite(session, at, offset, 4, 0xffff_ffff);
    const probe = decodeBarProbe(configRead(session, at, offset, 4));
    if (probe.kind === 'none') {
      bars.push(undefined);
      continue;
    }
    const base = alignUp(next[probe.kind], probe.sizeBytes);
    if (probe.sizeBytes === 0 || base + probe.sizeBytes > limit[probe.kind]) {
      throw new DeviceError('DEVICE_NOT_FOUND', `BAR${index} asks for more ${probe.kind} than the machine has`);
    }
    next[probe.kind] = base + probe.sizeBytes;
    configWrite(session, at, offset, 4, base);
    bars.push({ kind: probe.kind, base, sizeBytes: probe.sizeBytes });
    if (probe.kind === 'memory' && probe.is64Bit) {
      // The next register is the upper half of this address; the device lives below 4 GiB.
      configWrite(session, at, offset + 4, 4, 0);
      bars.push(undefined);
      index += 1;
    }
  }
  return bars;
}

function alignUp(address: number, size: number): number {
  return Math.ceil(address / size) * size;
}

/** Sends all of INTA..INTD to `ROUTED_IRQ_LINE` and tells the device's register about it, as firmware would. */
export function routeInterrupt(session: Session, at: PciFunction): number {
  const bridge = pciFunction(PIIX3.slot, 0);
  if (configRead(session, bridge, 0, 4) !== PIIX3.id) {
    throw new DeviceError('DEVICE_NOT_FOUND', 'the machine has no PIIX3 bridge at 00:01.0; only `pc` machines have it');
  }
  for (let pin = 0; pin < 4; pin += 1) configWrite(session, bridge, PIIX3.pirqRouteControl + pin, 1, ROUTED_IRQ_LINE);
  if (configRead(session, at, INTERRUPT_PIN, 1) !== 0) configWrite(session, at, INTERRUPT_LINE, 1, ROUTED_IRQ_LINE);
  return ROUTED_IRQ_LINE;
}
