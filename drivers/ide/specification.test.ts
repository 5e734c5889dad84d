/**
 * The compiled specification, at the edges of what a channel does: who may write the task file when, how many words a
 * command moves, and what a bus master is started for.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  ALLOWED,
  GRANT_COMMANDS,
  GRANT_READS,
  GRANT_WRITES,
  PORT_SPACE,
  type Monitor,
  type Width,
} from '../../dsslang/index.ts';
import { packageRoot } from '../package-root.ts';
import { loadSpecification } from '../specification.ts';
import * as r from './registers.ts';

const { module } = await loadSpecification(`${packageRoot()}/drivers/ide/ide.dss`, 'drivers/ide/ide.dss');

const TABLES = 0x2_0000;
const TO_DISK = 0x4_0000;
const FROM_DISK = 0x6_0000;
const READY = r.STATUS_DRDY | r.STATUS_DSC;
const ASKS = READY | r.STATUS_DRQ;

const AT_WORK = 'the drive is at work: wait until it is ready';

/** A fresh monitor over two tables' worth of memory, 64 KiB that go to the disk and 64 KiB that come from it. */
class Bench {
  readonly monitor: Monitor;
  readonly #view = new DataView(new ArrayBuffer(0x8_0000));
  readonly #ports: r.ChannelPorts;
  now = 0;

  constructor(ports = r.PRIMARY) {
    this.#ports = ports;
    this.monitor = module.createMonitor({
      fetch: (address, length, target, at) => {
        target.set(new Uint8Array(this.#view.buffer, address, length), at);
        return true;
      },
    });
    assert.equal(this.monitor.grant(TABLES, 0x2_0000, GRANT_COMMANDS), ALLOWED);
    assert.equal(this.monitor.grant(TO_DISK, 0x1_0000, GRANT_READS), ALLOWED);
    assert.equal(this.monitor.grant(FROM_DISK, 0x1_0000, GRANT_WRITES), ALLOWED);
    this.status(READY);
    assert.equal(this.out(r.DEVICE, r.DEVICE_LBA), 'allowed');
  }

  words(verdict: number): string {
    return verdict === ALLOWED ? 'allowed' : (module.info.rules[Math.abs(verdict)]?.reason ?? '?');
  }
  out(register: number, value: number, width: Width = 1): string {
    return this.words(this.monitor.write(PORT_SPACE, this.#ports.task + register, width, value, 0, this.now));
  }
  control(value: number): string {
    return this.words(this.monitor.write(PORT_SPACE, this.#ports.control, 1, value, 0, this.now));
  }
  in(register: number, value = 0, width: Width = 1): string {
    const place = this.#ports.task + register;
    const verdict = this.monitor.read(PORT_SPACE, place, width, this.now);
    return this.words(verdict || this.monitor.report(PORT_SPACE, place, width, value, 0, this.now));
  }
  /** The drive says so. */
  status(value: number): void {
    assert.equal(this.in(r.STATUS, value), 'allowed');
  }
  master(register: number, value: number): string {
    const width = register === r.BMIDTP ? 4 : 1;
    return this.words(this.monitor.write(r.BAR_MASTER, this.#ports.master + register, width, value, 0, this.now));
  }
  /** Parameters, once or, for 16-bit counts, high half first; and the command. */
  command(command: number, count = 1, features = 0): string {
    this.out(r.FEATURES, features);
    if (count > 0xff) this.out(r.COUNT, count >> 8);
    this.out(r.COUNT, count & 0xff);
    this.out(r.LBA_MID, 0);
    this.out(r.LBA_HIGH, 2);
    return this.out(r.COMMAND, command);
  }
  table(...regions: readonly (readonly [base: number, size: number])[]): void {
    regions.forEach(([base, size], index) => {
      const last = index === regions.length - 1 ? r.REGION_LAST : 0;
      this.#view.setUint32(TABLES + index * 8, base, true);
      this.#view.setUint32(TABLES + index * 8 + 4, ((size & 0xffff) | last) >>> 0, true);
    });
    assert.equal(this.master(r.BMIDTP, TABLES), 'allowed');
  }
  /** How many words can be read before the first refusal. */
  readable(width: Width = 2): number {
    for (let words = 0; ; words += width / 2) {
      if (this.in(r.DATA, 0, width) !== 'allowed') return words;
    }
  }
  writable(): number {
    for (let words = 0; ; words += 1) {
      if (this.out(r.DATA, 0, 2) !== 'allowed') return words;
    }
  }
}

for (const [name, ports] of [
  ['primary', r.PRIMARY],
  ['secondary', r.SECONDARY],
] as const) {
  describe(`the ${name} channel`, () => {
    it('moves exactly the words of a command by its data port, block by block, when the drive asks', () => {
      const ide = new Bench(ports);
      assert.equal(ide.command(r.READ_SECTORS, 3), 'allowed');
      assert.equal(ide.in(r.DATA, 0, 2), 'the drive has no data to read');
      for (let sector = 0; sector < 3; sector += 1) {
        ide.status(r.STATUS_BSY);
        assert.equal(ide.readable(), 0);
        ide.status(ASKS);
        assert.equal(ide.out(r.DATA, 0, 2), 'the drive does not ask for this much data');
        assert.equal(ide.readable(sector === 1 ? 4 : 2), r.SECTOR_WORDS);
      }
      assert.equal(ide.command(r.FLUSH), 'allowed', 'after the last word nothing is to be waited for');
    });

    it('writes exactly the words of a command', () => {
      const ide = new Bench(ports);
      assert.equal(ide.command(r.WRITE_SECTORS, 0), 'allowed');
      for (let sector = 0; sector < 256; sector += 1) {
        ide.status(ASKS);
        assert.equal(ide.in(r.DATA, 0, 2), 'the drive has no data to read');
        assert.equal(ide.writable(), r.SECTOR_WORDS);
      }
      ide.status(ASKS);
      assert.equal(ide.writable(), 0);
    });

    it('takes no parameters and no command while the drive is at work', () => {
      const ide = new Bench(ports);
      assert.equal(ide.command(r.READ_SECTORS), 'allowed');
      for (const register of [r.FEATURES, r.COUNT, r.LBA_LOW, r.LBA_MID, r.LBA_HIGH, r.DEVICE])
        assert.equal(ide.out(register, 0), AT_WORK);
      assert.equal(ide.out(r.COMMAND, r.FLUSH), 'the drive is not ready for a command');
      ide.status(ASKS);
      assert.equal(ide.out(r.COUNT, 0), AT_WORK);
      assert.equal(ide.out(r.COMMAND, r.FLUSH), 'the drive is not ready for a command');
      ide.status(READY | r.STATUS_ERR);
      assert.equal(ide.command(r.FLUSH), 'allowed');
    });

    it('lets a driver give up after a second, and then wants a reset', () => {
      const ide = new Bench(ports);
      assert.equal(ide.command(r.READ_SECTORS), 'allowed');
      ide.now = 999_999;
      assert.equal(ide.out(r.DEVICE, 0), AT_WORK);
      ide.now = 1_000_000;
      assert.equal(ide.out(r.DEVICE, 0), 'allowed');
      ide.status(READY);
      assert.equal(ide.command(r.FLUSH), 'the drive is not ready for a command');
      assert.equal(ide.control(r.CONTROL_SRST), 'allowed');
      assert.equal(ide.control(0), 'allowed');
      ide.status(READY);
      assert.equal(ide.out(r.COMMAND, r.FLUSH), 'select a drive first');
      assert.equal(ide.out(r.DEVICE, 0), 'allowed');
      assert.equal(ide.command(r.FLUSH), 'allowed');
    });

    it('starts its bus master only over memory for the direction, even and within 64 KiB', () => {
      const ide = new Bench(ports);
      const start = (towardsMemory: boolean, ...regions: readonly (readonly [number, number])[]): string => {
        ide.table(...regions);
        const verdict = ide.master(r.BMICOM, r.BMICOM_START | (towardsMemory ? r.BMICOM_READ : 0));
        assert.equal(ide.master(r.BMICOM, 0), 'allowed');
        return verdict;
      };
      const outside = 'a region is outside the memory granted to this driver';
      assert.equal(start(true, [FROM_DISK, 0x1_0000]), 'allowed');
      assert.equal(start(false, [TO_DISK, 0x1_0000]), 'allowed');
      assert.equal(start(false, [FROM_DISK, 512]), outside);
      assert.equal(start(true, [TO_DISK, 512]), outside);
      assert.equal(start(true, [FROM_DISK, 512], [FROM_DISK + 0x1_0000, 2]), outside);
      assert.equal(start(true, [FROM_DISK - 2, 2]), outside);
      assert.equal(start(true, [FROM_DISK + 1, 512]), 'a region is not a number of words');
      assert.equal(start(true, [FROM_DISK, 511]), 'a region is not a number of words');
      assert.equal(start(true, [FROM_DISK + 0xfffe, 2]), 'allowed');
      assert.equal(start(true, [FROM_DISK + 0xfffe, 4]), 'a region crosses a boundary of 64 KiB');
      assert.equal(start(true, [FROM_DISK + 2, 0]), 'a region crosses a boundary of 64 KiB');
    });

    it('lets a command move no more than its regions hold, in the same direction, whichever comes first', () => {
      const ide = new Bench(ports);
      const short = 'the command moves more than the regions hold';
      ide.table([FROM_DISK, 512], [FROM_DISK + 1024, 510]);
      assert.equal(ide.command(r.READ_DMA, 2), 'allowed');
      assert.equal(ide.master(r.BMICOM, r.BMICOM_START | r.BMICOM_READ), short);
      ide.table([FROM_DISK, 512], [FROM_DISK + 1024, 512]);
      assert.equal(ide.master(r.BMICOM, r.BMICOM_START | r.BMICOM_READ), 'allowed');
      assert.equal(ide.master(r.BMICOM, r.BMICOM_START), 'the direction cannot change while the bus master runs');
      assert.equal(ide.master(r.BMIDTP, TABLES), 'the table of regions cannot move while the bus master runs');
      assert.match(ide.words(ide.monitor.store(TABLES + 15, 1, 0)), /belongs to the bus master/);
      assert.equal(ide.words(ide.monitor.store(TABLES + 16, 1, 0)), 'allowed');
      ide.status(READY);
      assert.equal(ide.command(r.READ_DMA, 1), 'start the bus master anew for each command');
      assert.equal(ide.master(r.BMICOM, 0), 'allowed');
      assert.equal(ide.master(r.BMICOM, r.BMICOM_START | r.BMICOM_READ), 'allowed');
      assert.equal(ide.command(r.WRITE_DMA, 1), 'the bus master runs in the other direction');
      assert.equal(ide.command(r.READ_DMA, 3), short);
      assert.equal(ide.command(r.READ_DMA_EXT, 0x100), short);
      assert.equal(ide.command(r.READ_DMA, 2), 'allowed');
      assert.equal(ide.master(r.BMICOM, 0), 'allowed');
      ide.table([TO_DISK, 1024]);
      assert.equal(ide.master(r.BMICOM, r.BMICOM_START), 'the command moves data in the other direction');
    });

    it('counts 0 sectors as 256 or 65536, and wants 16-bit counts written twice', () => {
      const ide = new Bench(ports);
      const regions = Array.from({ length: 2 }, () => [FROM_DISK, 0] as const);
      ide.table(...regions);
      assert.equal(ide.command(r.READ_DMA, 0), 'allowed');
      assert.equal(ide.master(r.BMICOM, r.BMICOM_START | r.BMICOM_READ), 'allowed');
      assert.equal(ide.master(r.BMICOM, 0), 'allowed');
      ide.status(READY);
      assert.equal(ide.command(r.READ_DMA_EXT, 1), 'program the number of sectors first');
      ide.out(r.COUNT, 0);
      assert.equal(ide.command(r.READ_DMA_EXT, 0), 'allowed');
      assert.match(ide.master(r.BMICOM, r.BMICOM_START | r.BMICOM_READ), /more than the regions hold/);
    });

    it('refuses commands that lock, shrink or rewrite the drive, and any that the standard does not have', () => {
      const ide = new Bench(ports);
      const never = 'no driver may give a drive this command';
      for (const command of [
        r.DOWNLOAD_MICROCODE,
        r.SECURITY_SET_PASSWORD,
        0xb1,
        0x22,
        0x32,
        0x50,
        0x45,
        0x60,
        0xc7,
        0xff,
      ])
        assert.equal(ide.command(command), never, command.toString(16));
      assert.equal(ide.command(r.SMART, 1, 0xe0), never);
      assert.equal(ide.command(r.SET_FEATURES, 0, 0x01), 'no driver may change this feature');
      assert.equal(ide.command(r.SET_MAX, 1), 'the disk may not be made smaller for good');
      assert.equal(ide.command(r.SET_MAX, 0, 1), 'no driver may lock the size of the disk');
      for (const [command, count, features] of [
        [r.SET_MAX, 0, 0],
        [r.SET_FEATURES, 0x42, 3],
        [r.SMART, 0, 0xd8],
        [r.IDENTIFY, 0, 0],
        [r.STANDBY_IMMEDIATE, 0, 0],
        [r.READ_NATIVE_MAX_EXT, 0, 0],
        [r.FLUSH_EXT, 0, 0],
        [r.DEVICE_RESET, 0, 0],
        [r.EXECUTE_DIAGNOSTIC, 0, 0],
      ] as const) {
        assert.equal(ide.command(command, count, features), 'allowed', command.toString(16));
        ide.status(READY);
      }
    });

    it('reads several sectors in a block as SET MULTIPLE or IDENTIFY told, and not before', () => {
      const ide = new Bench(ports);
      assert.equal(ide.command(r.READ_MULTIPLE, 5), 'nobody knows how many sectors are a block');
      assert.equal(ide.command(r.SET_MULTIPLE, 4), 'allowed');
      ide.status(READY | r.STATUS_ERR);
      assert.equal(ide.command(r.READ_MULTIPLE, 5), 'nobody knows how many sectors are a block');
      assert.equal(ide.command(r.SET_MULTIPLE, 4), 'allowed');
      ide.status(READY);
      assert.equal(ide.command(r.READ_MULTIPLE, 5), 'allowed');
      ide.status(ASKS);
      assert.equal(ide.readable(4), 1024);
      ide.status(ASKS);
      assert.equal(ide.readable(), 256);
      assert.equal(ide.out(r.DEVICE, r.DEVICE_DEV), 'allowed');
      assert.equal(ide.command(r.WRITE_MULTIPLE, 1), 'nobody knows how many sectors are a block');
      assert.equal(ide.command(r.IDENTIFY), 'allowed');
      ide.status(ASKS);
      for (let word = 0; word < 256; word += 2) ide.in(r.DATA, word === 58 ? 0x0102_0000 : 0, 4);
      assert.equal(ide.command(r.WRITE_MULTIPLE, 3), 'allowed');
      ide.status(ASKS);
      assert.equal(ide.writable(), 512);
    });

    it('takes a packet of six words, and data in blocks of what the driver is ready for', () => {
      const ide = new Bench(ports);
      assert.equal(ide.command(r.PACKET), 'allowed');
      ide.status(ASKS);
      assert.equal(ide.in(r.DATA, 0, 2), 'the drive has no data to read');
      assert.equal(ide.out(r.DATA, 0x28, 2), 'allowed');
      assert.equal(ide.writable(), 5);
      ide.status(ASKS);
      assert.equal(ide.writable(), 0);
      assert.equal(ide.readable(), 256, 'a byte count of 0x200');
      ide.status(READY);
      assert.equal(ide.command(r.PACKET, 0, 2), 'the controller has no overlapped commands');
    });

    it('knows the direction of a packet by its first byte', () => {
      const ide = new Bench(ports);
      ide.table([FROM_DISK, 2048]);
      assert.equal(ide.command(r.PACKET, 0, 1), 'allowed');
      ide.status(ASKS);
      assert.equal(ide.master(r.BMICOM, r.BMICOM_START | r.BMICOM_READ), 'allowed');
      assert.equal(ide.out(r.DATA, 0x2a, 2), 'the bus master runs in the other direction');
      assert.equal(ide.out(r.DATA, 0x28, 2), 'allowed');
      assert.equal(ide.writable(), 5);
      assert.equal(ide.master(r.BMICOM, 0), 'allowed');
      ide.table([TO_DISK, 2048]);
      assert.equal(ide.master(r.BMICOM, r.BMICOM_START), 'the command moves data in the other direction');
    });

    it('lets a drive that asks without a reason be emptied, one word for each time', () => {
      const ide = new Bench(ports);
      for (let count = 0; count < 3; count += 1) {
        ide.status(ASKS | r.STATUS_ERR);
        assert.equal(ide.readable(), 1);
        assert.equal(ide.in(r.DATA, 0, 4), 'the drive has no data to read');
      }
    });
  });
}
