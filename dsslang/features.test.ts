/**
 * What the language can say, feature by feature: each specification compiles, allows what it should and refuses the bad
 * sequence by the rule that means it. The titles that begin with `forced by` are the features that real bugs force on such
 * a language (docs/threat-model.md), each with the device whose bug did.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { compile } from './compile.ts';
import { InterpretedMonitor, violatedInvariant } from './interpreter.ts';
import type { Program } from './ir.ts';
import { renderDiagnostics } from './render.ts';
import { ALLOWED, GRANT_COMMANDS, GRANT_READS, GRANT_WRITES, type Width } from './runtime.ts';
import { keywords } from './tokens.ts';

/** A device whose registers are given: everything else that a specification needs is added. */
const device = (body: string): string =>
  `device d {\n  match pci 8086:100e\n  region regs = bar 0 memory 4K\n  reset { delay 1ms }\n${body}\n}\n`;

function program(body: string): Program {
  const { program: compiled, diagnostics } = compile(device(body));
  assert.equal(renderDiagnostics(diagnostics), '');
  assert.ok(compiled !== undefined);
  return compiled;
}

const codes = (body: string): string[] => compile(device(body)).diagnostics.map((each) => each.code);

/** A monitor with the words of its verdicts, one space and its own clock. */
class Bench {
  readonly monitor: InterpretedMonitor;
  readonly memory = new Uint8Array(65536);
  now = 0;

  constructor(body: string) {
    const fetch = (address: number, length: number, target: Uint8Array, at: number): boolean => {
      target.set(this.memory.subarray(address, address + length), at);
      return address + length <= this.memory.length;
    };
    this.monitor = new InterpretedMonitor(program(body), { fetch });
  }

  /** `allowed`, the reason of a refusal, or `noted: ` and the reason. */
  words(verdict: number): string {
    if (verdict === ALLOWED) return 'allowed';
    const reason = this.monitor.info.rules[Math.abs(verdict)]?.reason ?? '?';
    return verdict < 0 ? `noted: ${reason}` : reason;
  }

  write(offset: number, value: number, width: Width = 4, space = 0): string {
    return this.words(this.monitor.write(space, offset, width, value >>> 0, 0, this.now));
  }

  report(offset: number, value: number, width: Width = 4): string {
    return this.words(this.monitor.report(0, offset, width, value >>> 0, 0, this.now));
  }

  read(offset: number, width: Width = 4): string {
    return this.words(this.monitor.read(0, offset, width, this.now));
  }

  tick(): string {
    return this.words(this.monitor.tick(this.now));
  }

  grant(address: number, length: number, purposes: number): string {
    return this.words(this.monitor.grant(address, length, purposes));
  }

  /** The state in words. */
  get variables(): Record<string, bigint> {
    const values = this.monitor.snapshot();
    return Object.fromEntries(this.monitor.info.variables.map((name, index) => [name, values[index] ?? 0n]));
  }

  get states(): Record<string, string> {
    const states = this.monitor.states();
    return Object.fromEntries(
      this.monitor.info.machines.map(({ name, states: names }, index) => [name, names[states[index] ?? 0] ?? '?']),
    );
  }
}

// ---- arrays ----------------------------------------------------------------------------------------------------------

const arrays = `
  register R[4] at regs+0 : u32 rw
  register CLEAR at regs+0x40 : u32 wo
  var seen[4] : u8 max 200 = 7
  var last : u2
  on write R[i](v) {
    require v <= 200       "too large"
    require v >= seen[i]   "only ever more"
    seen[i] = v
    last = i
  }
  on write CLEAR(v) { if v == 1 { seen[all] = 3 } else { seen[last] = 0 } }
  property "the first is even" { seen[0] & 1 == 0 or last == 3 }
`;

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
    on write R(v) { require a[0] <= 9 and v < 5 "x"  ${between}  b = 19 - a[0]  if b == 15 { b = 0 } }`;
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

const programmedBody = `
  register BASE at regs+0 : u32 rw
  register PORT[4] at regs+0x10 : u32 rw
  register START at regs+0x20 : u32 wo
  register CTRL at regs+0x24 : u32 wo
  on write BASE(v) { require v != 13 "unlucky" }
  on write START(v) {
    require v < 4            "no such port"
    require programmed(BASE) "program the base first"
    require programmed(PORT[v]) "program the port first"
  }
  on write CTRL(v) { if v == 0 { forget all } else if v == 1 { forget BASE, PORT[2] } else { forget PORT } }
`;

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

const freezeBody = `
  register CMD at regs+0 : u32 wo
  register BLKSIZE at regs+4 : u16 rw access 8, 16
  register TRNMOD at regs+6 : u16 rw
  register STATUS at regs+8 : u32 ro
  machine cmd { Idle, Busy }
  freeze BLKSIZE, TRNMOD when cmd == Busy "frozen while a command runs"
  in cmd.Idle {
    on write CMD { cmd -> Busy }
    on write TRNMOD(v) { require v < 64 "no such mode" }
  }
  on report STATUS(v) { if v == 0 { cmd -> Idle } }
`;

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

const actionsBody = `
  register VOLUME at regs+0 : u8 rw
  register MODE at regs+4 : u8 rw
  register LEVEL at regs+8 : u8 ro
  var loud : u8 max 200
  on write VOLUME(v) {
    require v != 255      "never"
    require v != 254      "not now" else deny
    require v <= 200      "too loud" else clamp 200
    loud = v
  }
  on write MODE(v) { require v < 4 "an odd mode" else log  require v != loud "x" }
  on report LEVEL(v) { require v <= 100 "a false level" else clamp 100 }
`;

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

const enginesBody = `
  register GHC at regs+0 : u32 rw { HR = [0] }
  engine port[4] at regs + 0x100 stride 0x80 {
    register CLB at +0x00 : u32 rw { reserved [9:0] }
    register CI  at +0x38 : u32 rw
    register CMD at +0x18 : u32 rw { ST = [0] }
    machine state { Idle, Running }
    var slots : u32
    counter starts saturating 2
    clock since
    deadline stop1 1s "a port did not stop in time"
    rate bell at most 100 per second burst 2 "too many commands on one port"
    freeze CLB when state == Running "the command list is frozen while its port runs"
    in state.Idle {
      on write CMD(v) {
        if v.ST {
          require programmed(CLB)            "program the command list before starting the port"
          require starts < 2                 "a port starts twice at most"
          count starts
          start since
          state -> Running
        }
      }
    }
    in state.Running {
      on write CMD(v) {
        if not v.ST {
          require slots == 0                 "no stop while commands run"
          require elapsed(since) >= 5        "not so fast"
          state -> Idle
          stop stop1
        } else { start stop1 }
      }
      on write CI[i](v) { spend bell slots = v require i != 3 or v != 7 "not here" }
    }
    on report CI(v) { slots = v }
  }
  on write GHC(v) {
    if v.HR {
      require port[all].state == Idle and port[2].slots == 0   "stop every port before a reset"
      port[all].slots = 0
      port[all].starts = 0
      port[all].state -> Idle
      stop port[all].since
      forget all
    }
  }
  invariant "a running port was started" { port[1].state == Running implies port[1].starts != 0 }
`;

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

// ---- forced by real bugs ---------------------------------------------------------------------------------------------

test('forced by LAN9118, Cadence, USB PHY: width per register, reserved bits, extent', () => {
  const d = new Bench(`
    register CTRL at regs+0 : u32 rw { reserved [31:8] }
    register BYTE at regs+4 : u8 rw
  `);
  assert.equal(d.write(0, 0xff), 'allowed');
  assert.equal(d.write(0, 0x100), 'reserved bits of `CTRL` must be written as 0');
  assert.equal(d.write(0, 1, 1), '`CTRL` takes whole accesses of 32 bits');
  assert.equal(d.write(4, 1, 4), '`BYTE` takes whole accesses of 8 bits');
  assert.equal(d.write(8, 1), 'region `regs` has no register there');
  assert.equal(d.write(4096, 1), 'the device has nothing there');
});

const blitter = `
  const VRAM = 4M
  register HEIGHT at regs+0 : u16 rw { reserved [15:11] }
  register PITCH at regs+2 : u16 rw { reserved [15:13] }
  register WIDTH at regs+4 : u16 rw { reserved [15:13] }
  register TARGET at regs+8 : u32 rw { reserved [31:22] }
  register START at regs+12 : u32 wo
  on write START(v) {
    require HEIGHT.written * PITCH.written + WIDTH.written <= VRAM -| TARGET.written   "the blit leaves video memory"
  }
`;

test('forced by Cirrus, ATI, OMAP, FDC: ranges with arithmetic, a * b + c <= K, that cannot wrap', () => {
  const d = new Bench(blitter);
  assert.equal(d.write(0, 1024, 2), 'allowed');
  assert.equal(d.write(2, 4000, 2), 'allowed');
  assert.equal(d.write(4, 640, 2), 'allowed');
  const room = 4 * 1024 * 1024 - (1024 * 4000 + 640);
  assert.equal(d.write(8, room, 4), 'allowed');
  assert.equal(d.write(12, 1), 'allowed');
  assert.equal(d.write(8, room + 1, 4), 'allowed');
  assert.equal(d.write(12, 1), 'the blit leaves video memory');
});

const floppy = `
  region fdc = ports 0x3F0 size 8
  register DOR  at fdc+2 : u8 rw { ENABLE = [2] }
  register MSR  at fdc+4 : u8 ro
  register FIFO at fdc+5 : u8 rw

  const NO_COMMAND = 15
  /// How many bytes follow each command, and how many it answers.
  table PARAMETERS[256] : u4 = {
    0x03: 2, 0x04: 1, 0x07: 1, 0x08: 0, 0x0F: 2, 0x10: 0, 0x4A: 1, 0x8E: 5, 0xC5: 8, 0xE6: 8, else NO_COMMAND
  }
  table RESULTS[256] : u4 = { 0x04: 1, 0x08: 2, 0x10: 1, 0x4A: 7, 0xC5: 7, 0xE6: 7, else 0 }

  machine fifo { Command, Parameters, Result }
  var command : u8
  var left : u4 max 8
  counter position saturating 16

  on write DOR(v) { if not v.ENABLE { position = 0 fifo -> Command } }
  in fifo.Command {
    on write FIFO(v) {
      require PARAMETERS[v] != NO_COMMAND   "this controller has no such command"
      require PARAMETERS[v] <= 8            "a command has at most eight parameters"
      command = v
      position = 1
      left = PARAMETERS[v]
      if PARAMETERS[v] != 0 { fifo -> Parameters }
      else if RESULTS[v] != 0 { left = RESULTS[v]  fifo -> Result }
    }
  }
  in fifo.Parameters {
    on write FIFO(v) {
      count position
      require position < 16                 "the FIFO has sixteen bytes"
      left = left -| 1
      if left == 0 {
        if RESULTS[command] == 0 { fifo -> Command } else { left = RESULTS[command]  fifo -> Result }
      }
    }
  }
  in fifo.Result {
    on write FIFO { deny "read the results before the next command" }
    on report FIFO {
      left = left -| 1
      if left == 0 { fifo -> Command }
    }
  }
`;

test('forced by CAN, VENOM, ESP: counters, modulo n, per-command tables', () => {
  const d = new Bench(floppy);
  const byte = (value: number): string => d.write(0x3f5, value, 1, 7);
  const result = (): string => d.words(d.monitor.report(7, 0x3f5, 1, 0, 0, 0));
  // VENOM: DRIVE SPECIFICATION (0x8E) takes five bytes; the sixth is a new command, not one more byte in the FIFO.
  assert.equal(byte(0x8e), 'allowed');
  for (let count = 0; count < 5; count += 1) assert.equal(byte(0x80), 'allowed');
  assert.equal(byte(0x80), 'this controller has no such command');
  // READ ID answers seven bytes, and takes nothing until they are read.
  assert.equal(byte(0x4a), 'allowed');
  assert.equal(byte(0), 'allowed');
  for (let count = 0; count < 7; count += 1) {
    assert.equal(byte(0x4a), 'read the results before the next command');
    assert.equal(result(), 'allowed');
  }
  assert.equal(byte(0x08), 'allowed');
  assert.equal(d.states['fifo'], 'Result');
  assert.equal(d.write(0x3f2, 0, 1, 7), 'allowed');
  assert.equal(d.states['fifo'], 'Command');
  assert.ok(Object.values(d.variables).every((value) => value <= 255n));
});

test('forced by AHCI, rings, virtio: arrays of identical ports and queues', () => {
  const d = new Bench(enginesBody);
  assert.equal(d.write(0x100 + 3 * 0x80, 0x1000), 'allowed');
  assert.equal(d.write(0x118 + 3 * 0x80, 1), 'allowed');
  assert.equal(d.write(0x138 + 3 * 0x80, 1), 'allowed');
  // CVE-2016-1568: no engine stops, and nothing resets, while commands are outstanding on any port.
  assert.equal(d.write(0x118 + 3 * 0x80, 0), 'no stop while commands run');
  assert.equal(d.write(0, 1), 'stop every port before a reset');
  assert.equal(d.write(0x118 + 2 * 0x80, 0), 'allowed');
});

test('forced by AHCI, FIMD, vmxnet3: memory of earlier writes, "programmed since reset"', () => {
  const d = new Bench(programmedBody);
  assert.equal(d.write(0x20, 0), 'program the base first');
});

test('forced by SDHCI: busy-freeze sets', () => {
  const d = new Bench(freezeBody);
  assert.equal(d.write(0, 1), 'allowed');
  assert.equal(d.write(4, 0x200, 2), 'frozen while a command runs');
});

test('forced by UHCI, xHCI, e1000, AHCI: DMA structures, checked on a copy at the doorbell', () => {
  const d = new Bench(`
    register TAIL at regs+0 : u32 wo
    struct D size 16 { address : u64 at 0; length : u16 at 8 }
    var tail : u8 max 7
    ring r : D { base 0x1000  count 8  owned 0 ..< tail }
    on write TAIL(v) {
      require v < 8 "the tail lies outside the ring"
      for d in r[tail ..< v] { require device.reads(d.address, d.length) "the buffer is outside the memory granted" }
      tail = v
    }
  `);
  assert.equal(d.grant(0x1000, 0x1000, GRANT_COMMANDS), 'allowed');
  assert.equal(d.grant(0x4000, 0x100, GRANT_READS), 'allowed');
  d.memory.set([0x00, 0x40], 0x1000);
  d.memory.set([0x00, 0x01], 0x1008);
  d.memory.set([0x01, 0x40], 0x1010);
  d.memory.set([0x00, 0x01], 0x1018);
  assert.equal(d.write(0, 2), 'the buffer is outside the memory granted');
  assert.equal(d.write(0, 1), 'allowed');
  assert.equal(d.write(0, 8), 'the tail lies outside the ring');
});

test('forced by re-entrant DMA (class D): no grant lies over a BAR, so no checked address does', () => {
  const d = new Bench(`
    register GO at regs+0 : u32 wo
    on write GO(v) { require device.writes(v, 4) "outside the memory granted" }
  `);
  assert.equal(d.words(d.monitor.place(0, 0x8000, 0x1000)), 'allowed');
  assert.match(d.grant(0x7fff, 2, GRANT_WRITES), /already granted/);
  assert.equal(d.write(0, 0x8000), 'outside the memory granted');
  assert.equal(d.grant(0x9000, 0x10, GRANT_WRITES), 'allowed');
  assert.equal(d.write(0, 0x9000), 'allowed');
});

test('forced by EHCI, AHCI: PCI config and BAR-relative addresses', () => {
  const d = new Bench(`
    region conf = config 256
    register COMMAND at conf+4 : u16 rw { MASTER = [2], reserved [15:11] }
    register BAR0 at conf+0x10 : u32 platform
    register DOORBELL at regs+0x20 : u32 wo
    on write DOORBELL { require COMMAND.written[2] == 1 "the device may not yet master the bus" }
  `);
  assert.equal(d.write(0x10, 0xfee0_0000, 4, 6), 'only the platform may change `BAR0`');
  assert.equal(d.write(0x20, 1), 'the device may not yet master the bus');
  assert.equal(d.write(4, 0x800, 2, 6), 'reserved bits of `COMMAND` must be written as 0');
  assert.equal(d.write(4, 4, 2, 6), 'allowed');
  assert.equal(d.words(d.monitor.place(0, 0xfebc_0000, 4096)), 'allowed');
  assert.equal(d.write(0x20, 1), 'allowed');
});

test('forced by VGA, ATI, fw_cfg: indexed pairs', () => {
  const d = new Bench(`
    region host = ports 0xCF8 size 8
    region vga = ports 0x3CE size 2
    region fw = ports 0x510 size 2
    region io = bar 1 ports 16
    register CONFIG_ADDRESS at host+0 : u32 rw
    register CONFIG_DATA at host+4 : u32 rw
    register INDEX at vga+0 : u8 rw
    register DATA at vga+1 : u8 rw
    register SELECT at fw+0 : u8 wo
    register VALUE at fw+1 : u8 ro
    register MM_INDEX at io+0 : u32 rw
    window MM_DATA at io+4 : u32 into regs by MM_INDEX
    register MODE at regs+0x10 : u32 rw
    table BITS[9] : u8 = { 0: 0x0F, 5: 0x7B, 6: 0x0F, else 0xFF }
    on write CONFIG_DATA(v) {
      require CONFIG_ADDRESS.written[31] == 1                                   "no address is selected"
      require CONFIG_ADDRESS.written[7:2] < 4 or CONFIG_ADDRESS.written[7:2] > 9   "a driver moves no BAR"
    }
    on write DATA(v) {
      require INDEX.written < 9                     "the graphics controller has nine registers"
      require v & ~BITS[INDEX.written] & 0xFF == 0  "these bits do not exist"
    }
    on read VALUE { require programmed(SELECT) "select an item first" }
    on write MM_INDEX(v) { require v >= 8 "the index may not select itself" }
    on write MODE(v) { require v < 16 or not through(MM_DATA) "a large mode needs a direct access" }
  `);
  const out = (port: number, value: number, width: Width): string => d.write(port, value, width, 7);
  assert.equal(out(0xcfc, 0, 4), 'no address is selected');
  assert.equal(out(0xcf8, 0x8000_0010, 4), 'allowed');
  assert.equal(out(0xcfc, 0xfebc_0000, 4), 'a driver moves no BAR');
  assert.equal(out(0xcf8, 0x8000_0004, 4), 'allowed');
  assert.equal(out(0xcfc, 6, 4), 'allowed');
  assert.equal(out(0x3ce, 9, 1), 'allowed');
  assert.equal(out(0x3cf, 0, 1), 'the graphics controller has nine registers');
  assert.equal(out(0x3ce, 5, 1), 'allowed');
  assert.equal(out(0x3cf, 0x80, 1), 'these bits do not exist');
  assert.equal(out(0x3cf, 0x40, 1), 'allowed');
  assert.equal(d.words(d.monitor.read(7, 0x511, 1, 0)), 'select an item first');
  assert.equal(out(0x510, 0, 1), 'allowed');
  assert.equal(d.words(d.monitor.read(7, 0x511, 1, 0)), 'allowed');
  assert.equal(d.write(0, 0, 4, 1), 'the index may not select itself');
  assert.equal(d.write(0, 0x10, 4, 1), 'allowed');
  assert.equal(d.write(4, 16, 4, 1), 'a large mode needs a direct access');
  assert.equal(d.write(4, 15, 4, 1), 'allowed');
  assert.equal(d.write(0x10, 16), 'allowed');
  assert.equal(d.write(0, 0x14, 4, 1), 'allowed');
  assert.equal(d.write(4, 0, 4, 1), 'region `regs` has no register there');
});

test('forced by interrupt status registers and FIFOs: write-one-to-clear, read side effects', () => {
  const d = new Bench(`
    register STATUS at regs+0 : u32 w1c
    register FIFO at regs+4 : u32 rc
    counter stored saturating 16
    var pending : u32
    on report STATUS(v) { pending = v }
    on write STATUS(v) {
      require v & ~pending & 0xFFFF_FFFF == 0   "acknowledge only what was reported"
      pending = pending ^ (v & pending)
    }
    register FILL at regs+8 : u32 wo
    on write FILL { require stored < 16 "the FIFO is full" count stored }
    on read FIFO { require stored != 0 "the FIFO is empty" }
    on report FIFO { stored = stored -| 1 }
  `);
  assert.equal(d.write(0, 1), 'acknowledge only what was reported');
  assert.equal(d.report(0, 5), 'allowed');
  assert.equal(d.write(0, 4), 'allowed');
  assert.equal(d.write(0, 4), 'acknowledge only what was reported');
  assert.equal(d.write(0, 1), 'allowed');
  assert.equal(d.read(4), 'the FIFO is empty');
  for (let count = 0; count < 16; count += 1) assert.equal(d.write(8, 0), 'allowed');
  assert.equal(d.write(8, 0), 'the FIFO is full');
  assert.equal(d.read(4), 'allowed');
  assert.equal(d.report(4, 0), 'allowed');
  assert.equal(d.write(8, 0), 'allowed');
  assert.equal(d.write(4, 0), '`FIFO` is read-only');
});

test('forced by reset delays, interrupts, hotplug: time and rate', () => {
  const d = new Bench(`
    register RESET at regs+0 : u32 wo
    register RUN at regs+4 : u32 wo
    register UNPLUG at regs+8 : u32 wo
    clock since
    rate plug at most 1 per second burst 2 "plugged too often"
    on write RESET { start since }
    on write RUN { require programmed(RESET) and elapsed(since) >= 100us "100 microseconds after a reset" }
    on write UNPLUG { spend plug }
  `);
  assert.equal(d.write(4, 1), '100 microseconds after a reset');
  assert.equal(d.write(0, 1), 'allowed');
  d.now = 99;
  assert.equal(d.write(4, 1), '100 microseconds after a reset');
  d.now = 100;
  assert.equal(d.write(4, 1), 'allowed');
  assert.equal(d.write(8, 1), 'allowed');
  assert.equal(d.write(8, 1), 'allowed');
  assert.equal(d.write(8, 1), 'plugged too often');
});

test('forced by what an attacker gains from a kill: action per rule, drop, clamp, reset, log', () => {
  const d = new Bench(actionsBody);
  const action = (verdict: number): string | undefined => d.monitor.info.rules[Math.abs(verdict)]?.action;
  assert.equal(action(d.monitor.write(0, 0, 1, 255, 0, 0)), 'fault');
  assert.equal(action(d.monitor.write(0, 0, 1, 254, 0, 0)), 'deny');
  assert.equal(action(d.monitor.write(0, 0, 1, 253, 0, 0)), 'clamp');
  assert.equal(action(d.monitor.write(0, 4, 1, 7, 0, 0)), 'log');
});

test('a word of the language that begins no part of a statement can name a variable', () => {
  const reserved = new Set([
    'require', 'deny', 'let', 'if', 'then', 'else', 'for', 'in', 'on', 'and', 'or', 'not', 'implies', 'true', 'false', 'reserved',
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
