/** Every device that refmon knows by name, and how to load what belongs to one. */
import { join } from 'node:path';
import { AHCI } from './ahci/entry.ts';
import { AC97 } from './ac97/entry.ts';
import { qemuVersion } from './backing/qemu/index.ts';
import type { BackingName, DeviceEntry } from './device-entry.ts';
import { DEVICE_NAMES } from './device-names.ts';
import { E1000 } from './e1000/entry.ts';
import { IDE } from './ide/entry.ts';
import { ES1370 } from './es1370/entry.ts';
import { packageRoot } from './package-root.ts';
import { RTL8139 } from './rtl8139/entry.ts';
import { KERNEL_ROGUES } from './rogue/catalogue.ts';
import type { RogueDriver } from './rogue/rogue-driver.ts';
import { UHCI } from './uhci/entry.ts';
import { loadSpecification, type LoadedSpecification } from './specification.ts';

export const DEVICES: readonly DeviceEntry[] = [E1000, RTL8139, AC97, IDE, UHCI, ES1370, AHCI];

/** @throws RangeError for a name that is not in the table */
export function deviceNamed(name: string): DeviceEntry {
  const device = DEVICES.find((entry) => entry.name === name);
  if (device === undefined)
    throw new RangeError(`there is no device named ${name}; there are ${DEVICE_NAMES.join(', ')}`);
  return device;
}

/** The device's own rogues and those that attack the kernel, as far as they can be tried on this kind of device. */
export function roguesOf(device: DeviceEntry, backing: BackingName): readonly RogueDriver[] {
  return [...device.rogues, ...KERNEL_ROGUES].filter(({ only }) => only === undefined || only === backing);
}

export const inPackage = (path: string): string => join(packageRoot(), path);

export function loadDeviceSpecification(device: DeviceEntry): Promise<LoadedSpecification> {
  return loadSpecification(inPackage(device.specification), device.specification);
}

/** QEMU where it is installed, the in-process model elsewhere. */
export async function availableBackings(): Promise<readonly BackingName[]> {
  return (await qemuVersion()) === undefined ? ['model'] : ['qemu', 'model'];
}
