/**
 * An untrusted driver for the Intel 82540EM: one legacy descriptor per frame, everything by interrupt.
 *
 * It runs in a compartment with nothing but `io`; nobody relies on its correctness for safety. It keeps one rule that its
 * monitor enforces: a descriptor is rewritten only after the device gave it back (DD set). Transmit descriptors between
 * `sent` and `tail` are the device's; receive descriptors all are, except those from the one before `used` up to `next`.
 * It offers the network class (`drivers/class/network.ts`). It does not do VLANs, checksum offload, jumbo frames or multicast.
 */
import type { DeviceIo, DriverEntries, DriverMessage } from '../../kernel/abi.ts';
import { FRAME_HEADER_BYTES, FRAME_MAX_BYTES, FRAME_PADDED_BYTES, formatMac } from '../class/network.ts';
import * as setup from './driver-setup.ts';
import * as r from './registers.ts';

/** Descriptors in each ring; the ring length must be a multiple of 128 bytes (8 descriptors). */
export const RING_COUNT = 256;
/**
 * Received descriptors are filled anew and given back this many at a time: half the ring stays with the device, and one
 * tail write (and, behind a monitor, one look at the device's head) serves them all.
 */
const REFILL_COUNT = RING_COUNT / 2;
/** How often to look at the link while it is down, beside its interrupt. */
const LINK_POLL_US = 100_000;
const CAUSES = r.INT_TXDW | r.INT_LSC | r.INT_RXDMT0 | r.INT_RXO | r.INT_RXT0;

export default function e1000Driver(io: DeviceIo): DriverEntries {
  const rings = setup.allocateRings(io, RING_COUNT);
  let phase: 'resetting' | 'waiting for link' | 'up' = 'resetting';
  let mac = '';
  /** Transmit: the next descriptor to fill, and the oldest that the device has not given back. */
  let tail = 0;
  let sent = 0;
  /** Receive: the next descriptor that the device will give back, and the oldest not yet filled anew. */
  let next = 0;
  let used = 0;

  function beginReset(): void {
    phase = 'resetting';
    setup.quiesceAndReset(io);
    io.setTimer(setup.RESET_SETTLE_US);
  }

  function bringUp(): void {
    setup.maskInterrupts(io);
    const address = setup.readMacAddress(io);
    if (address === undefined) {
      io.log('the EEPROM does not answer; trying again');
      beginReset();
      return;
    }
    mac = formatMac(address);
    setup.programAddress(io, address);
    tail = 0;
    sent = 0;
    next = 0;
    used = 0;
    setup.programTransmitRing(io, rings.txRing);
    setup.programReceiveRing(io, rings.rxRing);
    for (let index = 0; index < RING_COUNT; index += 1) setup.fillReceiveDescriptor(rings, index);
    setup.enableEngines(io);
    io.write32(r.BAR_REGISTERS, r.RDT, RING_COUNT - 1);
    io.write32(r.BAR_REGISTERS, r.IMS, CAUSES);
    phase = 'waiting for link';
    lookAtLink();
  }

  function lookAtLink(): void {
    if (phase !== 'waiting for link') return;
    if (setup.isLinkUp(io)) {
      phase = 'up';
      io.send({ kind: 'up', mac });
    } else {
      io.setTimer(LINK_POLL_US);
    }
  }

  function transmit(frame: unknown): void {
    if (!(frame instanceof Uint8Array) || frame.length < FRAME_HEADER_BYTES || frame.length > FRAME_MAX_BYTES) {
      io.log('not an Ethernet frame; ignored');
      return;
    }
    const following = (tail + 1) % RING_COUNT;
    if (phase === 'up' && following === sent) reclaim();
    if (phase !== 'up' || following === sent) {
      io.send({ kind: 'full' });
      return;
    }
    const offset = tail * setup.BUFFER_SIZE_BYTES;
    const length = Math.max(frame.length, FRAME_PADDED_BYTES);
    rings.txBuffers.copyIn(offset, padded(frame, length));
    const filled = setup.transmitDescriptor(rings.txBuffers.address + offset, length);
    rings.txRing.copyIn(tail * r.DESCRIPTOR_SIZE_BYTES, filled);
    tail = following;
    io.write32(r.BAR_REGISTERS, r.TDT, tail);
  }

  /** Takes back the transmit descriptors that the device is done with. */
  function reclaim(): void {
    let count = 0;
    while (sent !== tail) {
      const status = rings.txRing.read8(sent * r.DESCRIPTOR_SIZE_BYTES + r.TXD_STATUS);
      if ((status & r.TXD_STATUS_DD) === 0) break;
      sent = (sent + 1) % RING_COUNT;
      count += 1;
    }
    if (count > 0) io.send({ kind: 'transmitted', count });
  }

  /** Takes what the device received, at most one ring's worth. */
  function receive(): void {
    for (let taken = 0; taken < RING_COUNT; taken += 1) {
      const at = next * r.DESCRIPTOR_SIZE_BYTES;
      const status = rings.rxRing.read8(at + r.RXD_STATUS);
      if ((status & r.RXD_STATUS_DD) === 0) break;
      deliver(status, rings.rxRing.read8(at + r.RXD_ERRORS), rings.rxRing.read16(at + r.RXD_LENGTH));
      next = (next + 1) % RING_COUNT;
      if ((next + RING_COUNT - used) % RING_COUNT === REFILL_COUNT) refill();
    }
  }

  /** Fills the used descriptors anew and gives them back with one tail write. */
  function refill(): void {
    for (; used !== next; used = (used + 1) % RING_COUNT) setup.fillReceiveDescriptor(rings, used);
    io.write32(r.BAR_REGISTERS, r.RDT, (next + RING_COUNT - 1) % RING_COUNT);
  }

  /** What the device says of a frame is only believed within the buffer's bounds. */
  function deliver(status: number, errors: number, length: number): void {
    const whole = (status & r.RXD_STATUS_EOP) !== 0 && errors === 0;
    if (!whole || length < FRAME_HEADER_BYTES || length > FRAME_MAX_BYTES) return;
    io.send({ kind: 'receive', frame: rings.rxBuffers.copyOut(next * setup.BUFFER_SIZE_BYTES, length) });
  }

  return {
    init() {
      setup.enableBusMaster(io);
      beginReset();
    },
    timer() {
      if (phase === 'resetting') bringUp();
      else lookAtLink();
    },
    interrupt() {
      const causes = io.read32(r.BAR_REGISTERS, r.ICR);
      if (phase === 'resetting' || causes === 0) return;
      if ((causes & r.INT_LSC) !== 0) lookAtLink();
      reclaim();
      receive();
    },
    message(message: DriverMessage) {
      if (message.kind === 'transmit') transmit(message['frame']);
      else if (message.kind === 'reset') beginReset();
    },
  };
}

function padded(frame: Uint8Array, length: number): Uint8Array {
  if (frame.length === length) return frame;
  const longer = new Uint8Array(length);
  longer.set(frame);
  return longer;
}
