import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../compile.ts';
import { InterpretedMonitor } from '../interpreter/monitor.ts';
import type { DescriptorMemory, Monitor, MonitorModule } from '../runtime.ts';
import { emitJs } from './js.ts';

/** Wide variables compared with, added to and subtracted from narrow ones; a ring that may lie anywhere in 64 bits. */
const SPECIFICATION = `device wide {
  match pci 1234:5678
  region regs = bar 0 memory 4K
  register BASE  at regs+0x00 : u64 rw
  register SMALL at regs+0x08 : u32 rw
  register BOTH  at regs+0x10 : u64 rw
  register TABLE[4] at regs+0x20 stride 8 : u32 ro
  register GO    at regs+0x40 : u32 rw
  struct Entry size 16 { address : u64 at 0 }
  machine engine { Off, Running }
  var base : u64
  var small : u32
  var other : u64
  var head : u8 max 15
  var tail : u8 max 15
  ring entries : Entry { base base  count 16  owned head ..< tail when engine == Running }
  on write BASE(v) { base = v }
  on write SMALL(v) { small = v }
  on write BOTH(v) {
    require v <= small or base < v or v == base    "a comparison of wide and narrow"
    let least = min(base, small)
    let sum = base +| small
    require least != v or sum == v                 "least and sum"
    other = sum
  }
  in engine.Off {
    on write GO(v) {
      head = v & 15
      tail = (v >> 4) & 15
      engine -> Running
    }
  }
  interrupt { cause SMALL; acknowledge read SMALL; acknowledge within 10ms; at most 1000 per second burst 2; mask { write SMALL = 0 } }
  reset { write GO = 0 }
}`;

const EDGES = [0n, 1n, 15n, 255n, 2n ** 31n - 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 52n - 1n].concat([
  2n ** 52n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 53n + 1n,
  2n ** 63n,
  2n ** 64n - 256n,
  2n ** 64n - 1n,
]);

const memory: DescriptorMemory = { fetch: () => true };

test('compiled and interpreted monitors agree on wide numbers at every edge', async () => {
  const { program, diagnostics } = compile(SPECIFICATION, 'wide.dss');
  assert.deepEqual(
    diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message),
    [],
  );
  assert.ok(program !== undefined);
  const module = (await import(`data:text/javascript,${encodeURIComponent(emitJs(program))}`)) as MonitorModule;
  const pair: [Monitor, Monitor] = [module.createMonitor(memory), new InterpretedMonitor(program, memory)];
  const both = (what: string, operation: (monitor: Monitor) => number): number => {
    const [compiled, interpreted] = pair.map(operation);
    assert.equal(compiled, interpreted, what);
    assert.deepEqual(pair[0].snapshot(), pair[1].snapshot(), what);
    return compiled ?? -1;
  };
  const write = (offset: number, width: 4 | 8, value: bigint): number =>
    both(`write ${offset} = ${value}`, (monitor) =>
      monitor.write(0, offset, width, Number(value % 2n ** 32n), Number(value >> 32n), 0),
    );
  const verdicts = new Set<number>();
  for (const base of EDGES) {
    pair.forEach((monitor) => monitor.reset());
    write(0x00, 8, base);
    for (const small of EDGES.filter((edge) => edge < 2n ** 32n)) {
      write(0x08, 4, small);
      for (const value of EDGES) verdicts.add(write(0x10, 8, value));
      for (const value of [base - 1n, base, base + small]) if (value >= 0n) write(0x10, 8, value % 2n ** 64n);
    }
    write(0x40, 4, 0x92n); // entries 2 to 8 are the device's
    for (const edge of [base, ...EDGES]) {
      for (const step of [-17n, -16n, -1n, 0n, 1n, 31n, 32n, 143n, 144n, 255n, 256n]) {
        const address = edge + step;
        if (address < 0n || address >= 2n ** 52n) continue;
        for (const length of [0, 1, 16, 512, 2 ** 52 - 1])
          verdicts.add(both(`store ${address} ${length}`, (monitor) => monitor.store(Number(address), length, 0)));
      }
    }
    for (const now of [0, 1, 2 ** 31, 2 ** 31 + 1, 2 ** 31 + 2, 2 ** 31, 2 ** 53 - 1, 2 ** 53 - 1, 2 ** 53 - 1])
      verdicts.add(both(`interrupt ${now}`, (monitor) => monitor.interrupt(now)));
  }
  // Both requirements, ownership, and the rate were met and broken.
  assert.ok(verdicts.size >= 5, `${[...verdicts].join(' ')}`);
});

test('compiled and interpreted monitors blame the same rule for every access of a page', async () => {
  const { program } = compile(SPECIFICATION, 'wide.dss');
  assert.ok(program !== undefined);
  const module = (await import(`data:text/javascript,${encodeURIComponent(emitJs(program))}`)) as MonitorModule;
  const pair: [Monitor, Monitor] = [module.createMonitor(memory), new InterpretedMonitor(program, memory)];
  for (const space of [0, 1, 6, 7]) {
    for (let offset = 0; offset < 0x60; offset += 1) {
      for (const width of [1, 2, 4, 8] as const) {
        const [read, interpretedRead] = pair.map((monitor) => monitor.read(space, offset, width, 0));
        assert.equal(read, interpretedRead, `read ${space} ${offset} ${width}`);
        const [written, interpretedWrite] = pair.map((monitor) => monitor.write(space, offset, width, 0, 0, 0));
        assert.equal(written, interpretedWrite, `write ${space} ${offset} ${width}`);
      }
    }
  }
});
