/**
 * Recorded drivers as operations of a session: as `refmon replay` judges them, or with a value, an offset or a bit of what is
 * stored changed now and then.
 *
 * The C monitor has every pool's rules apply to a store, so here they do for all. A trace does not tell which memory its
 * driver had of which pool; a page in which structures of some pools were seen is taken to be of those only.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { GRANT_COMMANDS, GRANT_READS, GRANT_WRITES } from '../../dsslang/index.ts';
import type { Monitor, MonitorInfo, MonitorModule, Program } from '../../dsslang/index.ts';
import { DEVICES, inPackage } from '../../drivers/devices.ts';
import { readTrace } from '../../drivers/trace/format.ts';
import { LOW_RAM, poolOf, replay, type AssumedGrant } from '../../drivers/trace/replay.ts';
import { packagedTraces } from '../../drivers/trace/testing/packaged.ts';
import { NotedMemory } from './memory.ts';
import type { Random } from './random.ts';
import { Session } from './session.ts';
import type { Event } from './event.ts';

export interface RecordedTrace {
  readonly file: string;
  readonly grants: readonly AssumedGrant[];
}

export interface RecordedDriver {
  /** From the package's root. */
  readonly specification: string;
  readonly traces: readonly RecordedTrace[];
}

/** The traces of the example, those that lie beside each device, and those in `REFMON_TRACES` that are named after one. */
export function recordedDrivers(): readonly RecordedDriver[] {
  const folder = process.env['REFMON_TRACES'] ?? '';
  const others = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
  const ofDevices = DEVICES.map((device): RecordedDriver => {
    const named = others.filter((file) => basename(file).includes(device.name) && /\.jsonl(\.gz)?$/.test(file));
    const own = packagedTraces(device).map(({ file, memory }) => ({ file, grants: [memory] }));
    const given = named.map((file) => ({ file: join(folder, file), grants: LOW_RAM }));
    return { specification: device.specification, traces: [...own, ...given] };
  });
  const grants = [
    { address: 0x10_0000, length: 0x80 },
    { address: 0x11_0000, length: 0x1000 },
  ];
  const traces = ['good', 'bad'].map((name) => ({ file: inPackage(`examples/01-doorbell/${name}.jsonl`), grants }));
  return [{ specification: 'examples/01-doorbell/doorbell.dss', traces }, ...ofDevices];
}

export interface Mutation {
  readonly random: Random;
  readonly oneIn: number;
}

/** @returns the session, at the end of the trace */
export async function driveTrace(
  { program, module }: { readonly program: Program; readonly module: MonitorModule },
  { file, grants }: RecordedTrace,
  mutation: Mutation | undefined,
): Promise<Session<NotedMemory>> {
  const pages = await pagesOfPools(file, module.info);
  let session: Session<NotedMemory> | undefined;
  const createMonitor: MonitorModule['createMonitor'] = (memory) => {
    session = new Session(program, module, new NotedMemory(memory), true);
    return inSession(session, pages, mutation);
  };
  await replay(createMonitor, file, grants);
  if (session === undefined) throw new Error(`${file} was not replayed`);
  return session;
}

/** A monitor whose every judgement is an operation of the session. */
function inSession(
  session: Session<NotedMemory>,
  pages: ReadonlyMap<number, number>,
  mutation: Mutation | undefined,
): Monitor {
  const step = (event: Event): number => session.step(mutated(event, session.memory, mutation));
  return {
    ...session.emitted,
    read: (space, offset, width, now) => step({ kind: 'read', space, offset, width, now }),
    report: (space, offset, width, lo, hi, now) => step({ kind: 'report', space, offset, width, lo, hi, now }),
    write: (space, offset, width, lo, hi, now) => step({ kind: 'write', space, offset, width, lo, hi, now }),
    store: (address, length, now) => step({ kind: 'store', address, length, now }),
    grant: (address, length, purposes) => {
      const verdicts = byPages({ address, length }, purposes, pages).map((part) => step({ kind: 'grant', ...part }));
      return verdicts.find((verdict) => verdict > 0) ?? 0;
    },
  };
}

const PAGE = 4096;

/** By the number of a page: the purposes of those pools whose structures were seen there. */
async function pagesOfPools(file: string, info: MonitorInfo): Promise<ReadonlyMap<number, number>> {
  const pages = new Map<number, number>();
  for await (const line of readTrace(file)) {
    if (line.kind !== 'dma') continue;
    const page = Math.floor(line.address / PAGE);
    const purpose = poolOf(info, line.what)?.purpose;
    const base = GRANT_COMMANDS | GRANT_READS | GRANT_WRITES;
    if (purpose !== undefined) pages.set(page, (pages.get(page) ?? base) | purpose);
  }
  return pages;
}

/** One grant as several: pages of which no structure was seen are for whatever the whole was. */
function byPages(
  { address, length }: AssumedGrant,
  purposes: number,
  pages: ReadonlyMap<number, number>,
): readonly { readonly address: number; readonly length: number; readonly purposes: number }[] {
  const end = address + length;
  const parts: { address: number; length: number; purposes: number }[] = [];
  const add = (from: number, to: number, own: number): void => {
    const last = parts.at(-1);
    if (to <= from) return;
    if (last?.purposes === own) last.length += to - from;
    else parts.push({ address: from, length: to - from, purposes: own });
  };
  let at = address;
  for (const [page, own] of [...pages].sort(([left], [right]) => left - right)) {
    const [from, to] = [Math.max(at, page * PAGE), Math.min(end, (page + 1) * PAGE)];
    if (from >= to) continue;
    add(at, from, purposes);
    add(from, to, own);
    at = to;
  }
  add(at, end, purposes);
  return parts;
}

function mutated(event: Event, memory: NotedMemory, mutation: Mutation | undefined): Event {
  memory.turned = undefined;
  if (mutation === undefined || !mutation.random.oneIn(mutation.oneIn)) return event;
  const { random } = mutation;
  switch (event.kind) {
    case 'write':
    case 'report':
      if (random.oneIn(4)) return { ...event, offset: event.offset + random.pick([1, 2, 4]) };
      return { ...event, lo: (event.lo ^ (1 << random.below(8 * Math.min(4, event.width)))) >>> 0 };
    case 'read':
      return { ...event, offset: event.offset + random.pick([1, 2, 4]) };
    case 'store':
      memory.turned = { address: event.address + random.below(event.length), bits: 1 << random.below(8) };
      return event;
    default:
      return event;
  }
}
