/** Recorded drivers as operations of a session: as they were, or with a value or an offset changed now and then. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CONFIG_SPACE, PORT_SPACE } from '../../dsslang/index.ts';
import { packageRoot } from '../../drivers/package-root.ts';
import { readTrace, type TraceLine } from '../../drivers/trace/format.ts';
import type { Random } from './random.ts';
import type { Session } from './session.ts';
import type { Event } from './twins.ts';

export interface RecordedTrace {
  readonly specification: string;
  readonly trace: string;
  readonly grants: readonly Extract<Event, { kind: 'grant' }>[];
}

const grant = (address: number, length: number): Extract<Event, { kind: 'grant' }> => ({
  kind: 'grant',
  address,
  length,
  purposes: 7,
});

/** The traces of the examples, and those of e1000 drivers that lie in `drivers/e1000/traces` or in `REFMON_TRACES`. */
export function recordedTraces(): RecordedTrace[] {
  const folders = [join(packageRoot(), 'drivers/e1000/traces'), process.env['REFMON_TRACES'] ?? ''];
  const recorded = folders
    .filter((folder) => folder !== '' && existsSync(folder))
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)))
    .filter((file) => /e1000[^/]*\.jsonl(\.gz)?$/.test(file))
    .map((trace) => ({ specification: 'drivers/e1000/e1000.dss', trace, grants: [grant(0, 0xc000_0000)] }));
  const examples = ['good', 'bad'].map((name) => ({
    specification: 'examples/01-doorbell/doorbell.dss',
    trace: join(packageRoot(), `examples/01-doorbell/${name}.jsonl`),
    grants: [grant(0x10_0000, 0x80), grant(0x11_0000, 0x1000)],
  }));
  return [...examples, ...recorded];
}

interface Mutation {
  readonly random: Random;
  readonly oneIn: number;
}

/** Drives a session with a trace. Descriptors that follow a doorbell in the trace are in memory before it. */
export async function driveTrace(
  session: Session,
  trace: string,
  grants: RecordedTrace['grants'],
  mutation: Mutation | undefined,
): Promise<void> {
  const lines: TraceLine[] = [];
  for await (const line of readTrace(trace)) lines.push(line);
  const ours = functionOf(lines);
  grants.forEach((event) => {
    session.step(event);
  });
  for (const [index, line] of lines.entries()) {
    for (let next = index + 1; line.kind === 'write' && next < lines.length; next += 1) {
      const dma = lines[next];
      if (dma?.kind !== 'dma') break;
      if (dma.address % 8 === 0) session.put(dma.address, dma.bytes);
    }
    if ('bdf' in line && line.bdf !== undefined && line.bdf !== ours) continue;
    for (const event of operations(line)) session.step(mutated(event, mutation));
  }
}

/** The PCI function that is accessed most: a trace may show others in passing. */
function functionOf(lines: readonly TraceLine[]): string | undefined {
  const seen = new Map<string, number>();
  for (const line of lines)
    if ((line.kind === 'read' || line.kind === 'write') && line.bdf !== undefined)
      seen.set(line.bdf, (seen.get(line.bdf) ?? 0) + 1);
  return [...seen].sort((a, b) => b[1] - a[1])[0]?.[0];
}

function operations(line: TraceLine): Event[] {
  if (line.kind === 'dma' || line.kind === 'other') return [];
  const access = {
    space: 'bar' in line ? (line.bar ?? PORT_SPACE) : CONFIG_SPACE,
    offset: line.offset,
    width: line.width ?? 4,
    now: line.timeUs,
  } as const;
  const value = { lo: Number(line.value & 0xffff_ffffn), hi: Number(line.value >> 32n) };
  if (line.kind === 'write' || line.kind === 'config-write') return [{ kind: 'write', ...access, ...value }];
  return [
    { kind: 'read', ...access },
    { kind: 'report', ...access, ...value },
  ];
}

function mutated(event: Event, mutation: Mutation | undefined): Event {
  if (mutation === undefined || !mutation.random.oneIn(mutation.oneIn)) return event;
  const { random } = mutation;
  switch (event.kind) {
    case 'write':
    case 'report':
      if (random.oneIn(4)) return { ...event, offset: event.offset + random.pick([1, 2, 4]) };
      return { ...event, lo: (event.lo ^ (1 << random.below(8 * Math.min(4, event.width)))) >>> 0 };
    case 'read':
      return { ...event, offset: event.offset + random.pick([1, 2, 4]) };
    default:
      return event;
  }
}
