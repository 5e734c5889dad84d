/** AHCI, QEMU issue 2777: a read without any region to read into. */
import { CONFIG_SPACE } from '../../../dsslang/runtime.ts';
import { DISK, type BoardPlan } from '../board.ts';
import type { Bug } from '../bug.ts';
import type { Hands, Memory, Registers } from '../hands.ts';

const HBA = 5;
const COMMAND = 0x04;
const GHC = 0x04;
const IS = 0x08;
const PI = 0x0c;
const PORT = 0x100;
const CLB = 0x00;
const FB = 0x08;
const PORT_IS = 0x10;
const IE = 0x14;
const CMD = 0x18;
const TFD = 0x20;
const SSTS = 0x28;
const SERR = 0x30;
const SACT = 0x34;
const CI = 0x38;

const IDENTIFY = 0xec;
const READ_DMA_EXT = 0x25;
const WRITE_DMA_EXT = 0x35;
const READ_QUEUED = 0x60;
const SECTOR = 512;
const SECTORS = 2048;

interface Port {
  readonly port: Registers;
  readonly list: Memory;
  readonly tables: Memory;
  readonly data: Memory;
}

/** Reset in AHCI mode, the port's memory, receive area, start: the order of 10.1.2. */
function start(hands: Hands): Port {
  const hba = hands.registers(HBA);
  hands.registers(CONFIG_SPACE).write16(COMMAND, 0x107);
  hba.write32(GHC, 0x8000_0000);
  hba.write32(GHC, 0x8000_0001);
  hands.until('the controller is reset', () => (hba.read32(GHC) & 1) === 0);
  hba.write32(GHC, 0x8000_0000);
  hands.expect('ports', hba.read32(PI), 0x3f);
  const port = hands.registers(HBA, PORT);
  const list = hands.allocate(1024, 'commands');
  const tables = hands.allocate(4096, 'commands');
  const received = hands.allocate(256, 'device-writes');
  const data = hands.allocate(16 * SECTOR, 'device-reads-writes');
  port.write32(CLB, list.address);
  port.write32(CLB + 4, 0);
  port.write32(FB, received.address);
  port.write32(FB + 4, 0);
  port.write32(SERR, 0xffff_ffff);
  port.write32(PORT_IS, 0xffff_ffff);
  port.write32(IE, 0);
  port.write32(CMD, 0x16);
  hands.expect('a disk is there', port.read32(SSTS) & 0xf, 3);
  port.write32(CMD, 0x17);
  return { port, list, tables, data };
}

interface Command {
  readonly opcode: number;
  readonly sector?: number;
  readonly sectors: number;
  readonly write?: boolean;
  readonly queued?: boolean;
  /** Sizes of the regions of `data`, in order. */
  readonly regions: readonly number[];
}

function issue({ port, list, tables, data }: Port, slot: number, command: Command): void {
  const table = tables.address + slot * 256;
  const fis = new Uint8Array(20);
  const sector = command.sector ?? 0;
  fis.set([0x27, 0x80, command.opcode, command.queued === true ? command.sectors : 0]);
  fis.set([sector & 0xff, (sector >> 8) & 0xff, (sector >> 16) & 0xff, 0x40], 4);
  if (command.queued === true) fis[12] = slot << 3;
  else fis[12] = command.sectors;
  tables.store(slot * 256, fis);
  let at = data.address;
  command.regions.forEach((bytes, index) => {
    tables.store32(slot * 256 + 0x80 + 16 * index, at, 0, 0, bytes - 1);
    at += bytes;
  });
  const options = 5 | (command.write === true ? 0x40 : 0);
  list.store32(slot * 32, (command.regions.length << 16) | options, 0, table, 0);
  if (command.queued === true) port.write32(SACT, 1 << slot);
  port.write32(CI, 1 << slot);
}

function perform(hands: Hands, ahci: Port, slot: number, command: Command): void {
  const { port } = ahci;
  issue(ahci, slot, command);
  hands.until('the command is done', () => ((port.read32(CI) | port.read32(SACT)) & (1 << slot)) === 0);
  hands.expect('status', port.read32(TFD) & 0x89, 0);
  port.write32(PORT_IS, port.read32(PORT_IS));
}

/** What each sector of the test disk holds: its number, again and again. */
function sectorText(number: number): Uint8Array {
  return Uint8Array.from(Buffer.alloc(SECTOR, `sector ${number} `));
}

/** Identify, read and write in one and in several regions, a queued read; then stop the port. */
function benign(hands: Hands): void {
  const ahci = start(hands);
  const { port, data } = ahci;
  perform(hands, ahci, 0, { opcode: IDENTIFY, sectors: 0, regions: [SECTOR] });
  hands.expect('capacity', data.load32(200), SECTORS);
  perform(hands, ahci, 1, { opcode: READ_DMA_EXT, sector: 7, sectors: 1, regions: [SECTOR] });
  hands.expect('sector 7', data.load(0, SECTOR), sectorText(7));
  perform(hands, ahci, 2, { opcode: READ_DMA_EXT, sector: 10, sectors: 4, regions: [256, 768, 1022, 2] });
  hands.expect('sector 13', data.load(3 * SECTOR, SECTOR), sectorText(13));
  data.store(0, sectorText(99_999));
  perform(hands, ahci, 0, { opcode: WRITE_DMA_EXT, sector: 100, sectors: 1, write: true, regions: [SECTOR] });
  data.store(0, new Uint8Array(SECTOR));
  perform(hands, ahci, 3, { opcode: READ_QUEUED, sector: 100, sectors: 1, queued: true, regions: [SECTOR] });
  hands.expect('what was written', data.load(0, SECTOR), sectorText(99_999));
  data.store(0, sectorText(100));
  perform(hands, ahci, 0, { opcode: WRITE_DMA_EXT, sector: 100, sectors: 1, write: true, regions: [SECTOR] });
  hands.registers(HBA).write32(IS, 1);
  port.write32(CMD, 0x16);
  port.write32(CMD, 0x06);
}

const board: BoardPlan = {
  program: 'qemu-system-x86_64',
  machine: 'q35',
  memoryMiB: 64,
  arguments: ['-drive', `if=none,id=disk,format=raw,file=${DISK}`, '-device', 'ide-hd,drive=disk,bus=ide.0'],
  disk: () => Buffer.concat(Array.from({ length: SECTORS }, (_, number) => sectorText(number))),
  pci: { vendor: 0x8086, device: 0x2922 },
  dma: { base: 16 << 20, sizeBytes: 16 << 20 },
};

export const AHCI_2777: Bug = {
  id: 'ahci-2777',
  part: 'AHCI disk controller, Intel ICH9',
  effect: 'crash',
  board,
  specification: 'drivers/ahci/ahci.dss',
  settleMs: 300,
  attacks: [
    {
      name: 'a read of one sector, and no region for it',
      refusedBy: 'the command moves more than the regions hold',
      run: (hands) => {
        issue(start(hands), 0, { opcode: READ_DMA_EXT, sectors: 1, regions: [] });
        return undefined;
      },
    },
    {
      name: 'a port that is started with nothing programmed',
      refusedBy: 'program the receive area before the port uses it',
      run: (hands) => {
        const hba = hands.registers(HBA);
        hands.registers(CONFIG_SPACE).write16(COMMAND, 0x107);
        hba.write32(GHC, 0x8000_0000);
        const port = hands.registers(HBA, PORT);
        // The command list is wherever it was, here at address 0: a command table behind it, and a read without regions.
        const zero = hands.allocate(4096, 'commands');
        zero.store(0, Uint8Array.of(0x27, 0x80, READ_DMA_EXT, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 1));
        zero.store32(2048, 5, 0, zero.address, 0);
        port.write32(CMD, 0x11);
        port.write32(CLB, zero.address + 2048);
        port.write32(CMD, 0x10);
        port.write32(CMD, 0x11);
        port.write32(CI, 1);
        return undefined;
      },
    },
  ],
  benign,
  note: {
    bug: 'The transfer is prepared from the regions; none at all is taken for a negative rest, which is an assertion.',
    rule: 'The regions of a command hold all its sectors, and the port starts only with its list and receive area programmed.',
    benign:
      'reset, memory, receive area, start; identify, reads and writes in one and four regions, a queued read, all ' +
      'compared with the disk; orderly stop',
    sources: [
      'Intel, Serial ATA AHCI 1.3.1, 4.2.2, 4.2.3, 10.1.2, 10.3.1; ATA8-ACS, 7.20, 7.41',
      'QEMU issue 2777; lf-edge/eden pull request 1230 (fixed in QEMU 11.1 and 11.0.4)',
    ],
  },
};

/** Eight sectors asked for, and the answer not waited for. */
function busy(hands: Hands): Port {
  const ahci = start(hands);
  issue(ahci, 0, { opcode: READ_DMA_EXT, sectors: 8, regions: [8 * SECTOR] });
  return ahci;
}

export const AHCI_OUTSTANDING: Bug = {
  ...AHCI_2777,
  id: 'ahci-outstanding',
  effect: 'silent',
  attacks: [
    {
      name: 'the port stopped while a command is outstanding',
      cves: ['CVE-2016-1568'],
      refusedBy: 'no stop while commands are outstanding',
      run: (hands) => {
        busy(hands).port.write32(CMD, 0x16);
        return undefined;
      },
    },
    {
      name: 'the controller reset while a command is outstanding',
      cves: ['CVE-2021-3735'],
      refusedBy: 'no reset while commands are outstanding',
      run: (hands) => {
        busy(hands);
        hands.registers(HBA).write32(GHC, 0x8000_0001);
        return undefined;
      },
    },
  ],
  note: {
    ...AHCI_2777.note,
    bug: 'A command that is still under way outlives the port or the controller that it belongs to. Fixed in QEMU 7.2, or without harm that shows.',
    rule: 'PxCMD.ST is cleared, and the controller reset, only once no command is outstanding.',
    sources: [
      'Intel, Serial ATA AHCI 1.3.1, 3.3.7 (PxCMD.ST), 10.4.3; QEMU changelogs for CVE-2016-1568; CVE-2021-3735 recalled, not checked',
    ],
  },
};
