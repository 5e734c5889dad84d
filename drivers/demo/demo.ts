/**
 * The guided demo as a sequence of events: compile, run the honest driver, run every rogue, show that the device lived.
 * Prints nothing: `drivers/cli.ts` does.
 */
import { readFileSync } from 'node:fs';
import { Kernel, type OpenBacking } from '../../kernel/index.ts';
import type { BackingName, DeviceEntry, WorkResult } from '../device-entry.ts';
import { inPackage, roguesOf } from '../devices.ts';
import type { LoadedSpecification } from '../specification.ts';
import { runRogue, type RogueOutcome } from './rogues.ts';

export type DemoEvent =
  | { readonly event: 'started'; readonly backing: BackingName; readonly milliseconds: number }
  | { readonly event: 'work'; readonly backing: BackingName; readonly result: WorkResult }
  | {
      readonly event: 'rogue';
      readonly backing: BackingName;
      readonly number: number;
      readonly of: number;
      readonly result: RogueOutcome;
    }
  /** The honest driver again, on the same device, after all the attacks. */
  | { readonly event: 'survived'; readonly backing: BackingName; readonly result: WorkResult };

export interface DemoOptions {
  readonly device: DeviceEntry;
  readonly specification: LoadedSpecification;
  readonly backing: BackingName;
}

export async function* runDemo({ device, specification, backing }: DemoOptions): AsyncGenerator<DemoEvent> {
  const kernel = Kernel.boot();
  const begun = performance.now();
  const open = await device.backings[backing]().open();
  try {
    yield { event: 'started', backing, milliseconds: Math.round(performance.now() - begun) };
    yield { event: 'work', backing, result: await honestWork(kernel, device, specification, open) };
    const rogues = roguesOf(device, backing);
    for (const [index, rogue] of rogues.entries()) {
      yield {
        event: 'rogue',
        backing,
        number: index + 1,
        of: rogues.length,
        result: await runRogue(kernel, specification, open, rogue),
      };
    }
    yield { event: 'survived', backing, result: await honestWork(kernel, device, specification, open) };
  } finally {
    await kernel.shutdown();
    await open.close();
  }
}

async function honestWork(
  kernel: Kernel,
  device: DeviceEntry,
  specification: LoadedSpecification,
  backing: OpenBacking,
): Promise<WorkResult> {
  const ipd = await kernel.spawn({
    name: device.name,
    program: readFileSync(inPackage(device.program), 'utf8'),
    monitorModule: specification.source,
    backing,
  });
  const result = await device.work(ipd, backing);
  await ipd.stop();
  return result;
}
