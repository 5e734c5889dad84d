/**
 * The rules of `drivers/e1000/e1000.dss` as an XState 5 machine: three parallel regions, guards and assigns.
 *
 * An operation becomes an event named after its register ("write TDT"); what no transition takes falls to the wildcard at
 * the root, which denies: default deny comes with statecharts. Decoding offsets to names is a Map outside of the machine,
 * which is kinder to XState than a guard for each register would be. Driven by `actor.send`, which is faster than the pure
 * `transition()` (by 4 times in XState 5.33, measured). Not for use: it shows what a general statechart library costs.
 */
import { assign, createActor, createMachine, stateIn, type Actor, type ProvidedActor } from 'xstate';
import {
  ADDRESS_LIMIT,
  GRANT_COMMANDS,
  GRANT_READS,
  GRANT_WRITES,
  GRANTS_MAX,
  type DescriptorMemory,
  type MonitorInfo,
} from '../../dsslang/runtime.ts';
import type { JudgingMonitor } from './monitor-handwritten.ts';

const RING_MAX = 4096;
const ALL_KNOWN = 0b11111;

interface Ring {
  readonly baseLow: number;
  readonly baseHigh: number;
  readonly count: number;
  readonly head: number;
  readonly tail: number;
  readonly known: number;
  /** The engine has run since its head was last written. */
  readonly moved: boolean;
}

const EMPTY_RING: Ring = { baseLow: 0, baseHigh: 0, count: 0, head: 0, tail: 0, known: 0, moved: false };

interface Context {
  readonly denied: boolean;
  readonly tx: Ring;
  readonly rx: Ring;
  readonly rxBufferSize: number;
  readonly ioAddress: number;
  readonly credit: number;
  readonly lastInterrupt: number;
}

const BEGINNING: Context = {
  denied: false,
  tx: EMPTY_RING,
  rx: EMPTY_RING,
  rxBufferSize: 2048,
  ioAddress: 0,
  credit: 100_000,
  lastInterrupt: 0,
};

interface AccessEvent {
  readonly type: string;
  /** The value written or reported; the address of a store. */
  readonly value: number;
  readonly length: number;
  readonly now: number;
}

type Side = 'tx' | 'rx';
interface Arguments {
  readonly context: Context;
  readonly event: AccessEvent;
}

/** What guards ask about memory. It stays outside of the context, which XState copies. */
interface Memory {
  inside(purposes: number, base: number, length: number): boolean;
  descriptors(ring: Ring, from: number, to: number): DataView | undefined;
}

const baseOf = (ring: Ring): number => ring.baseHigh * 2 ** 32 + ring.baseLow;

function bufferSize(value: number): number {
  const code = (value >>> 16) & 3;
  if ((value & 0x0200_0000) === 0) return 2048 >> code;
  return code === 1 ? 16384 : code === 2 ? 8192 : 4096;
}

function transmitOk(memory: Memory, view: DataView): boolean {
  for (let at = 0; at < view.byteLength; at += 16) {
    const address = Number(view.getBigUint64(at, true));
    const command = view.getUint32(at + 8, true);
    const context = view.getUint32(at + 12, true);
    const type = (command >>> 20) & 15;
    if ((command & 0x2000_0000) === 0) {
      if (!memory.inside(GRANT_READS, address, command & 0xffff)) return false;
    } else if (type === 1) {
      if (!memory.inside(GRANT_READS, address, command & 0xf_ffff)) return false;
    } else if (type > 1) return false;
    else if ((command & 0x0400_0000) !== 0 && (context >>> 16 === 0 || ((context >>> 8) & 255) === 0)) return false;
  }
  return true;
}

function receiveOk(memory: Memory, view: DataView, size: number): boolean {
  for (let at = 0; at < view.byteLength; at += 16) {
    const address = Number(view.getBigUint64(at, true));
    if (address !== 0 && !memory.inside(GRANT_WRITES, address, size)) return false;
  }
  return true;
}

function publishes(memory: Memory, side: Side, ring: Ring, from: number, to: number, size: number): boolean {
  if (from >= ring.count || to >= ring.count) return false;
  if (!memory.inside(GRANT_COMMANDS, baseOf(ring), ring.count * 16)) return false;
  const view = memory.descriptors(ring, from, to);
  if (view === undefined) return false;
  return side === 'tx' ? transmitOk(memory, view) : receiveOk(memory, view, size);
}

function touchesOwned(ring: Ring, address: number, length: number): boolean {
  const start = Math.max(address, baseOf(ring)) - baseOf(ring);
  const end = Math.min(address + length, baseOf(ring) + ring.count * 16) - baseOf(ring);
  if (start >= end) return false;
  const [first, last] = [Math.floor(start / 16), Math.floor((end - 1) / 16)];
  const owned = (ring.tail - ring.head + ring.count) % ring.count;
  const ahead = (first - ring.head + ring.count) % ring.count;
  return ahead < owned || (owned > 0 && first <= ring.head && ring.head <= last);
}

type Predicate = (args: Arguments) => boolean;
const all =
  (...predicates: readonly Predicate[]): Predicate =>
  (args) =>
    predicates.every((predicate) => predicate(args));
const not =
  (predicate: Predicate): Predicate =>
  (args) =>
    !predicate(args);

type Update = Partial<Context> | ((args: Arguments) => Partial<Context>);
/** XState's `assign`, with the types of this machine. */
const update = (change: Update) => assign<Context, AccessEvent, undefined, AccessEvent, ProvidedActor>(change);

/** Merges into one ring of the context, and allows. */
const change = (side: Side, by: (ring: Ring, value: number) => Partial<Ring>) =>
  update(({ context, event }: Arguments) => ({
    denied: false,
    [side]: { ...context[side], ...by(context[side], event.value) },
  }));
const allow = update({ denied: false });
const deny = update({ denied: true });

/** A tail that comes around to the last known head says nothing of the device's: all but the entry at the tail stays its. */
function surelyOwnedFrom({ head, tail, count }: Ring, next: number): number {
  const before = (tail - head + count) % count;
  const more = (next - tail + count) % count;
  return before + more >= count ? (next + 1) % count : head;
}

/** A head that may have moved is no longer known once the length or the tail changes. */
const headKnown = (ring: Ring): number => (ring.moved ? ring.known & ~8 : ring.known);

/** What the driver may do to a ring whose engine is off. */
function whileOff(side: Side, prefix: 'T' | 'R'): Record<string, object> {
  return {
    [`write ${prefix}DBAL`]: {
      guard: ({ event }: Arguments) => (event.value & 15) === 0,
      actions: change(side, (ring, value) => ({ baseLow: value, known: ring.known | 1 })),
    },
    [`write ${prefix}DBAH`]: {
      actions: change(side, (ring, value) => ({ baseHigh: value, known: ring.known | 2 })),
    },
    [`write ${prefix}DLEN`]: {
      guard: ({ event }: Arguments) => (event.value & 0xfff0_007f) === 0 && event.value <= RING_MAX * 16,
      actions: change(side, (ring, value) => ({ count: value >>> 4, known: headKnown(ring) | 4 })),
    },
    [`write ${prefix}DH`]: {
      guard: ({ event }: Arguments) => event.value < RING_MAX,
      actions: change(side, (ring, value) => ({ head: value, moved: false, known: ring.known | 8 })),
    },
    [`write ${prefix}DT`]: {
      guard: ({ event }: Arguments) => event.value < RING_MAX,
      actions: change(side, (ring, value) => ({ tail: value, known: headKnown(ring) | 16 })),
    },
    [`report ${prefix}DH`]: { actions: allow },
  };
}

/** What it may do while the engine runs. */
function whileRunning(memory: Memory, side: Side, prefix: 'T' | 'R'): Record<string, object> {
  return {
    [`write ${prefix}DT`]: {
      guard: ({ context, event }: Arguments) =>
        publishes(memory, side, context[side], context[side].tail, event.value, context.rxBufferSize),
      actions: change(side, (ring, value) => ({ tail: value, head: surelyOwnedFrom(ring, value) })),
    },
    [`report ${prefix}DH`]: {
      guard: ({ context, event }: Arguments) => event.value < context[side].count,
      actions: change(side, (_, value) => ({ head: value })),
    },
  };
}

const programmed = (memory: Memory, ring: Ring): boolean =>
  ring.count !== 0 &&
  ring.known === ALL_KNOWN &&
  ring.head < ring.count &&
  ring.tail < ring.count &&
  memory.inside(GRANT_COMMANDS, baseOf(ring), ring.count * 16);

const resets = ({ event }: Arguments): boolean => (event.value & 0x0400_0000) !== 0;
const transmitControlOk = ({ event }: Arguments): boolean => (event.value & 0xec80_0005) === 0;
const receiveControlOk = ({ event }: Arguments): boolean => (event.value & 0xf920_4001) === 0;
const enabling = ({ event }: Arguments): boolean => (event.value & 2) !== 0;
const bothOff = stateIn<Context, AccessEvent, undefined>({
  tx: 'Off',
  rx: 'Off',
});

const setBufferSize = update(({ event }: Arguments) => ({ denied: false, rxBufferSize: bufferSize(event.value) }));

function transmitRegion(memory: Memory) {
  const starts = ({ context: { tx, rxBufferSize } }: Arguments): boolean =>
    programmed(memory, tx) && publishes(memory, 'tx', tx, tx.head, tx.tail, rxBufferSize);
  const owned = ({ context, event }: Arguments): boolean => touchesOwned(context.tx, event.value, event.length);
  return {
    initial: 'Off',
    states: {
      Off: {
        on: {
          ...whileOff('tx', 'T'),
          'write TCTL': [
            { guard: all(transmitControlOk, not(enabling)), actions: allow },
            {
              guard: all(transmitControlOk, starts),
              target: 'Running',
              actions: change('tx', () => ({ moved: true })),
            },
          ],
        },
      },
      Running: {
        on: {
          ...whileRunning(memory, 'tx', 'T'),
          'write TCTL': [
            { guard: all(transmitControlOk, enabling), actions: allow },
            { guard: transmitControlOk, target: 'Off', actions: allow },
          ],
          store: { guard: owned, actions: deny },
        },
      },
    },
  };
}

function receiveRegion(memory: Memory) {
  const starts = ({ context: { rx }, event: { value } }: Arguments): boolean =>
    (value & 0x0203_0000) !== 0x0200_0000 &&
    programmed(memory, rx) &&
    publishes(memory, 'rx', rx, rx.head, rx.tail, bufferSize(value));
  const owned = ({ context, event }: Arguments): boolean => touchesOwned(context.rx, event.value, event.length);
  const sameSize = ({ context, event }: Arguments): boolean => bufferSize(event.value) === context.rxBufferSize;
  return {
    initial: 'Off',
    states: {
      Off: {
        on: {
          ...whileOff('rx', 'R'),
          'write RCTL': [
            { guard: all(receiveControlOk, not(enabling)), actions: setBufferSize },
            {
              guard: all(receiveControlOk, starts),
              target: 'Running',
              actions: update(({ context, event }: Arguments) => ({
                denied: false,
                rxBufferSize: bufferSize(event.value),
                rx: { ...context.rx, moved: true },
              })),
            },
          ],
        },
      },
      Running: {
        on: {
          ...whileRunning(memory, 'rx', 'R'),
          'write RCTL': [
            { guard: all(receiveControlOk, enabling, sameSize), actions: allow },
            { guard: all(receiveControlOk, not(enabling)), target: 'Off', actions: setBufferSize },
          ],
          store: { guard: owned, actions: deny },
        },
      },
    },
  };
}

const creditAt = ({ context, event }: Arguments): number =>
  Math.min(context.credit + Math.max(event.now - context.lastInterrupt, 0), 100_000);

/** Targets stay inside the region: a transition from the root would leave and re-enter the other two. */
function interruptRegion() {
  return {
    initial: 'None',
    on: {
      interrupt: {
        guard: (args: Arguments) => creditAt(args) >= 50,
        target: '.CardNotChecked',
        actions: update((args: Arguments) => ({
          denied: false,
          credit: creditAt(args) - 50,
          lastInterrupt: args.event.now,
        })),
      },
      check: { target: '.None', actions: allow },
    },
    states: {
      None: {},
      CardNotChecked: {
        on: {
          'report ICR': [
            { guard: ({ event }: Arguments) => event.value !== 0, target: 'MineAcked', actions: allow },
            { target: 'NotMine', actions: allow },
          ],
          check: { actions: deny },
        },
      },
      NotMine: {},
      MineAcked: {},
    },
  };
}

function machineFor(memory: Memory) {
  const types = {} as { context: Context; events: AccessEvent };
  return createMachine({
    types,
    type: 'parallel',
    context: BEGINNING,
    on: {
      plain: { actions: allow },
      'report ICR': { actions: allow },
      store: { actions: allow },
      'write CTRL': [
        { guard: not(resets), actions: allow },
        {
          guard: bothOff,
          actions: update(({ context: { tx, rx } }) => ({
            denied: false,
            tx: { ...tx, known: 0 },
            rx: { ...rx, known: 0 },
          })),
        },
      ],
      'write CTRL_DUP': { guard: not(resets), actions: allow },
      'write CTRL_EXT': [
        { guard: ({ event }: Arguments) => (event.value & 0x2000) === 0, actions: allow },
        { guard: bothOff, actions: allow },
      ],
      'write COMMAND': { guard: ({ event }: Arguments) => (event.value & 0xf880) === 0, actions: allow },
      'write IOADDR': { actions: update(({ event }: Arguments) => ({ denied: false, ioAddress: event.value })) },
      '*': { actions: deny },
    },
    states: { tx: transmitRegion(memory), rx: receiveRegion(memory), interrupt: interruptRegion() },
  });
}

/** The machine behind the same calls as the other monitors. */
export class XStateMonitor implements JudgingMonitor {
  readonly #decode: Decoder;
  readonly #machine: ReturnType<typeof machineFor>;
  #actor: Actor<ReturnType<typeof machineFor>>;
  #grants: { readonly base: number; readonly end: number; readonly purposes: number }[] = [];

  /** @param info whose registers say which offset is which register */
  constructor(info: MonitorInfo, memory: DescriptorMemory) {
    this.#decode = new Decoder(info);
    this.#machine = machineFor({
      inside: (purposes, base, length) => this.#inside(purposes, base, length),
      descriptors: (ring, from, to) => copyDescriptors(memory, ring, from, to),
    });
    this.#actor = createActor(this.#machine);
    this.#actor.start();
  }

  read(space: number, offset: number, width: number, now: number): number {
    return this.#access('read', space, offset, width, 0, now);
  }

  report(space: number, offset: number, width: number, lo: number, _hi: number, now: number): number {
    return this.#access('report', space, offset, width, lo, now);
  }

  write(space: number, offset: number, width: number, lo: number, _hi: number, now: number): number {
    return this.#access('write', space, offset, width, lo, now);
  }

  store(address: number, length: number, now: number): number {
    return this.#send({ type: 'store', value: address, length, now });
  }

  interrupt(now: number): number {
    return this.#send({ type: 'interrupt', value: 0, length: 0, now });
  }

  check(now: number): number {
    return this.#send({ type: 'check', value: 0, length: 0, now });
  }

  grant(address: number, length: number, purposes: number): number {
    const end = address + length;
    const overlaps = this.#grants.some((other) => address < other.end && other.base < end);
    if (length === 0 || end > ADDRESS_LIMIT || overlaps || this.#grants.length >= GRANTS_MAX) return 1;
    this.#grants.push({ base: address, end, purposes });
    return 0;
  }

  reset(): void {
    this.#grants = [];
    this.#actor.stop();
    this.#actor = createActor(this.#machine);
    this.#actor.start();
  }

  #access(kind: Access, space: number, offset: number, width: number, value: number, now: number): number {
    const window = space === 1 && offset === 4 && width === 4;
    const type = window
      ? this.#decode.event(kind, 0, this.#actor.getSnapshot().context.ioAddress, width)
      : this.#decode.event(kind, space, offset, width);
    return this.#send({ type, value, length: 0, now });
  }

  #send(event: AccessEvent): number {
    this.#actor.send(event);
    return this.#actor.getSnapshot().context.denied ? 1 : 0;
  }

  #inside(purposes: number, base: number, length: number): boolean {
    if (length === 0) return true;
    return this.#grants.some(
      (each) => (each.purposes & purposes) === purposes && each.base <= base && base + length <= each.end,
    );
  }
}

function copyDescriptors(memory: DescriptorMemory, ring: Ring, from: number, to: number): DataView | undefined {
  const base = baseOf(ring);
  const turns = (to - from + ring.count) % ring.count;
  const straight = Math.min(turns, ring.count - from);
  const copy = new Uint8Array(turns * 16);
  if (straight > 0 && !memory.fetch(base + from * 16, straight * 16, copy, 0)) return undefined;
  if (turns > straight && !memory.fetch(base, (turns - straight) * 16, copy, straight * 16)) return undefined;
  return new DataView(copy.buffer);
}

type Access = 'read' | 'report' | 'write';

/** Operations that the machine's regions know by name; all other accesses to good places are `plain`. */
const NAMED = new Set(
  [
    ...['CTRL', 'CTRL_DUP', 'CTRL_EXT', 'RCTL', 'TCTL', 'COMMAND', 'IOADDR'],
    ...['T', 'R'].flatMap((side) => ['DBAL', 'DBAH', 'DLEN', 'DH', 'DT'].map((name) => side + name)),
  ]
    .map((name) => `write ${name}`)
    .concat('report ICR', 'report TDH', 'report RDH'),
);

/** Areas of the specification: space, offset, size, writable. */
const AREAS = [
  [6, 0, 256, false],
  [0, 0x4000, 256, false],
  [0, 0x5a00, 128, false],
  [0, 0x9000, 1024, true],
  [0, 0x9800, 1024, true],
  [0, 0x1_0000, 0x1_0000, false],
  [0, 0x2410, 32, false],
  [0, 0x3410, 32, false],
] as const;

/** Which event an access is. */
class Decoder {
  readonly #registers = new Map<number, Record<Access, string> & { readonly width: number }>();

  constructor(info: MonitorInfo) {
    for (const { name, space, offset, count, stride, width, access } of info.registers) {
      const may = (kind: Access, allowed: boolean): string => {
        if (!allowed) return 'refused';
        return NAMED.has(`${kind} ${name}`) ? `${kind} ${name}` : 'plain';
      };
      const readable = access !== 'wo';
      const writable = access !== 'ro' && access !== 'platform';
      const events = {
        read: may('read', readable),
        report: may('report', readable),
        write: may('write', writable),
        width,
      };
      for (let index = 0; index < count; index += 1) this.#registers.set(key(space, offset + index * stride), events);
    }
  }

  event(kind: Access, space: number, offset: number, width: number): string {
    const register = this.#registers.get(key(space, offset));
    if (register?.width === width) return register[kind];
    if (offset % width !== 0) return 'refused';
    for (const [where, start, size, writable] of AREAS) {
      if (where !== space || offset < start || offset + width > start + size) continue;
      return kind === 'write' && !writable ? 'refused' : 'plain';
    }
    return 'refused';
  }
}

const key = (space: number, offset: number): number => space * 2 ** 32 + offset;
