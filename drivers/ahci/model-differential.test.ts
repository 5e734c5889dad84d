/**
 * The model against QEMU's ich9-ahci with a disk: the same operations on both, and everything compared.
 *
 * Random commands by PIO, by DMA and queued, good ones, ones past the end of the medium, ones that no disk knows, in random
 * slots, with soft resets, resets of the link and of the controller between, and random writes to the registers of ports
 * with and without a disk. After each: all registers, the command list, the receive area and the buffers, and the medium. A
 * run prints its seed.
 *
 * Known differences, and why:
 *  - IDENTIFY: serial number, firmware and model are each's own, and the model has neither SMART nor TRIM.
 *  - QEMU is asynchronous: compared when no command is under way.
 *  - Regions too short for a command that also leads past the end: QEMU ends it well before it looks at the end; the model
 *    aborts. Such a command lies inside the medium here, and no queued one is made: QEMU fails it in two steps.
 *  - A queued command after one that failed: QEMU accepts it with a register FIS in which the old failure still stands, so the
 *    port says TFES, and some steps later SDBS (the model: both at once). A drive accepts with ERR clear or not at all (Serial
 *    ATA 3.2, 13.6), and software clears a failure before it queues again (AHCI 1.3.1, 6.2.2.2): here a command does that moves
 *    nothing.
 *  - Regions too short for a command by PIO that writes: the rest comes from the drive's buffer, on both sides. What IDENTIFY
 *    left in it is each's own, so a sector is written after that.
 *  - READ VERIFY past the end of the medium: QEMU does not look; the model aborts. None is made here.
 *  - EXECUTE DEVICE DIAGNOSTIC: QEMU's port never ends it; the model's does. None is made here.
 *  - Packet commands: the model has no packet device, and says so. None is made here.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CONFIG_SPACE } from '../../dsslang/runtime.ts';
import type { Device, OpenBacking } from '../../kernel/index.ts';
import { blankMedium } from '../ata/model-medium.ts';
import * as ata from '../ata/registers.ts';
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking, qemuVersion } from '../backing/qemu/index.ts';
import { seededRandom } from '../testing/random.ts';
import { ahciModel } from './model.ts';
import * as r from './registers.ts';

const seed = Number(process.env['REFMON_SEED'] ?? Date.now() & 0x7fff_ffff);
const ROUNDS = 120;
const PATIENCE_MS = 3000;
/** As large as QEMU's. */
const MEDIUM_BYTES = 8 << 20;
const SECTORS = MEDIUM_BYTES / ata.SECTOR_BYTES;
/** Offsets from the start of each device's own DMA memory. */
const LIST = 0;
const RECEIVED = 0x1000;
const TABLE = 0x2000;
const BUFFERS = 0x4000;
const SECTORS_MAX = 32;
const END = BUFFERS + SECTORS_MAX * ata.SECTOR_BYTES;
const REGIONS_MAX = 15;

interface Side {
  readonly open: OpenBacking;
  readonly device: Device;
}

/** A command that moves sectors: its code, and where its count and its direction are. */
interface Transfer {
  readonly command: number;
  readonly way: 'in' | 'out' | 'none';
  readonly kind: 'short' | 'wide' | 'queued';
}
const transfer = (command: number, way: Transfer['way'], kind: Transfer['kind']): Transfer => ({ command, way, kind });
const TRANSFERS: readonly Transfer[] = [
  transfer(ata.READ_SECTORS, 'in', 'short'),
  transfer(ata.READ_SECTORS_EXT, 'in', 'wide'),
  transfer(ata.READ_MULTIPLE, 'in', 'short'),
  transfer(ata.WRITE_SECTORS, 'out', 'short'),
  transfer(ata.WRITE_MULTIPLE_EXT, 'out', 'wide'),
  transfer(ata.READ_DMA, 'in', 'short'),
  transfer(ata.READ_DMA_EXT, 'in', 'wide'),
  transfer(ata.WRITE_DMA, 'out', 'short'),
  transfer(ata.WRITE_DMA_EXT, 'out', 'wide'),
  transfer(r.READ_QUEUED, 'in', 'queued'),
  transfer(r.WRITE_QUEUED, 'out', 'queued'),
];
/** Moving nothing; several are no commands of a disk. */
const PLAIN = [
  ata.NOP, ata.DEVICE_RESET, ata.DOWNLOAD_MICROCODE, ata.SECURITY_SET_PASSWORD, 0x02, 0xff, ata.FLUSH, ata.FLUSH_EXT,
  ata.CHECK_POWER, ata.IDLE, ata.IDLE_IMMEDIATE, ata.STANDBY_IMMEDIATE, ata.SET_MULTIPLE, ata.SET_FEATURES,
]; // prettier-ignore
const PORT_REGISTERS = Array.from({ length: 18 }, (_, index) => 4 * index);
const IDLE = r.PxCMD_SUD | r.PxCMD_POD;
const ANY_NEWS = 0xffff_ffff;

/** Bits of IDENTIFY's words that are not compared: names, SMART, TRIM. */
function notCompared(word: number): number {
  if ((word >= 10 && word < 20) || (word >= 23 && word < 47)) return 0xffff;
  if (word === 82 || word === 85) return 0x0001;
  return word === 69 || word === 169 ? 0xffff : 0;
}

const missing = (await qemuVersion()) === undefined ? 'qemu-system-x86_64 is not installed' : false;

describe("the AHCI model against QEMU's", { skip: missing }, () => {
  let sides: readonly Side[] = [];
  let compared = 0;
  let failed = 0;
  const next = seededRandom(seed);
  const again = `repeat: REFMON_SEED=${seed} node --test dist/drivers/ahci/model-differential.test.js`;

  before(async () => {
    const model = modelBacking(ahciModel, { model: blankMedium(MEDIUM_BYTES) });
    const opened = await Promise.all([qemuBacking({ device: 'ahci' }).open(), model.open()]);
    sides = opened.map((open) => ({ open, device: open.attachHere() }));
    both(({ device }) => device.write(CONFIG_SPACE, r.PCI_COMMAND, 2, r.PCI_COMMAND_MEMORY | r.PCI_COMMAND_MASTER | 1));
    const content = Uint8Array.from({ length: MEDIUM_BYTES }, () => next(256));
    both(({ open }) => open.disk?.write(0, content));
  });
  after(async () => {
    for (const { device, open } of sides) {
      device.detach();
      await open.close();
    }
  });

  const both = (action: (side: Side) => void): void => sides.forEach(action);
  const read = ({ device }: Side, register: number): number => device.read(r.BAR_HBA, register, 4);
  const write = (register: number, value: number): void =>
    both(({ device }) => device.write(r.BAR_HBA, register, 4, value >>> 0));
  const port = (register: number, value: number, number = 0): void => write(r.portAt(number) + register, value);

  function same<T>(what: string, of: (side: Side) => T): T {
    const [qemu, model] = sides.map(of);
    assert.deepEqual(model, qemu, `${what} (the model's and QEMU's); ${again}`);
    compared += 1;
    return qemu as T;
  }

  function memoryOf({ device, open }: Side, from: number, length: number): string {
    const memory = new Uint8Array(length);
    device.readMemory(open.dma.base + from, memory);
    return Buffer.from(memory).toString('hex');
  }

  const mediumOf = ({ open }: Side, sector: number, count: number): string =>
    Buffer.from(open.disk?.read(sector * ata.SECTOR_BYTES, count * ata.SECTOR_BYTES) ?? []).toString('base64');

  /** The list and the tables hold addresses, which differ: their words relative to the start of memory. */
  function headerOf(side: Side, slot: number): string {
    return memoryOf(side, LIST + slot * r.HEADER_BYTES, r.HEADER_TABLE);
  }

  const RELATIVE = new Set([r.PxCLB, r.PxFB]);
  function compare(what: string, ports: readonly number[] = [0, 1]): void {
    for (const register of [r.CAP, r.GHC, r.IS, r.PI, r.VS])
      same(`register ${register} ${what}`, (side) => read(side, register));
    for (const number of ports)
      for (const register of PORT_REGISTERS)
        if (!RELATIVE.has(register))
          same(`port ${number} register 0x${register.toString(16)} ${what}`, (side) =>
            read(side, r.portAt(number) + register),
          );
    same(`received ${what}`, (side) => memoryOf(side, RECEIVED, r.RECEIVE_BYTES));
  }

  function hasFailed(side: Side): boolean {
    const status = read(side, r.portAt(0) + r.PxTFD);
    return (status & ata.STATUS_ERR) !== 0 || (read(side, r.portAt(0) + r.PxIS) & r.PxIS_ERRORS) !== 0;
  }

  /**
   * Until neither device has a command under way: what failed stays in PxCI and PxSACT until the port is stopped. QEMU takes
   * several steps from the end of a command to the last that it says of it.
   * @param news any of these bits of PxIS is the last; 0 for a soft reset, which has none
   */
  function settle(what: string, news: number = ANY_NEWS): void {
    const deadline = performance.now() + PATIENCE_MS;
    const busy = (side: Side): boolean => {
      const of = (register: number): number => read(side, r.portAt(0) + register);
      if ((of(r.PxCI) | of(r.PxSACT)) !== 0 && !hasFailed(side)) return true;
      if ((of(r.PxTFD) & (ata.STATUS_BSY | ata.STATUS_DRQ)) !== 0) return true;
      return news !== 0 && (of(r.PxIS) & news) === 0;
    };
    while (sides.some(busy)) assert.ok(performance.now() < deadline, `a command ${what} does not end; ${again}`);
  }

  /** 6.2.2.1: a command that failed leaves when its port is stopped. @returns whether one had */
  function recover(what: string): boolean {
    if (!same('failure', hasFailed)) return false;
    failed += 1;
    port(r.PxCMD, IDLE | r.PxCMD_FRE);
    compare(`stopped ${what}`);
    port(r.PxCMD, IDLE | r.PxCMD_FRE | r.PxCMD_ST);
    compare(`started again ${what}`);
    return true;
  }

  /** After `recover`: the drive forgets its failure with the next command that it does. */
  function forgetFailure(what: string): void {
    acknowledge();
    lay({ slot: 0, fis: fisOf(ata.CHECK_POWER, {}), isWrite: false, lengths: [] });
    port(r.PxCI, 1);
    settle(`after the failure ${what}`);
    compare(`after the failure ${what}`);
    assert.ok(!same('failure', hasFailed), `the failure stays ${what}; ${again}`);
  }

  function start(): void {
    both(({ device, open }) => {
      device.write(r.BAR_HBA, r.portAt(0) + r.PxCLB, 4, open.dma.base + LIST);
      device.write(r.BAR_HBA, r.portAt(0) + r.PxFB, 4, open.dma.base + RECEIVED);
    });
    port(r.PxIE, 0xffff_ffff);
    port(r.PxCMD, IDLE | r.PxCMD_FRE);
    port(r.PxCMD, IDLE | r.PxCMD_FRE | r.PxCMD_ST);
    write(r.GHC, r.GHC_AE | r.GHC_IE);
  }

  function acknowledge(): void {
    port(r.PxIS, 0xffff_ffff);
    port(r.PxSERR, 0xffff_ffff);
    write(r.IS, 0xffff_ffff);
  }

  interface Laid {
    readonly slot: number;
    readonly fis: readonly number[];
    readonly isWrite: boolean;
    readonly lengths: readonly number[];
    readonly clearsBusy?: boolean;
  }

  function lay({ slot, fis, isWrite, lengths, clearsBusy = false }: Laid): void {
    both(({ device, open }) => {
      const { base } = open.dma;
      const table = Buffer.alloc(r.TABLE_REGIONS + lengths.length * r.REGION_SIZE_BYTES);
      table.set(fis);
      let at = base + END;
      lengths.forEach((length, index) => {
        at -= length;
        table.writeUInt32LE(at, r.TABLE_REGIONS + index * r.REGION_SIZE_BYTES);
        table.writeUInt32LE(length - 1, r.TABLE_REGIONS + index * r.REGION_SIZE_BYTES + 12);
      });
      const header = Buffer.alloc(r.HEADER_BYTES);
      header.writeUInt16LE(r.HEADER_CFL | (isWrite ? r.HEADER_WRITE : 0) | (clearsBusy ? r.HEADER_CLEAR_BUSY : 0));
      header.writeUInt16LE(lengths.length, 2);
      header.writeUInt32LE(base + TABLE, r.HEADER_TABLE);
      device.writeMemory(base + TABLE, table);
      device.writeMemory(base + LIST + slot * r.HEADER_BYTES, header);
    });
  }

  /** Regions of even lengths, in any order of places, that hold so many bytes exactly. */
  function split(bytes: number): number[] {
    const lengths: number[] = [];
    for (let left = bytes; left > 0;) {
      const length = lengths.length === REGIONS_MAX - 1 ? left : Math.min(left, 2 * (1 + next(bytes / 2)));
      lengths.push(length);
      left -= length;
    }
    return lengths;
  }

  function fisOf(
    command: number,
    parameters: { features?: number; sector?: number; count?: number; device?: number },
  ): number[] {
    const { features = 0, sector = 0, count = 0, device = ata.DEVICE_LBA } = parameters;
    const byte = (at: number): number => Math.floor(sector / 2 ** (8 * at)) & 0xff;
    return [
      r.FIS_HOST_TO_DEVICE, r.FIS_COMMAND, command, features & 0xff, byte(0), byte(1), byte(2), device,
      byte(3), byte(4), byte(5), features >> 8, count & 0xff, count >> 8,
    ]; // prettier-ignore
  }

  function one<T>(list: readonly T[]): T {
    return list[next(list.length)] as T;
  }

  /** Somewhere, now and then at the end of the medium and past it. */
  function place(count: number): number {
    const where = next(10);
    return where === 0 ? SECTORS - count + next(3) : where === 1 ? SECTORS + next(1000) : next(SECTORS - count);
  }

  it('is the same device, and starts as the same', () => {
    for (let offset = 0; offset < 256; offset += 4) {
      // BARs and the interrupt line are where the platform put them.
      if ((offset >= 0x10 && offset < 0x30) || offset === 0x3c) continue;
      same(`configuration 0x${offset.toString(16)}`, ({ device }) => device.read(CONFIG_SPACE, offset, 4));
    }
    compare('at power on');
    for (const [offset, width] of [
      [4, 1],
      [6, 2],
      [0x118, 1],
      [0x11a, 2],
      [0x11b, 1],
    ] as const)
      // prettier-ignore
      same(`part of register ${offset}`, ({ device }) => device.read(r.BAR_HBA, offset, width));
    start();
    compare('when it is started');
    both(({ device }) => device.write(r.BAR_PAIR, r.PAIR_INDEX, 4, 0xffff_ffff));
    same('index', ({ device }) => device.read(r.BAR_PAIR, r.PAIR_INDEX, 4));
    both(({ device }) => device.write(r.BAR_PAIR, r.PAIR_INDEX, 4, r.portAt(0) + r.PxIE));
    both(({ device }) => device.write(r.BAR_PAIR, r.PAIR_DATA, 4, 0x7840_007f));
    same('data', ({ device }) => device.read(r.BAR_PAIR, r.PAIR_DATA, 4));
    port(r.PxIE, 0xffff_ffff);
  });

  it('says the same of itself, but for its names', () => {
    acknowledge();
    lay({ slot: 0, fis: fisOf(ata.IDENTIFY, {}), isWrite: false, lengths: [ata.SECTOR_BYTES] });
    port(r.PxCI, 1);
    settle('to identify');
    compare('when it is identified');
    const words = sides.map((side) => Buffer.from(memoryOf(side, END - ata.SECTOR_BYTES, ata.SECTOR_BYTES), 'hex'));
    for (let word = 0; word < ata.SECTOR_WORDS; word += 1) {
      const [qemu, model] = words.map((bytes) => bytes.readUInt16LE(2 * word) & ~notCompared(word));
      assert.equal(model, qemu, `word ${word} of IDENTIFY`);
    }
    acknowledge();
    both(({ device, open }) => device.writeMemory(open.dma.base + BUFFERS, new Uint8Array(END - BUFFERS)));
    lay({ slot: 0, fis: fisOf(ata.WRITE_SECTORS, { count: 1 }), isWrite: true, lengths: [ata.SECTOR_BYTES] });
    port(r.PxCI, 1);
    settle('that fills the drive’s buffer');
    compare('when the drive’s buffer is filled');
  });

  it('moves the same sectors by PIO, by DMA and queued', () => {
    const noise = Uint8Array.from({ length: END - BUFFERS }, () => next(256));
    for (let round = 0; round < ROUNDS; round += 1) {
      // Anew each time: what IDENTIFY left there differs, and must not be written to the medium.
      both(({ device, open }) => device.writeMemory(open.dma.base + BUFFERS, noise));
      const { command, way, kind } = one(TRANSFERS);
      const count = 1 + next(SECTORS_MAX);
      // Now and then the regions hold less than the command moves: a word, a sector, everything but a word.
      const isShort = next(12) === 0 && kind !== 'queued';
      const missingBytes = isShort ? one([2, ata.SECTOR_BYTES, count * ata.SECTOR_BYTES - 2]) : 0;
      const sector = missingBytes === 0 ? place(count) : next(SECTORS - count);
      const slot = next(r.SLOTS);
      const what = `of command 0x${command.toString(16)}, ${count} sectors from ${sector}, slot ${slot}, round ${round}`;
      acknowledge();
      const bytes = Math.max(2, count * ata.SECTOR_BYTES - missingBytes);
      const fis =
        kind === 'queued'
          ? fisOf(command, { features: count, sector, count: slot << 3 })
          : fisOf(command, { sector: kind === 'short' ? sector % 2 ** 24 : sector, count });
      lay({ slot, fis, isWrite: way === 'out', lengths: split(bytes) });
      if (kind === 'queued') port(r.PxSACT, 1 << slot);
      port(r.PxCI, 1 << slot);
      settle(what, kind === 'queued' ? r.PxIS_SDBS | r.PxIS_TFES : ANY_NEWS);
      compare(what);
      same(`header ${what}`, (side) => headerOf(side, slot));
      same(`memory ${what}`, (side) => memoryOf(side, BUFFERS, END - BUFFERS));
      if (way === 'out' && sector + count <= SECTORS) same(`medium ${what}`, (side) => mediumOf(side, sector, count));
      if (recover(what)) forgetFailure(what);
    }
  });

  it('answers the same to commands that move nothing, and to resets between them', () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const command = one(PLAIN);
      const features = command === ata.SET_FEATURES ? one([0x02, 0x03, 0x05, 0x55, 0x82, 0x85, 0xaa, 0x01]) : next(256);
      const count = next(3) === 0 ? 2 ** next(8) : next(256);
      const what = `of command 0x${command.toString(16)}, round ${round}`;
      acknowledge();
      lay({ slot: 0, fis: fisOf(command, { features, count, sector: next(2 ** 31) }), isWrite: false, lengths: [] });
      port(r.PxCI, 1);
      settle(what);
      compare(what);
      recover(what);
      const reset = next(12);
      if (reset === 0) {
        for (const control of [ata.CONTROL_SRST, 0]) {
          lay({
            slot: 0,
            fis: [r.FIS_HOST_TO_DEVICE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, control],
            clearsBusy: true,
            isWrite: false,
            lengths: [],
          });
          port(r.PxCI, 1);
          settle('of a soft reset', 0);
        }
      } else if (reset === 1) {
        port(r.PxCMD, IDLE | r.PxCMD_FRE);
        port(r.PxSCTL, 0x301);
        port(r.PxSCTL, 0x300);
        port(r.PxCMD, IDLE | r.PxCMD_FRE | r.PxCMD_ST);
      } else if (reset === 2) {
        write(r.GHC, r.GHC_AE | r.GHC_HR);
        compare(`after a reset in round ${round}`);
        start();
      }
      compare(`after reset ${reset} in round ${round}`);
    }
  });

  it('keeps the same of what is written to the registers of a port that is stopped, with a disk or without', () => {
    write(r.GHC, r.GHC_AE | r.GHC_HR);
    for (let round = 0; round < ROUNDS; round += 1) {
      const number = next(2);
      const register = one([r.PxCLBU, r.PxFBU, r.PxIS, r.PxIE, r.PxCMD, r.PxTFD, r.PxSIG, r.PxSSTS, r.PxSCTL, r.PxSERR, r.PxSACT, r.PxSNTF, r.PxFBS, r.PxDEVSLP]); // prettier-ignore
      const value = next(4) === 0 ? one([0, 0xffff_ffff, 1, 0x301]) : next(2 ** 31) * 2 + next(2);
      port(register, register === r.PxCMD ? value & ~(r.PxCMD_ST | r.PxCMD_FRE) : value, number);
      compare(`after port ${number} register 0x${register.toString(16)} := 0x${value.toString(16)}, round ${round}`);
    }
  });

  it('has the same medium in the end', (t) => {
    same('medium', (side) => mediumOf(side, 0, SECTORS));
    t.diagnostic(`seed ${seed}: ${compared} comparisons, ${failed} errors; ${again}`);
    assert.ok(failed > 5, 'bad commands are among them');
  });
});
