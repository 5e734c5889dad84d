/** Seven CVEs of the SD host controller, and the one sentence of its standard that forbids them all. */
import { CONFIG_SPACE } from '../../../dsslang/runtime.ts';
import { DISK } from '../board.ts';
import type { Attack, Bug } from '../bug.ts';
import type { Hands, Registers } from '../hands.ts';

const COMMAND = 0x04;
const SYSAD = 0x00;
const BLKSIZE = 0x04;
const BLKCNT = 0x06;
const ARGUMENT = 0x08;
const TRNMOD = 0x0c;
const CMD = 0x0e;
const RESPONSE = 0x10;
const BUFFER = 0x20;
const PRNSTS = 0x24;
const HOSTCTL = 0x28;
const PWRCON = 0x29;
const CLKCON = 0x2c;
const TIMEOUT = 0x2e;
const SWRST = 0x2f;
const NORINTSTS = 0x30;
const ERRINTSTS = 0x32;
const NORINTSTSEN = 0x34;
const ERRINTSTSEN = 0x36;

const NONE = 0x00;
const R1 = 0x1a;
const R2 = 0x09;
const R3 = 0x02;
const R1_BUSY = 0x1b;
const DATA = 0x20;

const DMA = 0x01;
const COUNTED = 0x02;
const AUTO12 = 0x04;
const READING = 0x10;
const MULTI = 0x20;
/** Bits 14 to 12 of the block size: a buffer boundary of 512 KiB. */
const BOUNDARY_512K = 0x7000;

const SECTOR = 512;
const SECTORS = 2048;
const sectorText = (number: number): Uint8Array => Uint8Array.from(Buffer.alloc(SECTOR, `card ${number} `));

function command(hands: Hands, sd: Registers, index: number, argument: number, flags: number): number {
  hands.until('the lines are free', () => (sd.read32(PRNSTS) & 3) === 0);
  sd.write32(ARGUMENT, argument >>> 0);
  sd.write16(CMD, (index << 8) | flags);
  hands.until('the command is done', () => (sd.read16(NORINTSTS) & 1) !== 0);
  hands.expect(`errors of CMD${index}`, sd.read16(ERRINTSTS), 0);
  sd.write16(NORINTSTS, 1);
  return sd.read32(RESPONSE);
}

/** Reset, power, clock, and the card's way to the transfer state. */
function start(hands: Hands): Registers {
  const sd = hands.registers(0);
  hands.registers(CONFIG_SPACE).write16(COMMAND, 0x106);
  sd.write8(SWRST, 1);
  hands.until('the reset is over', () => (sd.read8(SWRST) & 1) === 0);
  sd.write16(NORINTSTSEN, 0x1ff);
  sd.write16(ERRINTSTSEN, 0x1ff);
  sd.write8(PWRCON, 0x0f);
  sd.write16(CLKCON, 0x0101);
  hands.until('the clock is stable', () => (sd.read16(CLKCON) & 2) !== 0);
  sd.write16(CLKCON, 0x0105);
  sd.write8(TIMEOUT, 0x0e);
  command(hands, sd, 0, 0, NONE);
  hands.expect('CMD8 comes back', command(hands, sd, 8, 0x1aa, R1) & 0xfff, 0x1aa);
  hands.until('the card is ready', () => {
    command(hands, sd, 55, 0, R1);
    return (command(hands, sd, 41, 0x4030_0000, R3) & 0x8000_0000) !== 0;
  });
  command(hands, sd, 2, 0, R2);
  const address = command(hands, sd, 3, 0, R1) & 0xffff_0000;
  command(hands, sd, 7, address, R1_BUSY);
  command(hands, sd, 16, SECTOR, R1);
  return sd;
}

interface Transfer {
  readonly index: number;
  readonly mode: number;
  readonly sector: number;
  readonly blocks: number;
  readonly size?: number;
  /** Of a transfer by DMA. */
  readonly address?: number;
}

function begin(hands: Hands, sd: Registers, transfer: Transfer): void {
  hands.until('the lines are free', () => (sd.read32(PRNSTS) & 3) === 0);
  sd.write16(NORINTSTS, 0xffff);
  if (transfer.address !== undefined) sd.write32(SYSAD, transfer.address);
  sd.write16(BLKSIZE, BOUNDARY_512K | (transfer.size ?? SECTOR));
  sd.write16(BLKCNT, transfer.blocks);
  sd.write32(ARGUMENT, transfer.sector * SECTOR);
  sd.write16(TRNMOD, transfer.mode);
  sd.write16(CMD, (transfer.index << 8) | R1 | DATA);
}

function finish(hands: Hands, sd: Registers): void {
  hands.until('the transfer is done', () => (sd.read32(PRNSTS) & 3) === 0);
  hands.expect('errors', sd.read16(ERRINTSTS), 0);
  hands.expect('transfer complete', sd.read16(NORINTSTS) & 2, 2);
}

/** One block through the buffer. */
function readBlock(hands: Hands, sd: Registers, sector: number): Uint8Array {
  begin(hands, sd, { index: 17, mode: READING, sector, blocks: 1 });
  hands.until('the buffer is full', () => (sd.read32(PRNSTS) & 0x800) !== 0);
  const block = Buffer.alloc(SECTOR);
  for (let at = 0; at < SECTOR; at += 4) block.writeUInt32LE(sd.read32(BUFFER), at);
  finish(hands, sd);
  return Uint8Array.from(block);
}

function writeBlock(hands: Hands, sd: Registers, sector: number, data: Uint8Array): void {
  begin(hands, sd, { index: 24, mode: 0, sector, blocks: 1 });
  hands.until('the buffer is empty', () => (sd.read32(PRNSTS) & 0x400) !== 0);
  const block = Buffer.from(data);
  for (let at = 0; at < SECTOR; at += 4) sd.write32(BUFFER, block.readUInt32LE(at));
  finish(hands, sd);
}

/** The card brought up; blocks read and written through the buffer, and several at a time by DMA. */
function benign(hands: Hands): void {
  const sd = start(hands);
  hands.expect('sector 3', readBlock(hands, sd, 3), sectorText(3));
  writeBlock(hands, sd, 9, sectorText(7777));
  hands.expect('what was written', readBlock(hands, sd, 9), sectorText(7777));
  const memory = hands.allocate(4 * SECTOR, 'device-reads-writes');
  sd.write8(HOSTCTL, 0);
  const several = DMA | COUNTED | AUTO12 | MULTI;
  begin(hands, sd, { index: 18, mode: several | READING, sector: 20, blocks: 4, address: memory.address });
  finish(hands, sd);
  hands.expect('sector 23 by DMA', memory.load(3 * SECTOR, SECTOR), sectorText(23));
  begin(hands, sd, { index: 25, mode: several, sector: 9, blocks: 1, address: memory.address });
  finish(hands, sd);
  hands.expect('written by DMA', readBlock(hands, sd, 9), sectorText(20));
  writeBlock(hands, sd, 9, sectorText(9));
}

const FROZEN = 'frozen while a transfer runs';

/** A write through the buffer, half a block far, and then. */
function halfWritten(hands: Hands, size: number): Registers {
  const sd = start(hands);
  begin(hands, sd, { index: 25, mode: COUNTED | MULTI, sector: 0, blocks: 4, size });
  for (let at = 0; at < size / 2; at += 4) sd.write32(BUFFER, 0x4141_4141);
  return sd;
}

const attacks: readonly Attack[] = [
  {
    name: 'a block of 4095 bytes',
    cves: ['CVE-2017-5667'],
    refusedBy: 'a block is as large as the buffer at most',
    run: (hands) => {
      const sd = start(hands);
      const memory = hands.allocate(8192, 'device-reads-writes');
      begin(hands, sd, {
        index: 18,
        mode: DMA | COUNTED | MULTI | READING,
        sector: 0,
        blocks: 2,
        size: 4095,
        address: memory.address,
      });
      return undefined;
    },
  },
  {
    name: 'another mode while several blocks are under way',
    cves: ['CVE-2017-5987'],
    refusedBy: FROZEN,
    run: (hands) => {
      halfWritten(hands, SECTOR).write16(TRNMOD, DMA | MULTI);
      return undefined;
    },
  },
  {
    name: 'larger blocks while several are under way',
    cves: ['CVE-2020-17380', 'CVE-2020-25085', 'CVE-2021-3409', 'CVE-2024-3447'],
    refusedBy: FROZEN,
    run: (hands) => {
      const sd = halfWritten(hands, 64);
      sd.write16(BLKSIZE, BOUNDARY_512K | SECTOR);
      for (let at = 0; at < SECTOR; at += 4) sd.write32(BUFFER, 0x4242_4242);
      return undefined;
    },
  },
  {
    name: 'smaller blocks while one is half read',
    cves: ['CVE-2022-3872'],
    refusedBy: FROZEN,
    run: (hands) => {
      const sd = start(hands);
      begin(hands, sd, { index: 17, mode: READING, sector: 0, blocks: 1 });
      for (let at = 0; at < 256; at += 4) sd.read32(BUFFER);
      sd.write16(BLKSIZE, BOUNDARY_512K | 16);
      for (let at = 0; at < 256; at += 4) sd.read32(BUFFER);
      return undefined;
    },
  },
  {
    name: 'another address while blocks are under way',
    refusedBy: FROZEN,
    run: (hands) => {
      halfWritten(hands, SECTOR).write32(SYSAD, 0xfec0_0000);
      return undefined;
    },
  },
];

export const SDHCI_FROZEN: Bug = {
  id: 'sdhci-frozen-while-busy',
  part: 'SD host controller (sdhci-pci)',
  effect: 'silent',
  board: {
    program: 'qemu-system-x86_64',
    machine: 'pc',
    memoryMiB: 64,
    arguments: [
      '-device',
      'sdhci-pci',
      '-drive',
      `if=none,id=card,format=raw,file=${DISK}`,
      '-device',
      'sd-card,drive=card',
    ],
    disk: () => Buffer.concat(Array.from({ length: SECTORS }, (_, number) => sectorText(number))),
    pci: { vendor: 0x1b36, device: 0x0007 },
    dma: { base: 16 << 20, sizeBytes: 16 << 20 },
  },
  specification: 'drivers/cve/sdhci/sdhci.dss',
  attacks,
  benign,
  note: {
    bug:
      'The model keeps its place in a block of one size and goes on with another, past the end of its buffer. Without a ' +
      'sanitizer nothing shows; most are fixed in QEMU 7.2.',
    rule: 'Block size, block count, transfer mode and address can be accessed only if no transaction is executing.',
    benign:
      'reset, power, clock, the card identified and selected; blocks read, written and read back through the buffer; four ' +
      'blocks read and one written by DMA',
    sources: [
      'SD Association, SD Host Controller Simplified Specification 2.00, 2.2.1 to 2.2.6, 2.2.9, 3.7',
      'QEMU changelogs for the seven CVEs. Which sequence belongs to which is taken from their short descriptions',
    ],
  },
};
