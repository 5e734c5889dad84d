/**
 * What the reference validation mechanism costs: throughput on QEMU's card and disk, sound, one register access, and a driver's start.
 *
 * The goals are at most 5 % of throughput, 300 ns an access on the in-process model, and 250 ms for a start. Absolute
 * times are this machine's; ratios are within one run. Prints nothing; `refmon bench` does.
 */
import { readFileSync } from 'node:fs';
import { availableBackings, deviceNamed, inPackage, loadDeviceSpecification } from '../../drivers/devices.ts';
import type { MonitorModule } from '../../dsslang/index.ts';
import { allowAllSource } from './allow-all.ts';
import { measureAccess, measureStart } from './rvm-access.ts';
import type { LegsSummary } from './paired-legs.ts';
import { measureAudio, type AudioResult } from './rvm-audio.ts';
import { measureDisk, PIECE_BYTES } from './rvm-disk.ts';
import { measureTraffic, type TrafficResult } from './rvm-traffic.ts';

export interface RvmBenchOptions {
  /** How often drivers are respawned with monitors exchanged; 24 by default, and even, so that each card has had each. */
  readonly legs?: number;
  /**
   * Pairs of rounds of frames in each leg and direction; 96 by default, and even. Rounds of the same driver take 20 us a frame or
   * 60, as the scheduler places it: with 12 pairs a leg says little, and 24 such legs no more than 5 % exactly.
   */
  readonly pairs?: number;
  /**
   * Frames of 1514 bytes in each round; 250 by default, and a quarter of it where they are sent, which takes longer: short, so
   * that both rounds of a pair see the same machine.
   */
  readonly frames?: number;
  /** Starts of a driver; 9 by default. */
  readonly starts?: number;
  /** Pairs of rounds of sound, of 3 seconds each; 3 by default. */
  readonly sounds?: number;
  /** Hears what is measured next. */
  readonly onProgress?: (text: string) => void;
}

export interface RvmBenchRow {
  readonly name: string;
  /** For one frame, one piece of a disk, one access, or one start. */
  readonly median_ns: number;
  /** Time over the time of the row without a monitor; for traffic the median of paired rounds. */
  readonly ratio: number;
  /** What `ratio` or `median_ns` should not exceed. */
  readonly goal?: { readonly ratio: number } | { readonly median_ns: number } | { readonly underruns: number };
  /** Sound only: how often the device ran out of it, in how many seconds. */
  readonly underruns?: number;
  readonly seconds?: number;
  /** Traffic only. */
  readonly framesPerSecond?: number;
  /** Traffic and disks only: throughput lost to the monitor, in percent. */
  readonly lostPercent?: number;
  /** The same in the leg that lost least, and in the one that lost most. */
  readonly legsLostPercent?: readonly [least: number, most: number];
}

export interface RvmBenchResult {
  readonly rows: readonly RvmBenchRow[];
  /** Why rows are missing; undefined if none is. */
  readonly skipped: string | undefined;
}

/** A goal of 5 % less throughput, as a ratio of times. */
const TRAFFIC_RATIO_GOAL = 1 / 0.95;
const ACCESS_GOAL_NS = 300;
const START_GOAL_NS = 250e6;

export async function benchRvm(options: RvmBenchOptions = {}): Promise<RvmBenchResult> {
  const { legs = 24, pairs = 96, frames = 250, starts = 9, sounds = 3, onProgress = () => undefined } = options;
  const onLeg = (what: string, of: number) => (leg: number) => onProgress(`${what}: leg ${leg + 1} of ${of}`);
  const device = deviceNamed('e1000');
  if (device === undefined) throw new Error('there is no e1000 among the devices');
  const specification = await loadDeviceSpecification(device);
  const program = readFileSync(inPackage(device.program), 'utf8');
  const monitored = specification.source;
  const allowAll = allowAllSource(specification.module.info);
  const allowAllModule = (await import(`data:text/javascript,${encodeURIComponent(allowAll)}`)) as MonitorModule;

  const rows: RvmBenchRow[] = [];
  const hasQemu = (await availableBackings()).includes('qemu');
  if (hasQemu) {
    const backing = device.backings.qemu();
    const traffic = await measureTraffic({
      ...{ backing, program, monitored, allowAll, legs, pairs, frames },
      onLeg: onLeg('frames with and without the monitor', legs),
    });
    rows.push(...traffic.flatMap(trafficRows));
    const diskLegs = DISK_LEGS * legs;
    rows.push(...(await diskRows(diskLegs, onLeg('pieces of a disk with and without the monitor', diskLegs))));
    onProgress('sound with and without the monitor');
    rows.push(...(await audioRows(sounds)));
  }
  onProgress('one register access, and the start of a driver');
  const access = await measureAccess(device.backings.model(), specification.module, allowAllModule);
  for (const { name, kind, medianNs } of access) {
    const free = access.find((each) => each.kind === kind && each.name === 'RVM, pass-through');
    rows.push({
      name: `model, register ${kind}: ${name}`,
      median_ns: medianNs,
      ratio: medianNs / (free?.medianNs ?? NaN),
      ...(name === 'RVM with monitor' ? { goal: { median_ns: ACCESS_GOAL_NS } } : {}),
    });
  }
  const model = device.backings.model();
  const startNs = (await measureStart(model, program, monitored, starts)) * 1e6;
  const bareStartNs = (await measureStart(model, program, allowAll, starts)) * 1e6;
  rows.push(
    { name: 'start of a driver: pass-through', median_ns: bareStartNs, ratio: 1 },
    {
      name: 'start of a driver: with monitor',
      median_ns: startNs,
      ratio: startNs / bareStartNs,
      goal: { median_ns: START_GOAL_NS },
    },
  );
  return { rows, skipped: hasQemu ? undefined : 'QEMU is not installed: no traffic was measured' };
}

/** As short as those of frames, and for the same reason. */
const DISK_PIECES = 12;
const DISK_PAIRS = 32;
/** Of a disk the pairs of a leg are alike, and legs of two identical sides a tenth apart: so it has more legs than frames have. */
const DISK_LEGS = 2;

/** Writes and reads QEMU's IDE disk by the bus master. */
async function diskRows(legs: number, onLeg: (leg: number) => void): Promise<RvmBenchRow[]> {
  const device = deviceNamed('ide');
  const { source, module } = await loadDeviceSpecification(device);
  const results = await measureDisk({
    backing: device.backings.qemu(),
    program: readFileSync(inPackage(device.program), 'utf8'),
    monitored: source,
    allowAll: allowAllSource(module.info),
    legs,
    onLeg,
    pairs: DISK_PAIRS,
    pieces: DISK_PIECES,
  });
  return results.flatMap(({ direction, ...legs }) =>
    throughputRows(`QEMU ide, ${direction} ${PIECE_BYTES >> 10} KiB`, legs),
  );
}

function throughputRows(name: string, legs: LegsSummary): RvmBenchRow[] {
  const lost = (ratio: number): number => 100 * (1 - ratio);
  return [
    { name: `${name}: pass-through`, median_ns: legs.passThroughNs, ratio: 1 },
    {
      name: `${name}: with monitor`,
      median_ns: legs.withMonitorNs,
      ratio: 1 / legs.throughputRatio,
      goal: { ratio: TRAFFIC_RATIO_GOAL },
      lostPercent: lost(legs.throughputRatio),
      legsLostPercent: [lost(legs.highestRatio), lost(legs.lowestRatio)],
    },
  ];
}

const SOUND_SECONDS = 3;

/** Plays on QEMU's AC'97 controller. The time for a frame is the loudspeaker's; what a monitor can cost is an underrun. */
async function audioRows(rounds: number): Promise<RvmBenchRow[]> {
  const device = deviceNamed('ac97');
  const { source, module } = await loadDeviceSpecification(device);
  const { withMonitor, passThrough } = await measureAudio({
    backing: device.backings.qemu(),
    program: readFileSync(inPackage(device.program), 'utf8'),
    monitored: source,
    allowAll: allowAllSource(module.info),
    rounds,
    seconds: SOUND_SECONDS,
  });
  const row = (name: string, { underruns, seconds, frameNs }: AudioResult): RvmBenchRow => ({
    name: `QEMU ac97, sound at 48 kHz: ${name}`,
    median_ns: frameNs,
    ratio: frameNs / passThrough.frameNs,
    underruns,
    seconds,
  });
  return [row('pass-through', passThrough), { ...row('with monitor', withMonitor), goal: { underruns: 0 } }];
}

function trafficRows({ direction, ...legs }: TrafficResult): RvmBenchRow[] {
  return throughputRows(`QEMU e1000, ${direction} 1514 B`, legs).map((row) => ({
    ...row,
    framesPerSecond: 1e9 / row.median_ns,
  }));
}
