/**
 * How much throughput does a monitor cost? One driver, QEMU's card, with its monitor and with one that allows everything.
 *
 * Two cards run side by side, each with a driver in a domain of its own; rounds alternate between them (A B, B A, ...), so a
 * busy moment hits both. A round trip to QEMU takes 8 us or 80 us, as the scheduler places its process, which stays so for
 * long: so after a leg of many short rounds the drivers are respawned with monitors exchanged (`paired-legs.ts`).
 */
import { Kernel, type Backing, type Ipd, type OpenBacking } from '../../kernel/index.ts';
import { whenUp } from '../../drivers/class/network-traffic.ts';
import { summarizeLegs, type LegsSummary, type Pair } from './paired-legs.ts';

export const FRAME_BYTES = 1514;
/** Frames under way: a fraction of the driver's ring. */
const IN_FLIGHT = 8;
/** A frame takes four times as long to send as to receive, and rounds are to be equally long. */
const SENT_PART = 4;
/**
 * Frames that each driver moves before any is counted, while the JavaScript engine compiles. An interrupt gives some twenty received
 * frames at a time, and it is interrupts that a monitor has to have seen: some 600, as of a disk's pieces (`rvm-disk.ts`).
 */
const WARMUP_FRAMES = { transmit: 3000, receive: 15_000 } as const;
const ROUND_TIMEOUT_MS = 20_000;

export interface TrafficOptions {
  readonly backing: Backing;
  /** Text of the driver program. */
  readonly program: string;
  readonly monitored: string;
  readonly allowAll: string;
  /** Times that the drivers are spawned, monitors exchanged each time. */
  readonly legs: number;
  /** A leg begins; the first is 0. */
  readonly onLeg?: (leg: number) => void;
  /** Pairs of rounds in each leg and direction. */
  readonly pairs: number;
  /** Frames in a round of those that are received. */
  readonly frames: number;
}

export type Direction = 'transmit' | 'receive';

/** Of one direction; nanoseconds are for one frame. */
export interface TrafficResult extends LegsSummary {
  readonly direction: Direction;
}

/** A driver that is up, and the count of what it has done. */
interface Station {
  readonly ipd: Ipd;
  readonly open: OpenBacking;
  readonly mac: string;
  readonly done: Record<Direction, number>;
  onProgress: () => void;
}

/** @throws Error when a frame is lost or a driver faults: then there is nothing to measure */
export async function measureTraffic(options: TrafficOptions): Promise<readonly TrafficResult[]> {
  const kernel = Kernel.boot();
  const cards = [await options.backing.open(), await options.backing.open()] as const;
  const legs: Record<Direction, Pair[][]> = { transmit: [], receive: [] };
  try {
    for (let leg = 0; leg < options.legs; leg += 1) {
      options.onLeg?.(leg);
      const [first, second] = leg % 2 === 0 ? cards : ([cards[1], cards[0]] as const);
      const [monitored, free] = await Promise.all([
        station(kernel, first, options.program, options.monitored),
        station(kernel, second, options.program, options.allowAll),
      ]);
      for (const direction of ['transmit', 'receive'] as const) {
        const frames = direction === 'transmit' ? Math.ceil(options.frames / SENT_PART) : options.frames;
        for (let warm = 0; warm < WARMUP_FRAMES[direction]; warm += frames)
          await pair(monitored, free, direction, frames, false);
        const counted: Pair[] = [];
        for (let round = 0; round < options.pairs; round += 1) {
          counted.push(await pair(monitored, free, direction, frames, round % 2 === 1));
        }
        legs[direction].push(counted);
      }
      await Promise.all([monitored.ipd.stop(), free.ipd.stop()]);
    }
  } finally {
    await kernel.shutdown();
    for (const card of cards) await card.close();
  }
  return (['transmit', 'receive'] as const).map((direction) => ({ direction, ...summarizeLegs(legs[direction]) }));
}

async function pair(
  monitored: Station,
  free: Station,
  direction: Direction,
  frames: number,
  backwards: boolean,
): Promise<Pair> {
  if (!backwards) {
    const withMonitorNs = await round(monitored, direction, frames);
    return { withMonitorNs, passThroughNs: await round(free, direction, frames) };
  }
  const passThroughNs = await round(free, direction, frames);
  return { withMonitorNs: await round(monitored, direction, frames), passThroughNs };
}

async function station(kernel: Kernel, open: OpenBacking, program: string, monitorModule: string): Promise<Station> {
  const ipd = await kernel.spawn({ name: 'e1000', program, monitorModule, backing: open });
  const done = { transmit: 0, receive: 0 };
  ipd.onMessage((message) => {
    if (message.kind === 'transmitted') done.transmit += Number(message['count']);
    else if (message.kind === 'receive') done.receive += 1;
    else return;
    here.onProgress();
  });
  const here: Station = { ipd, open, mac: await whenUp(ipd), done, onProgress: () => undefined };
  return here;
}

/** Nanoseconds a frame. */
async function round(station: Station, direction: Direction, frames: number): Promise<number> {
  const { ipd, open, done } = station;
  const frame = fullFrame(station.mac);
  const offer = (): void => {
    if (direction === 'transmit') ipd.send({ kind: 'transmit', frame });
    else open.wire?.send(frame);
  };
  const before = done[direction];
  const begun = process.hrtime.bigint();
  await new Promise<void>((resolve, reject) => {
    let offered = 0;
    const timer = setTimeout(
      () =>
        reject(new Error(`${direction}: ${done[direction] - before} of ${frames} frames in ${ROUND_TIMEOUT_MS} ms`)),
      ROUND_TIMEOUT_MS,
    );
    const pump = (): void => {
      const finished = done[direction] - before;
      if (finished >= frames) {
        clearTimeout(timer);
        station.onProgress = () => undefined;
        return resolve();
      }
      for (; offered < frames && offered - finished < IN_FLIGHT; offered += 1) offer();
    };
    station.onProgress = pump;
    pump();
  });
  return Number(process.hrtime.bigint() - begun) / frames;
}

function fullFrame(mac: string): Uint8Array {
  const frame = new Uint8Array(FRAME_BYTES).fill(0x5a);
  frame.set(mac.split(':').map((byte) => Number.parseInt(byte, 16)));
  frame.set([2, 0, 0, 0, 0, 1, 0x88, 0xb5], 6);
  return frame;
}
