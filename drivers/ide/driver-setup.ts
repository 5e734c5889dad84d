/**
 * One step over the primary channel each, in the order of the standards: the part of the driver that other programs share.
 *
 * Functions keep no state. The order is the caller's duty: reset, wait until the drive is ready, select it, then command
 * after command: the place of the table of regions, the direction, parameters, the command, the table itself, and last the bus
 * master's start, which is what it must be there for (Bus Master IDE, 3.1).
 */
import { PORT_SPACE } from '../../dsslang/runtime.ts';
import type { DeviceIo, DmaRegion } from '../../kernel/abi.ts';
import { enableBusMaster as enable, PORTS } from '../class/bus-master.ts';
import * as r from './registers.ts';

/** The longest transfer is 256 sectors; each half of a buffer that no boundary of 64 KiB divides takes two regions at most. */
export const BUFFER_BYTES = 256 * r.SECTOR_BYTES;
const TABLE_BYTES = 64;
/** Soft reset: held for at least 5 us (ATA/ATAPI-7 volume 2, 11.2). */
export const RESET_HOLD_US = 100;
/** And the drive has 2 ms to say that it is busy. */
export const RESET_SETTLE_US = 2500;

/** A drive that is given a command asks for its first block at once. */
const STATUS_POLLS_MAX = 1000;

/** The DMA memory of one channel. */
export interface Buffers {
  readonly table: DmaRegion;
  readonly fromDisk: DmaRegion;
  readonly toDisk: DmaRegion;
}

export function allocateBuffers(io: DeviceIo): Buffers {
  return {
    table: io.allocate(TABLE_BYTES, 'commands'),
    fromDisk: io.allocate(BUFFER_BYTES, 'device-writes'),
    toDisk: io.allocate(BUFFER_BYTES, 'device-reads'),
  };
}

export const enableBusMaster = (io: DeviceIo): void => enable(io, PORTS);

export const outTask = (io: DeviceIo, register: number, value: number): void =>
  io.write8(PORT_SPACE, r.PRIMARY.task + register, value);
/** Reading acknowledges the interrupt. */
export const status = (io: DeviceIo): number => io.read8(PORT_SPACE, r.PRIMARY.task + r.STATUS);
export const control = (io: DeviceIo, value: number): void => io.write8(PORT_SPACE, r.PRIMARY.control, value);
export const outMaster = (io: DeviceIo, register: number, value: number): void =>
  io.write8(r.BAR_MASTER, r.PRIMARY.master + register, value);
export const masterStatus = (io: DeviceIo): number => io.read8(r.BAR_MASTER, r.PRIMARY.master + r.BMISTA);

/** Stops the bus master and holds the drives in reset, without interrupts. `releaseReset` comes `RESET_HOLD_US` later. */
export function beginReset(io: DeviceIo): void {
  outMaster(io, r.BMICOM, 0);
  control(io, r.CONTROL_OBSOLETE | r.CONTROL_NIEN | r.CONTROL_SRST);
}

export function releaseReset(io: DeviceIo): void {
  control(io, r.CONTROL_OBSOLETE | r.CONTROL_NIEN);
}

export function enableInterrupts(io: DeviceIo): void {
  control(io, r.CONTROL_OBSOLETE);
}

export const isBusy = (value: number): boolean => value !== 0xff && (value & r.STATUS_BSY) !== 0;
export const asks = (value: number): boolean => (value & (r.STATUS_BSY | r.STATUS_DRQ)) === r.STATUS_DRQ;
export const hasFailed = (value: number): boolean => (value & (r.STATUS_ERR | r.STATUS_DF)) !== 0;

/** The status once the drive is not busy; what it says last if it stays so. For waits of microseconds. */
export function whenReady(io: DeviceIo): number {
  for (let polls = 0; polls < STATUS_POLLS_MAX; polls += 1) {
    const value = status(io);
    if (!isBusy(value)) return value;
  }
  return r.STATUS_BSY;
}

export function selectDrive(io: DeviceIo): void {
  outTask(io, r.DEVICE, r.DEVICE_OBSOLETE | r.DEVICE_LBA);
}

/** Where a command acts: 28-bit addresses and 8-bit counts where they reach, else each register twice, high half first. */
export function program(io: DeviceIo, sector: number, count: number, wide: boolean): void {
  if (wide) {
    outTask(io, r.COUNT, count >>> 8);
    outTask(io, r.LBA_LOW, Math.floor(sector / 2 ** 24) & 0xff);
    outTask(io, r.LBA_MID, Math.floor(sector / 2 ** 32) & 0xff);
    outTask(io, r.LBA_HIGH, Math.floor(sector / 2 ** 40) & 0xff);
  }
  outTask(io, r.FEATURES, 0);
  outTask(io, r.COUNT, count & 0xff);
  outTask(io, r.LBA_LOW, sector & 0xff);
  outTask(io, r.LBA_MID, (sector >>> 8) & 0xff);
  outTask(io, r.LBA_HIGH, (sector >>> 16) & 0xff);
  const top = wide ? 0 : Math.floor(sector / 2 ** 24) & 0x0f;
  outTask(io, r.DEVICE, r.DEVICE_OBSOLETE | r.DEVICE_LBA | top);
}

/** Fills the table with the regions of a buffer: each within 64 KiB of address space. */
export function layTable(table: DmaRegion, address: number, bytes: number): void {
  const entries = new DataView(new ArrayBuffer(TABLE_BYTES));
  let at = 0;
  for (let done = 0; done < bytes; at += r.REGION_SIZE_BYTES) {
    const base = address + done;
    const size = Math.min(bytes - done, r.REGION_BYTES_MAX - (base % r.REGION_BYTES_MAX));
    done += size;
    entries.setUint32(at, base, true);
    entries.setUint32(at + 4, ((size % r.REGION_BYTES_MAX) | (done === bytes ? r.REGION_LAST : 0)) >>> 0, true);
  }
  table.copyIn(0, new Uint8Array(entries.buffer, 0, at));
}

/** Where the table will be, and the direction; the command goes between this and `startMaster`. */
export function prepareMaster(io: DeviceIo, table: DmaRegion, towardsMemory: boolean): void {
  io.write32(r.BAR_MASTER, r.PRIMARY.master + r.BMIDTP, table.address);
  outMaster(io, r.BMISTA, r.BMISTA_INTERRUPT | r.BMISTA_ERROR);
  outMaster(io, r.BMICOM, towardsMemory ? r.BMICOM_READ : 0);
}

export function startMaster(io: DeviceIo, towardsMemory: boolean): void {
  outMaster(io, r.BMICOM, r.BMICOM_START | (towardsMemory ? r.BMICOM_READ : 0));
}

/** One block of the data port, into `into` from `at` on. */
export function readBlock(io: DeviceIo, into: Uint8Array, at: number, bytes: number): void {
  const view = new DataView(into.buffer, into.byteOffset);
  for (let done = 0; done < bytes; done += 4)
    view.setUint32(at + done, io.read32(PORT_SPACE, r.PRIMARY.task + r.DATA), true);
}

export function writeBlock(io: DeviceIo, from: Uint8Array, at: number, bytes: number): void {
  const view = new DataView(from.buffer, from.byteOffset);
  for (let done = 0; done < bytes; done += 4)
    io.write32(PORT_SPACE, r.PRIMARY.task + r.DATA, view.getUint32(at + done, true));
}
