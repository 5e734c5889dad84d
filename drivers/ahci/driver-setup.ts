/**
 * One step over the controller's first port each, in the order of the data sheet: the part of the driver that other programs
 * share.
 *
 * Functions keep no state. The order is the caller's duty: reset of the controller, the port's memory, its receive area, then
 * once a device is there its start (AHCI 1.3.1, 10.1.2), then commands: table, header, PxSACT if it is queued, PxCI (5.5.1).
 */
import * as ata from '../ata/registers.ts';
import type { DeviceIo, DmaRegion } from '../../kernel/abi.ts';
import { enableBusMaster as enable, MEMORY } from '../class/bus-master.ts';
import * as r from './registers.ts';

/** Commands that this driver has under way at most, each with buffers of its own. */
export const SLOTS = 4;
export const BUFFER_BYTES = 256 * ata.SECTOR_BYTES;
/** A command table: FIS, packet, and one region, for a buffer lies in one piece. */
const TABLE_BYTES = 256;
const STOP_POLLS_MAX = 1000;

const PORT = r.portAt(0);
/** Ends of commands, and what may go wrong. */
const INTERRUPTS = r.PxIS_DHRS | r.PxIS_PSS | r.PxIS_SDBS | r.PxIS_ERRORS;
const IDLE = r.PxCMD_SUD | r.PxCMD_POD;

/** The DMA memory of one port. */
export interface Buffers {
  readonly list: DmaRegion;
  readonly tables: DmaRegion;
  readonly received: DmaRegion;
  /** One for each slot. */
  readonly fromDisk: readonly DmaRegion[];
  readonly toDisk: readonly DmaRegion[];
}

export function allocateBuffers(io: DeviceIo, slots = SLOTS): Buffers {
  const each = (purpose: 'device-reads' | 'device-writes'): readonly DmaRegion[] =>
    Array.from({ length: slots }, () => io.allocate(BUFFER_BYTES, purpose));
  return {
    list: io.allocate(r.LIST_BYTES, 'commands'),
    tables: io.allocate(slots * TABLE_BYTES, 'commands'),
    received: io.allocate(r.RECEIVE_BYTES, 'device-writes'),
    fromDisk: each('device-writes'),
    toDisk: each('device-reads'),
  };
}

export const enableBusMaster = (io: DeviceIo): void => enable(io, MEMORY);

export const read = (io: DeviceIo, register: number): number => io.read32(r.BAR_HBA, register);
export const write = (io: DeviceIo, register: number, value: number): void =>
  io.write32(r.BAR_HBA, register, value >>> 0);
export const readPort = (io: DeviceIo, register: number): number => read(io, PORT + register);
export const writePort = (io: DeviceIo, register: number, value: number): void => write(io, PORT + register, value);

/** AHCI mode, and everything reset (10.4.3). `isReset` says when it is over: within a second. */
export function beginReset(io: DeviceIo): void {
  write(io, r.GHC, r.GHC_AE);
  write(io, r.GHC, r.GHC_AE | r.GHC_HR);
}

export const isReset = (io: DeviceIo): boolean => (read(io, r.GHC) & r.GHC_HR) === 0;

/** The port's memory, and its receive area in use: from here on its device can be heard. */
export function listen(io: DeviceIo, { list, received }: Buffers): void {
  write(io, r.GHC, r.GHC_AE);
  writePort(io, r.PxCLB, list.address);
  writePort(io, r.PxCLBU, 0);
  writePort(io, r.PxFB, received.address);
  writePort(io, r.PxFBU, 0);
  writePort(io, r.PxSERR, 0xffff_ffff);
  writePort(io, r.PxIS, 0xffff_ffff);
  writePort(io, r.PxCMD, IDLE | r.PxCMD_FRE);
}

/** Whether a device is there that can be asked. */
export function isThere(io: DeviceIo): boolean {
  const status = readPort(io, r.PxTFD) & 0xff;
  const isUp = (readPort(io, r.PxSSTS) & r.PxSSTS_DET) === r.DET_PRESENT;
  return isUp && (status & (ata.STATUS_BSY | ata.STATUS_DRQ)) === 0;
}

export function start(io: DeviceIo): void {
  writePort(io, r.PxIS, 0xffff_ffff);
  write(io, r.IS, 0xffff_ffff);
  writePort(io, r.PxIE, INTERRUPTS);
  writePort(io, r.PxCMD, IDLE | r.PxCMD_FRE | r.PxCMD_ST);
  write(io, r.GHC, r.GHC_AE | r.GHC_IE);
}

/** Ends the port's use of commands. @returns whether it said so soon */
export function stop(io: DeviceIo): boolean {
  writePort(io, r.PxCMD, IDLE | r.PxCMD_FRE);
  for (let polls = 0; polls < STOP_POLLS_MAX; polls += 1) if ((readPort(io, r.PxCMD) & r.PxCMD_CR) === 0) return true;
  return false;
}

export const queuesCommands = (io: DeviceIo): boolean => (read(io, r.CAP) & r.CAP_SNCQ) !== 0;

/** One command, as its FIS and its header say it. */
export interface Command {
  readonly command: number;
  readonly sector?: number;
  readonly count?: number;
  readonly isWrite?: boolean;
  readonly isQueued?: boolean;
  /** What it moves, or nothing. */
  readonly data?: { readonly address: number; readonly bytes: number };
}

/** Fills the table and the header of a slot. */
export function layCommand({ list, tables }: Buffers, slot: number, command: Command): void {
  const { sector = 0, count = 0, data } = command;
  const table = new Uint8Array(r.TABLE_REGIONS + r.REGION_SIZE_BYTES);
  const view = new DataView(table.buffer);
  table.set([r.FIS_HOST_TO_DEVICE, r.FIS_COMMAND, command.command]);
  view.setUint32(4, (sector % 2 ** 24) + ata.DEVICE_LBA * 2 ** 24, true);
  view.setUint32(8, Math.floor(sector / 2 ** 24) % 2 ** 24, true);
  if (command.isQueued === true) {
    table[3] = count & 0xff;
    table[11] = count >> 8;
    table[12] = slot << 3;
  } else view.setUint16(12, count, true);
  if (data !== undefined) {
    view.setUint32(r.TABLE_REGIONS, data.address, true);
    view.setUint32(r.TABLE_REGIONS + 12, data.bytes - 1, true);
  }
  tables.copyIn(slot * TABLE_BYTES, data === undefined ? table.subarray(0, r.TABLE_REGIONS) : table);
  const header = new DataView(new ArrayBuffer(r.HEADER_BYTES));
  header.setUint16(0, r.HEADER_CFL | (command.isWrite === true ? r.HEADER_WRITE : 0), true);
  header.setUint16(2, data === undefined ? 0 : 1, true);
  header.setUint32(r.HEADER_TABLE, tables.address + slot * TABLE_BYTES, true);
  list.copyIn(slot * r.HEADER_BYTES, new Uint8Array(header.buffer));
}

export function issue(io: DeviceIo, slot: number, isQueued: boolean): void {
  if (isQueued) writePort(io, r.PxSACT, 1 << slot);
  writePort(io, r.PxCI, 1 << slot);
}

export function perform(io: DeviceIo, buffers: Buffers, slot: number, command: Command): void {
  layCommand(buffers, slot, command);
  issue(io, slot, command.isQueued === true);
}

/** Acknowledges what the port has to say. @returns what it was */
export function acknowledge(io: DeviceIo): number {
  const causes = read(io, r.IS);
  if (causes === 0) return 0;
  const port = readPort(io, r.PxIS);
  writePort(io, r.PxIS, port);
  write(io, r.IS, causes);
  return port;
}

/** The slots that are still the device's, one bit each. */
export function underWay(io: DeviceIo, queues: boolean): number {
  return readPort(io, r.PxCI) | (queues ? readPort(io, r.PxSACT) : 0);
}

export function hasFailed(io: DeviceIo, said: number): boolean {
  const failed = (readPort(io, r.PxTFD) & (ata.STATUS_ERR | ata.STATUS_DF)) !== 0;
  return failed || (said & r.PxIS_ERRORS) !== 0;
}
