/** VENOM and its relatives: commands of the floppy disk controller that do not end where their parameters do. */
import { PORT_SPACE } from '../../../dsslang/runtime.ts';
import { DISK } from '../board.ts';
import type { Bug } from '../bug.ts';
import type { Hands, Registers } from '../hands.ts';

const BASE = 0x3f0;
const DOR = 2;
const MSR = 4;
const FIFO = 5;

const RQM = 0x80;
const DIO = 0x40;
const NON_DMA = 0x20;
const BUSY = 0x10;
const ON = 0x14;

const SPECIFY = 0x03;
const RECALIBRATE = 0x07;
const SENSE_INTERRUPT = 0x08;
const SEEK = 0x0f;
const READ_ID_FM = 0x0a;
const READ_ID = 0x4a;
const FORMAT = 0x4d;
/** On both sides of the disk, one after the other. */
const WRITE_BOTH_SIDES = 0xc5;
const READ_BOTH_SIDES = 0xe6;
const READ = 0x66;
const DRIVE_SPECIFICATION = 0x8e;

const SECTOR = 512;
const PER_TRACK = 18;
const TRACKS = 160;

const sectorText = (number: number): Uint8Array => Uint8Array.from(Buffer.alloc(SECTOR, `floppy ${number} `));

function put(hands: Hands, fdc: Registers, ...bytes: readonly number[]): void {
  for (const byte of bytes) {
    hands.until('the controller takes a byte', () => (fdc.read8(MSR) & (RQM | DIO)) === RQM);
    fdc.write8(FIFO, byte);
  }
}

function get(hands: Hands, fdc: Registers, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => {
    hands.until('the controller gives a byte', () => (fdc.read8(MSR) & (RQM | DIO)) === (RQM | DIO));
    return fdc.read8(FIFO);
  });
}

/** Reset, motor, timings, recalibration: what a driver does when the first disk is opened. */
function start(hands: Hands): Registers {
  const fdc = hands.registers(PORT_SPACE, BASE);
  fdc.write8(DOR, 0);
  hands.sleep(1);
  fdc.write8(DOR, ON);
  for (let drive = 0; drive < 4; drive += 1) {
    put(hands, fdc, SENSE_INTERRUPT);
    get(hands, fdc, 2);
  }
  put(hands, fdc, SPECIFY, 0xdf, 0x03);
  put(hands, fdc, RECALIBRATE, 0);
  return fdc;
}

/** Moves a sector of one side, or the sector of that number of both sides, through the FIFO. */
function move(
  hands: Hands,
  fdc: Registers,
  command: number,
  cylinder: number,
  sector: number,
  data?: Uint8Array,
): Uint8Array {
  put(hands, fdc, command, 0, cylinder, 0, sector, 2, sector, 0x1b, 0xff);
  hands.until('the data phase', () => (fdc.read8(MSR) & NON_DMA) !== 0);
  const bytes = data === undefined ? get(hands, fdc, command === READ ? SECTOR : 2 * SECTOR) : new Uint8Array();
  if (data !== undefined) put(hands, fdc, ...data);
  hands.until('the result phase', () => (fdc.read8(MSR) & (RQM | DIO | NON_DMA)) === (RQM | DIO));
  const result = get(hands, fdc, 7);
  hands.expect('status', (result[0] ?? 0xff) & 0xc0, 0);
  return bytes;
}

function seek(hands: Hands, fdc: Registers, cylinder: number): void {
  put(hands, fdc, SEEK, 0, cylinder);
  put(hands, fdc, SENSE_INTERRUPT);
  hands.expect('cylinder', get(hands, fdc, 2)[1] ?? 0xff, cylinder);
}

/** Identification, reads and writes of sectors, a track formatted; each command with its results. */
function benign(hands: Hands): void {
  const fdc = start(hands);
  put(hands, fdc, SENSE_INTERRUPT);
  hands.expect('recalibrated to cylinder', get(hands, fdc, 2)[1] ?? 0xff, 0);
  put(hands, fdc, READ_ID, 0);
  const identification = get(hands, fdc, 7);
  hands.expect('cylinder, head', identification.subarray(3, 5), Uint8Array.of(0, 0));
  hands.expect('size of sectors', identification.subarray(6, 7), Uint8Array.of(2));
  hands.expect('sector 5 of cylinder 0', move(hands, fdc, READ, 0, 5), sectorText(4));
  seek(hands, fdc, 3);
  const number = 3 * 2 * PER_TRACK;
  hands.expect('sector 9 of cylinder 3', move(hands, fdc, READ, 3, 9), sectorText(number + 8));
  const before = Buffer.concat([sectorText(number), sectorText(number + PER_TRACK)]);
  const written = Buffer.concat([sectorText(7777), sectorText(8888)]);
  hands.expect('sector 1 of both sides', move(hands, fdc, READ_BOTH_SIDES, 3, 1), before);
  move(hands, fdc, WRITE_BOTH_SIDES, 3, 1, written);
  seek(hands, fdc, 3);
  hands.expect('what was written', move(hands, fdc, READ_BOTH_SIDES, 3, 1), written);
  move(hands, fdc, WRITE_BOTH_SIDES, 3, 1, before);
  put(hands, fdc, FORMAT, 0, 2, PER_TRACK, 0x54, 0xf6);
  // 4 bytes for each sector where the controller asks for them; QEMU's does not.
  for (let left = 4 * PER_TRACK; left > 0 && (fdc.read8(MSR) & NON_DMA) !== 0; left -= 1) put(hands, fdc, 0);
  hands.expect('status of the format', (get(hands, fdc, 7)[0] ?? 0xff) & 0xc0, 0);
  put(hands, fdc, DRIVE_SPECIFICATION, 0, 0, 0, 0, 0x80);
  hands.until('the controller is idle', () => (fdc.read8(MSR) & (RQM | BUSY)) === RQM);
  put(hands, fdc, SENSE_INTERRUPT);
  get(hands, fdc, 1);
}

/** Bytes without end, with no more than a look at the status before each. */
function flood(fdc: Registers, count: number): undefined {
  for (let index = 0; index < count; index += 1) {
    fdc.read8(MSR);
    fdc.write8(FIFO, 0x42);
  }
}

export const VENOM: Bug = {
  id: 'CVE-2015-3456',
  part: 'floppy disk controller, Intel 82078',
  effect: 'silent',
  board: {
    program: 'qemu-system-x86_64',
    machine: 'pc',
    memoryMiB: 32,
    arguments: ['-drive', `if=none,id=floppy,format=raw,file=${DISK}`, '-device', 'floppy,unit=0,drive=floppy'],
    disk: () => Buffer.concat(Array.from({ length: PER_TRACK * TRACKS }, (_, number) => sectorText(number))),
    ports: [{ first: BASE, last: BASE + 7 }],
  },
  specification: 'drivers/cve/fdc/fdc.dss',
  attacks: [
    {
      name: 'VENOM: bytes without end after READ ID',
      cves: ['CVE-2015-3456'],
      refusedBy: 'read the results before the next command',
      run: (hands) => {
        const fdc = start(hands);
        put(hands, fdc, SENSE_INTERRUPT);
        get(hands, fdc, 2);
        put(hands, fdc, READ_ID_FM, 0);
        hands.until('the results are there', () => (fdc.read8(MSR) & DIO) !== 0);
        return flood(fdc, 2000);
      },
    },
    {
      name: 'VENOM: a drive specification that never says it is done',
      cves: ['CVE-2015-3456'],
      refusedBy: 'a drive specification ends with its done byte',
      run: (hands) => {
        const fdc = hands.registers(PORT_SPACE, BASE);
        put(hands, fdc, DRIVE_SPECIFICATION);
        return flood(fdc, 2000);
      },
    },
    {
      name: 'a read from sector 10 to sector 5',
      cves: ['CVE-2021-3507'],
      refusedBy: 'the first sector lies behind the last of the track',
      run: (hands) => {
        const fdc = start(hands);
        put(hands, fdc, SENSE_INTERRUPT);
        get(hands, fdc, 2);
        put(hands, fdc, READ, 0, 0, 0, 10, 2, 5, 0x1b, 0xff);
        return undefined;
      },
    },
    {
      name: 'a read from a drive that is not there',
      cves: ['CVE-2021-20196', 'CVE-2020-25741'],
      refusedBy: 'there is one drive',
      run: (hands) => {
        const fdc = start(hands);
        put(hands, fdc, SENSE_INTERRUPT);
        get(hands, fdc, 2);
        fdc.write8(DOR, 0x25);
        put(hands, fdc, READ, 1, 0, 0, 1, 2, 1, 0x1b, 0xff);
        return undefined;
      },
    },
  ],
  benign,
  note: {
    bug:
      'VENOM: commands that never return to the command phase let the FIFO’s index grow past its 512 bytes. Its relatives ' +
      'compute a length below zero, or move data for a drive that does not exist. All are fixed in QEMU 7.2.',
    rule: 'Each command has its table of parameter and result bytes; a data command names sectors of a drive that is there.',
    benign:
      'reset, recalibration, identification; sectors read, written, read back; a track formatted; a drive specification; ' +
      'every byte through the FIFO with the status looked at first',
    sources: [
      'Intel 82078 data sheet, 2.1.5, 3, 5 (command set)',
      'CVE-2015-3456 (Crowdstrike’s description of VENOM), CVE-2021-3507, CVE-2021-20196, CVE-2020-25741: QEMU changelogs',
    ],
  },
};
