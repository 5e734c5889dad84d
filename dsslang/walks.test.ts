/**
 * Walks through memory, on the shapes of real devices: each specification of `testing/` accepts what a driver of the device
 * does and refuses what would let the device reach memory that was not granted. Judged by the interpreter.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { compile, emitJs } from './index.ts';
import { bench, specification, type DeviceBench } from './testing/device-bench.ts';

const COMMANDS = 0x1_0000;
const BUFFERS = 0x4_0000;

/** 64 KiB for commands, 64 KiB that the device may read and write. */
function granted(name: string): DeviceBench {
  const device = bench(specification(name), name);
  assert.equal(device.grant(COMMANDS, 0x1_0000, 'commands'), 'allowed');
  assert.equal(device.grant(BUFFERS, 0x1_0000, 'reads', 'writes'), 'allowed');
  return device;
}

void test('a bus-master IDE table is walked to its last entry, and every region of it is judged', () => {
  const ide = granted('ide-prd.dss');
  ide.lay(COMMANDS, [4, BUFFERS], [2, 4096], [2, 0], [4, BUFFERS + 4096], [2, 512], [2, 0x8000]);
  assert.equal(ide.write('BMIDTP', COMMANDS), 'allowed');
  assert.equal(ide.write('BMICOM', 1), 'allowed');
  assert.equal(ide.store(COMMANDS, 4), 'the table of regions belongs to the device while it runs');
  assert.equal(ide.store(COMMANDS + 15, 1), 'the table of regions belongs to the device while it runs');
  assert.equal(ide.store(COMMANDS + 16, 4), 'allowed', 'behind the entries that were counted');
  assert.equal(ide.write('BMIDTP', 0), 'the table cannot move while the engine runs');
  assert.equal(ide.write('BMICOM', 0), 'allowed');
  assert.equal(ide.store(COMMANDS, 4), 'allowed');
});

void test('a bus-master IDE table without a last entry, with a bad region or outside its memory is refused', () => {
  const ide = granted('ide-prd.dss');
  const start = (): string => ide.write('BMICOM', 1);
  assert.equal(ide.write('BMIDTP', COMMANDS), 'allowed');
  for (let entry = 0; entry < 256; entry += 1)
    ide.lay(COMMANDS + 8 * entry, [4, BUFFERS], [2, 2], [2, entry === 255 ? 0x8000 : 0]);
  assert.equal(start(), 'allowed', 'the last entry may be the 256th');
  assert.equal(ide.write('BMICOM', 0), 'allowed');
  ide.lay(COMMANDS + 8 * 255, [4, BUFFERS], [2, 2], [2, 0]);
  assert.equal(start(), 'the table of `Prd` does not end within its first 256 entries');
  ide.lay(COMMANDS, [4, BUFFERS], [2, 0], [2, 0x8000]);
  assert.equal(start(), 'allowed', 'a count of 0 is 64 KiB');
  assert.equal(ide.write('BMICOM', 0), 'allowed');
  ide.lay(COMMANDS, [4, BUFFERS], [2, 0], [2, 0], [4, BUFFERS], [2, 0], [2, 0], [4, BUFFERS], [2, 2], [2, 0x8000]);
  assert.equal(start(), 'a command moves at most 256 sectors');
  ide.lay(COMMANDS, [4, BUFFERS + 2], [2, 0], [2, 0x8000]);
  assert.equal(start(), 'a region crosses a boundary of 64 KiB');
  ide.lay(COMMANDS, [4, COMMANDS], [2, 512], [2, 0x8000]);
  assert.equal(start(), 'a region is outside the memory the device may read');
  assert.equal(ide.monitor.place(4, 0x8_0000, 16), 0);
  ide.lay(COMMANDS, [4, 0x8_0000], [2, 2], [2, 0x8000]);
  assert.equal(start(), 'a region lies in a device');
  assert.equal(ide.write('BMIDTP', COMMANDS + 0x1_0000), 'allowed');
  assert.equal(start(), 'a `Prd` does not lie in memory granted to this driver for commands');
});

void test('numbers that accumulate in a handler are 0 again after every operation, allowed or refused', () => {
  const ide = granted('ide-prd.dss');
  const scratch = ide.monitor.info.variables.flatMap((name, at) => (name.startsWith('scratch.') ? [at] : []));
  assert.equal(scratch.length, 2);
  const values = (): bigint[] => scratch.map((at) => ide.monitor.snapshot()[at] ?? -1n);
  ide.lay(COMMANDS, [4, BUFFERS], [2, 512], [2, 0x8000]);
  assert.equal(ide.write('BMIDTP', COMMANDS), 'allowed');
  assert.equal(ide.write('BMICOM', 1), 'allowed');
  assert.deepEqual(values(), [0n, 0n]);
  assert.equal(ide.write('BMICOM', 0), 'allowed');
  ide.lay(COMMANDS, [4, BUFFERS], [2, 512], [2, 0]);
  assert.notEqual(ide.write('BMICOM', 1), 'allowed');
  assert.deepEqual(values(), [0n, 0n]);
});

void test("an AC'97 list is judged up to the last valid index, then frozen", () => {
  const ac97 = granted('ac97-bdl.dss');
  for (let entry = 0; entry < 32; entry += 1)
    ac97.lay(COMMANDS + 8 * entry, [4, entry < 31 ? BUFFERS + 1024 * entry : 0], [2, 512], [2, 0]);
  assert.equal(ac97.write('PO_BDBAR', COMMANDS), 'allowed');
  assert.equal(ac97.write('PO_LVI', 31), 'allowed');
  assert.equal(ac97.write('PO_CR', 1), 'a buffer is outside the memory granted to this driver');
  assert.equal(ac97.write('PO_LVI', 30), 'allowed');
  assert.equal(ac97.write('PO_CR', 1), 'allowed');
  assert.equal(ac97.write('PO_LVI', 31), 'stop the engine before publishing more buffers');
  assert.equal(ac97.store(COMMANDS + 252, 4), 'the list of buffers belongs to the device while it plays');
  assert.equal(ac97.store(COMMANDS + 256, 4), 'allowed');
  assert.equal(ac97.store(COMMANDS - 4, 4), 'allowed');
  assert.equal(ac97.store(COMMANDS - 4, 5), 'the list of buffers belongs to the device while it plays');
  assert.equal(ac97.store(COMMANDS, 0), 'allowed', 'an empty store touches nothing');
});

void test('an AHCI command is followed from the list through its table to the buffers', () => {
  const ahci = granted('ahci-chain.dss');
  const TABLE = COMMANDS + 0x1000;
  const header = (slot: number, write: boolean, regions: number, table: number): void =>
    ahci.lay(COMMANDS + 32 * slot, [2, 5 | (write ? 0x40 : 0)], [2, regions], [4, 0], [8, table]);
  const region = (index: number, base: number, bytes: number): void =>
    ahci.lay(TABLE + 0x80 + 16 * index, [8, base], [4, 0], [4, bytes - 1]);
  assert.equal(ahci.write('PxCLB', COMMANDS), 'allowed');
  assert.equal(ahci.write('PxCI', 8), 'start the port before issuing a command');
  assert.equal(ahci.write('PxCMD', 1), 'allowed');
  header(3, false, 2, TABLE);
  region(0, BUFFERS, 4096);
  region(1, 0x9_0000, 512);
  assert.equal(ahci.write('PxCI', 8), 'a region is outside the memory the device may write');
  assert.equal(
    ahci.write('PxCI', 4),
    'a command has 2 to 16 double words',
    'only the slots that are issued are judged',
  );
  region(1, BUFFERS + 4096, 511);
  assert.equal(ahci.write('PxCI', 8), 'a region has a whole number of words');
  region(1, BUFFERS + 4096, 512);
  assert.equal(ahci.write('PxCI', 8), 'allowed');
  assert.equal(ahci.store(COMMANDS + 96, 2), 'a command header belongs to the device until its command is done');
  assert.equal(ahci.write('PxCMD', 0), 'no stop while commands are outstanding');
  header(4, true, 169, TABLE);
  assert.equal(ahci.write('PxCI', 16), 'the table of `Prd` has more than 168 entries');
  header(4, true, 1, 0x2_0000);
  assert.equal(ahci.write('PxCI', 16), 'the command table is outside the memory granted for commands');
  assert.equal(ahci.report('PxCI', 0), 'allowed');
  assert.equal(ahci.store(COMMANDS + 96, 2), 'allowed');
  assert.equal(ahci.write('PxCMD', 0), 'allowed');
});

void test('a UHCI schedule is walked from the frame list over queue heads to transfers; circles end at the bound', () => {
  const uhci = granted('uhci-schedule.dss');
  const QUEUES = COMMANDS + 0x1000;
  const TRANSFERS = COMMANDS + 0x2000;
  const frames = (link: number): void => {
    for (let frame = 0; frame < 1024; frame += 1) uhci.lay(COMMANDS + 4 * frame, [4, link]);
  };
  const run = (): string => uhci.write('USBCMD', 1);
  frames(1);
  assert.equal(uhci.write('FRBASEADD', COMMANDS), 'allowed');
  assert.equal(run(), 'allowed', 'an empty schedule');
  assert.equal(uhci.store(COMMANDS + 4092, 4), 'the frame list belongs to the device while the schedule runs');
  assert.equal(uhci.write('USBCMD', 0), 'allowed');

  uhci.lay(COMMANDS + 4 * 7, [4, QUEUES | 2]);
  uhci.lay(QUEUES, [4, (QUEUES + 16) | 2], [4, TRANSFERS]);
  uhci.lay(QUEUES + 16, [4, 1], [4, 1]);
  uhci.lay(TRANSFERS, [4, TRANSFERS + 16], [4, 0], [4, 0x2d | (7 << 21)], [4, BUFFERS]);
  uhci.lay(TRANSFERS + 16, [4, 1], [4, 0], [4, 0x69 | (63 << 21)], [4, BUFFERS + 8]);
  assert.equal(run(), 'allowed');
  assert.equal(uhci.write('USBCMD', 0), 'allowed');
  uhci.lay(TRANSFERS + 28, [4, COMMANDS]);
  assert.equal(run(), 'a buffer is outside the memory the device may write');
  uhci.lay(TRANSFERS + 28, [4, BUFFERS]);
  uhci.lay(TRANSFERS + 16, [4, TRANSFERS]);
  assert.equal(run(), 'the list of `Transfer` has more than 32 members, or runs in a circle');
  uhci.lay(TRANSFERS + 16, [4, 1]);
  uhci.lay(QUEUES + 16, [4, (QUEUES + 16) | 2]);
  assert.equal(run(), 'the list of `QueueHead` has more than 16 members, or runs in a circle');
  uhci.lay(QUEUES + 16, [4, 0x9_0002]);
  assert.equal(run(), 'a `QueueHead` does not lie in memory granted to this driver for commands');
});

void test('an NVMe command is judged by its two pages, or by its list of pages', () => {
  const nvme = granted('nvme-prp.dss');
  const LIST = COMMANDS + 0x2000;
  const command = (slot: number, opcode: number, prp1: number, prp2: number, blocks: number): void =>
    nvme.lay(COMMANDS + 64 * slot, [8, opcode], [8, 0], [8, 0], [8, prp1], [8, prp2], [8, 0], [2, blocks - 1]);
  assert.equal(nvme.write('ASQ', COMMANDS), 'allowed');
  assert.equal(nvme.write('SQ1TDBL', 1), 'create the queue first');
  assert.equal(nvme.write('CC', 1), 'allowed');
  command(0, 2, BUFFERS + 512, 0, 7);
  assert.equal(nvme.write('SQ1TDBL', 1), 'allowed', 'within one page');
  command(1, 2, BUFFERS + 512, BUFFERS + 4096, 8);
  assert.equal(nvme.write('SQ1TDBL', 2), 'allowed', 'two pages');
  command(2, 1, BUFFERS + 512, LIST, 17);
  nvme.lay(LIST, [8, BUFFERS + 4096], [8, 0x9_0000]);
  assert.equal(nvme.write('SQ1TDBL', 3), 'a page is outside the memory granted to this driver');
  nvme.lay(LIST, [8, BUFFERS + 4096], [8, BUFFERS + 8192]);
  assert.equal(nvme.write('SQ1TDBL', 3), 'allowed', 'one page and a list');
  command(3, 1, BUFFERS, LIST + 0xff8, 24);
  assert.equal(nvme.write('SQ1TDBL', 4), 'a list of pages leaves its page');
  command(3, 1, BUFFERS, 0x9_0000, 24);
  assert.equal(nvme.write('SQ1TDBL', 4), 'a `Prp` does not lie in memory granted to this driver for commands');
  command(3, 2, BUFFERS, BUFFERS + 12, 16);
  assert.equal(nvme.write('SQ1TDBL', 4), 'the second page is not aligned');
});

void test('only a table that is walked from where a frozen range begins may be known from stores', () => {
  const text = specification('ide-prd.dss');
  const frozenTables = (dss: string): number => {
    const { program } = compile(dss, 'ide-prd.dss');
    assert.ok(program !== undefined);
    return emitJs(program).split(', scratch0, 0, true)').length - 1;
  };
  assert.equal(frozenTables(text), 1);
  assert.equal(frozenTables(text.replace('frozen regions from table size', 'frozen regions from table + 8 size')), 0);
  assert.equal(frozenTables(text.replace(/^ *frozen regions.*$/m, '')), 0);
});
