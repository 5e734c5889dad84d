/**
 * The devices of QEMU that refmon knows how to start: one row each, and nothing else to add for the next one.
 *
 * A row says how QEMU is asked for the device and how it is recognised on PCI bus 0 afterwards. What the device's
 * registers mean is no concern of this table: that is the driver's and the specification's.
 */

import type { PlugName } from './outside/index.ts';

/** Absolute x86 ports, first to last inclusive, that belong to a device although no BAR of it says so. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface KnownDevice {
  /** The name in QEMU's `-device`, with the properties that the device cannot do without. */
  readonly argument: string;
  /** PCI identity. */
  readonly vendor: number;
  readonly device: number;
  /** What it is plugged into. */
  readonly outside: readonly PlugName[];
  /** Fixed interrupt line of a device that does not use its INTx pin (legacy IDE: 14). Absent: the line is routed. */
  readonly irqLine?: number;
  /** Fixed ports that `PORT_SPACE` may reach. Absent: none. */
  readonly ports?: readonly PortRange[];
}

/** `romfile=` is empty because the machine never boots: a network card needs no boot ROM, nor the package that has it. */
export const KNOWN_DEVICES = {
  e1000: { argument: 'e1000,romfile=', vendor: 0x8086, device: 0x100e, outside: ['wire'] },
  rtl8139: { argument: 'rtl8139,romfile=', vendor: 0x10ec, device: 0x8139, outside: ['wire'] },
  ac97: { argument: 'AC97', vendor: 0x8086, device: 0x2415, outside: ['sound'] },
  'ac97-recording': { argument: 'AC97', vendor: 0x8086, device: 0x2415, outside: ['quiet'] },
  // Part of every `pc` machine; the drive is what is plugged in.
  ide: {
    argument: 'ide-hd,bus=ide.0,unit=0',
    vendor: 0x8086,
    device: 0x7010,
    outside: ['disk'],
    irqLine: 14,
    ports: [
      { first: 0x1f0, last: 0x1f7 },
      { first: 0x3f6, last: 0x3f6 },
      { first: 0x170, last: 0x177 },
      { first: 0x376, last: 0x376 },
    ],
  },
  uhci: {
    argument: 'piix3-usb-uhci,id=usb',
    vendor: 0x8086,
    device: 0x7020,
    outside: ['hand', 'usb-disk'],
  },
  ahci: { argument: 'ich9-ahci,id=sata', vendor: 0x8086, device: 0x2922, outside: ['sata-disk'] },
  es1370: { argument: 'ES1370', vendor: 0x1274, device: 0x5000, outside: ['sound-44100'] },
  'es1370-recording': { argument: 'ES1370', vendor: 0x1274, device: 0x5000, outside: ['quiet'] },
  edu: { argument: 'edu', vendor: 0x1234, device: 0x11e8, outside: [] },
} as const satisfies Record<string, KnownDevice>;

export type DeviceName = keyof typeof KNOWN_DEVICES;

/** @throws RangeError when QEMU's device is not in the table */
export function knownDevice(name: DeviceName): KnownDevice {
  // The type says that the row exists; a caller in JavaScript may say otherwise.
  if (!Object.hasOwn(KNOWN_DEVICES, name)) {
    throw new RangeError(`device: \`${name}\` is not known; known are ${Object.keys(KNOWN_DEVICES).join(', ')}`);
  }
  return KNOWN_DEVICES[name];
}
