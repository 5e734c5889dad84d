/**
 * The model against QEMU's PIIX3 IDE with a disk: the same commands to both, and everything compared.
 *
 * Random commands by the data port and by the bus master, good ones, ones past the end of the medium, ones that no disk
 * knows, with resets between. After each: the registers of the task file and of the bus master, the memory that the device
 * wrote, and the medium. A run prints its seed.
 *
 * Known differences, and why:
 *  - IDENTIFY: serial number, firmware and model are each's own, and the model has neither SMART nor TRIM.
 *  - QEMU is asynchronous: compared when the drive is no longer busy.
 *  - QEMU's drive raises its interrupt at the end of a soft reset, which no standard asks for: acknowledged, not compared.
 *  - READ VERIFY past the end of the medium: QEMU does not look; the model aborts. None is made here.
 *  - A table of regions that is too short: QEMU moves nothing at all and shows the drive as done; the model moves what the
 *    table holds and leaves the drive waiting, as the real part does. No such table is made here.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CONFIG_SPACE, PORT_SPACE } from '../../dsslang/runtime.ts';
import type { Device, OpenBacking } from '../../kernel/index.ts';
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking, qemuVersion } from '../backing/qemu/index.ts';
import { seededRandom } from '../testing/random.ts';
import { blankMedium } from '../ata/model-medium.ts';
import { ideModel } from './model.ts';
import * as r from './registers.ts';

const seed = Number(process.env['REFMON_SEED'] ?? Date.now() & 0x7fff_ffff);
const ROUNDS = 300;
const PATIENCE_MS = 3000;
/** As large as QEMU's. */
const MEDIUM_BYTES = 8 << 20;
const SECTORS = MEDIUM_BYTES / r.SECTOR_BYTES;
const { task: TASK, control: CONTROL } = r.PRIMARY;
/** Offsets from the start of each device's own DMA memory. */
const TABLE = 0;
const BUFFERS = 0x1000;
const SECTORS_BY_MASTER_MAX = 64;
const END = BUFFERS + SECTORS_BY_MASTER_MAX * r.SECTOR_BYTES;
const SECTORS_BY_PORT_MAX = 6;

interface Side {
  readonly open: OpenBacking;
  readonly device: Device;
}

const COMPARED: readonly (readonly [name: string, read: (device: Device) => number])[] = [
  ['alternate status', (device) => device.read(PORT_SPACE, CONTROL, 1)],
  ['error', (device) => device.read(PORT_SPACE, TASK + r.ERROR, 1)],
  ['count', (device) => device.read(PORT_SPACE, TASK + r.COUNT, 1)],
  ['LBA low', (device) => device.read(PORT_SPACE, TASK + r.LBA_LOW, 1)],
  ['LBA mid', (device) => device.read(PORT_SPACE, TASK + r.LBA_MID, 1)],
  ['LBA high', (device) => device.read(PORT_SPACE, TASK + r.LBA_HIGH, 1)],
  ['device', (device) => device.read(PORT_SPACE, TASK + r.DEVICE, 1)],
  ['bus master command', (device) => device.read(r.BAR_MASTER, r.BMICOM, 1)],
  ['bus master status', (device) => device.read(r.BAR_MASTER, r.BMISTA, 1)],
];

/** A command that moves sectors: its code, how many at most, and whether it takes 48-bit addresses. */
interface Transfer {
  readonly command: number;
  readonly way: 'in' | 'out' | 'none';
  readonly most: number;
  readonly wide: boolean;
}
const transfer = (command: number, way: Transfer['way'], most: number, wide = false): Transfer => ({
  command,
  way,
  most,
  wide,
});
const BY_PORT: readonly Transfer[] = [
  transfer(r.READ_SECTORS, 'in', SECTORS_BY_PORT_MAX),
  transfer(r.READ_SECTORS_EXT, 'in', SECTORS_BY_PORT_MAX, true),
  transfer(r.READ_MULTIPLE, 'in', SECTORS_BY_PORT_MAX),
  transfer(r.READ_MULTIPLE_EXT, 'in', SECTORS_BY_PORT_MAX, true),
  transfer(r.WRITE_SECTORS, 'out', SECTORS_BY_PORT_MAX),
  transfer(r.WRITE_SECTORS_EXT, 'out', SECTORS_BY_PORT_MAX, true),
  transfer(r.WRITE_MULTIPLE, 'out', SECTORS_BY_PORT_MAX),
  transfer(r.WRITE_MULTIPLE_EXT, 'out', SECTORS_BY_PORT_MAX, true),
  transfer(r.READ_VERIFY, 'none', 200),
  transfer(r.READ_VERIFY_EXT, 'none', 200, true),
];
const BY_MASTER: readonly Transfer[] = [
  transfer(r.READ_DMA, 'in', SECTORS_BY_MASTER_MAX),
  transfer(r.READ_DMA_EXT, 'in', SECTORS_BY_MASTER_MAX, true),
  transfer(r.WRITE_DMA, 'out', SECTORS_BY_MASTER_MAX),
  transfer(r.WRITE_DMA_EXT, 'out', SECTORS_BY_MASTER_MAX, true),
];
/** Moving nothing; several are no commands of a disk. */
const PLAIN = [
  r.NOP, r.DEVICE_RESET, r.PACKET, r.IDENTIFY_PACKET, r.DOWNLOAD_MICROCODE, r.SECURITY_SET_PASSWORD, 0x02, 0xff,
  r.FLUSH, r.FLUSH_EXT, r.CHECK_POWER, r.IDLE, r.IDLE_IMMEDIATE, r.STANDBY, r.STANDBY_IMMEDIATE, r.SET_MULTIPLE,
  r.INITIALIZE_PARAMETERS, r.SET_FEATURES, r.EXECUTE_DIAGNOSTIC,
]; // prettier-ignore

/** Bits of IDENTIFY's words that are not compared: names, SMART, TRIM. */
function notCompared(word: number): number {
  if ((word >= 10 && word < 20) || (word >= 23 && word < 47)) return 0xffff;
  if (word === 82 || word === 85) return 0x0001;
  return word === 69 || word === 169 ? 0xffff : 0;
}

const missing = (await qemuVersion()) === undefined ? 'qemu-system-x86_64 is not installed' : false;

describe("the IDE model against QEMU's", { skip: missing }, () => {
  let sides: readonly Side[] = [];
  let compared = 0;
  let aborted = 0;
  const next = seededRandom(seed);
  const again = `repeat: REFMON_SEED=${seed} node --test dist/drivers/ide/model-differential.test.js`;

  before(async () => {
    const model = modelBacking(ideModel, { model: blankMedium(MEDIUM_BYTES) });
    const opened = await Promise.all([qemuBacking({ device: 'ide' }).open(), model.open()]);
    sides = opened.map((open) => ({ open, device: open.attachHere() }));
    both(({ device }) => device.write(CONFIG_SPACE, r.PCI_COMMAND, 2, r.PCI_COMMAND_IO | r.PCI_COMMAND_MASTER));
    const content = Uint8Array.from({ length: MEDIUM_BYTES }, () => next(256));
    both(({ open }) => open.disk?.write(0, content));
    softReset();
  });
  after(async () => {
    for (const { device, open } of sides) {
      device.detach();
      await open.close();
    }
  });

  const both = (action: (side: Side) => void): void => sides.forEach(action);
  const task = (register: number, value: number): void =>
    both(({ device }) => device.write(PORT_SPACE, TASK + register, 1, value));
  const master = (register: number, value: number): void =>
    both(({ device }) => device.write(r.BAR_MASTER, register, 1, value));

  /** Until neither drive is busy, nor moves data by its bus master. */
  function settle(what: string, unless = r.STATUS_BSY): void {
    const deadline = performance.now() + PATIENCE_MS;
    const statuses = (): number[] => sides.map(({ device }) => device.read(PORT_SPACE, CONTROL, 1));
    for (let now = statuses(); now.some((status) => (status & unless) !== 0); now = statuses())
      assert.ok(
        performance.now() < deadline,
        `QEMU's and the model's status stay ${now.join(' and ')} ${what}; ${again}`,
      );
  }

  function softReset(): void {
    both(({ device }) => device.write(PORT_SPACE, CONTROL, 1, r.CONTROL_OBSOLETE | r.CONTROL_SRST));
    both(({ device }) => device.write(PORT_SPACE, CONTROL, 1, r.CONTROL_OBSOLETE));
    settle('after a reset');
    both(({ device }) => void device.read(PORT_SPACE, TASK + r.STATUS, 1));
    master(r.BMISTA, r.BMISTA_INTERRUPT | r.BMISTA_ERROR);
  }

  function same<T>(what: string, of: (side: Side) => T): T {
    const [qemu, model] = sides.map(of);
    assert.deepEqual(model, qemu, `${what} (the model's and QEMU's); ${again}`);
    compared += 1;
    return qemu as T;
  }

  /** Registers, and then the acknowledgement of what was raised. */
  function compare(what: string): void {
    for (const [name, read] of COMPARED) same(`${name} ${what}`, ({ device }) => read(device));
    const status = same(`status ${what}`, ({ device }) => device.read(PORT_SPACE, TASK + r.STATUS, 1));
    if ((status & r.STATUS_ERR) !== 0) aborted += 1;
    master(r.BMISTA, r.BMISTA_INTERRUPT | r.BMISTA_ERROR);
  }

  function memoryOf({ device, open }: Side): string {
    const memory = new Uint8Array(END - BUFFERS);
    device.readMemory(open.dma.base + BUFFERS, memory);
    return Buffer.from(memory).toString('base64');
  }

  const mediumOf = ({ open }: Side, sector: number, count: number): string =>
    Buffer.from(open.disk?.read(sector * r.SECTOR_BYTES, count * r.SECTOR_BYTES) ?? []).toString('base64');

  /** Somewhere, now and then at the end of the medium and past it. */
  function place(count: number): number {
    const where = next(10);
    return where === 0 ? SECTORS - count + next(3) : where === 1 ? SECTORS + next(1000) : next(SECTORS - count);
  }

  function address({ wide }: Transfer, sector: number, count: number): void {
    const bytes = [count, sector & 0xff, (sector >> 8) & 0xff, (sector >> 16) & 0xff];
    const registers = [r.COUNT, r.LBA_LOW, r.LBA_MID, r.LBA_HIGH];
    task(r.DEVICE, r.DEVICE_OBSOLETE | r.DEVICE_LBA);
    if (wide) for (const register of registers) task(register, 0);
    registers.forEach((register, index) => task(register, bytes[index] ?? 0));
  }

  /** Moves words while the drives ask for them. */
  function moveWords(what: string, way: Transfer['way']): void {
    for (;;) {
      settle(what);
      compare(what);
      const status = same(`status ${what}`, ({ device }) => device.read(PORT_SPACE, CONTROL, 1));
      if ((status & r.STATUS_DRQ) === 0) return;
      for (let moved = 0; moved < r.SECTOR_BYTES; moved += 4) {
        if (way === 'in') same(`data ${what}`, ({ device }) => device.read(PORT_SPACE, TASK + r.DATA, 4));
        else {
          const word = next(2 ** 31);
          both(({ device }) => device.write(PORT_SPACE, TASK + r.DATA, 4, word));
        }
      }
    }
  }

  /** Regions of even lengths, in any order of places, that hold the sectors exactly. */
  function table(bytes: number): void {
    const lengths: number[] = [];
    for (let left = bytes; left > 0;) {
      const length = lengths.length === 15 ? left : Math.min(left, 2 * (1 + next(bytes / 2)));
      lengths.push(length);
      left -= length;
    }
    both(({ device, open }) => {
      const entries = Buffer.alloc(lengths.length * r.REGION_SIZE_BYTES);
      let at = open.dma.base + END;
      lengths.forEach((length, index) => {
        at -= length;
        entries.writeUInt32LE(at, index * r.REGION_SIZE_BYTES);
        const last = index === lengths.length - 1 ? r.REGION_LAST : 0;
        entries.writeUInt32LE((length | last) >>> 0, index * r.REGION_SIZE_BYTES + 4);
      });
      device.writeMemory(open.dma.base + TABLE, entries);
      device.write(r.BAR_MASTER, r.BMIDTP, 4, open.dma.base + TABLE);
    });
  }

  function one<T>(list: readonly T[]): T {
    return list[next(list.length)] as T;
  }

  it('says the same of itself, but for its names', () => {
    compare('after the reset');
    task(r.DEVICE, r.DEVICE_OBSOLETE);
    task(r.COMMAND, r.IDENTIFY);
    settle('when asked to identify');
    compare('when asked to identify');
    for (let word = 0; word < r.SECTOR_WORDS; word += 1)
      same(`word ${word} of IDENTIFY`, ({ device }) => device.read(PORT_SPACE, TASK + r.DATA, 2) & ~notCompared(word));
    compare('when it is identified');
  });

  it('moves the same sectors by the data port', () => {
    for (let round = 0; round < ROUNDS / 5; round += 1) {
      const chosen = one(BY_PORT);
      const count = 1 + next(chosen.most);
      const sector = chosen.way === 'none' ? next(SECTORS - count) : place(count);
      const what = `of command 0x${chosen.command.toString(16)}, ${count} sectors from ${sector}, round ${round}`;
      if (next(4) === 0) {
        task(r.COUNT, 2 ** next(6));
        task(r.COMMAND, r.SET_MULTIPLE);
        compare(`of SET MULTIPLE before round ${round}`);
      }
      address(chosen, sector, count);
      task(r.COMMAND, chosen.command);
      moveWords(what, chosen.way);
      if (chosen.way === 'out' && sector < SECTORS) {
        same(`medium ${what}`, (side) => mediumOf(side, sector, Math.min(count, SECTORS - sector)));
      }
    }
  });

  it('moves the same sectors by the bus master', () => {
    const noise = Uint8Array.from({ length: END - BUFFERS }, () => next(256));
    both(({ device, open }) => device.writeMemory(open.dma.base + BUFFERS, noise));
    for (let round = 0; round < ROUNDS; round += 1) {
      const chosen = one(BY_MASTER);
      const count = 1 + next(chosen.most);
      const sector = place(count);
      const what = `of command 0x${chosen.command.toString(16)}, ${count} sectors from ${sector}, round ${round}`;
      const direction = chosen.way === 'in' ? r.BMICOM_READ : 0;
      const start = (): void => master(r.BMICOM, direction | r.BMICOM_START);
      table(count * r.SECTOR_BYTES);
      master(r.BMICOM, direction);
      address(chosen, sector, count);
      // Both orders are allowed: the bus master may wait for the drive, or the drive for the bus master.
      if (next(4) === 0) start();
      task(r.COMMAND, chosen.command);
      start();
      settle(what, r.STATUS_BSY | r.STATUS_DRQ);
      compare(what);
      master(r.BMICOM, 0);
      compare(`after ${what}`);
      same(`memory ${what}`, memoryOf);
      if (chosen.way === 'out' && sector + count <= SECTORS) {
        same(`medium ${what}`, (side) => mediumOf(side, sector, count));
      }
    }
  });

  it('answers the same to commands that move nothing, and to resets between them', () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const command = one(PLAIN);
      for (const register of [r.FEATURES, r.COUNT, r.LBA_LOW, r.LBA_MID, r.LBA_HIGH]) task(register, next(256));
      task(r.DEVICE, r.DEVICE_OBSOLETE | (next(2) === 0 ? 0 : r.DEVICE_LBA) | next(16));
      const control = next(8) === 0 ? r.CONTROL_NIEN : 0;
      both(({ device }) => device.write(PORT_SPACE, CONTROL, 1, control));
      if (command === r.SET_FEATURES && next(3) > 0) task(r.FEATURES, one([0x02, 0x03, 0x05, 0x55, 0x82, 0x85, 0xaa]));
      if (next(3) === 0) task(r.COUNT, 2 ** next(8));
      task(r.COMMAND, command);
      settle(`of command 0x${command.toString(16)}, round ${round}`);
      compare(`of command 0x${command.toString(16)}, round ${round}`);
      if (next(6) === 0) {
        softReset();
        compare(`after a reset in round ${round}`);
      }
    }
  });

  it('has the same medium in the end', (t) => {
    same('medium', (side) => mediumOf(side, 0, SECTORS));
    t.diagnostic(`seed ${seed}: ${compared} comparisons, ${aborted} errors; ${again}`);
    assert.ok(aborted > 20, 'bad commands are among them');
  });
});
