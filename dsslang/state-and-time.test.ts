/**
 * State, time, actions and engines, feature by feature: each specification compiles, allows what it should and refuses the
 * rest by the rule that means it.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { compile } from './compile.ts';
import { violatedInvariant } from './interpreter.ts';
import { GRANT_COMMANDS, GRANT_READS } from './runtime.ts';
import {
  actionsBody,
  arrays,
  Bench,
  codes,
  enginesBody,
  freezeBody,
  program,
  programmedBody,
} from './testing/feature-bench.ts';
import { keywords } from './tokens.ts';

// ---- arrays ----------------------------------------------------------------------------------------------------------

test('an element of an array starts as declared, is read and assigned by index, and filled with [all]', () => {
  const d = new Bench(arrays);
  assert.deepEqual(d.variables, { last: 0n, 'seen[0]': 7n, 'seen[1]': 7n, 'seen[2]': 7n, 'seen[3]': 7n });
  assert.equal(d.write(0xc, 6), 'only ever more');
  assert.equal(d.write(0xc, 200), 'allowed');
  assert.equal(d.write(0xc, 201), 'too large');
  assert.equal(d.variables['seen[3]'], 200n);
  assert.equal(d.variables['seen[2]'], 7n);
  assert.equal(d.write(0x40, 0), 'allowed');
  assert.equal(d.variables['seen[3]'], 0n);
  assert.equal(d.write(0x40, 1), 'allowed');
  assert.deepEqual(d.variables, { last: 3n, 'seen[0]': 3n, 'seen[1]': 3n, 'seen[2]': 3n, 'seen[3]': 3n });
});

test('an index of an array is shown to be inside when compiling, exactly to its end', () => {
  const body = (condition: string): string => `
    register R at regs+0 : u32 rw
    var a[5] : u8
    on write R(v) { ${condition} a[v] = 1  require a[4] != 2 "x" }`;
  assert.deepEqual(codes(body('require v < 5 "x"')), []);
  assert.deepEqual(codes(body('require v <= 5 "x"')), ['DSS240']);
  assert.deepEqual(codes(body('')), ['DSS240']);
});

test('what is known of an element is forgotten when any element is assigned', () => {
  const body = (between: string): string => `
    register R at regs+0 : u32 rw
    var a[5] : u8
    var b : u8
    on write R(v) { require a[0] <= 9 and v < 5 "x"  ${between}  b = 19 - a[0]  if b == 15 { b = 0  a[0] = 1 } }`;
  assert.deepEqual(codes(body('')), []);
  assert.deepEqual(codes(body('a[1] = 20')), ['DSS205']);
  assert.deepEqual(codes(body('a[v] = 20')), ['DSS205']);
  assert.deepEqual(codes(body('a[all] = 20')), ['DSS205']);
  // An index that reads the array itself means another element afterwards.
  assert.deepEqual(codes(body('require a[1] < 5 "x"  a[a[1]] = 3')), ['DSS205']);
});

// ---- counters --------------------------------------------------------------------------------------------------------

test('a counter modulo N starts again at N, a saturating one stays there', () => {
  const d = new Bench(`
    register R at regs+0 : u32 rw
    register S at regs+4 : u32 rw
    counter round modulo 3
    counter full saturating 3
    on write R(v) {
      if v == 0 { count round count full } else { count round by v & 0xFF count full by v & 0xFF }
    }
    on write S(v) { require full < 3 "full" full = 0 if round != 2 { round = v & 1 } }
  `);
  const seen: bigint[][] = [];
  for (let step = 0; step < 4; step += 1) {
    assert.equal(d.write(0, 0), 'allowed');
    seen.push([d.variables['round'] ?? -1n, d.variables['full'] ?? -1n]);
  }
  assert.deepEqual(seen, [[1n, 1n], [2n, 2n], [0n, 3n], [1n, 3n]]); // prettier-ignore
  assert.equal(d.write(4, 0), 'full');
  assert.equal(d.write(0, 200), 'allowed');
  assert.equal(d.variables['round'], (1n + 200n) % 3n);
});

// ---- tables ----------------------------------------------------------------------------------------------------------

test('a constant table gives each index one value, and its own bounds to the checker', () => {
  const d = new Bench(`
    register R at regs+0 : u8 rw
    table SIZE[256] : u8 = { 0x03: 2, 0x04: 1, else 0 }
    var left : u2 max 2
    on write R(v) { require SIZE[v] != 0 "unknown command" left = SIZE[v] if left == SIZE[3] { left = SIZE[4] } }
  `);
  assert.equal(d.write(0, 0x03, 1), 'allowed');
  assert.equal(d.variables['left'], 1n);
  assert.equal(d.write(0, 0x05, 1), 'unknown command');
});

// ---- programmed, freeze ----------------------------------------------------------------------------------------------

test('programmed(REG) is true from the first allowed write until it is forgotten or reset', () => {
  const d = new Bench(programmedBody);
  assert.equal(d.write(0x20, 2), 'program the base first');
  assert.equal(d.write(0, 13), 'unlucky');
  assert.equal(d.write(0x20, 2), 'program the base first');
  assert.equal(d.write(0, 0), 'allowed');
  assert.equal(d.write(0x20, 2), 'program the port first');
  assert.equal(d.write(0x14, 1), 'allowed');
  assert.equal(d.write(0x20, 2), 'program the port first');
  assert.equal(d.write(0x18, 1), 'allowed');
  assert.equal(d.write(0x20, 2), 'allowed');
  assert.equal(d.write(0x24, 1), 'allowed');
  assert.equal(d.write(0x20, 1), 'program the base first');
  assert.equal(d.write(0, 1), 'allowed');
  assert.equal(d.write(0x20, 1), 'allowed');
  assert.equal(d.write(0x20, 2), 'program the port first');
  assert.equal(d.write(0x24, 2), 'allowed');
  assert.equal(d.write(0x20, 1), 'program the port first');
  assert.equal(d.write(0x14, 1), 'allowed');
  assert.equal(d.write(0x24, 0), 'allowed');
  assert.equal(d.write(0x20, 1), 'program the base first');
  assert.equal(d.write(0, 1), 'allowed');
  d.monitor.reset();
  assert.equal(d.write(0x20, 1), 'program the base first');
});

test('a frozen register is refused by its freeze rule in every state where the condition holds', () => {
  const d = new Bench(freezeBody);
  assert.equal(d.write(4, 512, 2), 'allowed');
  assert.equal(d.write(6, 64, 2), 'no such mode');
  assert.equal(d.write(6, 63, 2), 'allowed');
  assert.equal(d.write(0, 1), 'allowed');
  assert.equal(d.write(4, 1024, 2), 'frozen while a command runs');
  assert.equal(d.write(4, 4, 1), 'frozen while a command runs');
  assert.equal(d.write(6, 1, 2), 'frozen while a command runs');
  assert.equal(d.report(8, 0), 'allowed');
  assert.equal(d.write(4, 1024, 2), 'allowed');
});

// ---- time ------------------------------------------------------------------------------------------------------------

test('elapsed(CLOCK) counts microseconds from start, and is the largest value while the clock does not run', () => {
  const d = new Bench(`
    register GO at regs+0 : u32 wo
    register USE at regs+4 : u32 wo
    register END at regs+8 : u32 wo
    clock warm
    on write GO { start warm }
    on write USE(v) { require elapsed(warm) >= 10ms "too early"  if v == 1 { require elapsed(warm) <= 20ms "too late" } }
    on write END { stop warm }
  `);
  d.now = 5;
  assert.equal(d.write(4, 0), 'allowed');
  assert.equal(d.write(4, 1), 'too late');
  assert.equal(d.write(0, 0), 'allowed');
  d.now = 10_004;
  assert.equal(d.write(4, 1), 'too early');
  d.now = 10_005;
  assert.equal(d.write(4, 1), 'allowed');
  d.now = 20_006;
  assert.equal(d.write(4, 1), 'too late');
  assert.equal(d.write(8, 0), 'allowed');
  d.now = 20_007;
  assert.equal(d.write(4, 1), 'too late');
  assert.equal(d.write(4, 0), 'allowed');
});

test('a deadline that is missed refuses the next operation or tick, whatever it is, until the reset', () => {
  const d = new Bench(`
    register GO at regs+0 : u32 wo
    register DONE at regs+4 : u32 ro
    deadline transfer 10ms "the transfer was not finished in time"
    on write GO { start transfer }
    on report DONE { stop transfer }
  `);
  d.now = 1_000_000;
  assert.equal(d.tick(), 'allowed');
  assert.equal(d.write(0, 0), 'allowed');
  d.now += 10_000;
  assert.equal(d.tick(), 'allowed');
  assert.equal(d.report(4, 0), 'allowed');
  d.now += 50_000;
  assert.equal(d.tick(), 'allowed');
  assert.equal(d.write(0, 0), 'allowed');
  d.now += 10_001;
  assert.equal(d.tick(), 'the transfer was not finished in time');
  assert.equal(d.report(4, 0), 'the transfer was not finished in time');
  assert.equal(d.read(4), 'the transfer was not finished in time');
  d.monitor.reset();
  assert.equal(d.read(4), 'allowed');
});

test('a rate lets through its burst at once, then one for each part of a second', () => {
  const d = new Bench(`
    register BELL at regs+0 : u32 wo
    register LOUD at regs+4 : u32 wo
    rate bell at most 1000 per second burst 3 "too many doorbells"
    rate loud at most 1 per second burst 1 "noisy" else log
    on write BELL { spend bell }
    on write LOUD { spend loud }
  `);
  for (let count = 0; count < 3; count += 1) assert.equal(d.write(0, 0), 'allowed');
  assert.equal(d.write(0, 0), 'too many doorbells');
  d.now = 999;
  assert.equal(d.write(0, 0), 'too many doorbells');
  d.now = 1000;
  assert.equal(d.write(0, 0), 'allowed');
  assert.equal(d.write(0, 0), 'too many doorbells');
  assert.equal(d.write(4, 0), 'allowed');
  assert.equal(d.write(4, 0), 'noted: noisy');
});

// ---- events ----------------------------------------------------------------------------------------------------------

test('handlers stand for grants, stores, interrupts and ticks', () => {
  const d = new Bench(`
    register GO at regs+0 : u32 wo
    machine m { Off, On }
    counter ticks saturating 3
    counter interrupts saturating 3
    var bytes : u52
    on write GO(v) { if v == 0 { m -> Off } else { m -> On } }
    in m.Off {
      on grant(address, length, purposes) {
        require address >= 0x1000 "the first page is nobody's"
        require purposes != 3     "commands are no data"
        require length <= 4096    "one page is enough"
        bytes = length
      }
      on store(address, length) { require address + length <= 0x2000 "the second half is the device's" }
    }
    on tick { count ticks require ticks != 3 "too long" }
    in m.On { on interrupt { count interrupts } }
    invariant "few" { interrupts != 3 and bytes != 77 }
  `);
  assert.equal(d.grant(0, 4096, GRANT_READS), "the first page is nobody's");
  assert.equal(d.grant(0x1000, 4096, GRANT_READS | GRANT_COMMANDS), 'commands are no data');
  assert.equal(d.grant(0x1000, 4097, GRANT_READS), 'one page is enough');
  assert.equal(d.grant(0x1000, 4096, GRANT_COMMANDS), 'allowed');
  assert.equal(d.words(d.monitor.store(0x1ffc, 4, 0)), 'allowed');
  assert.equal(d.words(d.monitor.store(0x1ffd, 4, 0)), "the second half is the device's");
  assert.equal(d.words(d.monitor.interrupt(0)), 'the specification says nothing about interrupts');
  assert.equal(d.write(0, 1), 'allowed');
  assert.equal(d.words(d.monitor.interrupt(0)), 'allowed');
  assert.equal(d.grant(0x3000, 4096, GRANT_READS), 'no rule allows a grant of memory in this state');
  assert.equal(d.words(d.monitor.store(0x1000, 4, 0)), 'no rule allows a store into command memory in this state');
  assert.equal(d.tick(), 'allowed');
  assert.equal(d.tick(), 'allowed');
  assert.equal(d.tick(), 'too long');
});

test('handlers for the whole device stand beside the frozen entries of rings and the interrupt clause', () => {
  const d = new Bench(`
    register TAIL at regs+0 : u32 wo
    register CAUSE at regs+4 : u32 rc
    struct D size 16 { address : u64 at 0 }
    var tail : u8 max 7
    counter seen saturating 100
    ring r : D { base 0x1000  count 8  owned 0 ..< tail }
    on write TAIL(v) {
      require v < 8 "outside"
      for d in r[tail ..< v] { require device.reads(d.address, 1) "outside the grants" }
      tail = v
    }
    on store(address, length) { let end = address + length require end != 0x1080 "the last entry is reserved" }
    interrupt { cause CAUSE  acknowledge within 10ms  at most 10 per second }
    on interrupt { count seen require seen < 3 "three is enough" }
  `);
  assert.equal(d.grant(0x1000, 0x1000, GRANT_COMMANDS | GRANT_READS), 'allowed');
  d.memory[0x1001] = 0x10;
  assert.equal(d.write(0, 1), 'allowed');
  assert.match(d.words(d.monitor.store(0x1000, 8, 0)), /belongs to the device/);
  assert.equal(d.words(d.monitor.store(0x1010, 8, 0)), 'allowed');
  assert.equal(d.words(d.monitor.store(0x1078, 8, 0)), 'the last entry is reserved');
  assert.equal(d.words(d.monitor.interrupt(0)), 'allowed');
  assert.equal(d.states['interrupt'], 'CardNotChecked');
  assert.equal(d.words(d.monitor.interrupt(0)), 'allowed');
  assert.equal(d.words(d.monitor.interrupt(0)), 'three is enough');
});

// ---- actions ---------------------------------------------------------------------------------------------------------

test('a rule denies, faults, notes or clamps, and a clamped value is the one that counts', () => {
  const d = new Bench(actionsBody);
  const value = (): number => d.monitor.valueLo();
  assert.equal(d.write(0, 255, 1), 'never');
  assert.equal(d.write(0, 254, 1), 'not now');
  assert.equal(d.write(0, 201, 1), 'noted: too loud');
  assert.equal(value(), 200);
  assert.equal(d.variables['loud'], 200n);
  assert.equal(d.write(0, 199, 1), 'allowed');
  assert.equal(value(), 199);
  assert.equal(d.write(4, 4, 1), 'noted: an odd mode');
  assert.equal(value(), 4);
  assert.equal(d.write(4, 199, 1), 'x');
  assert.equal(d.report(8, 130, 1), 'noted: a false level');
  assert.equal(value(), 100);
  const actions = new Map(d.monitor.info.rules.map(({ reason, action }) => [reason, action]));
  assert.equal(actions.get('never'), 'fault');
  assert.equal(actions.get('not now'), 'deny');
  assert.equal(actions.get('too loud'), 'clamp');
  assert.equal(actions.get('an odd mode'), 'log');
});

test('a rule that only logs teaches the checker nothing; one that clamps teaches what the value then is', () => {
  const body = (action: string): string => `
    register R at regs+0 : u32 rw
    var x : u8 max 9
    on write R(v) { require v <= 9 "large" else ${action} x = v require x != 3 "x" }`;
  assert.deepEqual(codes(body('deny')), []);
  assert.deepEqual(codes(body('log')), ['DSS204']);
  assert.deepEqual(codes(body('clamp 9')), []);
  assert.deepEqual(codes(body('clamp 10')), ['DSS204']);
});

// ---- engines ---------------------------------------------------------------------------------------------------------

test('each element of an engine has its own registers, state, counters, clocks, rates and frozen registers', () => {
  const d = new Bench(enginesBody);
  const at = (port: number, register: number): number => 0x100 + port * 0x80 + register;
  assert.deepEqual(d.states, {
    'port[0].state': 'Idle',
    'port[1].state': 'Idle',
    'port[2].state': 'Idle',
    'port[3].state': 'Idle',
  });
  assert.equal(d.write(at(1, 0x18), 1), 'program the command list before starting the port');
  assert.equal(d.write(at(0, 0), 0x1000), 'allowed');
  assert.equal(d.write(at(1, 0x18), 1), 'program the command list before starting the port');
  assert.equal(d.write(at(1, 0), 0x1000), 'allowed');
  assert.equal(d.write(at(1, 0), 0x1001), 'reserved bits of `port.CLB` must be written as 0');
  assert.equal(d.write(at(1, 0x18), 1), 'allowed');
  assert.equal(d.states['port[1].state'], 'Running');
  assert.equal(d.states['port[0].state'], 'Idle');
  assert.equal(d.variables['port.starts[1]'], 1n);
  assert.equal(d.write(at(1, 0), 0x2000), 'the command list is frozen while its port runs');
  assert.equal(d.write(at(0, 0), 0x2000), 'allowed');
  assert.equal(d.write(at(1, 0x38), 3), 'allowed');
  assert.equal(d.write(at(0, 0x38), 3), 'no rule allows writing `port.CI` in this state');
  assert.equal(d.write(at(1, 0x18), 0), 'no stop while commands run');
  assert.equal(d.write(0, 1), 'stop every port before a reset');
  assert.equal(d.report(at(1, 0x38), 0), 'allowed');
  assert.equal(d.write(at(1, 0x18), 0), 'not so fast');
  d.now = 5;
  assert.equal(d.write(at(1, 0x18), 0), 'allowed');
  assert.equal(d.write(0, 1), 'allowed');
  assert.equal(d.variables['port.starts[1]'], 0n);
  assert.equal(d.write(at(0, 0x18), 1), 'program the command list before starting the port');
  assert.equal(violatedInvariant(program(enginesBody), d.monitor.state), undefined);
});

test('the rate of one element is spent by that element alone, and its deadline is found at any operation', () => {
  const d = new Bench(enginesBody);
  for (const port of [2, 3]) {
    assert.equal(d.write(0x100 + port * 0x80, 0x1000), 'allowed');
    assert.equal(d.write(0x118 + port * 0x80, 1), 'allowed');
  }
  assert.equal(d.write(0x138 + 2 * 0x80, 0), 'allowed');
  assert.equal(d.write(0x138 + 2 * 0x80, 0), 'allowed');
  assert.equal(d.write(0x138 + 2 * 0x80, 0), 'too many commands on one port');
  assert.equal(d.write(0x138 + 3 * 0x80, 7), 'not here');
  assert.equal(d.write(0x138 + 3 * 0x80, 0), 'allowed');
  assert.equal(d.write(0x118 + 3 * 0x80, 1), 'allowed');
  d.now = 1_000_000;
  assert.equal(d.write(0x138 + 2 * 0x80, 0), 'allowed');
  d.now = 1_000_001;
  assert.equal(d.write(0x138 + 2 * 0x80, 0), 'a port did not stop in time');
});

test('each queue of a NIC has its own ring, whose entries are frozen while its device owns them', () => {
  const d = new Bench(`
    struct D size 16 { address : u64 at 0; length : u16 at 8 }
    engine queue[2] at regs+0x100 stride 0x40 {
      register BASE at +0x00 : u32 rw
      register HEAD at +0x10 : u32 rw
      register TAIL at +0x18 : u32 rw
      var base : u32
      var head : u8 max 7
      var tail : u8 max 7
      ring entries : D { base base  count 8  owned head ..< tail  head HEAD }
      on write BASE(v) { require head == tail "the ring is in use" base = v }
      on report HEAD(v) { require v < 8 "a head outside the ring" head = v }
      on write TAIL(v) {
        require v < 8 "outside the ring"
        for d in entries[tail ..< v] { require device.reads(d.address, d.length) "outside the memory granted" }
        tail = v
      }
    }
  `);
  assert.equal(d.grant(0x1000, 0x1000, GRANT_COMMANDS | GRANT_READS), 'allowed');
  assert.equal(d.write(0x100, 0x1000), 'allowed');
  assert.equal(d.write(0x140, 0x1800), 'allowed');
  d.memory.set([0, 0x10, 0, 0, 0, 0, 0, 0, 16], 0x1000);
  d.memory.set([0, 0x20, 0, 0, 0, 0, 0, 0, 16], 0x1800);
  assert.equal(d.write(0x118, 1), 'allowed');
  assert.equal(d.write(0x158, 1), 'outside the memory granted');
  d.memory.set([0, 0x1f], 0x1800);
  assert.equal(d.write(0x158, 1), 'allowed');
  const store = (address: number): string => d.words(d.monitor.store(address, 8, 0));
  assert.match(store(0x1008), /belongs to the device/);
  assert.match(store(0x1808), /belongs to the device/);
  assert.equal(store(0x1810), 'allowed');
  assert.equal(d.report(0x150, 1), 'allowed');
  assert.equal(store(0x1808), 'allowed');
  assert.match(store(0x1008), /belongs to the device/);
  assert.equal(d.write(0x100, 0), 'the ring is in use');
  assert.deepEqual(
    d.monitor.info.progress.map(({ offset }) => offset),
    [0x110, 0x150],
  );
});

test('the reset reaches one element of an engine, or all of them', () => {
  const { program: compiled, diagnostics } = compile(`device d {
    match pci 8086:100e
    region regs = bar 0 memory 4K
    register R[2] at regs+0 : u32 rw { GO = [3] }
    engine q[3] at regs+0x100 stride 0x10 { register CMD at +4 : u32 rw { ST = [0] } }
    reset { write q[all].CMD = 0  write q[2].CMD = 8  wait until q[1].CMD.ST == 0 for at most 1ms  read R[1] wait until R[1].GO == 1 for at most 1us }
  }`);
  assert.deepEqual(diagnostics, []);
  const place = { space: 0, width: 4 };
  assert.deepEqual(compiled?.reset, [
    { step: 'write', ...place, offset: 0x104, value: 0 },
    { step: 'write', ...place, offset: 0x114, value: 0 },
    { step: 'write', ...place, offset: 0x124, value: 0 },
    { step: 'write', ...place, offset: 0x124, value: 8 },
    { step: 'wait', ...place, offset: 0x114, mask: 1, equals: 0, timeoutUs: 1000 },
    { step: 'read', ...place, offset: 4 },
    { step: 'wait', ...place, offset: 4, mask: 8, equals: 8, timeoutUs: 1 },
  ]);
});

test('a word of the language that begins no part of a statement can name a variable', () => {
  const reserved = new Set([
    'require', 'deny', 'let', 'if', 'then', 'else', 'for', 'in', 'on', 'and', 'or', 'not', 'implies', 'true', 'false', 'reserved',
    'mut',
  ]); // prettier-ignore
  for (const word of keywords) {
    const { diagnostics } = compile(`device d {
      match pci 8086:100e
      region r0 = bar 0 memory 4K
      register R at r0+0 : u32 rw
      var ${word} : u8
      on write R(v) { ${word} = v[7:0] if ${word} == 3 { ${word} = 4 } }
      reset { delay 1ms }
    }`);
    assert.equal(diagnostics.length === 0, !reserved.has(word), word);
  }
});
