/**
 * How much of a disk's throughput does a monitor cost? One driver, QEMU's IDE by DMA, with its monitor and with one that
 * allows everything.
 *
 * As `rvm-traffic.ts`: two controllers side by side, rounds in turns, drivers respawned with monitors exchanged after each leg
 * (`paired-legs.ts`). What is read is what was written: each round compares its last piece with the medium, seen from outside.
 */
import { Kernel, type Backing, type Ipd, type OpenBacking } from '../../kernel/index.ts';
import { summarizeLegs, type LegsSummary, type Pair } from './paired-legs.ts';

/** A request: 64 KiB, as much as one region of a table holds. */
export const PIECE_BYTES = 64 * 1024;
const SECTOR_BYTES = 512;
/**
 * Pieces that each driver moves in each direction before any is counted. A driver's thread and its monitor begin in the
 * JavaScript engine's interpreter, and most registers have a function of their own in the monitor, to which a piece comes once
 * or twice. With the limit that the command sets (`bin/refmon.cjs`) the last of them is optimised after 600 pieces, with V8's
 * own after 5300. Until then the monitor takes longer, and what V8 compiles in the background takes QEMU its second processor.
 */
const WARMUP_PIECES = 900;
const ROUND_TIMEOUT_MS = 20_000;

export interface DiskOptions {
  readonly backing: Backing;
  /** Text of the driver program. */
  readonly program: string;
  readonly monitored: string;
  readonly allowAll: string;
  /** Times that the drivers are spawned, monitors exchanged each time; even. */
  readonly legs: number;
  /** A leg begins; the first is 0. */
  readonly onLeg?: (leg: number) => void;
  /** Pairs of rounds in each leg and direction. */
  readonly pairs: number;
  /** Pieces in a round; all must fit on the medium. */
  readonly pieces: number;
}

export type DiskDirection = 'write' | 'read';

/** Of one direction; nanoseconds are for one piece. */
export interface DiskResult extends LegsSummary {
  readonly direction: DiskDirection;
}

const DIRECTIONS = ['write', 'read'] as const;

interface Station {
  readonly ipd: Ipd;
  readonly open: OpenBacking;
  /** Called with each answer to a request. */
  onAnswer: (kind: string, bytes: unknown) => void;
}

/** @throws Error when a request fails or what was moved is wrong: then there is nothing to measure */
export async function measureDisk(options: DiskOptions): Promise<readonly DiskResult[]> {
  const kernel = Kernel.boot();
  const disks = [await options.backing.open(), await options.backing.open()] as const;
  const legs: Record<DiskDirection, Pair[][]> = { write: [], read: [] };
  const warmups = Math.ceil(WARMUP_PIECES / options.pieces);
  try {
    for (let leg = 0; leg < options.legs; leg += 1) {
      options.onLeg?.(leg);
      const [first, second] = leg % 2 === 0 ? disks : ([disks[1], disks[0]] as const);
      const monitored = await station(kernel, first, options.program, options.monitored);
      const free = await station(kernel, second, options.program, options.allowAll);
      for (let turn = 0; turn < warmups; turn += 1)
        for (const direction of DIRECTIONS) await pair(monitored, free, direction, options.pieces, false);
      for (const direction of DIRECTIONS) {
        const counted: Pair[] = [];
        for (let turn = 0; turn < options.pairs; turn += 1)
          counted.push(await pair(monitored, free, direction, options.pieces, turn % 2 !== 0));
        legs[direction].push(counted);
      }
      await Promise.all([monitored.ipd.stop(), free.ipd.stop()]);
    }
  } finally {
    await kernel.shutdown();
    for (const disk of disks) await disk.close();
  }
  return DIRECTIONS.map((direction) => ({ direction, ...summarizeLegs(legs[direction]) }));
}

async function pair(
  monitored: Station,
  free: Station,
  direction: DiskDirection,
  pieces: number,
  backwards: boolean,
): Promise<Pair> {
  const early = backwards ? await round(free, direction, pieces) : undefined;
  const withMonitorNs = await round(monitored, direction, pieces);
  return { withMonitorNs, passThroughNs: early ?? (await round(free, direction, pieces)) };
}

async function station(kernel: Kernel, open: OpenBacking, program: string, monitorModule: string): Promise<Station> {
  const ipd = await kernel.spawn({ name: 'ide', program, monitorModule, backing: open });
  const here: Station = { ipd, open, onAnswer: () => undefined };
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the disk does not come up')), ROUND_TIMEOUT_MS);
    ipd.onMessage((message) => {
      if (message.kind === 'up') {
        clearTimeout(timer);
        resolve();
      } else here.onAnswer(message.kind, message['bytes']);
    });
  });
  return here;
}

/** One request after the other. Nanoseconds a piece. */
async function round(here: Station, direction: DiskDirection, pieces: number): Promise<number> {
  const { ipd, open } = here;
  const sectors = PIECE_BYTES / SECTOR_BYTES;
  const content = new Uint8Array(PIECE_BYTES).fill(0x5a);
  const wanted = direction === 'write' ? 'written' : 'data';
  let last: unknown;
  const begun = process.hrtime.bigint();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${direction}: not done in time`)), ROUND_TIMEOUT_MS);
    let done = 0;
    const ask = (): void => {
      const place = { tag: done, sector: done * sectors };
      if (direction === 'write') ipd.send({ kind: 'write', ...place, bytes: content });
      else ipd.send({ kind: 'read', ...place, count: sectors });
    };
    here.onAnswer = (kind, bytes) => {
      if (kind !== wanted) return reject(new Error(`${direction} of piece ${done} was answered with ${kind}`));
      last = bytes;
      done += 1;
      if (done < pieces) return ask();
      clearTimeout(timer);
      here.onAnswer = () => undefined;
      resolve();
    };
    ask();
  });
  const elapsed = Number(process.hrtime.bigint() - begun);
  const medium = open.disk?.read((pieces - 1) * PIECE_BYTES, PIECE_BYTES);
  const moved = direction === 'write' ? content : last;
  if (medium === undefined || !(moved instanceof Uint8Array) || Buffer.compare(medium, moved) !== 0)
    throw new Error(`${direction}: the last piece is not what is on the medium`);
  return elapsed / pieces;
}
