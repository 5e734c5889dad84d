/**
 * An untrusted driver for the Intel 82540EM, everything by interrupt: one legacy descriptor per frame, or, where the card is
 * to compute a checksum, a context descriptor and an extended one.
 *
 * It runs in a compartment with nothing but `io`; nobody relies on its correctness for safety. It keeps one rule that its
 * monitor enforces: a descriptor is rewritten only after the device gave it back (DD set). Transmit descriptors between
 * `sent` and `tail` are the device's; receive descriptors all are, except those from the tail up to `next`. It offers the
 * network class (`drivers/class/network.ts`). It does not do segmentation, tag insertion or jumbo frames.
 */
import type { DeviceIo, DriverEntries } from '../../kernel/abi.ts';
import { deliver, networkMessages, type Checksum } from '../class/network-rings.ts';
import { formatMac, type NetworkFeature } from '../class/network.ts';
import * as setup from './driver-setup.ts';
import { NO_FILTERS, programFilters, type Filters } from './filters.ts';
import * as r from './registers.ts';
import { Statistics } from './statistics.ts';

/** Descriptors in each ring; the ring length must be a multiple of 128 bytes (8 descriptors). */
export const RING_COUNT = 256;
/**
 * Received descriptors are filled anew and given back this many at a time: half the ring stays with the device, and one
 * store and one tail write (and, behind a monitor, one read of the device's head) serve them all. That waits for one frame more,
 * which stays the driver's: so what is published is just what has been stored, and a monitor need not look it up.
 */
const REFILL_COUNT = RING_COUNT / 2;
/** How often to look at the link while it is down, beside its interrupt. */
const LINK_POLL_US = 100_000;
const CAUSES = r.INT_TXDW | r.INT_LSC | r.INT_RXDMT0 | r.INT_RXO | r.INT_RXT0;

/** Beyond plain frames. */
export const FEATURES: readonly NetworkFeature[] = ['checksum', 'multicast', 'vlan', 'statistics'];

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
  /** Which transmit descriptors are the last of a frame. */
  const endsFrame = new Uint8Array(RING_COUNT);
  const statistics = new Statistics();
  let filters: Filters = NO_FILTERS;

  function beginReset(): void {
    if (phase !== 'resetting') statistics.collect(io);
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
    statistics.begin(io);
    setup.programAddress(io, address);
    programFilters(io, filters);
    tail = 0;
    sent = 0;
    next = 0;
    used = 0;
    setup.programTransmitRing(io, rings.txRing);
    setup.programReceiveRing(io, rings.rxRing);
    setup.fillReceiveDescriptors(rings, 0, RING_COUNT);
    setup.enableEngines(io, filters.vlans.length > 0);
    io.write32(r.BAR_REGISTERS, r.RDT, RING_COUNT - 1);
    io.write32(r.BAR_REGISTERS, r.IMS, CAUSES);
    phase = 'waiting for link';
    lookAtLink();
  }

  function lookAtLink(): void {
    if (phase !== 'waiting for link') return;
    if (setup.isLinkUp(io)) {
      phase = 'up';
      io.send({ kind: 'up', mac, features: FEATURES });
    } else {
      io.setTimer(LINK_POLL_US);
    }
  }

  function transmit(frame: Uint8Array, checksum: Checksum | undefined): void {
    const entries = checksum === undefined ? 1 : 2;
    if (phase === 'up' && room() < entries) reclaim();
    if (phase !== 'up' || room() < entries) {
      io.send({ kind: 'full' });
      return;
    }
    if (checksum !== undefined) fill(setup.checksumContext(checksum.start, checksum.place), false);
    const offset = tail * setup.BUFFER_SIZE_BYTES;
    rings.txBuffers.copyIn(offset, frame);
    const make = checksum === undefined ? setup.transmitDescriptor : setup.dataDescriptor;
    fill(make(rings.txBuffers.address + offset, frame.length), true);
    io.write32(r.BAR_REGISTERS, r.TDT, tail);
  }

  /** Free transmit descriptors; one always stays free, or a full ring would look empty. */
  function room(): number {
    return (sent + RING_COUNT - tail - 1) % RING_COUNT;
  }

  /** Writes the next transmit descriptor, without telling the card yet. */
  function fill(descriptor: Uint8Array, isLast: boolean): void {
    rings.txRing.copyIn(tail * r.DESCRIPTOR_SIZE_BYTES, descriptor);
    endsFrame[tail] = isLast ? 1 : 0;
    tail = (tail + 1) % RING_COUNT;
  }

  /** Changes what is received, now and after every reset. */
  function filter(changed: Partial<Filters>): void {
    filters = { ...filters, ...changed };
    if (phase === 'resetting') return;
    programFilters(io, filters);
    setup.enableReceiver(io, filters.vlans.length > 0);
  }

  /** Takes back the transmit descriptors that the device is done with. */
  function reclaim(): void {
    let count = 0;
    while (sent !== tail) {
      const status = rings.txRing.read8(sent * r.DESCRIPTOR_SIZE_BYTES + r.TXD_STATUS);
      if ((status & r.TXD_STATUS_DD) === 0) break;
      count += endsFrame[sent] ?? 0;
      sent = (sent + 1) % RING_COUNT;
    }
    if (count > 0) io.send({ kind: 'transmitted', count });
  }

  /** Takes what the device received, at most one ring's worth. */
  function receive(): void {
    for (let taken = 0; taken < RING_COUNT; taken += 1) {
      const at = next * r.DESCRIPTOR_SIZE_BYTES;
      const status = rings.rxRing.read8(at + r.RXD_STATUS);
      if ((status & r.RXD_STATUS_DD) === 0) break;
      const isWhole = (status & r.RXD_STATUS_EOP) !== 0 && rings.rxRing.read8(at + r.RXD_ERRORS) === 0;
      if (isWhole) deliver(io, rings, next, rings.rxRing.read16(at + r.RXD_LENGTH));
      next = (next + 1) % RING_COUNT;
      if ((next + RING_COUNT - used) % RING_COUNT > REFILL_COUNT) refill();
    }
  }

  /** Fills the half of the ring that was used, in one store, and gives it back with one tail write. */
  function refill(): void {
    setup.fillReceiveDescriptors(rings, used, REFILL_COUNT);
    used = (used + REFILL_COUNT) % RING_COUNT;
    io.write32(r.BAR_REGISTERS, r.RDT, used);
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
    message: networkMessages(io, {
      features: FEATURES,
      transmit,
      reset: beginReset,
      receiveMulticast: (multicast) => filter({ multicast }),
      receiveVlans: (vlans) => filter({ vlans }),
      statistics() {
        statistics.collect(io);
        return statistics.answer();
      },
    }),
  };
}
