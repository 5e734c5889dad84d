/**
 * Plays generated sequences on a pair of devices and compares whatever a driver could see after each step.
 */
import * as r from '../registers.ts';
import type { Pair } from './pair.ts';
import type { BufferPlace, IncomingFrame, ReceiveSequence, TransmitSequence, TransmitWork } from './sequences.ts';

const TX_RING = 0x0000;
const RX_RING = 0x1000;
const DATA = 0x1_0000;
const DATA_BYTES = 0x2_0000;
const RX_BUFFERS = 0x4_0000;
const RX_BUFFER_STRIDE = 0x4000;
const RX_AREA_BYTES = 32 * RX_BUFFER_STRIDE;
/** Beyond the memory of both devices, and no device's BAR. */
const BEYOND = 0x1_2345_6780;
/** QEMU's device holds received frames back for 1 s after a write to RCTL. */
const RECEIVE_HOLD_MS = 1050;

function bytesOf(seed: number, length: number): Uint8Array {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

function addressOf(pair: Pair, place: BufferPlace): number {
  if (place === 'null') return 0;
  if (place === 'beyond') return BEYOND;
  return pair.base + DATA + place.at;
}

function encode(pair: Pair, work: TransmitWork): Uint8Array {
  const bytes = new Uint8Array(r.DESCRIPTOR_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  if (work.kind === 'context') {
    const [ipcss = 0, ipcso = 0, ipcse = 0, tucss = 0, tucso = 0, tucse = 0] = work.offsets;
    view.setUint8(r.TXC_IPCSS, ipcss);
    view.setUint8(r.TXC_IPCSO, ipcso);
    view.setUint16(r.TXC_IPCSE, ipcse, true);
    view.setUint8(r.TXC_TUCSS, tucss);
    view.setUint8(r.TXC_TUCSO, tucso);
    view.setUint16(r.TXC_TUCSE, tucse, true);
    view.setUint32(r.TXC_COMMAND, (work.payload | work.flags | r.TXD_CMD_DEXT) >>> 0, true);
    view.setUint8(r.TXC_HDRLEN, work.header);
    view.setUint16(r.TXC_MSS, work.segment, true);
    return bytes;
  }
  const address = addressOf(pair, work.buffer);
  view.setUint32(0, address % 2 ** 32, true);
  view.setUint32(4, Math.floor(address / 2 ** 32), true);
  // TSE exists only in data descriptors; in a legacy one the bit is IC.
  const kind = work.kind === 'data' ? r.TXD_CMD_DEXT | r.TXD_DTYP_DATA : 0;
  view.setUint32(r.TXD_COMMAND, (work.length | work.flags | kind) >>> 0, true);
  view.setUint32(r.TXD_STATUS, work.upper, true);
  return bytes;
}

export async function runTransmitSequence(pair: Pair, sequence: TransmitSequence): Promise<void> {
  pair.write(r.TCTL, 0);
  pair.write(r.CTRL, sequence.tagging ? (r.CTRL_VME | r.CTRL_SLU) >>> 0 : r.CTRL_SLU);
  pair.write(r.VET, sequence.vet);
  pair.write(r.TDBAL, pair.base + TX_RING);
  pair.write(r.TDBAH, 0);
  pair.write(r.TDLEN, sequence.ringCount * r.DESCRIPTOR_SIZE_BYTES);
  pair.write(r.TDH, 0);
  pair.write(r.TDT, 0);
  pair.writeMemory(pair.base + DATA, bytesOf(sequence.seed, DATA_BYTES));
  pair.write(r.IMS, sequence.ims);
  pair.write(r.TCTL, r.TCTL_EN);

  let next = 0;
  let tail = 0;
  for (const size of sequence.batches) {
    if (next >= sequence.loads.length) break;
    for (const work of sequence.loads.slice(next, next + size)) {
      pair.writeMemory(pair.base + TX_RING + tail * r.DESCRIPTOR_SIZE_BYTES, encode(pair, work));
      tail = (tail + 1) % sequence.ringCount;
    }
    next += size;
    pair.write(r.TDT, tail);
    pair.read(r.TDH);
    await pair.settle();
    pair.read(r.ICR);
  }
  if (sequence.wildTail !== undefined) {
    pair.write(r.TDT, sequence.wildTail);
    await pair.settle();
  }
  pair.compareMemory(pair.base, DATA + DATA_BYTES);
  for (let offset = r.GPTC; offset < r.STATISTICS_END; offset += 4) pair.read(offset);
  pair.write(r.IMC, 0xffff_ffff);
  pair.read(r.ICR);
  await pair.settle();
}

const OWN = [0x52, 0x54, 0x00, 0x12, 0x34, 0x56];
const SECOND = [0x02, 0x11, 0x22, 0x33, 0x44, 0x55];
const HASHED = [0x03, 0x00, 0x5e, 0x01, 0x9a, 0xc7];
const DESTINATIONS: Readonly<Record<IncomingFrame['to'], readonly number[]>> = {
  own: OWN,
  broadcast: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
  multicast: [0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb],
  hashed: HASHED,
  second: SECOND,
  stranger: [0x02, 0x99, 0x99, 0x99, 0x9a, 0xc7],
};

function frameOf(frame: IncomingFrame, vlansAllowed: readonly number[]): Uint8Array {
  const bytes = bytesOf(frame.seed + 1, frame.length);
  bytes.set(DESTINATIONS[frame.to]);
  if (frame.tag === undefined || frame.length < 18) {
    bytes.set([0x08, 0x00], 12);
    return bytes;
  }
  // Half of the tags are of VLANs that pass the filter.
  const allowed = vlansAllowed[frame.tag % (2 * vlansAllowed.length)];
  const tag = allowed === undefined ? frame.tag : (frame.tag & 0xf000) | allowed;
  bytes.set([0x81, 0x00, tag >> 8, tag & 0xff], 12);
  return bytes;
}

function programFilters(pair: Pair, sequence: ReceiveSequence): void {
  for (let index = 0; index < r.VFTA_COUNT; index += 1) pair.write(r.VFTA + 4 * index, 0);
  for (const vlan of sequence.vlansAllowed) {
    const offset = r.VFTA + 4 * (vlan >>> 5);
    pair.write(offset, (pair.read(offset) | (1 << (vlan & 31))) >>> 0);
  }
  for (let index = 0; index < r.MTA_COUNT; index += 1) pair.write(r.MTA + 4 * index, 0);
  if (sequence.hashed) {
    const shift = [4, 3, 2, 0][(sequence.rctl >>> r.RCTL_MO_SHIFT) & 3] ?? 0;
    const hash = (((0xc7 << 8) | 0x9a) >>> shift) & 0xfff;
    pair.write(r.MTA + 4 * (hash >>> 5), (1 << (hash & 31)) >>> 0);
  }
  pair.write(r.RAL, 0x1200_5452);
  pair.write(r.RAH, 0x8000_5634);
  pair.write(r.RAL + 24, 0x3322_1102);
  pair.write(r.RAH + 24, sequence.secondValid ? 0x8000_5544 : 0x5544);
}

function receiveDescriptor(pair: Pair, sequence: ReceiveSequence, index: number): Uint8Array {
  const bytes = new Uint8Array(r.DESCRIPTOR_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  const isNull = sequence.nullBuffers.includes(index);
  view.setUint32(0, isNull ? 0 : pair.base + RX_BUFFERS + index * RX_BUFFER_STRIDE, true);
  view.setUint32(8, sequence.oldStatus, true);
  view.setUint32(12, sequence.oldStatus, true);
  return bytes;
}

export async function runReceive(pair: Pair, sequence: ReceiveSequence): Promise<void> {
  pair.write(r.RCTL, 0);
  pair.write(r.CTRL, sequence.stripping ? (r.CTRL_VME | r.CTRL_SLU) >>> 0 : r.CTRL_SLU);
  pair.write(r.VET, 0x8100);
  programFilters(pair, sequence);
  pair.writeMemory(pair.base + RX_BUFFERS, new Uint8Array(RX_AREA_BYTES));
  for (let index = 0; index < sequence.ringCount; index += 1) {
    const at = pair.base + RX_RING + index * r.DESCRIPTOR_SIZE_BYTES;
    pair.writeMemory(at, receiveDescriptor(pair, sequence, index));
  }
  pair.write(r.RDBAL, pair.base + RX_RING);
  pair.write(r.RDBAH, 0);
  pair.write(r.RDLEN, sequence.ringCount * r.DESCRIPTOR_SIZE_BYTES);
  pair.write(r.RDH, 0);
  pair.write(r.RDT, 0);
  pair.write(r.RCTL, sequence.rctl);
  await new Promise((resolve) => setTimeout(resolve, RECEIVE_HOLD_MS));
  pair.write(r.RDT, sequence.ringCount - 1);
  pair.write(r.IMS, r.INT_RXT0 | r.INT_RXDMT0 | r.INT_RXO);

  for (let first = 0; first < sequence.frames.length; first += sequence.burst) {
    for (const frame of sequence.frames.slice(first, first + sequence.burst)) {
      pair.receiveFrame(frameOf(frame, sequence.vlansAllowed));
    }
    await pair.settle();
    pair.read(r.ICR);
    // Every third look gives the descriptors back; in between the ring may run dry, and frames wait.
    if ((first / sequence.burst) % 3 === 2) {
      const head = pair.read(r.RDH);
      pair.write(r.RDT, (head + sequence.ringCount - 1) % sequence.ringCount);
      await pair.settle();
    }
  }
  await drain(pair, sequence);
  pair.compareMemory(pair.base, RX_BUFFERS + RX_AREA_BYTES);
  for (let offset = r.CRCERRS; offset < r.STATISTICS_END; offset += 4) pair.read(offset);
  pair.write(r.IMC, 0xffff_ffff);
}

/** Frames that still wait in the devices are received before the next sequence changes the rules for them. */
async function drain(pair: Pair, sequence: ReceiveSequence): Promise<void> {
  for (let round = 0; round < sequence.frames.length; round += 1) {
    const head = pair.read(r.RDH);
    pair.write(r.RDT, (head + sequence.ringCount - 1) % sequence.ringCount);
    await pair.settle();
    if (pair.read(r.RDH) === head) break;
  }
  // A frame that is filtered out leaves no trace: one that is not, behind it, shows that all have been looked at.
  const last = frameOf({ to: 'own', length: 60, tag: undefined, seed: 1 }, []);
  pair.receiveFrame(last);
  await pair.settle();
  pair.read(r.ICR);
}
