/**
 * Bringing an 82540EM up, step by step, in the order of the data sheet (chapter 14): the part of the driver that other
 * programs share.
 *
 * Every function is one step over `io` and keeps no state. The order matters to the device and is the caller's duty:
 * quiesce and reset, wait, address, rings while both engines are off, engines on, interrupts on. Tails are written last,
 * for they hand descriptors over.
 */
import type { DeviceIo, DmaRegion } from '../../kernel/abi.ts';
import { enableBusMaster as enable, MEMORY, PORTS } from '../class/bus-master.ts';
import { allocateRings as allocate, type Rings } from '../class/network-rings.ts';
import * as r from './registers.ts';

export type { Rings };

const ALL_CAUSES = 0xffff_ffff;
/** The EEPROM answers within a few hundred microseconds; a device that never does must not hold the driver. */
const EEPROM_POLLS_MAX = 1000;
/** The data sheet asks for 1 us after a reset and some ms until the EEPROM is loaded. */
export const RESET_SETTLE_US = 10_000;
export const BUFFER_SIZE_BYTES = 2048;

export const allocateRings = (io: DeviceIo, count: number): Rings =>
  allocate(io, { count, descriptorBytes: r.DESCRIPTOR_SIZE_BYTES, bufferBytes: BUFFER_SIZE_BYTES });

export const enableBusMaster = (io: DeviceIo): void => enable(io, PORTS | MEMORY);

/** Both engines stop before the reset: QEMU's card does not stop them by itself when CTRL.RST is set. */
export function quiesceAndReset(io: DeviceIo): void {
  io.write32(r.BAR_REGISTERS, r.IMC, ALL_CAUSES);
  io.write32(r.BAR_REGISTERS, r.RCTL, 0);
  io.write32(r.BAR_REGISTERS, r.TCTL, r.TCTL_PSP);
  io.read32(r.BAR_REGISTERS, r.STATUS); // posted writes have arrived when a read returns
  const control = io.read32(r.BAR_REGISTERS, r.CTRL);
  io.write32(r.BAR_REGISTERS, r.CTRL, (control | r.CTRL_RST) >>> 0);
}

/** After the reset: interrupts stay masked, and causes from before it are dropped. */
export function maskInterrupts(io: DeviceIo): void {
  io.write32(r.BAR_REGISTERS, r.IMC, ALL_CAUSES);
  io.read32(r.BAR_REGISTERS, r.ICR);
}

/** The six bytes in EEPROM words 0..2; undefined if the EEPROM does not answer. */
export function readMacAddress(io: DeviceIo): Uint8Array | undefined {
  const address = new Uint8Array(6);
  for (let word = 0; word < 3; word += 1) {
    const value = readEepromWord(io, r.EEPROM_MAC + word);
    if (value === undefined) return undefined;
    address[2 * word] = value & 0xff;
    address[2 * word + 1] = value >>> 8;
  }
  return address;
}

function readEepromWord(io: DeviceIo, word: number): number | undefined {
  io.write32(r.BAR_REGISTERS, r.EERD, r.EERD_START | (word << r.EERD_ADDRESS_SHIFT));
  for (let poll = 0; poll < EEPROM_POLLS_MAX; poll += 1) {
    const value = io.read32(r.BAR_REGISTERS, r.EERD);
    if ((value & r.EERD_DONE) !== 0) return value >>> r.EERD_DATA_SHIFT;
  }
  return undefined;
}

/** Link up by the PHY's decision; own address in the first filter. */
export function programAddress(io: DeviceIo, address: Uint8Array): void {
  const control = io.read32(r.BAR_REGISTERS, r.CTRL);
  io.write32(r.BAR_REGISTERS, r.CTRL, (control | r.CTRL_SLU | r.CTRL_ASDE) >>> 0);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = address;
  io.write32(r.BAR_REGISTERS, r.RAL, (a | (b << 8) | (c << 16) | (d << 24)) >>> 0);
  io.write32(r.BAR_REGISTERS, r.RAH, (e | (f << 8) | r.RAH_AV) >>> 0);
}

/** The transmit ring, empty, with the engine off. */
export function programTransmitRing(io: DeviceIo, ring: DmaRegion): void {
  io.write32(r.BAR_REGISTERS, r.TDBAL, ring.address % 2 ** 32);
  io.write32(r.BAR_REGISTERS, r.TDBAH, Math.floor(ring.address / 2 ** 32));
  io.write32(r.BAR_REGISTERS, r.TDLEN, ring.sizeBytes);
  io.write32(r.BAR_REGISTERS, r.TDH, 0);
  io.write32(r.BAR_REGISTERS, r.TDT, 0);
  io.write32(r.BAR_REGISTERS, r.TIPG, r.TIPG_COPPER);
}

/** The receive ring, empty, with the engine off. */
export function programReceiveRing(io: DeviceIo, ring: DmaRegion): void {
  io.write32(r.BAR_REGISTERS, r.RDBAL, ring.address % 2 ** 32);
  io.write32(r.BAR_REGISTERS, r.RDBAH, Math.floor(ring.address / 2 ** 32));
  io.write32(r.BAR_REGISTERS, r.RDLEN, ring.sizeBytes);
  io.write32(r.BAR_REGISTERS, r.RDH, 0);
  io.write32(r.BAR_REGISTERS, r.RDT, 0);
}

/** Points receive descriptors from `first` on at their buffers and clears what the device wrote there, all in one store. */
export function fillReceiveDescriptors(rings: Rings, first: number, count: number): void {
  const run = new Uint8Array(count * r.DESCRIPTOR_SIZE_BYTES);
  for (let index = 0; index < count; index += 1) {
    const address = rings.rxBuffers.address + (first + index) * BUFFER_SIZE_BYTES;
    run.set(descriptor(address, 0), index * r.DESCRIPTOR_SIZE_BYTES);
  }
  rings.rxRing.copyIn(first * r.DESCRIPTOR_SIZE_BYTES, run);
}

/** Full duplex, collision values for copper (13.4.33); short frames padded by the driver, so PSP only as a safety net. */
const TCTL_ON = r.TCTL_EN | r.TCTL_PSP | (0x10 << r.TCTL_CT_SHIFT) | (0x40 << r.TCTL_COLD_SHIFT);
/** 2048-byte buffers, broadcast accepted, CRC not delivered. */
const RCTL_ON = r.RCTL_EN | r.RCTL_BAM | r.RCTL_SECRC;

/** @param filtersVlans whether tagged frames are looked up in the VLAN table */
export function enableEngines(io: DeviceIo, filtersVlans = false): void {
  enableReceiver(io, filtersVlans);
  io.write32(r.BAR_REGISTERS, r.TCTL, TCTL_ON);
}

/** The receiver alone; also to change what it filters while it runs. */
export function enableReceiver(io: DeviceIo, filtersVlans: boolean): void {
  io.write32(r.BAR_REGISTERS, r.RCTL, filtersVlans ? RCTL_ON | r.RCTL_VFE : RCTL_ON);
}

export function isLinkUp(io: DeviceIo): boolean {
  return (io.read32(r.BAR_REGISTERS, r.STATUS) & r.STATUS_LU) !== 0;
}

/** The 16 bytes of a descriptor: a buffer's address and the dword of length and commands. */
export function descriptor(address: number, lengthAndCommand: number): Uint8Array {
  const bytes = new Uint8Array(r.DESCRIPTOR_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, address % 2 ** 32, true);
  view.setUint32(4, Math.floor(address / 2 ** 32), true);
  view.setUint32(8, lengthAndCommand >>> 0, true);
  return bytes;
}

/** A legacy transmit descriptor for a whole frame: end of packet, CRC by the device, report status. */
export function transmitDescriptor(address: number, length: number): Uint8Array {
  return descriptor(address, length | r.TXD_CMD_EOP | r.TXD_CMD_IFCS | r.TXD_CMD_RS);
}

/**
 * A context descriptor for one Internet checksum (3.3.6), from `start` to the end of the packet. No segmentation, and no
 * buffer: it is the data descriptor after it that asks for the sum.
 */
export function checksumContext(start: number, place: number): Uint8Array {
  const bytes = new Uint8Array(r.DESCRIPTOR_SIZE_BYTES);
  bytes[r.TXC_TUCSS] = start;
  bytes[r.TXC_TUCSO] = place;
  new DataView(bytes.buffer).setUint32(r.TXC_COMMAND, (r.TXD_CMD_DEXT | r.TXD_CMD_RS) >>> 0, true);
  return bytes;
}

/** An extended data descriptor (3.3.7) for a whole frame, with the sum that the last context described. */
export function dataDescriptor(address: number, length: number): Uint8Array {
  const command = r.TXD_CMD_DEXT | r.TXD_DTYP_DATA | r.TXD_CMD_EOP | r.TXD_CMD_IFCS | r.TXD_CMD_RS;
  const bytes = descriptor(address, length | command);
  bytes[r.TXD_POPTS] = r.TXD_POPTS_TXSM;
  return bytes;
}
