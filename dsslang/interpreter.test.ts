/** The meaning of specifications, rule by rule (docs/semantics.md); the interpreter and the emitted code side by side. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { compile } from './compile.ts';
import { initialState, violatedInvariant } from './interpreter.ts';
import {
  ADDRESS_LIMIT,
  BARS_MAX,
  GRANT_COMMANDS,
  GRANT_READS,
  GRANT_WRITES,
  GRANTS_MAX,
  type Monitor,
  type Width,
} from './runtime.ts';
import { device, flatMemory, monitors, noMemory, reason, variable } from './testing.ts';

const BAR = 0;
const write = (monitor: Monitor, offset: number, value: number | bigint, width: Width = 4, space = BAR): string =>
  reason(
    monitor,
    monitor.write(space, offset, width, Number(BigInt(value) & 0xffff_ffffn), Number(BigInt(value) >> 32n), 0),
  );
const read = (monitor: Monitor, offset: number, width: Width = 4, space = BAR): string =>
  reason(monitor, monitor.read(space, offset, width, 0));
const report = (monitor: Monitor, offset: number, value: number, now = 0): string =>
  reason(monitor, monitor.report(BAR, offset, 4, value, 0, now));

test('S1: a reset returns machines, variables and grants to their beginnings', async () => {
  for (const monitor of await monitors(
    `machine m { A, B } var x : u64 = 0x1_0000_0001 var y : u8 = 7
     register R at regs+0 : u32 rw on write R(v) { require device.reads(4096, 1) "granted" x = v y = 1 m -> B }`,
  )) {
    const before = monitor.snapshot();
    assert.equal(write(monitor, 0, 5), 'granted');
    monitor.grant(4096, 1, GRANT_READS);
    assert.equal(write(monitor, 0, 5), 'allowed');
    assert.notDeepEqual(monitor.snapshot(), before);
    assert.deepEqual(monitor.states(), [1]);
    monitor.reset();
    assert.deepEqual(monitor.snapshot(), before);
    assert.equal(write(monitor, 0, 5), 'granted');
  }
});

test('S2: an operation denied after assignments changes nothing', async () => {
  for (const monitor of await monitors(
    `machine m { A, B } var x : u64 var y : u8 var z : u8
     register R at regs+0 : u32 rw
     on write R(v) { x = v +% 1 m -> B if v > 9 { y = 3 require y == 3 and x == v + 1 "sees its own" } require v != 10 "ten" z = 1 }`,
  )) {
    assert.equal(write(monitor, 0, 10), 'ten');
    assert.deepEqual(monitor.snapshot(), [0n, 0n, 0n, 0n]);
    assert.equal(write(monitor, 0, 11), 'allowed');
    assert.deepEqual(
      ['x', 'y', 'z'].map((name) => variable(monitor, name)),
      [12n, 3n, 1n],
    );
  }
});

test('S3, S5: registers take their own widths; what touches one wrongly is blamed on it, the rest on region or device', async () => {
  for (const monitor of await monitors(
    `register R at regs+0 : u32 rw register W at regs+8 : u64 rw access 32, 64 register B at regs+16 : u8 rw
     area RO at regs+32 size 9 : ro area RW at regs+64 size 8 : rw`,
  )) {
    assert.equal(write(monitor, 0, 1), 'allowed');
    assert.equal(write(monitor, 0, 1, 2), '`R` takes whole accesses of 32 bits');
    assert.equal(write(monitor, 2, 1, 2), '`R` takes whole accesses of 32 bits');
    assert.equal(write(monitor, 0, 1, 8), '`R` takes whole accesses of 32 bits');
    assert.equal(write(monitor, 8, 1n << 63n, 8), 'allowed');
    assert.equal(write(monitor, 8, 1), 'allowed');
    assert.equal(write(monitor, 12, 1), '`W` takes whole accesses of 32, 64 bits');
    assert.equal(write(monitor, 16, 1, 1), 'allowed');
    assert.equal(write(monitor, 17, 1, 1), 'region `regs` has no register there');
    assert.equal(write(monitor, 65536, 1, 1), 'the device has nothing there');
    assert.equal(write(monitor, 0, 1, 1, 3), 'the device has nothing there');
    assert.equal(read(monitor, 32), 'allowed');
    assert.equal(read(monitor, 40, 1), 'allowed');
    assert.equal(read(monitor, 41, 1), 'region `regs` has no register there');
    assert.equal(read(monitor, 34, 4), 'region `regs` has no register there');
    assert.equal(read(monitor, 40, 2), 'region `regs` has no register there');
    assert.equal(write(monitor, 32, 0), '`RO` cannot be written');
    assert.equal(write(monitor, 64, 0, 8), 'allowed');
  }
});

test('S5: what touches a register wrongly is blamed on it, and not on the area around it that forbids it too', async () => {
  for (const monitor of await monitors(
    `register R at regs+8 : u32 rw register B at regs+12 : u8 rw register A[2] at regs+16 stride 8 : u32 rw
     area AROUND at regs+0 size 64 : ro`,
  )) {
    assert.equal(write(monitor, 8, 1), 'allowed');
    assert.equal(write(monitor, 9, 1, 1), '`R` takes whole accesses of 32 bits');
    assert.equal(write(monitor, 8, 1, 8), '`R` takes whole accesses of 32 bits');
    assert.equal(write(monitor, 12, 1), '`B` takes whole accesses of 8 bits');
    assert.equal(write(monitor, 26, 1, 2), '`A` takes whole accesses of 32 bits');
    assert.equal(write(monitor, 20, 1), '`AROUND` cannot be written');
    assert.equal(write(monitor, 0, 1, 8), '`AROUND` cannot be written');
    assert.equal(read(monitor, 8, 2), 'allowed', 'the area allows it');
  }
});

test('S3: a fifo lies over its neighbours, and each access still means one register', async () => {
  for (const monitor of await monitors(
    `var words : u8 register STATUS at regs+0 : u8 ro register ERROR at regs+1 : u8 rw register COUNT at regs+2 : u8 rw
     register WORD at regs+0 : u16 rw fifo register DOUBLE at regs+0 : u32 rw fifo { reserved [31] }
     on write WORD { require words < 3 "full" words = words + 1 } on write DOUBLE { words = 0 } on write COUNT(v) { words = v }`,
  )) {
    for (let count = 0; count < 3; count += 1) assert.equal(write(monitor, 0, 0xffff, 2), 'allowed');
    assert.equal(write(monitor, 0, 0, 2), 'full');
    assert.equal(write(monitor, 1, 1, 1), 'allowed');
    assert.equal(write(monitor, 2, 2, 1), 'allowed');
    assert.equal(variable(monitor, 'words'), 2n);
    assert.equal(write(monitor, 0, 1, 1), '`STATUS` is read-only');
    assert.equal(write(monitor, 0, 2 ** 31, 4), 'reserved bits of `DOUBLE` must be written as 0');
    assert.equal(write(monitor, 0, 1, 4), 'allowed');
    assert.equal(variable(monitor, 'words'), 0n);
    assert.equal(write(monitor, 1, 1, 2), '`ERROR` takes whole accesses of 8 bits');
    assert.equal(write(monitor, 3, 1, 1), '`DOUBLE` takes whole accesses of 32 bits');
  }
});

test('S3: arrays: each element at its stride, nothing between and nothing behind', async () => {
  for (const monitor of await monitors(
    `var last : u32 register A[3] at regs+0x100 stride 12 : u32 rw register B[3] at regs+0x104 stride 12 : u32 rw
     on write A[i](v) { require v != 9 or i == 2 "only the last" last = i }`,
  )) {
    for (const [element, offset] of [0x100, 0x10c, 0x118].entries()) {
      assert.equal(write(monitor, offset, 1), 'allowed');
      assert.equal(variable(monitor, 'last'), BigInt(element));
    }
    assert.equal(write(monitor, 0x10c, 9), 'only the last');
    assert.equal(write(monitor, 0x118, 9), 'allowed');
    assert.equal(write(monitor, 0x11c, 9), 'allowed', 'the last element of B');
    assert.equal(write(monitor, 0x120, 1), 'region `regs` has no register there');
    assert.equal(write(monitor, 0x124, 1), 'region `regs` has no register there');
    assert.equal(write(monitor, 0x102, 1), '`A` takes whole accesses of 32 bits');
  }
});

test('S4: a window is the place its selector names; through() tells; it does not lead to windows', async () => {
  for (const monitor of await monitors(
    `region io = bar 1 ports 16 var x : u32
     register R at regs+0x10 : u32 rw { reserved [31] }
     register SEL at io+0 : u32 rw window DATA at io+4 : u32 into regs by SEL
     on write R(v) { require not through(DATA) or v < 100 "not so much through the window" x = v }`,
  )) {
    const io = (offset: number, value: number, width: Width = 4): string => write(monitor, offset, value, width, 1);
    assert.equal(io(4, 1), 'region `regs` has no register there', 'the selector is 0');
    assert.equal(io(0, 0x10), 'allowed');
    assert.equal(io(4, 99), 'allowed');
    assert.equal(variable(monitor, 'x'), 99n);
    assert.equal(io(4, 100), 'not so much through the window');
    assert.equal(write(monitor, 0x10, 100), 'allowed');
    assert.equal(io(4, 0x8000_0000), 'reserved bits of `R` must be written as 0');
    assert.equal(io(4, 1, 2), 'region `io` has no register there', 'another width is no access through the window');
    assert.equal(io(0, 4), 'allowed');
    assert.equal(io(4, 1), 'region `regs` has no register there');
    assert.equal(reason(monitor, monitor.read(1, 4, 4, 0)), 'region `regs` has no register there');
  }
});

test('S6: access modes, then reserved bits, then the handlers', async () => {
  for (const monitor of await monitors(
    `register RO at regs+0 : u32 ro register WO at regs+4 : u32 wo register PL at regs+8 : u32 platform
     register RC at regs+12 : u32 rc register WC at regs+16 : u32 w1c
     register RW at regs+20 : u32 rw { reserved [31:30, 0] } register WIDE at regs+24 : u64 rw { reserved [63, 3] }
     on write RW(v) { require v != 2 "two" }`,
  )) {
    assert.deepEqual(
      [0, 4, 8, 12, 16].map((offset) => [read(monitor, offset), write(monitor, offset, 1)]),
      [
        ['allowed', '`RO` is read-only'],
        ['`WO` is write-only', 'allowed'],
        ['allowed', 'only the platform may change `PL`'],
        ['allowed', '`RC` is read-only'],
        ['allowed', 'allowed'],
      ],
    );
    assert.equal(report(monitor, 4, 0), '`WO` is write-only');
    assert.equal(write(monitor, 20, 3), 'reserved bits of `RW` must be written as 0');
    assert.equal(write(monitor, 20, 0x4000_0002), 'reserved bits of `RW` must be written as 0');
    assert.equal(write(monitor, 20, 2), 'two');
    assert.equal(write(monitor, 20, 4), 'allowed');
    assert.equal(write(monitor, 24, 1n << 63n, 8), 'reserved bits of `WIDE` must be written as 0');
    assert.equal(write(monitor, 24, 8n, 8), 'reserved bits of `WIDE` must be written as 0');
    assert.equal(write(monitor, 24, 1n << 62n, 8), 'allowed');
  }
});

test('S7: one handler of the present states; none: writes and reads are denied, reports are delivered', async () => {
  for (const monitor of await monitors(
    `machine tx { Off, On, Dead } machine rx { Off, On } var x : u8
     register R at regs+0 : u32 rw register GO at regs+4 : u32 rw
     on write GO(v) { if v == 1 { tx -> On } else if v == 2 { rx -> On } else if v == 3 { tx -> Dead } else { tx -> Off } }
     in tx.Off { on write R(v) { x = 1 } on read R { x = 8 } on report R(v) { require v == 0 "zero" } }
     in tx.On { in rx.Off { on write R(v) { x = 2 } } in rx.On { on write R(v) { x = 3 } } }`,
  )) {
    const x = (): bigint | undefined => variable(monitor, 'x');
    assert.deepEqual([write(monitor, 0, 0), x(), report(monitor, 0, 5)], ['allowed', 1n, 'zero']);
    write(monitor, 4, 1);
    assert.deepEqual([write(monitor, 0, 0), x(), report(monitor, 0, 5)], ['allowed', 2n, 'allowed']);
    assert.equal(read(monitor, 0), 'no rule allows reading `R` in this state');
    write(monitor, 4, 2);
    assert.deepEqual([write(monitor, 0, 0), x()], ['allowed', 3n]);
    write(monitor, 4, 3);
    assert.equal(write(monitor, 0, 0), 'no rule allows writing `R` in this state');
  }
});

const probe = `register R at regs+0 : u32 rw var at : u64 var n : u64
  register BASE at regs+8 : u64 rw on write BASE(v) { at = v } register LEN at regs+16 : u64 rw on write LEN(v) { n = v }
  on write R(v) { if v == 0 { require device.reads(at, n) "no" } else if v == 1 { require device.writes(at, n) "no" } else { require device.fetches(at, n) "no" } }`;

test('S8: grants end at 2^52, do not touch by a byte, may lie side by side, and are at most 64', async () => {
  for (const monitor of await monitors(probe)) {
    const grant = (address: number, length: number): string => reason(monitor, monitor.grant(address, length, 7));
    const bad = 'the memory is empty, beyond the address limit, or already granted';
    assert.equal(grant(4096, 0), bad);
    assert.equal(grant(ADDRESS_LIMIT, 1), bad);
    assert.equal(grant(ADDRESS_LIMIT - 16, 17), bad);
    assert.equal(grant(ADDRESS_LIMIT - 16, 16), 'allowed');
    assert.equal(grant(0, ADDRESS_LIMIT), bad, 'overlaps');
    assert.equal(grant(4096, 4096), 'allowed');
    assert.equal(grant(8191, 1), bad);
    assert.equal(grant(4095, 2), bad);
    assert.equal(grant(4000, 10000), bad);
    assert.equal(grant(8192, 1), 'allowed', 'exactly behind');
    assert.equal(grant(4095, 1), 'allowed', 'exactly before');
    for (let count = 4; count < GRANTS_MAX; count += 1) assert.equal(grant(1e6 + count * 10, 10), 'allowed');
    assert.equal(grant(2e6, 1), 'too many grants');
    assert.equal(grant(4096, 1), bad, 'an overlap is blamed before the full table');
    monitor.reset();
    assert.equal(grant(0, ADDRESS_LIMIT), 'allowed');
  }
});

test('S10: predicates: one grant, all bytes, the right purpose; nothing for length 0; no wrap at 2^64', async () => {
  for (const monitor of await monitors(probe)) {
    monitor.grant(4096, 4096, GRANT_READS);
    monitor.grant(8192, 4096, GRANT_READS | GRANT_WRITES);
    monitor.grant(ADDRESS_LIMIT - 4096, 4096, GRANT_COMMANDS);
    const may = (kind: number, at: bigint, length: bigint): boolean => {
      write(monitor, 8, at, 8);
      write(monitor, 16, length, 8);
      return write(monitor, 0, kind) === 'allowed';
    };
    const limit = BigInt(ADDRESS_LIMIT);
    assert.equal(may(0, 4096n, 4096n), true);
    assert.equal(may(0, 4095n, 1n), false);
    assert.equal(may(0, 4096n, 4097n), false, 'two grants are not one');
    assert.equal(may(1, 4096n, 1n), false, 'another purpose');
    assert.equal(may(1, 8192n, 4096n), true);
    assert.equal(may(0, 12287n, 1n), true);
    assert.equal(may(0, 12287n, 2n), false);
    assert.equal(may(2, limit - 4096n, 4096n), true);
    assert.equal(may(2, limit - 1n, 2n), false);
    assert.equal(may(2, limit, 1n), false);
    assert.equal(may(2, (1n << 64n) - 1n, 0n), true, 'nothing is anywhere');
    assert.equal(may(0, 4096n, (1n << 64n) - 1n), false);
    assert.equal(may(0, (1n << 64n) - 4096n, 8192n), false);
    assert.equal(may(0, (1n << 52n) + 4096n, 1n), false);
  }
});

const ring = (extra: string): string => `
  struct S size 16 { address : u64 at 0 kind : u16 at 8 }
  machine tx { Off, On } var base : u64 var count : u16 max 8 var head : u16 max 8 var tail : u16 max 8 var sum : u32
  ring r : S { base base count count owned head ..< tail when tx == On }
  register BASE at regs+0 : u64 rw on write BASE(v) { base = v }
  register COUNT at regs+8 : u32 rw on write COUNT(v) { require v <= 8 "c" count = v }
  register HEAD at regs+12 : u32 rw on write HEAD(v) { require v <= 8 "h" head = v }
  register TAIL at regs+16 : u32 rw on write TAIL(v) { require v <= 8 "t" tail = v }
  register GO at regs+20 : u32 rw on write GO(v) { if v == 1 { tx -> On } else { tx -> Off } }
  ${extra}`;
const walking =
  'register WALK at regs+24 : u32 rw on write WALK(v) { sum = 0 for d in r[head ..< tail] { sum = sum *% 10 +% d.kind } }';

function program(monitor: Monitor, base: bigint | number, count: number, head: number, tail: number, on = 0): void {
  assert.equal(write(monitor, 0, base, 8), 'allowed');
  for (const [offset, value] of [
    [8, count],
    [12, head],
    [16, tail],
    [20, on],
  ] as const) {
    assert.equal(write(monitor, offset, value), 'allowed');
  }
}

test('S9: a walk visits from, up to but not to, around the end; both must lie in the ring, all of it in one grant', async () => {
  const bytes = new Uint8Array(8 * 16);
  for (let index = 0; index < 8; index += 1) bytes[index * 16 + 8] = index + 1;
  for (const monitor of await monitors(ring(walking), flatMemory(65536, bytes))) {
    const walk = (count: number, head: number, tail: number): readonly [string, bigint | undefined] => {
      program(monitor, 65536, count, head, tail);
      return [write(monitor, 24, 0), variable(monitor, 'sum')];
    };
    const leaves = 'the walk over `r` leaves the ring';
    const outside = 'the ring `r` does not lie in memory granted to this driver for commands';
    assert.equal(walk(8, 0, 3)[0], outside);
    monitor.grant(65536, 127, GRANT_COMMANDS);
    assert.equal(walk(8, 0, 3)[0], outside, 'one byte short');
    monitor.reset();
    monitor.grant(65536, 128, GRANT_READS | GRANT_WRITES);
    assert.equal(walk(8, 0, 3)[0], outside, 'another purpose');
    monitor.reset();
    monitor.grant(65536, 128, GRANT_COMMANDS);
    assert.deepEqual(walk(8, 0, 3), ['allowed', 123n]);
    assert.deepEqual(walk(8, 3, 3), ['allowed', 0n]);
    assert.deepEqual(walk(8, 6, 2), ['allowed', 7812n]);
    assert.deepEqual(walk(5, 4, 1), ['allowed', 51n]);
    assert.deepEqual(walk(8, 7, 0), ['allowed', 8n]);
    assert.deepEqual(walk(8, 1, 0), ['allowed', 2345678n]);
    assert.deepEqual(walk(8, 8, 0)[0], leaves);
    assert.deepEqual(walk(8, 0, 8)[0], leaves);
    assert.deepEqual(walk(0, 0, 0)[0], leaves);
  }
});

test('S9: a walk over memory that cannot be read, or with bounds beyond any ring, is denied', async () => {
  const body = ring('register WIDE at regs+32 : u64 rw on write WIDE(v) { for d in r[v ..< 1] { sum = d.kind } }');
  for (const monitor of await monitors(body, noMemory)) {
    monitor.grant(65536, 128, GRANT_COMMANDS);
    program(monitor, 65536, 8, 0, 0);
    assert.equal(write(monitor, 32, 0n, 8), 'the ring `r` does not lie in memory granted to this driver for commands');
    assert.equal(write(monitor, 32, 1n, 8), 'allowed', 'nothing is read');
    for (const from of [8n, 1n << 32n, (1n << 53n) + 1n, (1n << 64n) - 8n])
      assert.equal(write(monitor, 32, from, 8), 'the walk over `r` leaves the ring');
  }
});

test('stores into a ring: denied exactly if they touch an entry that the device owns', async () => {
  for (const monitor of await monitors(ring(walking))) {
    const base = 65536;
    let checked = 0;
    for (const [count, head, tail] of [
      [8, 0, 0],
      [8, 2, 5],
      [8, 6, 2],
      [8, 7, 0],
      [8, 0, 7],
      [5, 4, 1],
      [5, 0, 4],
      [1, 0, 0],
    ] as const) {
      for (const on of [0, 1]) {
        program(monitor, base, count, head, tail, on);
        const owned = new Set<number>();
        for (let entry: number = head; entry !== tail; entry = (entry + 1) % count) owned.add(entry);
        for (let from = -20; from < count * 16 + 20; from += 1) {
          for (const length of [0, 1, 2, 15, 16, 17, 32, 40, 200]) {
            let touches = false;
            for (let at = Math.max(from, 0); at < Math.min(from + length, count * 16); at += 1)
              touches ||= owned.has(at >> 4);
            const expected =
              on === 1 && touches ? 'an entry of `r` belongs to the device until it gives it back' : 'allowed';
            assert.equal(
              reason(monitor, monitor.store(base + from, length, 0)),
              expected,
              `${count} ${head} ${tail} ${from} ${length}`,
            );
            checked += 1;
          }
        }
      }
    }
    assert.ok(checked > 10_000);
  }
});

test('S11: arithmetic is exact; wrapping, saturating, slices, shifts and choices end where they say', async () => {
  const cases: readonly (readonly [expression: string, value: bigint])[] = [
    ['a +% 250', 244n], ['a -% 251', 255n], ['a *% 100', 168n], ['a +| 250', 255n], ['a -| 251', 0n], ['a -| 249', 1n],
    ['w +% 2', 1n], ['w -% w', 0n], ['0 -% w', 1n], ['w *% w', 1n], ['w +| 1', (1n << 64n) - 1n], ['(w & 0xFF) * a', 63750n],
    ['~a', 5n], ['~w', 0n], ['w >> 63', 1n], ['w >> 32', 0xffffffffn], ['(w >> 32) << 32', 0xffffffff00000000n],
    ['w[63:60]', 15n], ['w[40]', 1n], ['a[7:4]', 15n], ['a[0]', 0n], ['a[3:1]', 5n], ['w / 3', 0x5555555555555555n],
    ['w % 1000', 615n], ['min(w, a)', 250n], ['max(w, a)', (1n << 64n) - 1n], ['if a > 249 then w else 0', (1n << 64n) - 1n],
    ['if a > 250 then w else 3', 3n], ['a ^ w', ((1n << 64n) - 1n) ^ 250n], ['a | 5', 255n], ['w & 0x1_0000_0001', 0x1_0000_0001n],
    ['if (a == 250) == (w == 0) then 1 else 2', 2n], ['if if a == 250 then w == 0 else true then 1 else 2', 2n],
  ]; // prettier-ignore
  for (const [expression, expected] of cases) {
    for (const monitor of await monitors(
      `var out : u64 var a : u8 = 250 var w : u64 = 0xFFFF_FFFF_FFFF_FFFF
       register R at regs+0 : u32 rw on write R(v) { out = ${expression} } on read R { a = 0 w = 0 }`,
    )) {
      assert.equal(write(monitor, 0, 0), 'allowed');
      assert.equal(variable(monitor, 'out'), expected, expression);
    }
  }
});

test('S12: the invariant that a state violates is named', () => {
  const { program: compiled } = compile(
    device(
      'var x : u8 = 3 register R at regs+0 : u8 rw on write R(v) { x = v } invariant "small" { x < 5 } invariant "odd" { x[0] == 1 }',
    ),
  );
  assert.ok(compiled !== undefined);
  const state = initialState(compiled);
  assert.equal(violatedInvariant(compiled, state), undefined);
  assert.equal(violatedInvariant(compiled, { ...state, scalars: [4n] }), 'odd');
  assert.equal(violatedInvariant(compiled, { ...state, scalars: [7n] }), 'small');
});

test('interrupts: cause, then acknowledgement, then the check', async () => {
  for (const monitor of await monitors(
    `register ICR at regs+0 : u32 rw register ACK at regs+4 : u32 wo
     interrupt { cause ICR(c) when c[0] == 1 acknowledge write ACK acknowledge within 5ms at most 1000 per second }`,
  )) {
    const check = (): string => reason(monitor, monitor.check(0));
    const state = (): string | undefined => monitor.info.machines[0]?.states[monitor.states()[0] ?? 9];
    assert.equal(check(), 'allowed', 'nothing happened');
    monitor.interrupt(0);
    assert.equal(state(), 'CardNotChecked');
    assert.equal(check(), "the interrupt's cause was not read from `ICR` in time");
    write(monitor, 4, 1);
    assert.equal(state(), 'CardNotChecked', 'acknowledging what was not read proves nothing');
    report(monitor, 0, 2);
    assert.equal(state(), 'NotMine');
    assert.equal(check(), 'allowed');
    assert.equal(state(), 'None');
    monitor.interrupt(0);
    report(monitor, 0, 1);
    assert.equal(state(), 'MineNotAcked');
    assert.equal(check(), 'the interrupt was not acknowledged in time');
    report(monitor, 0, 0);
    assert.equal(state(), 'MineNotAcked', 'a second look does not undo the first');
    write(monitor, 4, 1);
    assert.equal(state(), 'MineAcked');
    assert.equal(check(), 'allowed');
  }
});

test('interrupts: where reading the cause acknowledges, one read is enough', async () => {
  for (const monitor of await monitors(
    `register ICR at regs+0 : u32 rw interrupt { cause ICR acknowledge read ICR acknowledge within 5ms at most 10 per second }`,
  )) {
    monitor.interrupt(0);
    report(monitor, 0, 4);
    assert.equal(reason(monitor, monitor.check(0)), 'allowed');
  }
});

test('interrupts: a bucket of `burst`, refilled at exactly the stated rate, never beyond, never by a clock run backwards', async () => {
  for (const monitor of await monitors(
    `register ICR at regs+0 : u32 rw interrupt { cause ICR acknowledge within 5ms at most 600000 per second burst 3 }`,
  )) {
    const raise = (now: number): boolean => monitor.interrupt(now) === 0;
    assert.deepEqual([raise(0), raise(0), raise(0), raise(0)], [true, true, true, false]);
    // 600 000 in a second are 3 in 5 microseconds.
    assert.deepEqual(
      [raise(1), raise(2), raise(2), raise(3), raise(4), raise(5), raise(5)],
      [false, true, false, false, true, true, false],
    );
    assert.deepEqual([raise(0), raise(5)], [false, false]);
    assert.deepEqual([raise(1e6), raise(1e6), raise(1e6), raise(1e6)], [true, true, true, false]);
    let allowed = 0;
    for (let now = 2e6; now < 3e6; now += 1) if (raise(now)) allowed += 1;
    assert.ok(Math.abs(allowed - 600_000) <= 3, `${allowed}`);
  }
});

test('a device without an interrupt clause has no interrupts', async () => {
  for (const monitor of await monitors('')) {
    assert.equal(reason(monitor, monitor.interrupt(0)), 'the specification says nothing about interrupts');
    assert.equal(reason(monitor, monitor.check(0)), 'allowed');
  }
});

// ---- places of BARs, tables, lists -----------------------------------------------------------------------------------

test('S13: a BAR and a grant never share a byte; outsideBars judges all bytes of a range; a reset moves no BAR', async () => {
  for (const monitor of await monitors(
    `register AT at regs+0 : u64 rw register GO at regs+8 : u64 rw
     on write GO(v) { require device.outsideBars(AT.written, v) "inside a BAR" }`,
  )) {
    const place = (bar: number, address: number, length: number): string =>
      reason(monitor, monitor.place(bar, address, length));
    const outside = (address: bigint, length: bigint): boolean => {
      assert.equal(write(monitor, 0, address, 8), 'allowed');
      return write(monitor, 8, length, 8) === 'allowed';
    };
    const bad = 'a BAR cannot be there';
    assert.equal(place(0, 0x1000, 0x1000), 'allowed');
    assert.equal(place(BARS_MAX - 1, ADDRESS_LIMIT - 16, 16), 'allowed', 'exactly up to the limit');
    assert.equal(place(1, ADDRESS_LIMIT - 16, 17), bad);
    assert.equal(place(BARS_MAX, 0x8000, 16), bad, 'no such BAR');
    assert.equal(reason(monitor, monitor.grant(0x1fff, 1, 7)).startsWith('the memory is empty'), true);
    assert.equal(reason(monitor, monitor.grant(0x2000, 1, 7)), 'allowed', 'exactly behind it');
    assert.equal(place(1, 0x2000, 1), bad, 'over a grant');
    for (const after of [false, true]) {
      if (after) monitor.reset();
      assert.equal(outside(0xfffn, 1n), true);
      assert.equal(outside(0xfffn, 2n), false);
      assert.equal(outside(0x1fffn, 1n), false);
      assert.equal(outside(0x2000n, 0x1000n), true);
      assert.equal(outside(0x1800n, 0n), true, 'no byte');
      assert.equal(outside(0n, (1n << 64n) - 1n), false, 'all around it');
      assert.equal(outside((1n << 64n) - 8n, 0x2000n), true, 'no wrap-around');
    }
    assert.equal(place(0, 0x1000, 0), 'allowed');
    assert.equal(outside(0x1000n, 0x1000n), true, 'taken away');
  }
});

const members = (...each: readonly (readonly [next: number, value: number])[]): Uint8Array => {
  const bytes = new Uint8Array(each.length * 8);
  each.forEach(([next, value], index) => {
    new DataView(bytes.buffer).setUint32(index * 8, next, true);
    bytes[index * 8 + 4] = value;
  });
  return bytes;
};
const member = 'struct M size 8 { next : u32 at 0 value : u8 at 4 } var sum : u32';

test('S14: a table is visited in order to its count or its end, copy by copy; without an end, or outside, it is denied', async () => {
  const body = `${member} register COUNT at regs+0 : u32 rw register UNTIL at regs+4 : u32 rw
    on write COUNT(v) { sum = 0 for m in M at 65536 count v at most 3 { sum = (sum *% 10) +% m.value } }
    on write UNTIL(v) { sum = 0 for m in M at v at most 3 until m.value == 7 { sum = (sum *% 10) +% m.value } }`;
  for (const monitor of await monitors(body, flatMemory(65536, members([0, 5], [0, 6], [0, 7], [0, 8], [0, 9])))) {
    const run = (register: number, value: number): readonly [string, bigint | undefined] => [
      write(monitor, register, value),
      variable(monitor, 'sum'),
    ];
    const outside = 'a `M` does not lie in memory granted to this driver for commands';
    assert.deepEqual(run(0, 0), ['allowed', 0n], 'nothing is read');
    monitor.grant(65536, 23, GRANT_COMMANDS);
    assert.deepEqual(run(0, 2), ['allowed', 56n]);
    assert.deepEqual(run(0, 3), [outside, 56n], 'one byte short');
    monitor.reset();
    monitor.grant(65536, 40, GRANT_COMMANDS);
    assert.deepEqual(run(0, 3), ['allowed', 567n]);
    assert.deepEqual(run(0, 4)[0], 'the table of `M` has more than 3 entries');
    assert.deepEqual(run(4, 65536), ['allowed', 567n], 'exactly the last');
    assert.deepEqual(run(4, 65552), ['allowed', 7n]);
    assert.deepEqual(run(4, 65560)[0], outside, 'it ends behind the grant');
  }
  const without = flatMemory(65536, members([0, 5], [0, 6], [0, 8], [0, 7]));
  for (const monitor of await monitors(body, without)) {
    monitor.grant(65536, 32, GRANT_COMMANDS);
    assert.equal(write(monitor, 4, 65536), 'the table of `M` does not end within its first 3 entries');
    assert.equal(write(monitor, 4, 65544), 'allowed');
  }
});

test('S15: a list is followed from copy to copy, exactly to its bound; a circle, or a member outside, is denied', async () => {
  const body = `${member} register GO at regs+0 : u32 rw
    on write GO(v) { sum = 0 for m in M at v next m.next while m.next != 0 at most 3 { sum = (sum *% 10) +% m.value } }`;
  const memory = members([65552, 1], [65544, 2], [65560, 3], [0, 4], [65536, 5], [4096, 6]);
  for (const monitor of await monitors(body, flatMemory(65536, memory))) {
    monitor.grant(65536, 48, GRANT_COMMANDS);
    assert.equal(write(monitor, 0, 65536), 'allowed');
    assert.equal(variable(monitor, 'sum'), 134n, 'three members');
    const tooMany = 'the list of `M` has more than 3 members, or runs in a circle';
    assert.equal(write(monitor, 0, 65568), tooMany, 'four members');
    assert.equal(write(monitor, 0, 65544), tooMany, 'itself');
    assert.equal(variable(monitor, 'sum'), 134n, 'a denial changes nothing');
    assert.equal(write(monitor, 0, 65576), 'a `M` does not lie in memory granted to this driver for commands');
    assert.equal(write(monitor, 0, 65560), 'allowed');
    assert.equal(variable(monitor, 'sum'), 4n);
  }
});

test('S16: a store into a pool is judged by every structure that it touches, as it was and as it will be', async () => {
  const body = `struct M size 8 { next : u32 at 0 value : u32 at 4 } var sum : u32
    pool links : M filled 1 on store(was, m) {
      require m.next == 1 or links.holds(m.next) "astray"
      require m.value >= was.value "only upwards"
      sum = (sum *% 10) +% m.value
    }
    register GO at regs+0 : u32 rw on write GO(v) { require links.holds(v, 16) and sum != 1 "no two links there" }`;
  const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
  const after = { address: 0, bytes: words() };
  const memory = flatMemory(65536, words(1, 1, 1, 1, 1, 1));
  const stored: typeof memory.fetch = (address, length, target, at) => {
    memory.fetch(address, length, target, at);
    after.bytes.forEach((byte, index) => {
      const into = after.address + index - address;
      if (into >= 0 && into < length) target[at + into] = byte;
    });
    return true;
  };
  for (const monitor of await monitors(body, { ...memory, stored })) {
    const store = (address: number, ...values: number[]): string => {
      Object.assign(after, { address, bytes: words(...values) });
      return reason(monitor, monitor.store(address, 4 * values.length, 0));
    };
    const whole = 'memory for `links` is a whole number of its structures';
    assert.equal(reason(monitor, monitor.grant(65536, 20, GRANT_COMMANDS | 8)), whole);
    assert.equal(reason(monitor, monitor.grant(65540, 16, GRANT_COMMANDS | 8)), whole);
    assert.equal(reason(monitor, monitor.grant(65536, 24, GRANT_COMMANDS | 8)), 'allowed');
    assert.equal(store(65536, 65552), 'allowed');
    assert.equal(variable(monitor, 'sum'), 1n);
    assert.equal(write(monitor, 0, 65536), 'no two links there');
    assert.equal(store(65540, 7, 65536, 8, 1), 'allowed', 'three of them, the last and the first in part');
    assert.equal(variable(monitor, 'sum'), 1781n);
    assert.equal(store(65540, 7, 65540), 'astray', 'not at a multiple');
    assert.equal(store(65540, 0), 'only upwards');
    assert.equal(variable(monitor, 'sum'), 1781n, 'a denial changes nothing');
    assert.equal(write(monitor, 0, 65544), 'allowed');
    assert.equal(write(monitor, 0, 65552), 'no two links there', 'end-exact');
  }
});

test('S17: a check stands where it is used: arguments first, one rule, and a failed one refuses the whole operation', async () => {
  const body = `register R at regs+0 : u32 rw register Q at regs+4 : u32 rw var x : u32 var seen : u32
    check small(n, most) { x = x +% 1 require n <= most "too large" seen = n }
    on write R(v) { check small(v, x) x = 9 }
    on write Q(v) { x = v check small(x + 1, 20) check small(v, 7) }`;
  const numbers = new Set<number>();
  for (const monitor of await monitors(body)) {
    assert.equal(write(monitor, 0, 1), 'too large', 'x was 0 before the body changed it');
    assert.equal(variable(monitor, 'x'), 0n);
    assert.equal(write(monitor, 0, 0), 'allowed');
    assert.equal(variable(monitor, 'x'), 9n);
    assert.equal(write(monitor, 4, 7), 'allowed');
    assert.equal(variable(monitor, 'x'), 9n, 'two checks count');
    assert.equal(variable(monitor, 'seen'), 7n);
    assert.equal(write(monitor, 4, 8), 'too large', 'the second check');
    assert.equal(variable(monitor, 'seen'), 7n, 'nothing is left of the first');
    for (const [offset, value] of [
      [0, 50],
      [4, 20],
      [4, 8],
    ] as const)
      numbers.add(monitor.write(0, offset, 4, value, 0, 0));
  }
  assert.equal(numbers.size, 1, 'one rule, wherever it is written out');
});
