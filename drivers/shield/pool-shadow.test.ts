/**
 * Shadowed structures without a device: the real specifications of UHCI and the 8139C+, the guest's memory and the device's
 * as one array, and the test in the place of both. Guests here are hostile, and devices slow.
 */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { compile, everyPurpose, type Monitor, type MonitorModule, type Program } from '../../dsslang/index.ts';
import { inPackage } from '../devices.ts';
import { loadSpecification } from '../specification.ts';
import { ShieldError } from './errors.ts';
import { findPointers, type Pointers } from './pointers.ts';
import { LINGER_US } from './pool-copies.ts';
import { BELIEF_REFRESHES, BELIEF_US } from './pool-doubt.ts';
import { poolLayout, STRUCTURES_MAX, type PoolLayout } from './pool-layout.ts';
import { createPoolShadow, LOOKS } from './pool-shadow.ts';
import type { MemoryAccess } from './memory-access.ts';
import type { Shadow, StoreRefused } from './shadow.ts';

const GUEST_BYTES = 4 << 20;
const REFRESH_US = 1000;
/** A refresh each millisecond: so many until a denial is believed, the first that met it included. */
const BELIEVED_AFTER = BELIEF_US / REFRESH_US + 1;
const [FRAME, QH, TD] = [0, 1, 2];
const FRAMES = 0x10_0000;
const QUEUES = 0x11_0000;
const DESCRIPTORS = 0x12_0000;
const BUFFER = 0x20_0000;
const END = 1;
const IS_QUEUE = 2;
const ACTIVE = 1 << 23;
const PID_OUT = 0xe1;
/** An OUT packet of 8 bytes. */
const TOKEN = ((7 << 21) | PID_OUT) >>> 0;

const queue = (index: number): number => QUEUES + 16 * index;
const descriptor = (index: number): number => DESCRIPTORS + 16 * index;

/** Guest, device and shadow over one array. */
class Bench {
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly layout: PoolLayout;
  readonly monitor: Monitor;
  readonly shadow: Shadow;
  /** Every write to the device's part: address and value. */
  readonly given: [number, number][] = [];
  /** Run at each read of the guest's memory. */
  onRead: (address: number) => void = () => undefined;
  nowUs = 1;

  constructor(module: MonitorModule, pointers: Pointers) {
    assert.ok(pointers.kind === 'pools');
    const { plan } = pointers;
    this.layout = poolLayout(plan, GUEST_BYTES);
    this.bytes = new Uint8Array(this.layout.totalBytes);
    this.words = new Uint32Array(this.bytes.buffer);
    const memory: MemoryAccess = {
      read: (address, into) => {
        if (address < GUEST_BYTES) this.onRead(address);
        into.set(this.bytes.subarray(address, address + into.length));
      },
      write: (address, from) => {
        this.bytes.set(from, address);
        if (address >= GUEST_BYTES && from.length === 4) this.given.push([address, this.words[address / 4] ?? 0]);
      },
    };
    const shadow = createPoolShadow({ memory, layout: this.layout, plan });
    this.shadow = shadow;
    this.monitor = module.createMonitor({
      fetch: (address, length, target, at) => shadow.fetch(address, length, target, at),
      stored: (address, length, target, at) => shadow.stored(address, length, target, at),
    });
    assert.equal(this.monitor.grant(0, GUEST_BYTES, everyPurpose(module.info)), 0);
  }

  store(address: number, ...values: readonly number[]): void {
    values.forEach((value, index) => (this.words[address / 4 + index] = value));
  }

  word(address: number): number {
    return this.words[address / 4] ?? 0;
  }

  refresh(): StoreRefused | undefined {
    this.nowUs += REFRESH_US;
    return this.shadow.refresh(this.monitor, this.nowUs);
  }

  allowed(): void {
    assert.equal(this.refresh(), undefined);
  }

  /** Refused, when it has stayed for as long as it takes, and not before. */
  refused(): { readonly address: number; readonly reason: string } {
    for (let doubted = 1; doubted < BELIEVED_AFTER; doubted += 1) this.allowed();
    const refused = this.refresh();
    assert.ok(refused !== undefined);
    return { address: refused.address, reason: this.monitor.info.rules[refused.verdict]?.reason ?? '' };
  }
}

const loaded = new Map<string, { module: MonitorModule; program: Program; pointers: Pointers }>();
before(async () => {
  for (const name of ['uhci', 'rtl8139']) {
    const { module, program } = await loadSpecification(inPackage(`drivers/${name}/${name}.dss`));
    loaded.set(name, { module, program, pointers: findPointers(program) });
  }
});

function bench(name: string): Bench {
  const found = loaded.get(name);
  assert.ok(found !== undefined);
  return new Bench(found.module, found.pointers);
}

/** A controller that runs a schedule of one queue. */
function running(): Bench {
  const bench_ = bench('uhci');
  bench_.words.fill(queue(0) | IS_QUEUE, FRAMES / 4, FRAMES / 4 + 1024);
  bench_.store(queue(0), END, END);
  const { monitor } = bench_;
  assert.equal(monitor.write(4, 8, 4, FRAMES, 0, 1), 0);
  bench_.allowed();
  assert.equal(bench_.given.length, 0, 'a controller that stands still is shown nothing');
  assert.equal(monitor.write(4, 0, 2, 1, 0, 1), 0);
  bench_.allowed();
  return bench_;
}

/** Where the controller finds what a link of its own copies leads to. */
const follow = (bench_: Bench, at: number): number => bench_.word(at) & ~15;

const frameOf = ({ layout }: Bench, index: number): number => FRAMES + 4 * index + layout.plane(FRAME);
const firstQueue = (bench_: Bench): number => follow(bench_, frameOf(bench_, 0));

test('the specifications say where their devices begin and where they go on', () => {
  const names = (name: string): unknown => {
    const pointers = loaded.get(name)?.pointers;
    assert.ok(pointers?.kind === 'pools');
    const links = pointers.plan.pools.flatMap(({ name: from, links: all }) =>
      all.map(
        ({ to, field }) => `${from}+${field === undefined ? 'next' : 4 * field.word} ${pointers.plan.pools[to]?.name}`,
      ),
    );
    return { registers: pointers.registers.map(({ name: register, pool }) => `${register} ${pool}`), links };
  };
  assert.deepEqual(names('rtl8139'), {
    registers: ['TNPDS_LO 0', 'THPDS_LO 0', 'RDSAR_LO 1'],
    links: ['transmit+next transmit', 'receive+next receive'],
  });
  assert.deepEqual(names('uhci'), {
    registers: ['FLBASEADD 0'],
    links: ['frame+0 qh', 'frame+0 td', 'qh+0 qh', 'qh+0 td', 'qh+4 qh', 'qh+4 td', 'td+0 qh', 'td+0 td'],
  });
});

/** A device whose nodes are a list; `RULE` is what a node requires, `INVARIANT` what holds while it runs. */
const listDevice = (rule: string, invariant: string): Program => {
  const { program } = compile(
    `device walker {
  match pci 1234:0001
  region regs = bar 0 memory 4K
  register HEAD at regs+0x0 : u32 rw
  struct Node size 16 { next : u32 at 0 { END = [0] } other : u32 at 4 }
  machine engine { Off, On }
  var head : u32
  pool nodes : Node filled 1 on store(was, n) { ${rule} }
  on write HEAD(v) { require nodes.holds(v) "no node there"  head = v  engine -> On }
  reset { write HEAD = 0 }
  ${invariant}
}`,
    'walker.dss',
  );
  assert.ok(program !== undefined);
  return program;
};

test('what cannot be followed makes a device that cannot be shadowed, in words', () => {
  const reason = (program: Program): string => {
    const pointers = findPointers(program);
    return pointers.kind === 'impossible' ? pointers.reason : pointers.kind;
  };
  const link = 'require n.next.END or nodes.holds(n.next & 0xFFFF_FFF0) "astray"';
  const runs = 'invariant "begins" { engine == On implies nodes.holds(head) }';
  assert.match(reason(listDevice(link, '')), /no invariant says where the device begins/);
  assert.match(reason(listDevice(link, runs)), /found by links and by their place/);
  const sum = link.replace('n.next & 0xFFFF_FFF0', 'n.next +% n.other');
  assert.match(reason(listDevice(sum, runs)), /not one of its fields/);
});

test('a schedule is copied, and its links lead to the copies', () => {
  const bench_ = running();
  const first = firstQueue(bench_);
  assert.ok(first >= bench_.layout.slots(QH) && first < bench_.layout.slots(TD));
  for (let index = 0; index < 1024; index += 1) assert.equal(bench_.word(frameOf(bench_, index)), first | IS_QUEUE);
  bench_.store(descriptor(0), descriptor(1), ACTIVE, TOKEN, BUFFER);
  bench_.store(descriptor(1), END, ACTIVE, TOKEN, BUFFER + 8);
  bench_.store(queue(0) + 4, descriptor(0));
  bench_.given.length = 0;
  bench_.allowed();
  const td = follow(bench_, first + 4);
  assert.ok(td >= bench_.layout.slots(TD));
  assert.deepEqual([...bench_.words.subarray(td / 4 + 1, td / 4 + 4)], [ACTIVE, TOKEN, BUFFER]);
  assert.equal(bench_.word(follow(bench_, td) + 12), BUFFER + 8);
  assert.equal(bench_.given.at(-1)?.[0], first + 4, 'what leads there is written when all else is');
});

test('what the controller writes reaches the guest, addresses as the guest knows them', () => {
  const bench_ = running();
  bench_.store(descriptor(0), descriptor(1), ACTIVE, TOKEN, BUFFER);
  bench_.store(descriptor(1), END, ACTIVE, TOKEN, BUFFER + 8);
  bench_.store(queue(0) + 4, descriptor(0));
  bench_.allowed();
  const first = firstQueue(bench_);
  const td = follow(bench_, first + 4);
  bench_.store(td + 4, 7);
  bench_.store(first + 4, bench_.word(td));
  bench_.shadow.collect();
  assert.equal(bench_.word(descriptor(0) + 4), 7);
  assert.equal(bench_.word(queue(0) + 4), descriptor(1));
  bench_.allowed();
  assert.equal(bench_.word(first + 4), bench_.word(td), 'and is not undone');
});

test('a word that guest and device both wrote is the guest’s', () => {
  const bench_ = running();
  bench_.store(descriptor(0), END, ACTIVE, TOKEN, BUFFER);
  bench_.store(queue(0) + 4, descriptor(0));
  bench_.allowed();
  const first = firstQueue(bench_);
  bench_.store(first + 4, END);
  bench_.store(queue(0) + 4, descriptor(2));
  bench_.store(descriptor(2), END, 0, TOKEN, BUFFER);
  bench_.allowed();
  assert.equal(bench_.word(queue(0) + 4), descriptor(2));
  assert.equal(bench_.word(follow(bench_, first + 4) + 4), 0);
});

test('an active descriptor cannot be changed in place, but another may take its place: the device sees old or new', () => {
  const bench_ = running();
  bench_.store(descriptor(0), END, ACTIVE, TOKEN, BUFFER);
  bench_.store(queue(0) + 4, descriptor(0));
  bench_.allowed();
  const first = firstQueue(bench_);
  const old = follow(bench_, first + 4);
  bench_.store(descriptor(0) + 12, BUFFER + 0x100);
  bench_.allowed();
  const next = follow(bench_, first + 4);
  assert.notEqual(next, old);
  assert.equal(bench_.word(old + 12), BUFFER);
  assert.equal(bench_.word(next + 12), BUFFER + 0x100);
  bench_.store(old + 4, 0);
  bench_.shadow.collect();
  assert.equal(bench_.word(descriptor(0) + 4), ACTIVE, 'what became of the old one is nothing to the new one');
});

test('a slot is used again only when no controller can hold its address any more', () => {
  const bench_ = running();
  bench_.store(descriptor(0), END, ACTIVE, TOKEN, BUFFER);
  bench_.store(queue(0) + 4, descriptor(0));
  bench_.allowed();
  const first = firstQueue(bench_);
  const old = follow(bench_, first + 4);
  bench_.store(queue(0) + 4, END);
  bench_.allowed();
  bench_.store(descriptor(1), END, ACTIVE, TOKEN, BUFFER);
  bench_.store(queue(0) + 4, descriptor(1));
  bench_.allowed();
  assert.notEqual(follow(bench_, first + 4), old);
  assert.equal(bench_.word(old + 4), ACTIVE);
  bench_.nowUs += LINGER_US;
  bench_.allowed();
  assert.equal(bench_.word(old + 4), END, 'filled as new memory is');
});

test('a link from a descriptor that is done is cut, whatever lies behind it', () => {
  const bench_ = running();
  bench_.store(descriptor(0), descriptor(1), 0, TOKEN, BUFFER);
  bench_.store(descriptor(1), END, ACTIVE, TOKEN, GUEST_BYTES);
  bench_.store(queue(0) + 4, descriptor(0));
  bench_.allowed();
  assert.equal(bench_.word(follow(bench_, firstQueue(bench_) + 4)), END);
  bench_.store(descriptor(0) + 4, ACTIVE);
  const { address, reason } = bench_.refused();
  assert.equal(address, descriptor(1));
  assert.equal(reason, 'a buffer for what goes out is outside the memory the device may read');
});

test('a lie between two looks is neither shown to the device nor blamed on a guest that was only writing', () => {
  const bench_ = running();
  const bad = (): void => bench_.store(descriptor(0), END, ACTIVE, TOKEN, GUEST_BYTES);
  const good = (): void => bench_.store(descriptor(0), END, ACTIVE, TOKEN, BUFFER);
  bench_.store(queue(0) + 4, descriptor(0));
  let looks = 0;
  bench_.onRead = (address) => {
    if (address !== DESCRIPTORS) return;
    looks += 1;
    if (looks < LOOKS) bad();
    else good();
  };
  bench_.allowed();
  assert.equal(looks, LOOKS);
  assert.equal(bench_.word(follow(bench_, firstQueue(bench_) + 4) + 12), BUFFER);
  bench_.onRead = bad;
  assert.match(bench_.refused().reason, /outside the memory/);
  assert.equal(bench_.word(follow(bench_, firstQueue(bench_) + 4) + 12), BUFFER);
});

test('a guest that keeps to its lie, or tells a new one each time, is refused in its time', () => {
  for (const lies of [[GUEST_BYTES], [GUEST_BYTES, 0xffff_fff0, GUEST_BYTES + 64]]) {
    const bench_ = running();
    bench_.store(descriptor(0), END, ACTIVE, TOKEN, BUFFER);
    bench_.store(queue(0) + 4, descriptor(0));
    bench_.allowed();
    bench_.given.length = 0;
    let turn = 0;
    bench_.onRead = () => bench_.store(descriptor(0) + 12, lies[(turn += 1) % lies.length] ?? 0);
    assert.match(bench_.refused().reason, /outside the memory/);
    assert.deepEqual(bench_.given, [], 'until then the controller had what was judged');
  }
});

test('a guest that was interrupted in the middle of a change is not refused, and its change is shown when it is whole', () => {
  const bench_ = running();
  bench_.store(descriptor(0), END, ACTIVE, TOKEN, BUFFER);
  bench_.store(queue(0) + 4, descriptor(0));
  bench_.allowed();
  const td = follow(bench_, firstQueue(bench_) + 4);
  // It has used the descriptor again, and is about to cut the link that led there.
  bench_.store(descriptor(0), 0xffff_8880, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff);
  for (let doubted = 1; doubted < BELIEVED_AFTER; doubted += 1) bench_.allowed();
  assert.equal(follow(bench_, firstQueue(bench_) + 4), td);
  bench_.store(queue(0) + 4, END);
  bench_.allowed();
  assert.equal(bench_.word(firstQueue(bench_) + 4), END);
  assert.equal(bench_.word(td + 12), BUFFER);
});

test('a guest that flickers between lie and truth gains nothing by it: its device is shown the truth', () => {
  const bench_ = running();
  bench_.store(queue(0) + 4, descriptor(0));
  for (let turn = 0; turn < 10 * BELIEVED_AFTER; turn += 1) {
    const buffer = turn % BELIEF_REFRESHES === 0 ? BUFFER + 8 * turn : GUEST_BYTES;
    bench_.store(descriptor(0), END, ACTIVE, TOKEN, buffer);
    bench_.allowed();
    walkAsController(bench_);
  }
});

test('time alone does not make a denial believed: there must have been looks', () => {
  const bench_ = running();
  bench_.store(descriptor(0), END, ACTIVE, TOKEN, GUEST_BYTES);
  bench_.store(queue(0) + 4, descriptor(0));
  for (let refresh = 1; refresh < BELIEF_REFRESHES; refresh += 1) {
    bench_.nowUs += BELIEF_US;
    bench_.allowed();
  }
  assert.ok(bench_.refresh() !== undefined);
});

test('a schedule that a controller is to begin with is refused at once: nothing of it was judged before', () => {
  const bench_ = bench('uhci');
  bench_.words.fill(GUEST_BYTES | IS_QUEUE, FRAMES / 4, FRAMES / 4 + 1024);
  assert.equal(bench_.monitor.write(4, 8, 4, FRAMES, 0, 1), 0);
  bench_.allowed();
  assert.equal(bench_.monitor.write(4, 0, 2, 1, 0, 1), 0);
  assert.ok(bench_.refresh() !== undefined);
});

test('as many structures as there is room for, and not one more', () => {
  const bench_ = running();
  // Frames and the queue are there already.
  const most = STRUCTURES_MAX - 1024 - 1;
  for (let index = 0; index < most; index += 1) {
    bench_.store(descriptor(index), index === most - 1 ? END : descriptor(index + 1), ACTIVE, TOKEN, BUFFER);
  }
  bench_.store(queue(0) + 4, descriptor(0));
  bench_.allowed();
  bench_.store(descriptor(most - 1), descriptor(most));
  bench_.store(descriptor(most), END, ACTIVE, TOKEN, BUFFER);
  assert.throws(
    () => bench_.refresh(),
    (error) => error instanceof ShieldError && error.code === 'GUEST_FLOOD',
  );
});

test('the 8139C+ is given a descriptor by the last word that is written', () => {
  const bench_ = bench('rtl8139');
  const { monitor } = bench_;
  const ring = FRAMES;
  bench_.store(ring + 16, 0x4000_0000, 0, 0, 0);
  for (const [offset, width, value] of [
    [0xe0, 2, 3],
    [0x20, 4, ring],
    [0x37, 1, 4],
  ] as const) {
    assert.equal(monitor.write(1, offset, width, value, 0, 1), 0);
  }
  bench_.allowed();
  bench_.given.length = 0;
  bench_.store(ring, 0x8000_0000 + 64, 0, BUFFER, 0);
  bench_.allowed();
  const at = ring + bench_.layout.plane(0);
  assert.deepEqual(bench_.given.at(-1), [at, 0x8000_0000 + 64]);
  assert.ok(bench_.given.some(([address]) => address === at + 8));
  bench_.store(ring + 8, BUFFER + 64);
  assert.match(bench_.refused().reason, /belongs to the card until it clears OWN/);
  bench_.store(at, 64);
  bench_.allowed();
  assert.equal(bench_.word(ring), 64, 'given back');
  assert.equal(bench_.word(at + 8), BUFFER + 64, 'and then it may be changed');
});

test('when the device is reset, nothing of the copies is left', () => {
  const bench_ = running();
  bench_.store(descriptor(0), END, ACTIVE, TOKEN, BUFFER);
  bench_.store(queue(0) + 4, descriptor(0));
  bench_.allowed();
  bench_.shadow.clear();
  const [filled, plane] = [new Set<number>(), bench_.layout.plane(FRAME) / 4];
  for (const word of bench_.words.subarray(plane)) filled.add(word);
  assert.deepEqual([...filled].sort(), [0, END]);
});

/** Everything a controller can come to from its own copies: each must be a copy, and legal. */
function walkAsController(bench_: Bench): void {
  const { layout } = bench_;
  const seen = new Set<number>();
  const ahead: number[] = [];
  for (let index = 0; index < 1024; index += 1) ahead.push(bench_.word(frameOf(bench_, index)));
  for (let link = ahead.pop(); link !== undefined; link = ahead.pop()) {
    if ((link & END) !== 0) continue;
    const [at, pool] = [link & ~15, (link & IS_QUEUE) === 0 ? TD : QH];
    assert.ok(
      at >= layout.slots(pool ?? 0) && at < layout.slots(pool ?? 0) + STRUCTURES_MAX * 16,
      `0x${at.toString(16)}`,
    );
    if (seen.has(at)) continue;
    seen.add(at);
    ahead.push(bench_.word(at));
    if (pool === QH) ahead.push(bench_.word(at + 4));
    else if ((bench_.word(at + 4) & ACTIVE) !== 0) {
      const size = ((bench_.word(at + 8) >>> 21) + 1) & 0x7ff;
      assert.ok(size <= 1280 && bench_.word(at + 12) + size <= GUEST_BYTES);
    }
  }
}

test('whatever a guest writes, and whenever, its controller walks only copies that are legal', () => {
  const place = fc.nat({ max: 7 });
  const link = fc.oneof(
    fc.constant(END),
    place.map((index) => queue(index) | IS_QUEUE),
    place.map((index) => descriptor(index)),
    fc.nat(0xffff_ffff),
  );
  const status = fc.constantFrom(0, ACTIVE);
  const token = fc.constantFrom(TOKEN, 0x69, 0xffff_ffff, 0);
  const buffer = fc.constantFrom(BUFFER, GUEST_BYTES - 8, GUEST_BYTES - 7, 0xffff_ffff);
  const store = fc.oneof(
    fc.record({ at: fc.nat(1023).map((index) => FRAMES + 4 * index), values: fc.tuple(link) }),
    fc.record({ at: place.map(queue), values: fc.tuple(link, link) }),
    fc.record({ at: place.map(descriptor), values: fc.tuple(link, status, token, buffer) }),
  );
  /** The controller is done with a descriptor, and moves a queue on. */
  const completion = fc.record({ queue: place });
  const step = fc.oneof(
    { weight: 4, arbitrary: store.map((what) => ({ store: what })) },
    { weight: 1, arbitrary: completion.map((what) => ({ completion: what })) },
    { weight: 1, arbitrary: fc.constantFrom(1000, LINGER_US).map((us) => ({ us })) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const bench_ = running();
      for (const each of steps) {
        if ('store' in each) bench_.store(each.store.at, ...each.store.values);
        else if ('us' in each) bench_.nowUs += each.us;
        else {
          const at = firstQueue(bench_);
          if ((bench_.word(frameOf(bench_, 0)) & (END | IS_QUEUE)) !== IS_QUEUE) continue;
          const element = bench_.word(at + 4);
          if ((element & (END | IS_QUEUE)) === 0) {
            bench_.store((element & ~15) + 4, 0);
            bench_.store(at + 4, bench_.word(element & ~15));
          }
        }
        bench_.refresh();
        walkAsController(bench_);
      }
    }),
    { numRuns: 15 },
  );
});
