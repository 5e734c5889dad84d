/** `refmon run`: one driver program on one device, for as long as one likes. A library; `cli.ts` prints. */
import { readFileSync } from 'node:fs';
import { Kernel, type DriverMessage, type ExitReport, type Ipd } from '../kernel/index.ts';
import type { BackingName, DeviceEntry } from './device-entry.ts';
import type { LoadedSpecification } from './specification.ts';

export interface RunOptions {
  readonly device: DeviceEntry;
  readonly specification: LoadedSpecification;
  readonly backing: BackingName;
  /** File of the driver program. */
  readonly program: string;
  readonly name: string;
  readonly milliseconds: number;
  readonly onStart: (ipd: Ipd) => void;
  readonly onMessage: (message: DriverMessage) => void;
  readonly onFrame: (frame: Uint8Array) => void;
}

export interface RunResult extends ExitReport {
  readonly log: readonly string[];
}

/** Runs the driver until it ends by itself or its time is over. */
export async function runDriver(options: RunOptions): Promise<RunResult> {
  const kernel = Kernel.boot();
  const open = await options.device.backings[options.backing]().open();
  try {
    open.wire?.onFrame(options.onFrame);
    const ipd = await kernel.spawn({
      name: options.name,
      program: readFileSync(options.program, 'utf8'),
      monitorModule: options.specification.source,
      backing: open,
    });
    ipd.onMessage(options.onMessage);
    options.onStart(ipd);
    const timer = setTimeout(() => void ipd.stop(), options.milliseconds);
    const report = await ipd.exited;
    clearTimeout(timer);
    return { ...report, log: ipd.log };
  } finally {
    await kernel.shutdown();
    await open.close();
  }
}
