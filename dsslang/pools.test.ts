/**
 * Pools: memory whose every structure keeps its rules at all times, because its device needs no doorbell to look at it.
 * Judged by the interpreter and by the emitted JavaScript, which must agree.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { compile } from './compile.ts';
import { STORE_STRUCTURES_MAX } from './elaborate/pools.ts';
import { emitJs } from './emit/js.ts';
import { InterpretedMonitor } from './interpreter/monitor.ts';
import { renderDiagnostics } from './render.ts';
import {
  GRANT_COMMANDS,
  GRANT_READS,
  POOLS_MAX,
  everyPurpose,
  type DescriptorMemory,
  type Monitor,
} from './runtime.ts';
import { load } from './testing.ts';

/** Nodes of a list that a device walks whenever it likes; each names a buffer that it reads. */
const LIST = `
device walker {
  match pci 1234:0001
  region regs = bar 0 memory 4K
  register HEAD at regs+0x0 : u32 rw
  register RUN  at regs+0x4 : u32 rw { GO = [0] }
  struct Root size 8 { first : u32 at 0 { END = [0] } }
  struct Node size 16 { next : u32 at 0 { END = [0] } flags : u32 at 4 { LIVE = [1] } buffer : u32 at 8 length : u16 at 12 }
  machine engine { Off, On }
  pool root : Root filled 1 on store(was, r) {
    require r.first.END or nodes.holds(r.first) "the root leads astray"
  }
  pool nodes : Node filled 1 on store(was, n) {
    require n.next.END or nodes.holds(n.next) "a node leads astray"
    if n.flags.LIVE { require device.reads(n.buffer, n.length) "a buffer is not granted" }
    if was.flags.LIVE and engine == On { require n.buffer == was.buffer and n.length == was.length "a live node is the device's" }
  }
  on write HEAD(v) { require root.holds(v) "no root there" }
  on write RUN(v) { if v.GO { engine -> On } else { engine -> Off } }
  reset { write RUN = 0 }
}`;

const ROOT = 0x1000;
const NODES = 0x2000;
const BUFFERS = 0x8000;
const NODE_COUNT = 32;

/** A driver's view: memory, and two monitors that must agree on every store. */
class Bench {
  readonly memory = new Uint8Array(0x10000);
  readonly monitors: readonly Monitor[];
  #pending: { address: number; bytes: Uint8Array } = { address: 0, bytes: new Uint8Array(0) };

  private constructor(make: (memory: DescriptorMemory) => readonly Monitor[]) {
    this.monitors = make({
      fetch: (address, length, target, at) => {
        target.set(this.memory.subarray(address, address + length), at);
        return true;
      },
      stored: (address, length, target, at) => {
        const copy = Uint8Array.from(this.memory);
        copy.set(this.#pending.bytes, this.#pending.address);
        target.set(copy.subarray(address, address + length), at);
        return true;
      },
    });
  }

  static async of(text: string): Promise<Bench> {
    const { program, diagnostics } = compile(text, 'test.dss');
    assert.ok(program !== undefined && diagnostics.length === 0, renderDiagnostics(diagnostics));
    const emitted = await load(emitJs(program));
    const bench = new Bench((memory) => [new InterpretedMonitor(program, memory), emitted.createMonitor(memory)]);
    return bench;
  }

  ask(question: (monitor: Monitor) => number): string {
    const [verdict = 0, other] = this.monitors.map(question);
    assert.equal(other, verdict, 'interpreter and emitted code differ');
    return verdict === 0 ? 'allowed' : (this.monitors[0]?.info.rules[Math.abs(verdict)]?.reason ?? '?');
  }

  grant(address: number, length: number, purposes: number): string {
    return this.ask((monitor) => monitor.grant(address, length, purposes));
  }

  /** Stores little-endian words if the monitors let it. */
  store(address: number, ...words: readonly number[]): string {
    return this.storeBytes(address, new Uint8Array(Uint32Array.from(words).buffer));
  }

  storeBytes(address: number, bytes: Uint8Array, pools?: number): string {
    this.#pending = { address, bytes };
    const answer = this.ask((monitor) => monitor.store(address, bytes.length, 0, pools));
    if (answer === 'allowed') this.memory.set(bytes, address);
    return answer;
  }

  write(offset: number, value: number): string {
    return this.ask((monitor) => monitor.write(0, offset, 4, value, 0, 0));
  }
}

const pool = (name: string, bench: Bench): number =>
  GRANT_COMMANDS | (bench.monitors[0]?.info.pools.find((each) => each.name === name)?.purpose ?? 0);

async function granted(): Promise<Bench> {
  const bench = await Bench.of(LIST);
  assert.equal(bench.grant(ROOT, 8, pool('root', bench)), 'allowed');
  assert.equal(bench.grant(NODES, 16 * NODE_COUNT, pool('nodes', bench)), 'allowed');
  assert.equal(bench.grant(BUFFERS, 0x100, GRANT_READS), 'allowed');
  for (const { address, bytes } of [
    { address: ROOT, bytes: 8 },
    { address: NODES, bytes: 16 * NODE_COUNT },
  ])
    for (let at = 0; at < bytes; at += 4) bench.memory[address + at] = 1;
  return bench;
}

void test('a monitor tells of its pools: names, purposes, sizes, and what they are filled with', async () => {
  const { monitors } = await Bench.of(LIST);
  for (const { info } of monitors) {
    assert.deepEqual(info.pools, [
      { name: 'root', purpose: 8, structureBytes: 8, filled: 1 },
      { name: 'nodes', purpose: 16, structureBytes: 16, filled: 1 },
    ]);
    assert.equal(everyPurpose(info), 31);
  }
});

void test('links lead into the pool, to the begin of a structure, and nowhere else; circles are legal', async () => {
  const bench = await granted();
  assert.equal(bench.store(ROOT, NODES), 'allowed');
  assert.equal(bench.store(NODES, NODES + 16), 'allowed');
  assert.equal(bench.store(NODES + 16, NODES), 'allowed', 'a circle');
  assert.equal(bench.store(NODES, NODES), 'allowed', 'the smallest circle');
  assert.equal(bench.store(NODES, NODES + 16 * (NODE_COUNT - 1)), 'allowed', 'the last');
  assert.equal(bench.store(NODES, NODES + 16 * NODE_COUNT), 'a node leads astray', 'one past the last');
  assert.equal(bench.store(NODES, NODES + 8), 'a node leads astray', 'into the middle of one');
  assert.equal(bench.store(NODES, ROOT), 'a node leads astray', 'into another pool');
  assert.equal(bench.store(ROOT, BUFFERS), 'the root leads astray');
  assert.equal(bench.write(0, ROOT), 'allowed');
  assert.equal(bench.write(0, NODES), 'no root there');
});

void test('a store is judged by what it leaves behind, in pieces and in runs', async () => {
  const bench = await granted();
  assert.equal(bench.store(NODES + 8, BUFFERS, 0x101), 'allowed', 'not live yet');
  assert.equal(bench.store(NODES + 4, 2), 'a buffer is not granted', 'one byte too long');
  assert.equal(bench.store(NODES + 12, 0x100), 'allowed');
  assert.equal(bench.store(NODES + 4, 2), 'allowed');
  assert.equal(bench.store(NODES + 8, BUFFERS + 1), 'a buffer is not granted', 'the whole structure counts');
  const good = [1, 2, BUFFERS, 0x100];
  assert.equal(bench.store(NODES + 16, ...good, ...good, ...good), 'allowed');
  const bad = [1, 2, BUFFERS + 1, 0x100];
  assert.equal(bench.store(NODES + 16, ...good, ...good, ...bad), 'a buffer is not granted', 'the last of a run');
  assert.equal(bench.store(NODES + 16, ...bad, ...good), 'a buffer is not granted', 'the first');
  assert.equal(bench.storeBytes(NODES + 16, Uint8Array.of(0x08)), 'a node leads astray', 'a single byte');
  assert.equal(bench.storeBytes(NODES + 14, Uint8Array.of(0, 0, 1, 0)), 'allowed', 'over the border of two');
  assert.equal(bench.storeBytes(NODES, new Uint8Array(0)), 'allowed', 'an empty store touches nothing');
});

void test("rules may compare with what was there: what is the device's must not change", async () => {
  const bench = await granted();
  assert.equal(bench.store(NODES, 1, 2, BUFFERS, 16), 'allowed');
  assert.equal(bench.store(NODES, 1, 2, BUFFERS, 8), 'allowed', 'the engine is off');
  assert.equal(bench.write(4, 1), 'allowed');
  assert.equal(bench.store(NODES, 1, 2, BUFFERS, 4), "a live node is the device's");
  assert.equal(bench.store(NODES, NODES, 2, BUFFERS, 8), 'allowed', 'its link may');
  bench.memory[NODES + 4] = 0; // the device gives it back, in memory, unheard by the monitor
  assert.equal(bench.store(NODES, 1, 2, BUFFERS, 4), 'allowed');
});

void test('command memory of no pool is not judged by their rules, and is not theirs', async () => {
  const bench = await granted();
  assert.equal(bench.grant(0x4000, 64, GRANT_COMMANDS), 'allowed');
  assert.equal(bench.store(0x4000, 0xffff_fff0, 1, 0, 0xffff), 'allowed');
  assert.equal(bench.store(NODES, 0x4000), 'a node leads astray');
});

void test('memory for a pool is a whole number of its structures', async () => {
  const bench = await Bench.of(LIST);
  const nodes = pool('nodes', bench);
  const whole = 'memory for `nodes` is a whole number of its structures';
  assert.equal(bench.grant(0x2008, 32, nodes), whole);
  assert.equal(bench.grant(0x2000, 40, nodes), whole);
  assert.equal(bench.grant(0x2000, 48, nodes), 'allowed');
});

void test('what fills a pool must keep its rules', () => {
  const text = LIST.replace('pool nodes : Node filled 1', 'pool nodes : Node filled 3');
  assert.match(
    renderDiagnostics(compile(text, 'test.dss').diagnostics),
    /breaks a rule of the pool: a buffer is not granted/,
  );
  const unfilled = LIST.replace('pool nodes : Node filled 1', 'pool nodes : Node');
  assert.match(renderDiagnostics(compile(unfilled, 'test.dss').diagnostics), /a node leads astray/);
});

void test('where a place belongs to several pools, a store may say which is meant', async () => {
  const bench = await Bench.of(LIST);
  assert.equal(bench.grant(0, 0x10000, 31), 'allowed');
  const node = new Uint8Array(Uint32Array.of(1, 3, 0xffff, 2).buffer);
  assert.equal(bench.storeBytes(NODES, node, 8), 'allowed', 'two roots');
  assert.equal(bench.storeBytes(NODES, node, 16), 'a buffer is not granted', 'a node');
  assert.equal(bench.storeBytes(NODES, node), 'a buffer is not granted', 'both');
});

void test('a store touches at most so many structures, and one past that is refused', async () => {
  const text = LIST.replace('size 8 {', 'size 4 {');
  const bench = await Bench.of(text);
  const bytes = 4 * STORE_STRUCTURES_MAX;
  assert.equal(bench.grant(0x4000, bytes + 4, pool('root', bench)), 'allowed');
  const ends = (length: number): Uint8Array => new Uint8Array(new Uint32Array(length / 4).fill(1).buffer);
  assert.equal(bench.storeBytes(0x4000, ends(bytes)), 'allowed');
  assert.match(bench.storeBytes(0x4000, ends(bytes + 4)), /^one store touches more than 4096 structures/);
});

void test('a memory that cannot tell what a store will leave is refused, not believed', async () => {
  const { program } = compile(LIST, 'test.dss');
  assert.ok(program);
  const memory: DescriptorMemory = { fetch: () => true };
  for (const monitor of [
    new InterpretedMonitor(program, memory),
    (await load(emitJs(program))).createMonitor(memory),
  ]) {
    assert.equal(monitor.grant(NODES, 64, 17), 0);
    assert.equal(monitor.info.rules[monitor.store(NODES, 4, 0)]?.reason, 'a structure of `nodes` cannot be read');
  }
});

void test(`a device has at most ${POOLS_MAX} pools`, () => {
  const more = (count: number): string =>
    LIST.replace(
      '  on write HEAD',
      Array.from(
        { length: count },
        (_, index) =>
          `  pool p${index} : Node filled 1 on store(was, n) { require n.next.END or p${index}.holds(n.next) "astray" }\n`,
      ).join('') + '  on write HEAD',
    );
  assert.deepEqual(compile(more(POOLS_MAX - 2), 'test.dss').diagnostics, []);
  assert.match(renderDiagnostics(compile(more(POOLS_MAX - 1), 'test.dss').diagnostics), /pools/);
});
