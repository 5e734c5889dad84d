/** The conformance suite of the block class on one device's driver: inline in virtual time, or in domains on a backing. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Kernel, type DriverMessage, type FarEnds, type OpenBacking } from '../../../kernel/index.ts';
import { SECTOR_BYTES } from '../../ata/registers.ts';
import type { DeviceEntry } from '../../device-entry.ts';
import type { LoadedSpecification } from '../../specification.ts';
import { blockConformance, type BlockUnderTest } from '../block-conformance.ts';
import { inlineDriver, isolatedDriver, type DriverUnderTest } from './driver-under-test.ts';

export interface BlockSuite {
  readonly device: DeviceEntry;
  readonly specification: LoadedSpecification;
  /** What each driver is told before anything else. */
  readonly first?: DriverMessage;
}

export function describeInline(title: string, { device, specification, first }: BlockSuite): void {
  describe(title, () => {
    const start = (): BlockUnderTest => {
      const { machine, driver } = inlineDriver(device, specification);
      return onDisk(driver, machine.ends.disk, first);
    };
    for (const check of blockConformance(() => Promise.resolve(start()))) it(check.name, () => check.run());
  });
}

/** @param only names of the checks to run; default: all */
export function describeIsolated(
  title: string,
  { device, specification, first }: BlockSuite,
  backing: { open(): Promise<OpenBacking> },
  options: { readonly skip?: string | false; readonly only?: RegExp } = {},
): void {
  describe(title, { skip: options.skip ?? false }, () => {
    const kernel = Kernel.boot();
    let opened: Promise<OpenBacking> | undefined;
    after(async () => {
      await kernel.shutdown();
      await (await opened)?.close();
    });
    // One disk for all checks: each driver finds it as the last one's reset left it.
    const start = async (): Promise<BlockUnderTest> => {
      const open = await (opened ??= backing.open());
      return onDisk(await isolatedDriver(device, specification, kernel, open), open.disk, first);
    };
    for (const check of blockConformance(start))
      if (options.only?.test(check.name) ?? true) it(check.name, () => check.run());
  });
}

function onDisk(driver: DriverUnderTest, disk: FarEnds['disk'], first: DriverMessage | undefined): BlockUnderTest {
  assert.ok(disk !== undefined);
  if (first !== undefined) driver.send(first);
  return { ...driver, sectorBytes: SECTOR_BYTES, disk };
}
