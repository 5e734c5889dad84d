/** Devices made ready for the perturbation campaign: specification compiled, driver program evaluated. */
import { readFileSync } from 'node:fs';
import { runInThisContext } from 'node:vm';
import type { DeviceEntry } from '../../drivers/device-entry.ts';
import { inPackage, loadDeviceSpecification } from '../../drivers/devices.ts';
import type { MonitorModule } from '../../dsslang/runtime.ts';
import type { DriverProgram } from '../../kernel/index.ts';
import { prepareSubject, type Subject } from './perturbed-run.ts';

/** The device's own driver, evaluated in this realm: it is ours, and it runs without walls. */
export function loadProgram(device: DeviceEntry): DriverProgram {
  const file = inPackage(device.program);
  return runInThisContext(readFileSync(file, 'utf8'), file) as DriverProgram;
}

/** @param monitor in place of the one that the device's specification compiles to */
export async function loadSubject(device: DeviceEntry, monitor?: MonitorModule): Promise<Subject> {
  const module = monitor ?? (await loadDeviceSpecification(device)).module;
  return prepareSubject(device, loadProgram(device), module);
}
