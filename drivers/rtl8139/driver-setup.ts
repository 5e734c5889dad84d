/**
 * Bringing an RTL8139C+ up in C+ mode, step by step, in the order of the data sheet (6.33): the part of the driver that
 * other programs share.
 *
 * Every function is one step over `io` and keeps no state. C+ mode first, then the rings, then the engines.
 */
import type { DeviceIo } from '../../kernel/abi.ts';
import { enableBusMaster as enable, MEMORY, PORTS } from '../class/bus-master.ts';
import { allocateRings as allocate, type Rings } from '../class/network-rings.ts';
import * as r from './registers.ts';

export type { Rings };

/** The card clears RST within microseconds; one that never does must not hold the driver. */
const RESET_POLLS_MAX = 1000;
/** A frame with VLAN tag and CRC, in a multiple of 8 bytes, as the card wants it. */
export const BUFFER_SIZE_BYTES = 1536;
/** Own address and broadcasts; DMA bursts without limit. */
export const RCR_ON = r.RCR_APM | r.RCR_AB | r.RCR_AM | 0x0700;
/** Interframe gap as 802.3 has it, DMA bursts of 1024 bytes. */
const TCR_ON = 0x0300_0600;
/** Transmission begins when so much is in the FIFO, in 32 bytes: all of a frame. */
const MTPS_ON = 0x3b;

export const allocateRings = (io: DeviceIo, count: number): Rings =>
  allocate(
    io,
    { count, descriptorBytes: r.DESCRIPTOR_SIZE_BYTES, bufferBytes: BUFFER_SIZE_BYTES },
    { transmit: 'transmit', receive: 'receive' },
  );

export const enableBusMaster = (io: DeviceIo): void => enable(io, PORTS | MEMORY);

/** Interrupts off, engines off, reset. Returns whether the card came out of it. */
export function quiesceAndReset(io: DeviceIo): boolean {
  io.write16(r.BAR_REGISTERS, r.IMR, 0);
  io.write8(r.BAR_REGISTERS, r.CR, 0);
  io.write8(r.BAR_REGISTERS, r.CR, r.CR_RST);
  for (let poll = 0; poll < RESET_POLLS_MAX; poll += 1) {
    if ((io.read8(r.BAR_REGISTERS, r.CR) & r.CR_RST) === 0) return true;
  }
  return false;
}

export function readMacAddress(io: DeviceIo): Uint8Array {
  return Uint8Array.from({ length: 6 }, (_, index) => io.read8(r.BAR_REGISTERS, r.IDR0 + index));
}

/** C+ mode, rings, engines; then what is received. Descriptors have been filled. */
export function start(io: DeviceIo, { txRing, rxRing }: Rings): void {
  io.write16(r.BAR_REGISTERS, r.CPCR, r.CPCR_TXEN | r.CPCR_RXEN);
  programAddress(io, r.RDSAR_LO, rxRing.address);
  programAddress(io, r.TNPDS_LO, txRing.address);
  io.write8(r.BAR_REGISTERS, r.CR, r.CR_TE | r.CR_RE);
  io.write8(r.BAR_REGISTERS, r.MTPS, MTPS_ON);
  io.write32(r.BAR_REGISTERS, r.TCR, TCR_ON);
  io.write32(r.BAR_REGISTERS, r.RCR, RCR_ON);
}

function programAddress(io: DeviceIo, low: number, address: number): void {
  io.write32(r.BAR_REGISTERS, low, address % 2 ** 32);
  io.write32(r.BAR_REGISTERS, low + 4, Math.floor(address / 2 ** 32));
}

/** The 64 bits of the multicast filter (6.2). */
export function programMulticast(io: DeviceIo, table: readonly [low: number, high: number]): void {
  io.write32(r.BAR_REGISTERS, r.MAR0, table[0]);
  io.write32(r.BAR_REGISTERS, r.MAR4, table[1]);
}

/** A descriptor: its command, and the address of its buffer. `last` closes the ring. */
export function descriptor(command: number, address: number, last: boolean): Uint8Array {
  const bytes = new Uint8Array(r.DESCRIPTOR_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (command | (last ? r.D_EOR : 0)) >>> 0, true);
  view.setUint32(8, address % 2 ** 32, true);
  view.setUint32(12, Math.floor(address / 2 ** 32), true);
  return bytes;
}

/** Gives receive descriptor `index` to the card, with its whole buffer. */
export function giveReceiveDescriptor({ rxRing, rxBuffers, count }: Rings, index: number): void {
  const address = rxBuffers.address + index * BUFFER_SIZE_BYTES;
  const bytes = descriptor(r.D_OWN | BUFFER_SIZE_BYTES, address, index === count - 1);
  rxRing.copyIn(index * r.DESCRIPTOR_SIZE_BYTES, bytes);
}

/** Gives transmit descriptor `index` to the card: a whole frame of `length` bytes at `address`. */
export function giveTransmitDescriptor({ txRing, count }: Rings, index: number, address: number, length: number): void {
  const bytes = descriptor(r.D_OWN | r.D_FS | r.D_LS | length, address, index === count - 1);
  txRing.copyIn(index * r.DESCRIPTOR_SIZE_BYTES, bytes);
}

export function pollTransmit(io: DeviceIo): void {
  io.write8(r.BAR_REGISTERS, r.TPPOLL, r.TPPOLL_NPQ);
}

export function isLinkUp(io: DeviceIo): boolean {
  return (io.read8(r.BAR_REGISTERS, r.MSR) & r.MSR_LINKB) === 0;
}
