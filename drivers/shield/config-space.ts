/**
 * The configuration space that a shielded guest sees: what belongs to the platform is answered here, the rest is the device's.
 *
 * A guest that lays out its own bus must not lay out the device's: BARs, expansion ROM and interrupt line are kept here
 * and never reach the device, which stays where the RVM's machine placed it (PCI Local Bus 3.0, 6.2.5). The guest's
 * firmware sizes and moves its BARs as ever, and an access at an address of the guest becomes BAR and offset again in
 * `locate`. Capabilities are hidden: message-signalled interrupts would be memory writes past the monitor. BARs are those
 * that the specification declares, each as a 32-bit one; a BAR that it does not name does not exist for the guest.
 */
import type { BarInfo } from '../../dsslang/index.ts';

type Width = 1 | 2 | 4;

export const COMMAND = 0x04;
export const COMMAND_DECODE = 0x3;
export const COMMAND_MASTER = 0x4;
const STATUS = 0x06;
const STATUS_CAPABILITIES = 0x10;
const BAR0 = 0x10;
const BARS_END = 0x28;
/** The proxy sizes this one as if it were the seventh BAR. */
const CARDBUS = 0x28;
const EXPANSION_ROM = 0x30;
const CAPABILITIES_POINTER = 0x34;
const INTERRUPT_LINE = 0x3c;

export interface BarPlace {
  readonly bar: number;
  readonly offset: number;
}

export interface GuestConfigSpace {
  /** Whether an access is answered here alone. It never is partly. */
  isPlatform(offset: number, width: Width): boolean;
  /** A platform register. */
  read(offset: number, width: Width): number;
  write(offset: number, width: Width, value: number): void;
  /** What the guest is to see of what the device said. */
  present(offset: number, width: Width, value: number): number;
  /** Where an address of the guest lies in the device; undefined where it lies in no BAR. */
  locate(memory: boolean, address: number, width: number): BarPlace | undefined;
  /** The interrupt line that the guest's firmware chose for the device. */
  readonly interruptLine: number;
}

export function createConfigSpace(bars: readonly BarInfo[]): GuestConfigSpace {
  /** The platform's bytes, 0 where none is the guest's. */
  const bytes = new Uint8Array(256);
  const view = new DataView(bytes.buffer);

  function settle(index: number): void {
    const bar = bars.find((each) => each.bar === index);
    const at = BAR0 + 4 * index;
    if (bar === undefined) return view.setUint32(at, 0, true);
    // What the device does not decode reads as zero, which is how a BAR tells its size.
    const address = (view.getUint32(at, true) & ~(bar.sizeBytes - 1)) >>> 0;
    view.setUint32(at, bar.kind === 'ports' ? (address | 1) >>> 0 : address, true);
  }
  for (let index = 0; index < 6; index += 1) settle(index);

  function isPlatform(offset: number, width: Width): boolean {
    const touches = (first: number, end: number): boolean => offset < end && offset + width > first;
    return (
      touches(BAR0, BARS_END) ||
      touches(CARDBUS, CARDBUS + 4) ||
      touches(EXPANSION_ROM, EXPANSION_ROM + 4) ||
      touches(CAPABILITIES_POINTER, CAPABILITIES_POINTER + 1) ||
      (offset === INTERRUPT_LINE && width === 1)
    );
  }

  return {
    isPlatform,
    read: (offset, width) => {
      let value = 0;
      for (let index = width - 1; index >= 0; index -= 1) value = value * 256 + (bytes[offset + index] ?? 0);
      return value;
    },
    write: (offset, width, value) => {
      for (let index = 0; index < width; index += 1) {
        const at = offset + index;
        const kept = (at >= BAR0 && at < BARS_END) || at === INTERRUPT_LINE;
        if (kept) bytes[at] = (value >>> (8 * index)) & 0xff;
      }
      for (let index = 0; index < 6; index += 1) settle(index);
    },
    present: (offset, width, value) => {
      let seen = value;
      if (offset <= STATUS && offset + width > STATUS) seen &= ~(STATUS_CAPABILITIES << (8 * (STATUS - offset)));
      if (offset === INTERRUPT_LINE) seen = (seen & ~0xff) | (bytes[INTERRUPT_LINE] ?? 0);
      return seen >>> 0;
    },
    locate: (memory, address, width) => {
      for (const { bar, kind, sizeBytes } of bars) {
        if ((kind === 'memory') !== memory) continue;
        const raw = view.getUint32(BAR0 + 4 * bar, true);
        const base = (raw & (kind === 'ports' ? ~3 : ~15)) >>> 0;
        if (base !== 0 && address >= base && address + width <= base + sizeBytes)
          return { bar, offset: address - base };
      }
      return undefined;
    },
    get interruptLine() {
      return bytes[INTERRUPT_LINE] ?? 0;
    },
  };
}
