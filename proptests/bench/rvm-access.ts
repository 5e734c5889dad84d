/**
 * What one register access costs through the RVM, and how long a sandboxed driver takes to start. On the in-process model.
 *
 * Accesses are timed on this thread, device first bare, then behind an RVM that allows everything, then behind the monitor,
 * in interleaved batches; the median batch counts. The model's own work is part of every row.
 */
import type { MonitorModule } from '../../dsslang/index.ts';
import { Kernel, Rvm, type Backing, type Device } from '../../kernel/index.ts';
import { quantile } from './statistics.ts';

const median = (samples: readonly number[]): number => quantile(samples, 0.5);

/** 8254x registers without side effects on the driver's work: STATUS is read, ITR written. */
const STATUS = 0x0008;
const ITR = 0x00c4;
const BATCHES = 61;
const WARMUPS = 20;
const ACCESSES = 2000;

export interface AccessResult {
  readonly name: string;
  readonly kind: 'read' | 'write';
  readonly medianNs: number;
}

/** @param backing opens one device for each contender */
export async function measureAccess(
  backing: Backing,
  monitored: MonitorModule,
  allowAll: MonitorModule,
): Promise<readonly AccessResult[]> {
  const open = await Promise.all([backing.open(), backing.open(), backing.open()]);
  try {
    const [bare, free, watched] = open.map((each) => each.attachHere()) as [Device, Device, Device];
    const dma = open[0].dma;
    const contenders = [
      { name: 'device alone', device: bare },
      { name: 'RVM, pass-through', device: new Rvm({ device: free, monitor: allowAll, dma, ipd: 1, driver: 'bench' }) },
      {
        name: 'RVM with monitor',
        device: new Rvm({ device: watched, monitor: monitored, dma, ipd: 2, driver: 'bench' }),
      },
    ];
    const results: AccessResult[] = [];
    for (const kind of ['read', 'write'] as const) {
      const samples = contenders.map(() => [] as number[]);
      for (let batch = 0; batch < WARMUPS + BATCHES; batch += 1) {
        contenders.forEach(({ device }, index) => {
          const ns = kind === 'read' ? timeReads(device) : timeWrites(device);
          if (batch >= WARMUPS) samples[index]?.push(ns);
        });
      }
      contenders.forEach(({ name }, index) => results.push({ name, kind, medianNs: median(samples[index] ?? []) }));
    }
    return results;
  } finally {
    for (const each of open) await each.close();
  }
}

function timeReads(device: Device): number {
  const begun = process.hrtime.bigint();
  for (let count = 0; count < ACCESSES; count += 1) device.read(0, STATUS, 4);
  return Number(process.hrtime.bigint() - begun) / ACCESSES;
}

function timeWrites(device: Device): number {
  const begun = process.hrtime.bigint();
  for (let count = 0; count < ACCESSES; count += 1) device.write(0, ITR, 4, count);
  return Number(process.hrtime.bigint() - begun) / ACCESSES;
}

/** Median milliseconds from `spawn` until the driver's `init` has returned. The first, with cold files, is not counted. */
export async function measureStart(
  backing: Backing,
  program: string,
  monitorModule: string,
  times: number,
): Promise<number> {
  const kernel = Kernel.boot();
  const open = await backing.open();
  const samples: number[] = [];
  try {
    for (let count = 0; count <= times; count += 1) {
      const begun = performance.now();
      const ipd = await kernel.spawn({ name: 'e1000', program, monitorModule, backing: open });
      if (count > 0) samples.push(performance.now() - begun);
      await ipd.stop();
    }
  } finally {
    await kernel.shutdown();
    await open.close();
  }
  return median(samples);
}
