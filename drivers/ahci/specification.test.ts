/**
 * The compiled specification, at the edges of what a port does: in which order it starts and stops, what a command is judged
 * by, and when what was issued is the driver's again.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ALLOWED,
  CONFIG_SPACE,
  GRANT_COMMANDS,
  GRANT_READS,
  GRANT_WRITES,
  type Monitor,
  type Space,
  type Width,
} from '../../dsslang/index.ts';
import * as ata from '../ata/registers.ts';
import { packageRoot } from '../package-root.ts';
import { loadSpecification } from '../specification.ts';
import * as r from './registers.ts';

const { module } = await loadSpecification(`${packageRoot()}/drivers/ahci/ahci.dss`, 'drivers/ahci/ahci.dss');

const LIST = 0x2_0000;
const TABLES = 0x2_1000;
const COMMANDS_BYTES = 0x1_0000;
const RECEIVE = 0x3_0000;
const TO_DISK = 0x4_0000;
const FROM_DISK = 0x5_0000;
const DATA_BYTES = 0x1_0000;
const ON = r.PxCMD_SUD | r.PxCMD_POD;
const RUNNING = ON | r.PxCMD_FRE | r.PxCMD_ST;

type Region = readonly [base: number, size: number];

interface Command {
  readonly regions?: readonly Region[];
  readonly write?: boolean;
  readonly atapi?: boolean;
  readonly packet?: number;
  readonly count?: number;
  readonly features?: number;
  readonly tag?: number;
  readonly control?: boolean;
  readonly table?: number;
}

/** A fresh monitor over memory for commands, for received frames, and for data in each direction. */
class Bench {
  readonly monitor: Monitor;
  readonly view = new DataView(new ArrayBuffer(0x6_0000));
  readonly #port: number;
  now = 0;

  constructor(port = 0) {
    this.#port = r.portAt(port);
    this.monitor = module.createMonitor({
      fetch: (address, length, target, at) => {
        target.set(new Uint8Array(this.view.buffer, address, length), at);
        return true;
      },
    });
    assert.equal(this.monitor.grant(LIST, COMMANDS_BYTES, GRANT_COMMANDS), ALLOWED);
    assert.equal(this.monitor.grant(RECEIVE, 4096, GRANT_WRITES), ALLOWED);
    assert.equal(this.monitor.grant(TO_DISK, DATA_BYTES, GRANT_READS), ALLOWED);
    assert.equal(this.monitor.grant(FROM_DISK, DATA_BYTES, GRANT_WRITES), ALLOWED);
  }

  words(verdict: number): string {
    return verdict === ALLOWED ? 'allowed' : (module.info.rules[Math.abs(verdict)]?.reason ?? '?');
  }
  at(space: Space, offset: number, width: Width, value: number): string {
    return this.words(this.monitor.write(space, offset, width, value >>> 0, 0, this.now));
  }
  hba(register: number, value: number): string {
    return this.at(r.BAR_HBA, register, 4, value);
  }
  port(register: number, value: number): string {
    return this.hba(this.#port + register, value);
  }
  /** The device says so. */
  says(register: number, value: number): void {
    const place = this.#port + register;
    assert.equal(this.monitor.read(r.BAR_HBA, place, 4, this.now), ALLOWED);
    assert.equal(this.words(this.monitor.report(r.BAR_HBA, place, 4, value >>> 0, 0, this.now)), 'allowed');
  }
  store(address: number, length: number): string {
    return this.words(this.monitor.store(address, length, this.now));
  }
  /** A port that runs, with its interrupts acknowledged. */
  start(): this {
    assert.equal(this.port(r.PxCLB, LIST), 'allowed');
    assert.equal(this.port(r.PxFB, RECEIVE), 'allowed');
    assert.equal(this.port(r.PxCMD, ON | r.PxCMD_FRE), 'allowed');
    assert.equal(this.port(r.PxCMD, RUNNING), 'allowed');
    this.says(r.PxIS, 0);
    return this;
  }
  lay(slot: number, command: number, options: Command = {}): void {
    const {
      regions = [],
      write = false,
      atapi = false,
      packet = 0,
      count = 0,
      features = 0,
      control = false,
    } = options;
    const { table = TABLES + slot * 0x400, tag } = options;
    const flags = r.HEADER_CFL | (write ? r.HEADER_WRITE : 0) | (atapi ? r.HEADER_ATAPI : 0);
    this.view.setUint32(LIST + slot * r.HEADER_BYTES, flags | (regions.length << 16), true);
    this.view.setBigUint64(LIST + slot * r.HEADER_BYTES + r.HEADER_TABLE, BigInt(table), true);
    const at = TABLES + slot * 0x400;
    const fis = [r.FIS_HOST_TO_DEVICE, control ? 0 : r.FIS_COMMAND, command, features & 0xff];
    fis.forEach((byte, index) => this.view.setUint8(at + index, byte));
    this.view.setUint8(at + 11, features >> 8);
    this.view.setUint16(at + 12, tag === undefined ? count : tag << 3, true);
    this.view.setUint8(at + r.TABLE_PACKET, packet);
    regions.forEach(([base, size], index) => {
      const region = at + r.TABLE_REGIONS + index * r.REGION_SIZE_BYTES;
      this.view.setBigUint64(region, BigInt(base), true);
      this.view.setUint32(region + 12, size - 1, true);
    });
  }
  /** Lays a command into slot 0 and issues it. */
  command(command: number, options: Command = {}): string {
    this.lay(0, command, options);
    return this.port(r.PxCI, 1);
  }
  /** A command that is done at once, so that the next may follow. */
  whole(command: number, options: Command = {}): string {
    const verdict = this.command(command, options);
    this.says(r.PxCI, 0);
    return verdict;
  }
}

const SECTORS = (count: number): Command => ({ count, regions: [[FROM_DISK, count * ata.SECTOR_BYTES]] });
const OUTSTANDING = 'no stop while commands are outstanding';

for (const number of [0, 5]) {
  describe(`port ${number}`, () => {
    it('starts in order: receive area, its use, command list, and last itself', () => {
      const ahci = new Bench(number);
      assert.equal(ahci.port(r.PxCMD, RUNNING), 'program the receive area before the port uses it');
      assert.equal(ahci.port(r.PxFB, RECEIVE + 4096), 'allowed');
      assert.match(ahci.port(r.PxCMD, ON | r.PxCMD_FRE), /^the receive area is outside/);
      assert.equal(ahci.port(r.PxFB, RECEIVE + 4096 - 256), 'allowed');
      assert.equal(ahci.port(r.PxCMD, ON | r.PxCMD_ST), 'the port needs its receive area');
      assert.equal(ahci.port(r.PxCMD, ON | r.PxCMD_FRE), 'allowed');
      assert.equal(ahci.port(r.PxFB, RECEIVE), 'the receive area cannot move while the port uses it');
      assert.equal(ahci.port(r.PxCMD, RUNNING), 'program the command list before starting the port');
      assert.equal(ahci.port(r.PxCLB, LIST + 512), 'reserved bits of `port.PxCLB` must be written as 0');
      assert.equal(ahci.port(r.PxCLB, LIST + COMMANDS_BYTES), 'allowed');
      assert.match(ahci.port(r.PxCMD, RUNNING), /^the command list is outside/);
      assert.equal(ahci.port(r.PxCLB, LIST + COMMANDS_BYTES - 1024), 'allowed');
      assert.equal(ahci.port(r.PxCMD, RUNNING), 'allowed');
      assert.equal(ahci.port(r.PxCLB, LIST), 'the command list cannot move while the port runs');
      assert.equal(ahci.port(r.PxCLBU, 0), 'the command list cannot move while the port runs');
    });

    it('counts the upper halves of its addresses', () => {
      const ahci = new Bench(number);
      ahci.port(r.PxCLB, LIST);
      ahci.port(r.PxFB, RECEIVE);
      ahci.port(r.PxFBU, 1);
      assert.match(ahci.port(r.PxCMD, ON | r.PxCMD_FRE), /^the receive area is outside/);
      ahci.port(r.PxFBU, 0);
      ahci.port(r.PxCLBU, 0x8000_0000);
      assert.match(ahci.port(r.PxCMD, RUNNING), /^the command list is outside/);
    });

    it('does not move or start anything until it has said that it stopped', () => {
      const ahci = new Bench(number).start();
      assert.equal(ahci.port(r.PxCMD, ON), 'allowed');
      assert.equal(ahci.port(r.PxCLB, LIST), 'the command list cannot move while the port runs');
      assert.equal(ahci.port(r.PxFB, RECEIVE), 'the receive area cannot move while the port uses it');
      assert.equal(ahci.port(r.PxCMD, ON | r.PxCMD_FRE), 'wait until the port no longer receives');
      ahci.says(r.PxCMD, ON | r.PxCMD_CR);
      assert.equal(ahci.port(r.PxFB, RECEIVE), 'allowed');
      assert.equal(ahci.port(r.PxCMD, RUNNING), 'wait until the port has stopped');
      ahci.says(r.PxCMD, ON);
      assert.equal(ahci.port(r.PxCLB, LIST), 'allowed');
      assert.equal(ahci.port(r.PxCMD, RUNNING), 'allowed');
    });

    it('takes no command before it runs, and no override of busy bits or reset of its link while it does', () => {
      const ahci = new Bench(number);
      assert.equal(ahci.port(r.PxCI, 1), 'start the port before issuing a command');
      assert.equal(ahci.port(r.PxSACT, 1), 'start the port before issuing a command');
      assert.equal(ahci.port(r.PxSCTL, 0x301), 'allowed');
      assert.equal(ahci.port(r.PxSCTL, 0x300), 'allowed');
      assert.equal(ahci.port(r.PxSCTL, 0x302), 'there is no such state of the link');
      assert.equal(ahci.port(r.PxCMD, ON | r.PxCMD_CLO), 'allowed');
      ahci.start();
      assert.equal(ahci.port(r.PxSCTL, 0x301), 'the link is reset only while the port is stopped');
      assert.equal(ahci.port(r.PxSCTL, 0x000), 'allowed');
      assert.match(ahci.port(r.PxCMD, RUNNING | r.PxCMD_CLO), /^the busy bits are overridden only/);
      assert.equal(ahci.port(r.PxCMD, (RUNNING | 0x3000_0000) >>> 0), 'there is no such state of the link');
      assert.equal(ahci.port(r.PxCMD, (RUNNING | 0x1000_0000) >>> 0), 'allowed');
    });

    it('judges every region of a command by direction and end, and their sum by the command', () => {
      const ahci = new Bench(number).start();
      const read = (...regions: readonly (readonly [number, number])[]): string =>
        ahci.whole(ata.READ_DMA_EXT, { count: 2, regions });
      const inside = 'a region is outside the memory the device may write';
      assert.equal(read([FROM_DISK, 1024]), 'allowed');
      assert.equal(read([FROM_DISK, 2], [FROM_DISK + 512, 1022]), 'allowed');
      assert.equal(read([FROM_DISK, 1022]), 'the command moves more than the regions hold');
      assert.equal(read(), 'the command moves more than the regions hold');
      assert.equal(read([FROM_DISK, 1025]), 'a region is not a number of words');
      assert.equal(read([FROM_DISK + 1, 1024]), 'a region is not a number of words');
      assert.equal(read([FROM_DISK + DATA_BYTES - 1024, 1024]), 'allowed');
      assert.equal(read([FROM_DISK + DATA_BYTES - 1022, 1024]), inside);
      assert.equal(read([FROM_DISK, 1024], [FROM_DISK + DATA_BYTES, 2]), inside);
      assert.equal(read([TO_DISK, 1024]), inside);
      assert.equal(read([2 ** 52 + FROM_DISK, 1024]), inside);
      assert.equal(
        ahci.whole(ata.WRITE_DMA_EXT, { write: true, count: 1, regions: [[FROM_DISK, 512]] }),
        'a region is outside the memory the device may read',
      );
      assert.equal(ahci.whole(ata.WRITE_DMA_EXT, { write: true, count: 1, regions: [[TO_DISK, 512]] }), 'allowed');
      const against = 'the command moves data in the other direction';
      assert.equal(ahci.whole(ata.READ_DMA, { write: true, count: 1, regions: [[TO_DISK, 512]] }), against);
      assert.equal(ahci.whole(ata.WRITE_DMA, { count: 1, regions: [[FROM_DISK, 512]] }), against);
      assert.equal(ahci.whole(ata.IDENTIFY, { write: true, regions: [[TO_DISK, 512]] }), against);
    });

    it('counts 0 sectors as 256 or 65536, and only what a command has of its count', () => {
      const ahci = new Bench(number).start();
      const whole = (size: number, count = Math.ceil(size / 0x1_0000)): readonly Region[] =>
        Array.from({ length: count }, (_, index) => [FROM_DISK, Math.min(0x1_0000, size - index * 0x1_0000)] as const);
      assert.equal(ahci.whole(ata.READ_DMA, { count: 0x100, regions: whole(256 * 512) }), 'allowed');
      assert.match(ahci.whole(ata.READ_DMA, { count: 0, regions: whole(256 * 512 - 2) }), /more than the regions hold/);
      assert.match(ahci.whole(ata.READ_DMA_EXT, { count: 0, regions: whole(256 * 512) }), /more than the regions hold/);
      assert.equal(ahci.whole(ata.READ_DMA_EXT, { count: 0x100, regions: whole(256 * 512) }), 'allowed');
    });

    it('refuses commands that lock, shrink or rewrite the drive, and any that the standard does not have', () => {
      const ahci = new Bench(number).start();
      const never = 'no driver may give a drive this command';
      for (const command of [
        ata.DOWNLOAD_MICROCODE,
        ata.SECURITY_SET_PASSWORD,
        0xb1,
        0x22,
        0x45,
        0x50,
        0x62,
        0x66,
        0xff,
      ])
        assert.equal(ahci.whole(command), never, command.toString(16));
      assert.equal(ahci.whole(ata.SMART, { features: 0xe0 }), never);
      assert.equal(ahci.whole(ata.SMART, { features: 0xd8 }), 'allowed');
      assert.equal(ahci.whole(ata.SET_FEATURES, { features: 0x01 }), 'no driver may change this feature');
      assert.equal(ahci.whole(ata.SET_FEATURES, { features: 0x03, count: 0x45 }), 'allowed');
      assert.equal(ahci.whole(ata.SET_MAX_EXT, { count: 1 }), 'the disk may not be made smaller for good');
      assert.equal(ahci.whole(ata.SET_MAX, { features: 1 }), 'no driver may lock the size of the disk');
      assert.equal(ahci.whole(ata.SET_MAX), 'allowed');
      for (const command of [ata.FLUSH_EXT, ata.STANDBY_IMMEDIATE, ata.CHECK_POWER, ata.READ_NATIVE_MAX_EXT])
        assert.equal(ahci.whole(command), 'allowed', command.toString(16));
      assert.equal(
        ahci.whole(ata.PACKET, { packet: 0x28, regions: [[FROM_DISK, 2048]] }),
        'packet commands, and no others, are marked as such',
      );
      assert.equal(ahci.whole(ata.FLUSH, { atapi: true }), 'packet commands, and no others, are marked as such');
    });

    it('knows the direction of a packet by its first byte', () => {
      const ahci = new Bench(number).start();
      const packet = (first: number, options: Command): string =>
        ahci.whole(ata.PACKET, { atapi: true, features: 1, packet: first, ...options });
      assert.equal(packet(0x28, { regions: [[FROM_DISK, 2048]] }), 'allowed');
      assert.equal(packet(0x00, {}), 'allowed');
      assert.equal(packet(0x15, {}), 'allowed', 'a MODE SELECT of nothing');
      assert.equal(
        packet(0x28, { write: true, regions: [[TO_DISK, 2048]] }),
        'the command moves data in the other direction',
      );
      assert.equal(packet(0x2a, { write: true, regions: [[TO_DISK, 2048]] }), 'allowed');
      assert.equal(packet(0x2a, { regions: [[FROM_DISK, 2048]] }), 'the command moves data in the other direction');
      assert.equal(packet(0x00, { features: 2 }), 'the controller has no overlapped commands');
    });

    it('takes a soft reset, which is no command and moves nothing', () => {
      const ahci = new Bench(number).start();
      assert.equal(ahci.command(0x92, { control: true }), 'allowed');
      assert.equal(ahci.port(r.PxCMD, ON | r.PxCMD_FRE), 'allowed', 'and may be given up when nobody answers');
      const mixed = new Bench(number).start();
      mixed.lay(0, ata.READ_DMA, SECTORS(1));
      mixed.lay(1, 0, { control: true });
      assert.equal(mixed.port(r.PxCI, 3), 'allowed');
      assert.equal(mixed.port(r.PxCMD, ON | r.PxCMD_FRE), OUTSTANDING);
    });

    it('wants tables that are aligned, whole and inside the memory for commands, with one FIS of five double words', () => {
      const ahci = new Bench(number).start();
      const table = (address: number): string => ahci.whole(ata.FLUSH, { table: address });
      assert.equal(table(TABLES + 64), 'a command table is aligned to 128 bytes');
      assert.equal(table(2 ** 52), 'a command table is aligned to 128 bytes');
      assert.match(table(LIST + COMMANDS_BYTES), /does not lie in memory granted/);
      assert.match(table(TO_DISK), /does not lie in memory granted/);
      ahci.lay(0, ata.FLUSH);
      ahci.view.setUint8(TABLES, 0x34);
      assert.equal(ahci.port(r.PxCI, 1), 'a command is a register FIS of 5 double words');
      ahci.lay(0, ata.FLUSH);
      ahci.view.setUint8(LIST, 4);
      assert.equal(ahci.port(r.PxCI, 1), 'a command is a register FIS of 5 double words');
      ahci.view.setUint16(LIST, r.HEADER_CFL | 0x200, true);
      assert.equal(ahci.port(r.PxCI, 1), 'a command is a register FIS of 5 double words');
      ahci.lay(0, ata.FLUSH);
      ahci.view.setUint16(LIST + 2, 1025, true);
      assert.match(ahci.port(r.PxCI, 1), /^the table of `Region` has more than 1024 entries/);
    });

    it('judges each slot that is issued, the last like the first', () => {
      const ahci = new Bench(number).start();
      ahci.lay(0, ata.READ_DMA, SECTORS(1));
      ahci.lay(31, ata.READ_DMA, { count: 1, regions: [[TO_DISK, 512]] });
      assert.equal(ahci.port(r.PxCI, 0x8000_0001), 'a region is outside the memory the device may write');
      ahci.lay(31, ata.READ_DMA, SECTORS(1));
      assert.equal(ahci.port(r.PxCI, 0x8000_0001), 'allowed');
    });

    it('judges a slot again that was issued before, whatever the driver knows of it', () => {
      const ahci = new Bench(number).start();
      assert.equal(ahci.command(ata.READ_DMA, SECTORS(1)), 'allowed');
      ahci.says(r.PxIS, r.PxIS_DHRS);
      assert.equal(
        ahci.command(ata.READ_DMA, { count: 1, regions: [[TO_DISK, 512]] }),
        'a region is outside the memory the device may write',
      );
    });

    it('freezes header and table until the port says that the command is done', () => {
      const ahci = new Bench(number).start();
      ahci.lay(3, ata.READ_DMA, SECTORS(1));
      const header = LIST + 3 * r.HEADER_BYTES;
      const table = TABLES + 3 * 0x400;
      const tableBytes = r.TABLE_REGIONS + r.REGION_SIZE_BYTES;
      assert.equal(ahci.store(header, 32), 'allowed');
      assert.equal(ahci.port(r.PxCI, 8), 'allowed');
      for (const open of [header - 32, header + 32]) assert.equal(ahci.store(open, 32), 'allowed');
      for (const at of [header - 1, header + 31])
        assert.match(ahci.store(at, 2), /^a command header belongs to the device/);
      assert.equal(ahci.store(table - 8, 8), 'allowed');
      assert.match(ahci.store(table - 8, 9), /^a command table belongs to the device/);
      assert.match(ahci.store(table + tableBytes - 1, 1), /^a command table belongs to the device/);
      assert.equal(ahci.store(table + tableBytes, 1), 'allowed');
      ahci.says(r.PxIS, r.PxIS_DHRS);
      assert.match(ahci.store(table, 1), /^a command table belongs to the device/);
      ahci.says(r.PxCI, 0);
      assert.equal(ahci.store(table, 1), 'allowed');
    });

    it('does not stop, nor is reset, while commands are outstanding', () => {
      const ahci = new Bench(number).start();
      assert.equal(ahci.command(ata.READ_DMA, SECTORS(1)), 'allowed');
      assert.equal(ahci.port(r.PxCMD, ON | r.PxCMD_FRE), OUTSTANDING);
      assert.equal(ahci.hba(r.GHC, r.GHC_AE | r.GHC_HR), 'no reset while commands are outstanding');
      ahci.now = 999_999;
      assert.equal(ahci.port(r.PxCMD, ON | r.PxCMD_FRE), OUTSTANDING);
      ahci.now = 1_000_000;
      assert.equal(ahci.hba(r.GHC, r.GHC_AE | r.GHC_HR), 'allowed');
    });

    it('may stop once a command failed; what was issued stays frozen until its link is reset', () => {
      const ahci = new Bench(number).start();
      assert.equal(ahci.command(ata.READ_DMA, SECTORS(1)), 'allowed');
      ahci.says(r.PxIS, r.PxIS_TFES);
      assert.equal(ahci.port(r.PxCMD, ON | r.PxCMD_FRE), 'allowed');
      ahci.says(r.PxCMD, ON | r.PxCMD_FRE | r.PxCMD_FR);
      assert.match(ahci.store(TABLES, 1), /^a command table belongs to the device/);
      assert.match(ahci.port(r.PxCLB, LIST + 1024), /cannot move while commands are outstanding/);
      assert.equal(ahci.port(r.PxSCTL, 0x301), 'allowed');
      assert.match(ahci.store(TABLES, 1), /^a command table belongs to the device/);
      assert.equal(ahci.port(r.PxSCTL, 0x300), 'allowed');
      assert.equal(ahci.store(TABLES, 1), 'allowed');
      assert.equal(ahci.port(r.PxCLB, LIST + 1024), 'allowed');
    });

    it('may stop after every kind of failure that a port reports, and after no other news', () => {
      const failures = [4, 6, 22, 23, 24, 26, 27, 28, 29, 30];
      for (let bit = 0; bit < 32; bit += 1) {
        const ahci = new Bench(number).start();
        ahci.port(r.PxSACT, 1);
        const command = { tag: 0, features: 1, regions: [[FROM_DISK, 512]] } as const;
        assert.equal(ahci.command(r.READ_QUEUED, command), 'allowed');
        ahci.says(r.PxIS, 2 ** bit);
        const expected = failures.includes(bit) || bit === 25 ? 'allowed' : OUTSTANDING;
        assert.equal(ahci.port(r.PxCMD, ON | r.PxCMD_FRE), expected, `bit ${bit}`);
      }
    });

    it('believes a frame in PxIS to be the end of a lone command, if none was there before', () => {
      const ahci = new Bench(number).start();
      assert.equal(ahci.command(ata.READ_DMA, SECTORS(1)), 'allowed');
      ahci.says(r.PxIS, r.PxIS_PSS);
      assert.equal(ahci.port(r.PxCMD, ON | r.PxCMD_FRE), OUTSTANDING, 'that is no end of a DMA command');
      ahci.says(r.PxIS, r.PxIS_DHRS);
      // It was not cleared: it could be the last command's.
      assert.equal(ahci.command(ata.READ_DMA, SECTORS(1)), 'allowed');
      ahci.says(r.PxIS, r.PxIS_DHRS);
      assert.equal(ahci.port(r.PxCMD, ON | r.PxCMD_FRE), OUTSTANDING);
      ahci.says(r.PxCI, 0);
      assert.equal(ahci.port(r.PxIS, r.PxIS_DHRS | r.PxIS_PSS), 'allowed');
      assert.equal(ahci.command(ata.IDENTIFY, { regions: [[FROM_DISK, 512]] }), 'allowed');
      assert.equal(ahci.port(r.PxIS, r.PxIS_DHRS | r.PxIS_PSS), 'allowed', 'this clears nothing for the next');
      ahci.says(r.PxIS, r.PxIS_PSS);
      assert.equal(ahci.port(r.PxCMD, ON), 'allowed');
      ahci.says(r.PxCMD, ON);
      assert.equal(ahci.port(r.PxCLB, LIST), 'allowed');
      // With two commands a frame tells nothing.
      const two = new Bench(number).start();
      two.lay(0, ata.READ_DMA, SECTORS(1));
      two.lay(1, ata.READ_DMA, SECTORS(1));
      assert.equal(two.port(r.PxCI, 3), 'allowed');
      two.says(r.PxIS, r.PxIS_DHRS);
      assert.equal(two.port(r.PxCMD, ON | r.PxCMD_FRE), OUTSTANDING);
    });

    it('takes queued commands that are announced, with their slot as tag, and does not mix them with others', () => {
      const ahci = new Bench(number).start();
      const queued = (slot: number, options: Command = {}): void =>
        ahci.lay(slot, r.READ_QUEUED, { tag: slot, features: 1, regions: [[FROM_DISK, 512]], ...options });
      queued(4);
      assert.equal(ahci.port(r.PxCI, 16), 'a queued command is announced in PxSACT first');
      assert.equal(ahci.port(r.PxSACT, 16), 'allowed');
      queued(4, { tag: 5 });
      assert.equal(ahci.port(r.PxCI, 16), 'the tag of a queued command is its slot');
      queued(4, { features: 0x100 });
      assert.equal(ahci.port(r.PxCI, 16), 'the command moves more than the regions hold');
      queued(4);
      assert.equal(ahci.port(r.PxCI, 16), 'allowed');
      queued(5);
      ahci.port(r.PxSACT, 32);
      assert.equal(ahci.port(r.PxCI, 32), 'allowed');
      assert.equal(ahci.command(ata.FLUSH_EXT), 'queued commands and others do not mix');
      ahci.says(r.PxCI, 0);
      assert.match(ahci.store(TABLES + 4 * 0x400, 1), /^a command table belongs to the device/);
      ahci.says(r.PxSACT, 32);
      assert.equal(ahci.store(TABLES + 4 * 0x400, 1), 'allowed');
      assert.match(ahci.store(TABLES + 5 * 0x400, 1), /^a command table belongs to the device/);
      ahci.says(r.PxSACT, 0);
      assert.equal(ahci.command(ata.FLUSH_EXT), 'allowed');
      ahci.port(r.PxSACT, 16);
      queued(4);
      assert.equal(ahci.port(r.PxCI, 16), 'queued commands and others do not mix');
      ahci.says(r.PxCI, 0);
      ahci.lay(4, r.QUEUE_CONTROL, { tag: 4, features: 5 });
      assert.equal(ahci.port(r.PxCI, 16), 'no driver may change a feature in the queue');
      ahci.lay(4, r.QUEUE_CONTROL, { tag: 4, features: 0 });
      assert.equal(ahci.port(r.PxCI, 16), 'allowed');
    });

    it('lets PxSACT be set for any command, as firmware does', () => {
      const ahci = new Bench(number).start();
      for (let count = 0; count < 3; count += 1) {
        assert.equal(ahci.port(r.PxSACT, 1), 'allowed');
        assert.equal(ahci.command(ata.READ_DMA, SECTORS(1)), 'allowed');
        ahci.says(r.PxIS, r.PxIS_DHRS);
        assert.equal(ahci.port(r.PxIS, r.PxIS_DHRS), 'allowed');
      }
      assert.equal(ahci.port(r.PxCMD, ON), 'allowed');
    });

    it('gives every device of a port multiplier a receive area of its own', () => {
      const ahci = new Bench(number);
      ahci.port(r.PxFB, RECEIVE + 256);
      assert.equal(ahci.port(r.PxCMD, ON | r.PxCMD_FRE), 'allowed');
      assert.match(ahci.port(r.PxFBS, 1), /^the receive area is outside/);
      ahci.says(r.PxCMD, ON);
      assert.equal(ahci.port(r.PxCMD, ON), 'allowed');
      ahci.says(r.PxCMD, ON);
      assert.equal(ahci.port(r.PxFBS, 1), 'allowed');
      assert.match(ahci.port(r.PxCMD, ON | r.PxCMD_FRE), /^the receive area is outside/);
      ahci.port(r.PxFB, RECEIVE);
      assert.equal(ahci.port(r.PxCMD, ON | r.PxCMD_FRE), 'allowed');
    });
  });
}

describe('the controller', () => {
  it('is reset with everything, but keeps its addresses', () => {
    const ahci = new Bench().start();
    assert.equal(ahci.hba(r.GHC, r.GHC_AE | r.GHC_HR), 'allowed');
    assert.equal(ahci.port(r.PxCI, 1), 'start the port before issuing a command');
    assert.equal(ahci.port(r.PxCMD, RUNNING), 'allowed');
    assert.equal(ahci.hba(r.GHC, 0), 'AHCI is not left while a port runs');
    assert.equal(ahci.hba(r.GHC, r.GHC_AE | 8), 'reserved bits of `GHC` must be written as 0');
  });

  it('shows the same registers by index and data, under the same rules', () => {
    const ahci = new Bench().start();
    assert.equal(ahci.at(r.BAR_PAIR, r.PAIR_INDEX, 4, r.portAt(0) + r.PxCLB), 'allowed');
    assert.equal(ahci.at(r.BAR_PAIR, r.PAIR_DATA, 4, 0x1000), 'the command list cannot move while the port runs');
    assert.equal(ahci.at(r.BAR_PAIR, r.PAIR_INDEX, 4, 0x400), 'allowed');
    assert.match(ahci.at(r.BAR_PAIR, r.PAIR_DATA, 4, 0), /has no register there/);
  });

  it('leaves BARs and messages to the platform', () => {
    const ahci = new Bench();
    for (const offset of [r.PCI_BAR_HBA, 0x84, 0x88])
      assert.match(ahci.at(CONFIG_SPACE, offset, 4, 0xfee0_0000), /^only the platform may change/);
    assert.match(ahci.at(CONFIG_SPACE, 0x82, 2, 1), /^only the platform may change/);
    assert.equal(ahci.at(CONFIG_SPACE, 0x92, 2, 0x3f), 'allowed');
  });
});
