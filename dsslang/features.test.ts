/**
 * The features that real bugs force on a language for device safety, each with the device whose bug did: a small
 * specification compiles and refuses the bad sequence. (`walks.test.ts` has the structures that are no rings.)
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { GRANT_COMMANDS, GRANT_READS, GRANT_WRITES, type Width } from './runtime.ts';
import {
  actionsBody,
  Bench,
  blitter,
  enginesBody,
  floppy,
  freezeBody,
  programmedBody,
  windowsBody,
} from './testing/feature-bench.ts';

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

test('forced by CAN, UART, QSPI: parts at fixed addresses, up to the last below 4 GiB', () => {
  const d = new Bench(`
    region can   = memory 0xFF07_0000 size 4K
    region flash = memory 0xC000_0000 size 32M
    region top   = memory 0xFFFF_F000 size 4K
    register TXFIFO[4] at can+0x30 : u32 wo
    register LAST at top+0xFFC : u32 rw
    area     FLASH at flash+0 size 32M : ro
  `);
  assert.equal(d.write(0xff07_003c, 1, 4, 8), 'allowed');
  assert.equal(d.write(0xff07_0040, 1, 4, 8), 'region `can` has no register there');
  assert.equal(d.write(0xffff_fffc, 1, 4, 8), 'allowed');
  assert.equal(d.write(0xff06_0030, 1, 4, 8), 'the device has nothing there');
  assert.equal(d.words(d.monitor.read(8, 0xc1ff_fffc, 4, 0)), 'allowed');
  assert.equal(d.words(d.monitor.read(8, 0xc200_0000, 4, 0)), 'the device has nothing there');
  assert.equal(d.write(0xc000_0000, 1, 4, 8), '`FLASH` cannot be written');
});

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
  const d = new Bench(windowsBody);
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
