/**
 * The receive side of the 82540EM model (data sheet 3.2 and 13.4.22): filter, buffers, descriptors, interrupts.
 *
 * A frame that cannot be received now (link down, receiver off, no free descriptor, no bus mastering) waits in the device
 * and is looked at again when a register that matters is written. Two habits of QEMU's device that drivers can see are
 * kept: the CRC counts in the descriptor's length but is not written to memory, and old status bits of a descriptor
 * survive.
 */
import { address64 } from './model-address.ts';
import { loadWord } from './model-checksum.ts';
import { raise } from './model-interrupt.ts';
import type { E1000State } from './model-state.ts';
import { register, setRegister } from './model-state.ts';
import { copyCounter, count, countOctets, countSize } from './model-statistics.ts';
import * as r from './registers.ts';

export interface ReceivePorts {
  read(address: number, target: Uint8Array, at: number, length: number): void;
  write(address: number, source: Uint8Array, at: number, length: number): void;
}

/** Largest frame without and with long-packet enable (13.4.22 LPE). */
const FRAME_LIMIT_BYTES = 1522;
const LONG_FRAME_LIMIT_BYTES = 16_384;
const ETHERNET_HEADER_BYTES = 14;

const descriptor = new Uint8Array(r.DESCRIPTOR_SIZE_BYTES);
const view = new DataView(descriptor.buffer);

/** A frame from the wire: received now, or kept for later. When too much is kept it is lost, as in a full FIFO. */
export function arrive(state: E1000State, ports: ReceivePorts, frame: Uint8Array): void {
  const whole = padded(frame);
  if (state.pending.empty && canReceive(state)) receive(state, ports, whole);
  else state.pending.push(whole);
}

/** A cable carries no frame shorter than 60 bytes and CRC; senders that make one have it padded (QEMU's network does so,
 * in loopback too, and never counts it as a runt). */
function padded(frame: Uint8Array): Uint8Array {
  if (frame.length >= r.FRAME_MIN_BYTES) return frame;
  const whole = new Uint8Array(r.FRAME_MIN_BYTES);
  whole.set(frame);
  return whole;
}

/** Receives what waits, as far as possible. */
export function flushPending(state: E1000State, ports: ReceivePorts): void {
  while (canReceive(state)) {
    const frame = state.pending.pop();
    if (frame === undefined) return;
    receive(state, ports, frame);
  }
}

export function canReceive(state: E1000State): boolean {
  return (
    (register(state, r.STATUS) & r.STATUS_LU) !== 0 &&
    (register(state, r.RCTL) & r.RCTL_EN) !== 0 &&
    (state.config.getUint16(r.PCI_COMMAND, true) & r.PCI_COMMAND_MASTER) !== 0 &&
    register(state, r.RDH) !== register(state, r.RDT)
  );
}

/** What writing RCTL decides about buffers: their size (BSIZE, BSEX), and how few may be left before RXDMT0. */
export function configureReceive(state: E1000State, rctl: number): void {
  const sizes = (rctl & r.RCTL_BSEX) === 0 ? [2048, 1024, 512, 256] : [2048, 16_384, 8192, 4096];
  state.rx.bufferBytes = sizes[(rctl >>> r.RCTL_BSIZE_SHIFT) & 3] ?? 0;
  state.rx.thresholdShift = ((rctl >>> r.RCTL_RDMTS_SHIFT) & 3) + 1;
}

export function receive(state: E1000State, ports: ReceivePorts, arrived: Uint8Array): void {
  let frame = padded(arrived);
  const rctl = register(state, r.RCTL);
  if (isOversized(rctl, frame.length)) {
    count(state, r.ROC);
    return;
  }
  if (!passesFilter(state, rctl, frame)) return;

  let special = 0;
  let status = 0;
  if ((register(state, r.CTRL) & r.CTRL_VME) !== 0 && isTagged(state, frame)) {
    special = loadWord(frame, ETHERNET_HEADER_BYTES);
    status = r.RXD_STATUS_VP;
    frame = withoutTag(frame);
  }
  const totalBytes = frame.length + ((rctl & r.RCTL_SECRC) === 0 ? r.FCS_BYTES : 0);
  if (!hasRoom(state, totalBytes) || !fillDescriptors(state, ports, frame, totalBytes, status, special)) {
    count(state, r.RNBC);
    count(state, r.MPC);
    raise(state, r.INT_RXO);
    return;
  }
  countReceived(state, frame.length, totalBytes);
  raise(state, r.INT_RXT0 | (isBelowThreshold(state) ? r.INT_RXDMT0 : 0));
}

function isOversized(rctl: number, length: number): boolean {
  if ((rctl & r.RCTL_SBP) !== 0) return false;
  return length > LONG_FRAME_LIMIT_BYTES || (length > FRAME_LIMIT_BYTES && (rctl & r.RCTL_LPE) === 0);
}

function isTagged(state: E1000State, frame: Uint8Array): boolean {
  return loadWord(frame, 12) === (register(state, r.VET) & 0xffff);
}

function withoutTag(frame: Uint8Array): Uint8Array {
  const stripped = new Uint8Array(frame.length - 4);
  stripped.set(frame.subarray(0, 12));
  stripped.set(frame.subarray(16), 12);
  return stripped;
}

function passesFilter(state: E1000State, rctl: number, frame: Uint8Array): boolean {
  if ((rctl & r.RCTL_VFE) !== 0 && isTagged(state, frame)) {
    const vlan = loadWord(frame, ETHERNET_HEADER_BYTES);
    const bits = register(state, r.VFTA + 4 * ((vlan >>> 5) & 0x7f));
    if ((bits & (1 << (vlan & 31))) === 0) return false;
  }
  const multicast = ((frame[0] ?? 0) & 1) === 1;
  const broadcast = frame.subarray(0, 6).every((byte) => byte === 0xff);
  if (!multicast && (rctl & r.RCTL_UPE) !== 0) return true;
  if (multicast && (rctl & r.RCTL_MPE) !== 0) {
    count(state, r.MPRC);
    return true;
  }
  if (broadcast && (rctl & r.RCTL_BAM) !== 0) {
    count(state, r.BPRC);
    return true;
  }
  return matchesAddress(state, frame) || matchesHash(state, rctl, frame);
}

/** Exact match with one of the valid receive addresses (13.5.2, 13.5.3). */
function matchesAddress(state: E1000State, frame: Uint8Array): boolean {
  const low = ((frame[0] ?? 0) | ((frame[1] ?? 0) << 8) | ((frame[2] ?? 0) << 16) | ((frame[3] ?? 0) << 24)) >>> 0;
  const high = (frame[4] ?? 0) | ((frame[5] ?? 0) << 8);
  for (let pair = 0; pair < r.RA_PAIRS; pair += 1) {
    const rah = register(state, r.RAH + 8 * pair);
    if ((rah & r.RAH_AV) === 0) continue;
    if (register(state, r.RAL + 8 * pair) === low && (rah & 0xffff) === high) return true;
  }
  return false;
}

/** The 4096-bit hash table (13.5.1); RCTL.MO says which 12 bits of the address choose the bit. */
function matchesHash(state: E1000State, rctl: number, frame: Uint8Array): boolean {
  const shift = [4, 3, 2, 0][(rctl >>> r.RCTL_MO_SHIFT) & 3] ?? 0;
  const hash = ((((frame[5] ?? 0) << 8) | (frame[4] ?? 0)) >>> shift) & 0xfff;
  if ((register(state, r.MTA + 4 * (hash >>> 5)) & (1 << (hash & 31))) === 0) return false;
  count(state, r.MPRC);
  return true;
}

function hasRoom(state: E1000State, totalBytes: number): boolean {
  const head = register(state, r.RDH);
  const tail = register(state, r.RDT);
  if (totalBytes <= state.rx.bufferBytes) return head !== tail;
  if (head === tail) return false;
  const ringCount = Math.floor(register(state, r.RDLEN) / r.DESCRIPTOR_SIZE_BYTES);
  const free = head < tail ? tail - head : ringCount + tail - head;
  return totalBytes <= free * state.rx.bufferBytes;
}

/** Spreads the frame over as many buffers as it needs. False if the ring came full circle: the driver gave it nonsense. */
function fillDescriptors(
  state: E1000State,
  ports: ReceivePorts,
  frame: Uint8Array,
  totalBytes: number,
  status: number,
  special: number,
): boolean {
  const start = register(state, r.RDH);
  const ringBytes = register(state, r.RDLEN);
  let offset = 0;
  do {
    const head = register(state, r.RDH);
    const address = address64(register(state, r.RDBAH), (register(state, r.RDBAL) & ~0xf) >>> 0, head * 16);
    ports.read(address, descriptor, 0, descriptor.length);
    offset += fillOne(state, ports, frame, offset, totalBytes);
    view.setUint16(r.RXD_SPECIAL, special, true);
    descriptor[r.RXD_STATUS] = (descriptor[r.RXD_STATUS] ?? 0) | status | r.RXD_STATUS_DD;
    ports.write(address, descriptor, 0, descriptor.length);
    const next = head + 1;
    setRegister(state, r.RDH, next * r.DESCRIPTOR_SIZE_BYTES >= ringBytes ? 0 : next);
    const outside = start >= Math.floor(ringBytes / r.DESCRIPTOR_SIZE_BYTES);
    if (register(state, r.RDH) === start || outside) return false;
  } while (offset < totalBytes);
  return true;
}

/** Uses the fetched descriptor for the bytes from `offset` on; returns how many it took. A null buffer is skipped. */
function fillOne(
  state: E1000State,
  ports: ReceivePorts,
  frame: Uint8Array,
  offset: number,
  totalBytes: number,
): number {
  const high = view.getUint32(4, true);
  const low = view.getUint32(0, true);
  if (high === 0 && low === 0) return 0;
  const takes = Math.min(totalBytes - offset, state.rx.bufferBytes);
  const copies = Math.min(frame.length - offset, state.rx.bufferBytes);
  if (copies > 0) ports.write(address64(high, low, 0), frame, offset, copies);
  view.setUint16(r.RXD_LENGTH, takes, true);
  const old = descriptor[r.RXD_STATUS] ?? 0;
  const last = offset + takes >= totalBytes;
  descriptor[r.RXD_STATUS] = last ? old | r.RXD_STATUS_EOP | r.RXD_STATUS_IXSM : old & ~r.RXD_STATUS_EOP;
  return takes;
}

function countReceived(state: E1000State, dataBytes: number, totalBytes: number): void {
  countSize(state, r.PRC64, totalBytes);
  count(state, r.TPR);
  copyCounter(state, r.TPR, r.GPRC);
  countOctets(state, r.TORL, dataBytes + r.FCS_BYTES);
  copyCounter(state, r.TORL, r.GORCL);
  copyCounter(state, r.TORH, r.GORCH);
}

function isBelowThreshold(state: E1000State): boolean {
  const head = register(state, r.RDH);
  const ringBytes = register(state, r.RDLEN);
  let tail = register(state, r.RDT);
  if (tail < head) tail += Math.floor(ringBytes / r.DESCRIPTOR_SIZE_BYTES);
  return (tail - head) * r.DESCRIPTOR_SIZE_BYTES <= ringBytes >>> state.rx.thresholdShift;
}
