/**
 * Replay: would this specification have refused anything that a recorded driver did?
 *
 * Register and configuration accesses are judged in order. Descriptors come from the `dma` lines that follow a doorbell
 * (they were read before the device saw it). A trace does not say what memory its driver was granted, so all of low RAM is
 * assumed granted unless the caller says otherwise. Configuration writes to registers marked `platform` (BARs, ROM,
 * interrupt line) are the firmware's and the bus driver's, not the device driver's: they are counted apart.
 * Interrupts are not judged: a trace's timing is that of its recorder. Recorders cut long tables of descriptors short; an
 * operation that is refused only after the monitor looked at bytes that the trace never showed is counted as not judged.
 *
 * A device with pools has no doorbell: its `dma` lines are structures that the device was seen to read from memory. Each is
 * judged like a store that put it there, by the rules of the pool that the line names (`DEVICE.POOL`). What lay there
 * before is taken to be the driver's: between two sightings the device may have given it back, which no trace shows.
 */
import {
  ALLOWED,
  CONFIG_SPACE,
  MEMORY_SPACE,
  PORT_SPACE,
  everyPurpose,
  registerAt,
  rulePlace,
  spaceName,
  type DescriptorMemory,
  type Monitor,
  type MonitorInfo,
  type PoolInfo,
  type Verdict,
  type Width,
} from '../../dsslang/index.ts';
import { configParts, readParts } from '../register-parts.ts';
import { asDriven } from './as-driven.ts';
import { readTrace, type TraceLine } from './format.ts';

export interface AssumedGrant {
  readonly address: number;
  readonly length: number;
}

/** Below the hole for PCI devices, where a PC has its RAM. */
export const LOW_RAM: readonly AssumedGrant[] = [{ address: 0, length: 0xc000_0000 }];

/** Denials kept with their text; all are counted. */
export const DENIALS_KEPT_MAX = 1000;

export interface Denial {
  readonly trace: string;
  readonly line: number;
  readonly operation: string;
  /** `file:line:column` of the clause that refuses. */
  readonly rule: string;
  /** The clause itself. */
  readonly clause: string;
  readonly reason: string;
}

export interface ReplayResult {
  readonly trace: string;
  /** Judged register and configuration accesses. */
  readonly operations: number;
  readonly denied: number;
  readonly denials: readonly Denial[];
  /** Configuration writes that belong to the platform. */
  readonly platform: number;
  /** Accesses to other devices in the same trace. */
  readonly otherDevices: number;
  /** Descriptor dumps taken in; those of pools were judged. */
  readonly descriptors: number;
  /** Operations that might be refused for descriptors that the trace does not show. */
  readonly unjudged: number;
}

/** Descriptor memory as the trace shows it; bytes never shown are 0. */
class TraceMemory implements DescriptorMemory {
  readonly #pages = new Map<number, Page>();
  /** Whether bytes were fetched that the trace has not shown; set back by whoever asks. */
  guessed = false;
  /** What is being judged as a store. */
  #sighting: Sighting | undefined;

  store(address: number, bytes: Uint8Array): void {
    bytes.forEach((byte, index) => {
      const page = this.#page(address + index);
      page.bytes[(address + index) % 4096] = byte;
      page.shown[(address + index) % 4096] = 1;
    });
  }

  /** Takes in what was seen, and lets it be judged in between. */
  see(sighting: Sighting, judge: () => void): void {
    this.store(sighting.address, new Uint8Array(sighting.bytes.length));
    this.#sighting = sighting;
    judge();
    this.#sighting = undefined;
    this.store(sighting.address, sighting.bytes);
  }

  stored(address: number, length: number, target: Uint8Array, at: number): boolean {
    this.fetch(address, length, target, at);
    this.#sighting?.bytes.forEach((byte, index) => {
      const into = (this.#sighting?.address ?? 0) + index - address;
      if (into >= 0 && into < length) target[at + into] = byte;
    });
    return true;
  }

  fetch(address: number, length: number, target: Uint8Array, at: number): boolean {
    for (let done = 0; done < length;) {
      const into = (address + done) % 4096;
      const run = Math.min(4096 - into, length - done);
      const page = this.#pages.get(Math.floor((address + done) / 4096));
      this.guessed ||= page === undefined || page.shown.subarray(into, into + run).includes(0);
      if (page === undefined) target.fill(0, at + done, at + done + run);
      else target.set(page.bytes.subarray(into, into + run), at + done);
      done += run;
    }
    return true;
  }

  #page(address: number): Page {
    const number = Math.floor(address / 4096);
    let page = this.#pages.get(number);
    if (page === undefined)
      this.#pages.set(number, (page = { bytes: new Uint8Array(4096), shown: new Uint8Array(4096) }));
    return page;
  }
}

interface Page {
  readonly bytes: Uint8Array;
  /** 1 for each byte that the trace has shown. */
  readonly shown: Uint8Array;
}

type Sighting = Extract<TraceLine, { kind: 'dma' }>;
type Access = Extract<TraceLine, { kind: 'read' | 'write' | 'config-read' | 'config-write' }>;

/** Replays one trace against a fresh monitor. @throws TraceError for a bad line */
export async function replay(
  createMonitor: (memory: DescriptorMemory) => Monitor,
  file: string,
  grants: readonly AssumedGrant[] = LOW_RAM,
): Promise<ReplayResult> {
  const memory = new TraceMemory();
  const monitor = createMonitor(memory);
  for (const { address, length } of grants) {
    const verdict = monitor.grant(address, length, everyPurpose(monitor.info));
    if (verdict !== ALLOWED)
      throw new RangeError(`assumed grant ${address}:${length}: ${monitor.info.rules[verdict]?.reason ?? ''}`);
  }
  const ours = await findDevice(file, monitor.info);
  const denials: Denial[] = [];
  let operations = 0;
  let denied = 0;
  let platform = 0;
  let otherDevices = 0;
  let descriptors = 0;
  let unjudged = 0;

  const judge = (access: Access): void => {
    if (access.kind !== 'config-write') return judgeRegister(access);
    const { width } = placeOf(access, monitor.info);
    const write = { offset: access.offset, width: width as 1 | 2 | 4, value: Number(access.value) };
    for (const part of configParts(monitor.info, write))
      judgeRegister({ ...access, ...part, value: BigInt(part.value) });
  };
  const judgeRegister = (access: Access): void => {
    if (access.bdf !== undefined && ours !== undefined && access.bdf !== ours) {
      otherDevices += 1;
      return;
    }
    const place = placeOf(access, monitor.info);
    if (isElsewhere(monitor.info, place)) {
      otherDevices += 1;
      return;
    }
    if (access.kind === 'config-write' && isPlatform(monitor.info, place)) {
      platform += 1;
      return;
    }
    operations += 1;
    memory.guessed = false;
    note(decide(monitor, access, place), access.line, () => describe(access, place, monitor.info));
  };
  const note = (verdict: Verdict, line: number, operation: () => string): void => {
    if (verdict === ALLOWED) return;
    if (memory.guessed) {
      unjudged += 1;
      return;
    }
    denied += 1;
    const rule = monitor.info.rules[verdict];
    if (denials.length >= DENIALS_KEPT_MAX || rule === undefined) return;
    const { reason, text: clause } = rule;
    denials.push({ trace: file, line, operation: operation(), rule: rulePlace(rule), clause, reason });
  };
  const see = (sighting: Sighting): void => {
    descriptors += 1;
    const pool = poolOf(monitor.info, sighting.what);
    if (pool === undefined) return memory.store(sighting.address, sighting.bytes);
    const { address, bytes, timeUs, line, what } = sighting;
    memory.see(sighting, () => {
      const verdict = monitor.store(address, bytes.length, timeUs, pool.purpose);
      memory.guessed = false; // what counts of a structure is what was seen of it
      note(verdict, line, () => `${what} at 0x${address.toString(16)}: ${Buffer.from(bytes).toString('hex')}`);
    });
  };

  // A doorbell waits for the descriptors that it published, which the recorder wrote on the lines after it.
  let doorbell: Access | undefined;
  for await (const line of asDriven(readTrace(file), monitor.info, ours)) {
    if (line.kind === 'dma' && monitor.info.pools.length === 0) {
      see(line);
      continue;
    }
    if (doorbell !== undefined) judge(doorbell);
    doorbell = undefined;
    if (line.kind === 'write') doorbell = line;
    else if (line.kind === 'dma') see(line);
    else if (line.kind !== 'other') judge(line);
  }
  if (doorbell !== undefined) judge(doorbell);
  return { trace: file, operations, denied, denials, platform, otherDevices, descriptors, unjudged };
}

/** The pool that a `dma` line names (`DEVICE.POOL[index]`). */
export function poolOf({ pools }: MonitorInfo, what: string): PoolInfo | undefined {
  return pools.find(({ name }) => what.replace(/\[.*/, '').endsWith(`.${name}`));
}

/** The trace is of other devices than the specification's. */
export class TraceDeviceError extends Error {
  readonly code = 'TRACE_OTHER_DEVICE';
  constructor(file: string, wanted: readonly string[], found: readonly string[]) {
    super(`${file}: the specification is about ${wanted.join(', ')}, but the trace has only ${found.join(', ')}`);
    this.name = 'TraceDeviceError';
  }
}

const pciId = (vendor: number, device: number): string =>
  `${vendor.toString(16).padStart(4, '0')}:${device.toString(16).padStart(4, '0')}`;

/**
 * Which PCI function of the trace is the device that the specification matches; undefined if the trace does not tell.
 * @throws TraceDeviceError if it tells that none is
 */
async function findDevice(file: string, info: MonitorInfo): Promise<string | undefined> {
  const identities = new Map<string, { vendor?: number; device?: number }>();
  for await (const line of readTrace(file)) {
    if (line.kind !== 'config-read' || line.bdf === undefined) continue;
    const identity = identities.get(line.bdf) ?? {};
    identities.set(line.bdf, identity);
    if (line.offset === 0) {
      identity.vendor = Number(line.value & 0xffffn);
      if (line.value > 0xffffn) identity.device = Number(line.value >> 16n);
    }
    if (line.offset === 2) identity.device = Number(line.value & 0xffffn);
    const found = info.pci.some((id) => id.vendor === identity.vendor && id.device === identity.device);
    if (found) return line.bdf;
  }
  const complete = [...identities.values()].filter((each) => each.vendor !== undefined && each.device !== undefined);
  if (complete.length > 0 && complete.length === identities.size) {
    const wanted = info.pci.map((id) => pciId(id.vendor, id.device));
    const seen = new Set(complete.map((each) => pciId(each.vendor ?? 0, each.device ?? 0)));
    throw new TraceDeviceError(file, wanted, [...seen]);
  }
  return undefined;
}

interface Place {
  readonly space: number;
  readonly offset: number;
  readonly width: Width;
}

/** No device lies at addresses this low: an absolute place up to here is a port. */
const PORT_MAX = 0xffff;

function placeOf(access: Access, info: MonitorInfo): Place {
  if (access.kind === 'read' || access.kind === 'write') {
    const absolute = access.offset <= PORT_MAX ? PORT_SPACE : MEMORY_SPACE;
    return { space: access.bar ?? absolute, offset: access.offset, width: access.width };
  }
  const register = info.registers.find((each) => {
    const into = access.offset - each.offset;
    return each.space === CONFIG_SPACE && into >= 0 && into < each.stride * each.count && into % each.stride === 0;
  });
  // Of an unknown width: that of the register, or what the value needs.
  const needed = access.value < 0x100n ? 1 : access.value < 0x1_0000n ? 2 : 4;
  const unknownWidth = register !== undefined && register.width > needed ? register.width : needed;
  return { space: CONFIG_SPACE, offset: access.offset, width: access.width ?? unknownWidth };
}

/** An absolute address, of which the trace does not tell that it is in a BAR, for a device that has nothing outside its BARs. */
function isElsewhere(info: MonitorInfo, place: Place): boolean {
  if (place.space !== PORT_SPACE && place.space !== MEMORY_SPACE) return false;
  return !info.registers.some(({ space }) => space === PORT_SPACE || space === MEMORY_SPACE);
}

function isPlatform(info: MonitorInfo, place: Place): boolean {
  return info.registers.some((each) => {
    if (each.space !== place.space || each.access !== 'platform') return false;
    const into = place.offset - each.offset;
    return into >= 0 && into < each.stride * (each.count - 1) + each.width;
  });
}

function decide(monitor: Monitor, access: Access, { space, offset, width }: Place): Verdict {
  const lo = Number(BigInt.asUintN(32, access.value));
  const hi = Number(access.value >> 32n);
  if (access.kind === 'write' || access.kind === 'config-write')
    return monitor.write(space, offset, width, lo, hi, access.timeUs);
  const parts = readParts(monitor.info, space, offset, width);
  for (const part of parts) {
    const verdict = monitor.read(space, part.offset, part.width, access.timeUs);
    if (verdict !== ALLOWED) return verdict;
  }
  for (const part of parts) {
    const value = BigInt.asUintN(8 * part.width, access.value >> BigInt(part.shift));
    const [low, high] = [Number(BigInt.asUintN(32, value)), Number(value >> 32n)];
    const verdict = monitor.report(space, part.offset, part.width, low, high, access.timeUs);
    if (verdict !== ALLOWED) return verdict;
  }
  return ALLOWED;
}

function describe(access: Access, place: Place, info: MonitorInfo): string {
  const name = registerAt(info, place.space, place.offset);
  const where = `${spaceName(place.space)}+0x${place.offset.toString(16)}`;
  const value = `0x${access.value.toString(16)}`;
  const target = name === undefined ? where : `${name} (${where})`;
  return access.kind === 'write' || access.kind === 'config-write'
    ? `write ${target} = ${value}, ${place.width} bytes`
    : `read ${target} gave ${value}, ${place.width} bytes`;
}
