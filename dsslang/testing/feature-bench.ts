/**
 * A monitor on a bench: a specification of a few lines, its interpreter, and verdicts in the words of their rules. Also the
 * specifications that several tests share.
 */
import assert from 'node:assert/strict';
import { compile } from '../compile.ts';
import { InterpretedMonitor } from '../interpreter/monitor.ts';
import type { Program } from '../ir.ts';
import { renderDiagnostics } from '../render.ts';
import { ALLOWED, type Width } from '../runtime.ts';

/** A device whose registers are given: everything else that a specification needs is added. */
export const device = (body: string): string =>
  `device d {\n  match pci 8086:100e\n  region regs = bar 0 memory 4K\n  reset { delay 1ms }\n${body}\n}\n`;

export function program(body: string): Program {
  const { program: compiled, diagnostics } = compile(device(body));
  assert.equal(renderDiagnostics(diagnostics), '');
  assert.ok(compiled !== undefined);
  return compiled;
}

export const codes = (body: string): string[] => compile(device(body)).diagnostics.map((each) => each.code);

/** A monitor with the words of its verdicts, one space and its own clock. */
export class Bench {
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

export const arrays = `
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
  property "the first is not four" { seen[0] != 4 or last == 3 }
`;

export const programmedBody = `
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

export const freezeBody = `
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

export const actionsBody = `
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

export const enginesBody = `
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

export const blitter = `
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

export const floppy = `
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

export const windowsBody = `
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
`;

export const eventsBody = `
  register DOOR at regs+0 : u32 rw
  register LIST at regs+4 : u32 wo
  register STATUS at regs+8 : u32 rc
  struct Member size 16 { next : u32 at 0  length : u16 at 4  flags : u16 at 6 { LAST = [0] }  buffer : u64 at 8 }
  var doors : u8 max 16
  var first : u32
  clock since
  deadline answer 10ms "not answered in time" else deny
  rate bell at most 1000 per second burst 4 "too often"
  machine door { Shut, Open }
  on write DOOR(v) {
    spend bell
    doors = min(doors + 1, 16)
    start since
    start answer
    if v == 0 { door -> Shut } else { door -> Open }
  }
  on report STATUS { stop answer }
  on write LIST(v) {
    mut bytes : u32 max 1M = 0
    for m in Member at v next m.next while not m.flags.LAST at most 8 {
      require device.outsideBars(m.buffer, m.length) "in a device"
      require device.reads(m.buffer, m.length) or m.length == 0 "outside"
      bytes = min(bytes + m.length, 1M)
    }
    for m in Member at v count min(v & 7, 3) { require address(m) >= v or m.flags[15:1] != 1 "never" else log }
    require bytes < 0x18000 "too much"
    first = v -% doors
  }
  frozen members from first size 16 when door == Open "the first member belongs to the device"
  on grant(base, length, purposes) {
    require base & 0xF == 0 and length >= 4 "unaligned"
    require purposes != 5 "reads commands" else log
  }
  on store(place, bytes) { require doors < 16 or bytes <= 64 "too long" else log }
  on interrupt { require doors != 0 "no door" }
  on tick { if elapsed(since) > 1s { doors = 0 } }
  property "few doors" { door == Open implies doors != 0 }
`;
