/** The devices that the demo and `refmon run` know by name: specification, driver, and the ways to have one. */
import { join } from 'node:path';
import type { Backing } from '../../kernel/index.ts';
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking, qemuVersion } from '../backing/qemu/index.ts';
import { e1000Model } from '../e1000/model.ts';
import { packageRoot } from '../package-root.ts';
import { loadSpecification, type LoadedSpecification } from '../specification.ts';

export type BackingName = 'qemu' | 'model';

export interface DemoDevice {
  readonly name: string;
  readonly title: string;
  /** From the package's root, as rules name it. */
  readonly specification: string;
  /** The compiled driver program, from the package's root. */
  readonly program: string;
  readonly backings: Readonly<Record<BackingName, () => Backing>>;
}

export const DEMO_DEVICES: Readonly<Record<string, DemoDevice>> = {
  e1000: {
    name: 'e1000',
    title: 'Intel 82540EM gigabit Ethernet controller',
    specification: 'drivers/e1000/e1000.dss',
    program: 'dist/drivers/e1000/driver.program.js',
    backings: {
      qemu: () => qemuBacking({ device: 'e1000' }),
      model: () => modelBacking(e1000Model),
    },
  },
};

export const inPackage = (path: string): string => join(packageRoot(), path);

export function loadDeviceSpecification(device: DemoDevice): Promise<LoadedSpecification> {
  return loadSpecification(inPackage(device.specification), device.specification);
}

/** QEMU where it is installed, the in-process model elsewhere. */
export async function availableBackings(): Promise<readonly BackingName[]> {
  return (await qemuVersion()) === undefined ? ['model'] : ['qemu', 'model'];
}
