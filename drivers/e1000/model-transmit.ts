/**
 * The transmit engine of the 82540EM model (data sheet 3.3 to 3.5): from the tail write to frames on the wire.
 *
 * Descriptors are taken from head to tail. A legacy or data descriptor adds bytes to the packet under assembly; a context
 * descriptor loads offload parameters; a descriptor with EOP sends. RS or RPS asks for the status write-back. What the
 * driver got wrong is obeyed literally, as the hardware would: that is what a monitor is for.
 */
import { address64 } from './model-address.ts';
import { insertChecksum, loadWord, storeWord } from './model-checksum.ts';
import type { E1000State, OffloadContext } from './model-state.ts';
import { PACKET_MAX_BYTES, VLAN_TAG_BYTES, register, setRegister } from './model-state.ts';
import { raise } from './model-interrupt.ts';
import { copyCounter, count, countOctets, countSize } from './model-statistics.ts';
import * as r from './registers.ts';

/** What the engine reaches outside: memory, and the wire (or the receiver, in loopback). */
export interface TransmitPorts {
  read(address: number, target: Uint8Array, at: number, length: number): void;
  write(address: number, source: Uint8Array, at: number, length: number): void;
  send(frame: Uint8Array): void;
  wireReady(): boolean;
}

const descriptor = new Uint8Array(r.DESCRIPTOR_SIZE_BYTES);
const view = new DataView(descriptor.buffer);

/** Runs the engine until the ring is empty, or until the wire is full: then it goes on when called again. */
export function runTransmit(state: E1000State, ports: TransmitPorts): void {
  if ((register(state, r.TCTL) & r.TCTL_EN) === 0) return;
  const start = register(state, r.TDH);
  const ringBytes = register(state, r.TDLEN);
  let causes = r.INT_TXQE;
  while (register(state, r.TDH) !== register(state, r.TDT)) {
    if (!ports.wireReady()) {
      causes &= ~r.INT_TXQE;
      break;
    }
    const head = register(state, r.TDH);
    const address = address64(register(state, r.TDBAH), (register(state, r.TDBAL) & ~0xf) >>> 0, head * 16);
    ports.read(address, descriptor, 0, descriptor.length);
    causes |= processDescriptor(state, ports, address);
    const next = head + 1;
    setRegister(state, r.TDH, next * r.DESCRIPTOR_SIZE_BYTES >= ringBytes ? 0 : next);
    // Head and tail that can never meet (a tail outside the ring) must not make the device run for ever.
    const outside = start >= Math.floor(ringBytes / r.DESCRIPTOR_SIZE_BYTES);
    if (register(state, r.TDH) === start || outside) break;
  }
  raise(state, causes);
}

/** Obeys the fetched descriptor and returns the interrupt causes that it brings. */
function processDescriptor(state: E1000State, ports: TransmitPorts, address: number): number {
  const command = view.getUint32(r.TXD_COMMAND, true);
  const kind = command & (r.TXD_CMD_DEXT | r.TXD_DTYP_DATA);
  if (kind === r.TXD_CMD_DEXT) {
    loadContext((command & r.TXD_CMD_TSE) === 0 ? state.plainContext : state.segmentContext);
    if ((command & r.TXD_CMD_TSE) !== 0) state.tx.segments = 0;
  } else {
    if (kind === 0 || kind === r.TXD_DTYP_DATA) state.tx.segmenting = 0;
    else beginData(state, command);
    gatherPacket(state, ports, command);
  }
  return writeBack(ports, address, command);
}

function loadContext(context: OffloadContext): void {
  const command = view.getUint32(r.TXC_COMMAND, true);
  context.ipcss = view.getUint8(r.TXC_IPCSS);
  context.ipcso = view.getUint8(r.TXC_IPCSO);
  context.ipcse = view.getUint16(r.TXC_IPCSE, true);
  context.tucss = view.getUint8(r.TXC_TUCSS);
  context.tucso = view.getUint8(r.TXC_TUCSO);
  context.tucse = view.getUint16(r.TXC_TUCSE, true);
  context.payloadBytes = command & r.TXC_PAYLEN_MASK;
  context.headerBytes = view.getUint8(r.TXC_HDRLEN);
  context.segmentBytes = view.getUint16(r.TXC_MSS, true);
  context.isIpv4 = (command & r.TXC_CMD_IP) === 0 ? 0 : 1;
  context.isTcp = (command & r.TXC_CMD_TCP) === 0 ? 0 : 1;
}

/** Only the first descriptor of a packet chooses its checksums (3.3.7.1). */
function beginData(state: E1000State, command: number): void {
  if (state.tx.size === 0) state.tx.popts = view.getUint32(r.TXD_STATUS, true) >>> 8;
  state.tx.segmenting = (command & r.TXD_CMD_TSE) === 0 ? 0 : 1;
}

function gatherPacket(state: E1000State, ports: TransmitPorts, command: number): void {
  const { tx } = state;
  const ends = (command & r.TXD_CMD_EOP) !== 0;
  const wantsTag = (command & r.TXD_CMD_VLE) !== 0 && (register(state, r.CTRL) & r.CTRL_VME) !== 0;
  if (wantsTag && (tx.segmenting === 1 || ends)) {
    tx.tagged = 1;
    tx.tagType = register(state, r.VET) & 0xffff;
    tx.tag = view.getUint16(r.TXD_SPECIAL, true);
  }
  // The device takes 16 bits of length from every kind of descriptor, although data descriptors have 20 (3.3.7).
  const length = command & r.TXD_LENGTH_MASK;
  if (tx.segmenting === 1) gatherSegments(state, ports, length);
  else appendBytes(state, ports, 0, Math.min(length, PACKET_MAX_BYTES - tx.size));
  if (!ends) return;
  if (tx.segmenting === 0 || tx.size >= state.segmentContext.headerBytes) sendPacket(state, ports);
  tx.segments = 0;
  tx.popts = 0;
  tx.tagged = 0;
  tx.size = 0;
  tx.segmenting = 0;
}

function appendBytes(state: E1000State, ports: TransmitPorts, offset: number, length: number): void {
  const address = address64(view.getUint32(4, true), view.getUint32(0, true), offset);
  ports.read(address, state.packet, VLAN_TAG_BYTES + state.tx.size, length);
  // The device counts in 16 bits: a packet that grows to 64 KiB starts again from nothing.
  state.tx.size = (state.tx.size + length) & 0xffff;
}

/** TCP segmentation (3.5): every full segment is sent with a fresh copy of the headers. */
function gatherSegments(state: E1000State, ports: TransmitPorts, length: number): void {
  const { tx, segmentContext, packet, header } = state;
  const full = segmentContext.headerBytes + segmentContext.segmentBytes;
  const body = packet.subarray(VLAN_TAG_BYTES);
  let offset = 0;
  while (offset < length) {
    if (tx.size >= full) return;
    const before = tx.size;
    const bytes = Math.min(length - offset, full - before, PACKET_MAX_BYTES - before);
    if (bytes === 0) return;
    appendBytes(state, ports, offset, bytes);
    offset += bytes;
    const filled = before + bytes;
    if (filled >= segmentContext.headerBytes && before < segmentContext.headerBytes) {
      header.set(body.subarray(0, segmentContext.headerBytes));
    }
    if (filled === full) {
      sendPacket(state, ports);
      body.set(header.subarray(0, segmentContext.headerBytes));
      tx.size = segmentContext.headerBytes;
    }
  }
}

function sendPacket(state: E1000State, ports: TransmitPorts): void {
  const { tx, packet } = state;
  const body = packet.subarray(VLAN_TAG_BYTES);
  const context = tx.segmenting === 1 ? state.segmentContext : state.plainContext;
  if (tx.segmenting === 1) fixSegmentHeaders(state, body);
  if ((tx.popts & r.TXD_POPTS_TXSM) !== 0) {
    insertChecksum(body, tx.size, context.tucso, context.tucss, context.tucse);
  }
  if ((tx.popts & r.TXD_POPTS_IXSM) !== 0) {
    insertChecksum(body, tx.size, context.ipcso, context.ipcss, context.ipcse);
  }
  if (tx.tagged === 1) {
    packet.copyWithin(0, VLAN_TAG_BYTES, VLAN_TAG_BYTES + 12);
    storeWord(packet, 12, tx.tagType);
    storeWord(packet, 14, tx.tag);
    sendFrame(state, ports, packet.subarray(0, tx.size + VLAN_TAG_BYTES));
  } else {
    sendFrame(state, ports, body.subarray(0, tx.size));
  }
  count(state, r.TPT);
  copyCounter(state, r.TPT, r.GPTC);
  countOctets(state, r.TOTL, tx.size + r.FCS_BYTES);
  copyCounter(state, r.TOTL, r.GOTCL);
  copyCounter(state, r.TOTH, r.GOTCH);
}

/** Lengths, identification, sequence number and flags of one segment (3.5.7). */
function fixSegmentHeaders(state: E1000State, body: Uint8Array): void {
  const { tx, segmentContext: context } = state;
  const ip = context.ipcss;
  if (context.isIpv4 === 1) {
    storeWord(body, ip + 2, tx.size - ip);
    storeWord(body, ip + 4, loadWord(body, ip + 4) + tx.segments);
  } else {
    storeWord(body, ip + 4, tx.size - ip);
  }
  const transport = context.tucss;
  const length = (tx.size - transport) & 0xffff;
  if (context.isTcp === 1) {
    const sent = tx.segments * context.segmentBytes;
    const sequence = loadWord(body, transport + 4) * 0x1_0000 + loadWord(body, transport + 6) + sent;
    storeWord(body, transport + 4, Math.floor(sequence / 0x1_0000));
    storeWord(body, transport + 6, sequence);
    // Unsigned in the device: a payload length that is too small counts as very large.
    if ((context.payloadBytes - sent) >>> 0 > context.segmentBytes) {
      body[transport + 13] = (body[transport + 13] ?? 0) & ~0x09; // not the last segment: no PSH, no FIN
    } else if (tx.segments > 0) {
      count(state, r.TSCTC);
    }
  } else {
    storeWord(body, transport + 4, length);
  }
  if ((tx.popts & r.TXD_POPTS_TXSM) !== 0) {
    // The driver left the pseudo-header's sum without the length, which only the device knows.
    const sum = loadWord(body, context.tucso) + length;
    storeWord(body, context.tucso, (sum >>> 16) + (sum & 0xffff));
  }
  tx.segments += 1;
}

function sendFrame(state: E1000State, ports: TransmitPorts, frame: Uint8Array): void {
  ports.send(frame);
  if (frame.length >= 6 && frame.subarray(0, 6).every((byte) => byte === 0xff)) count(state, r.BPTC);
  else if (((frame[0] ?? 0) & 1) === 1) count(state, r.MPTC);
  countSize(state, r.PTC64, frame.length + r.FCS_BYTES);
}

function writeBack(ports: TransmitPorts, address: number, command: number): number {
  if ((command & (r.TXD_CMD_RS | r.TXD_CMD_RPS)) === 0) return 0;
  descriptor[r.TXD_STATUS] = ((descriptor[r.TXD_STATUS] ?? 0) & ~r.TXD_STATUS_FAILED) | r.TXD_STATUS_DD;
  ports.write(address + r.TXD_STATUS, descriptor, r.TXD_STATUS, 4);
  return r.INT_TXDW;
}
