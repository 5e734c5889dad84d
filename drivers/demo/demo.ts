/**
 * The guided demo as a sequence of events: compile, run the honest driver, run every rogue, show that the device lived.
 * Prints nothing: `drivers/cli.ts` does.
 */
import { readFileSync } from 'node:fs';
import { Kernel, type OpenBacking } from '../../kernel/index.ts';
import { ROGUE_DRIVERS } from '../rogue/catalogue.ts';
import type { LoadedSpecification } from '../specification.ts';
import { inPackage, type BackingName, type DemoDevice } from './devices.ts';
import { runRogue, type RogueOutcome } from './rogues.ts';
import { exchangeFrames, whenUp, type TrafficResult } from './traffic.ts';

export type DemoEvent =
  | { readonly event: 'started'; readonly backing: BackingName; readonly milliseconds: number }
  | { readonly event: 'traffic'; readonly backing: BackingName; readonly result: TrafficResult }
  | {
      readonly event: 'rogue';
      readonly backing: BackingName;
      readonly number: number;
      readonly of: number;
      readonly result: RogueOutcome;
    }
  /** The honest driver again, on the same device, after all the attacks. */
  | { readonly event: 'survived'; readonly backing: BackingName; readonly result: TrafficResult };

export interface DemoOptions {
  readonly device: DemoDevice;
  readonly specification: LoadedSpecification;
  readonly backing: BackingName;
  readonly frames: number;
}

export async function* runDemo({ device, specification, backing, frames }: DemoOptions): AsyncGenerator<DemoEvent> {
  const kernel = Kernel.boot();
  const begun = performance.now();
  const open = await device.backings[backing]().open();
  try {
    yield { event: 'started', backing, milliseconds: Math.round(performance.now() - begun) };
    yield { event: 'traffic', backing, result: await honestTraffic(kernel, device, specification, open, frames) };
    const rogues = ROGUE_DRIVERS.filter((rogue) => rogue.only === undefined || rogue.only === backing);
    for (const [index, rogue] of rogues.entries()) {
      yield {
        event: 'rogue',
        backing,
        number: index + 1,
        of: rogues.length,
        result: await runRogue(kernel, specification, open, rogue),
      };
    }
    yield { event: 'survived', backing, result: await honestTraffic(kernel, device, specification, open, frames) };
  } finally {
    await kernel.shutdown();
    await open.close();
  }
}

async function honestTraffic(
  kernel: Kernel,
  device: DemoDevice,
  specification: LoadedSpecification,
  backing: OpenBacking,
  frames: number,
): Promise<TrafficResult> {
  const ipd = await kernel.spawn({
    name: device.name,
    program: readFileSync(inPackage(device.program), 'utf8'),
    monitorModule: specification.source,
    backing,
  });
  const result = await exchangeFrames(ipd, backing, await whenUp(ipd), frames);
  await ipd.stop();
  return result;
}
