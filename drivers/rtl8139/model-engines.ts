/**
 * The two C+ engines of the RTL8139C+ model (chapter 9): descriptors whose OWN bit is set, from memory to the wire and back.
 *
 * Each engine remembers the index of its next descriptor; after one with EOR it begins again. What the driver got wrong is
 * obeyed literally, as the hardware would: that is what a monitor is for. One poll takes at most 64 descriptors.
 */
import { crc32 } from 'node:zlib';
import { multicastBit } from './multicast.ts';
import { PACKET_MAX_BYTES, type Rtl8139State } from './model-state.ts';
import * as r from './registers.ts';

/** What the engines reach outside. */
export interface EnginePorts {
  read(address: number, target: Uint8Array, at: number, length: number): void;
  write(address: number, source: Uint8Array, at: number, length: number): void;
  send(frame: Uint8Array): void;
}

const bytes = new Uint8Array(r.DESCRIPTOR_SIZE_BYTES);
const view = new DataView(bytes.buffer);

/** A 64-bit register of two halves; above 2^53 nothing can be reached, so it need not be exact there. */
export function address64(registers: DataView, low: number): number {
  return registers.getUint32(low, true) + registers.getUint32(low + 4, true) * 2 ** 32;
}

function bufferAddress(): number {
  return view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32;
}

export function raise({ registers }: Rtl8139State, cause: number): void {
  registers.setUint16(r.ISR, registers.getUint16(r.ISR, true) | cause, true);
}

function isRunning({ registers, misc }: Rtl8139State, engine: number, mode: number): boolean {
  const enabled = (registers.getUint8(r.CR) & engine) !== 0;
  return enabled && misc.isCplus === 1 && (registers.getUint16(r.CPCR, true) & mode) !== 0;
}

/** Sends what the driver gave, up to a ring's worth. */
export function runTransmit(state: Rtl8139State, ports: EnginePorts): void {
  if (!isRunning(state, r.CR_TE, r.CPCR_TXEN)) return;
  let taken = 0;
  while (taken < r.RING_COUNT_MAX && transmitOne(state, ports)) taken += 1;
  if (taken > 0) raise(state, r.INT_TOK);
}

function transmitOne(state: Rtl8139State, ports: EnginePorts): boolean {
  const { misc, packet } = state;
  const place = address64(state.registers, r.TNPDS_LO) + misc.txIndex * r.DESCRIPTOR_SIZE_BYTES;
  ports.read(place, bytes, 0, bytes.length);
  const command = view.getUint32(0, true);
  if ((command & r.D_OWN) === 0) return false;
  if ((command & r.D_FS) !== 0) misc.packetBytes = 0;
  const length = Math.min(command & r.TXD_LENGTH_MASK, PACKET_MAX_BYTES - misc.packetBytes);
  ports.read(bufferAddress(), packet, misc.packetBytes, length);
  misc.packetBytes += length;
  misc.txIndex = (command & r.D_EOR) !== 0 ? 0 : (misc.txIndex + 1) % r.RING_COUNT_MAX;
  view.setUint32(0, (command & ~r.D_OWN & ~r.TXD_STATUS_MASK) >>> 0, true);
  ports.write(place, bytes, 0, 4);
  if ((command & r.D_LS) !== 0) {
    state.tally.sent += 1;
    if (misc.packetBytes > 0) ports.send(packet.subarray(0, misc.packetBytes));
    misc.packetBytes = 0;
  }
  return true;
}

/** Whether the filters let a frame through, and as what. */
function classify({ registers, tally }: Rtl8139State, frame: Uint8Array): number | undefined {
  const rcr = registers.getUint32(r.RCR, true);
  const promiscuous = (rcr & r.RCR_AAP) !== 0;
  if (frame.subarray(0, 6).every((byte) => byte === 0xff)) {
    if (!promiscuous && (rcr & r.RCR_AB) === 0) return undefined;
    tally.broadcast += 1;
    return promiscuous ? 0 : r.RXD_BAR;
  }
  if (((frame[0] ?? 0) & 1) === 1) {
    const bit = multicastBit(frame.subarray(0, 6));
    const listed = (registers.getUint8(r.MAR0 + (bit >>> 3)) & (1 << (bit & 7))) !== 0;
    if (!promiscuous && ((rcr & r.RCR_AM) === 0 || !listed)) return undefined;
    tally.multicast += 1;
    return promiscuous ? 0 : r.RXD_MAR;
  }
  const own = frame.subarray(0, 6).every((byte, index) => byte === registers.getUint8(r.IDR0 + index));
  if (!promiscuous && ((rcr & r.RCR_APM) === 0 || !own)) return undefined;
  tally.physical += 1;
  return promiscuous ? 0 : r.RXD_PAM;
}

/** A frame arrives: into the next descriptor, or lost. */
export function receive(state: Rtl8139State, ports: EnginePorts, frame: Uint8Array): void {
  if (!isRunning(state, r.CR_RE, r.CPCR_RXEN)) return;
  const kind = classify(state, frame);
  if (kind === undefined) return;
  const { misc, registers, tally } = state;
  const length = Math.max(frame.length, r.FRAME_MIN_BYTES);
  const padded = new Uint8Array(length + r.FCS_BYTES);
  padded.set(frame);
  new DataView(padded.buffer).setUint32(length, crc32(padded.subarray(0, length)), true);
  const place = address64(registers, r.RDSAR_LO) + misc.rxIndex * r.DESCRIPTOR_SIZE_BYTES;
  ports.read(place, bytes, 0, bytes.length);
  const command = view.getUint32(0, true);
  const owned = (command & r.D_OWN) !== 0;
  if (!owned || padded.length > (command & r.RXD_SIZE_MASK)) {
    registers.setUint32(r.MPC, (registers.getUint32(r.MPC, true) + 1) & 0xff_ffff, true);
    tally.missed += 1;
    if (owned) tally.rxErrors += 1;
    return raise(state, r.INT_RDU);
  }
  ports.write(bufferAddress(), padded, 0, padded.length);
  const status = (command & r.D_EOR) | r.D_FS | r.D_LS | kind | padded.length;
  view.setUint32(0, ((command & ~(r.D_OWN | r.RXD_SIZE_MASK)) | status) >>> 0, true);
  view.setUint32(4, 0, true);
  ports.write(place, bytes, 0, 8);
  tally.received += 1;
  misc.rxIndex = (command & r.D_EOR) !== 0 ? 0 : (misc.rxIndex + 1) % 0x1_0000;
  raise(state, r.INT_ROK);
}

/** Writes the 64 bytes of counters to where DTCCR says (6.3). */
export function dumpTally({ registers, tally }: Rtl8139State, ports: EnginePorts): void {
  const dump = new Uint8Array(r.TALLY_SIZE_BYTES);
  const at = new DataView(dump.buffer);
  at.setUint32(r.TALLY_TX_OK, tally.sent, true);
  at.setUint32(r.TALLY_RX_OK, tally.received, true);
  at.setUint32(r.TALLY_RX_ERROR, tally.rxErrors, true);
  at.setUint16(r.TALLY_MISSED, tally.missed, true);
  at.setUint32(r.TALLY_RX_OK_PHYSICAL, tally.physical, true);
  at.setUint32(r.TALLY_RX_OK_BROADCAST, tally.broadcast, true);
  at.setUint32(r.TALLY_RX_OK_MULTICAST, tally.multicast, true);
  const low = registers.getUint32(r.DTCCR_LO, true);
  ports.write(address64(registers, r.DTCCR_LO) - (low & 0x3f), dump, 0, dump.length);
}
