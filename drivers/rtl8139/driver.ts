/**
 * An untrusted driver for the Realtek RTL8139C+ in C+ mode: one descriptor per frame each way, everything by interrupt.
 *
 * The rings have no tail: a descriptor belongs to the card from the store that sets its OWN bit until the card clears it.
 * It offers the network class (`drivers/class/network.ts`) with multicast filters and the card's own counters. It does not
 * do checksums (the card's need to understand the frame), segmentation or tag insertion.
 */
import type { DeviceIo, DriverEntries } from '../../kernel/abi.ts';
import { deliver, networkMessages } from '../class/network-rings.ts';
import { formatMac, type NetworkFeature } from '../class/network.ts';
import * as setup from './driver-setup.ts';
import { multicastTable } from './multicast.ts';
import * as r from './registers.ts';
import { TallyCounters } from './tally-counters.ts';

/** Descriptors in each ring: as many as the card can take. */
export const RING_COUNT = r.RING_COUNT_MAX;
export const FEATURES: readonly NetworkFeature[] = ['multicast', 'statistics'];
const CAUSES = r.INT_ROK | r.INT_TOK | r.INT_RDU;
/** Between a reset and the next attempt, if the card did not come out of the last one; and between looks at the link. */
const RETRY_US = 100_000;

export default function rtl8139Driver(io: DeviceIo): DriverEntries {
  const rings = setup.allocateRings(io, RING_COUNT);
  const counters = new TallyCounters(io);
  let phase: 'down' | 'waiting for link' | 'up' = 'down';
  let multicast: readonly Uint8Array[] = [];
  /** Transmit: the next descriptor to fill, and the oldest that the card has not given back. */
  let filled = 0;
  let sent = 0;
  let underWay = 0;
  /** Receive: the next descriptor that the card will give back. */
  let next = 0;

  function reset(): void {
    if (phase !== 'down') counters.collect();
    phase = 'down';
    if (setup.quiesceAndReset(io)) bringUp();
    else io.setTimer(RETRY_US);
  }

  function bringUp(): void {
    [filled, sent, underWay, next] = [0, 0, 0, 0];
    rings.txRing.copyIn(0, new Uint8Array(rings.txRing.sizeBytes));
    for (let index = 0; index < RING_COUNT; index += 1) setup.giveReceiveDescriptor(rings, index);
    setup.start(io, rings);
    setup.programMulticast(io, multicastTable(multicast));
    io.write16(r.BAR_REGISTERS, r.ISR, 0xffff);
    io.write16(r.BAR_REGISTERS, r.IMR, CAUSES);
    counters.begin();
    phase = 'waiting for link';
    lookAtLink();
  }

  function lookAtLink(): void {
    if (phase !== 'waiting for link') return;
    if (!setup.isLinkUp(io)) return io.setTimer(RETRY_US);
    phase = 'up';
    io.send({ kind: 'up', mac: formatMac(setup.readMacAddress(io)), features: FEATURES });
  }

  function transmit(frame: Uint8Array): void {
    if (phase === 'up' && underWay === RING_COUNT) reclaim();
    if (phase !== 'up' || underWay === RING_COUNT) {
      io.send({ kind: 'full' });
      return;
    }
    const offset = filled * setup.BUFFER_SIZE_BYTES;
    rings.txBuffers.copyIn(offset, frame);
    setup.giveTransmitDescriptor(rings, filled, rings.txBuffers.address + offset, frame.length);
    filled = (filled + 1) % RING_COUNT;
    underWay += 1;
    setup.pollTransmit(io);
  }

  /** Takes back the transmit descriptors that the card is done with. */
  function reclaim(): void {
    let count = 0;
    while (underWay > 0 && !isOwned(rings.txRing.read32(sent * r.DESCRIPTOR_SIZE_BYTES))) {
      sent = (sent + 1) % RING_COUNT;
      underWay -= 1;
      count += 1;
    }
    if (count > 0) io.send({ kind: 'transmitted', count });
  }

  /** Takes what the card received, at most one ring's worth, and gives each descriptor back at once. */
  function receive(): void {
    for (let taken = 0; taken < RING_COUNT; taken += 1) {
      const status = rings.rxRing.read32(next * r.DESCRIPTOR_SIZE_BYTES);
      if (isOwned(status)) break;
      const isWhole = (status & r.D_FS) !== 0 && (status & r.D_LS) !== 0 && (status & r.RXD_RES) === 0;
      if (isWhole) deliver(io, rings, next, (status & r.RXD_LENGTH_MASK) - r.FCS_BYTES);
      setup.giveReceiveDescriptor(rings, next);
      next = (next + 1) % RING_COUNT;
    }
  }

  return {
    init() {
      setup.enableBusMaster(io);
      reset();
    },
    timer() {
      if (phase === 'down') reset();
      else lookAtLink();
    },
    interrupt() {
      const causes = io.read16(r.BAR_REGISTERS, r.ISR);
      io.write16(r.BAR_REGISTERS, r.ISR, causes);
      if (phase === 'down' || causes === 0) return;
      reclaim();
      receive();
    },
    message: networkMessages(io, {
      features: FEATURES,
      transmit,
      reset,
      receiveMulticast(addresses) {
        multicast = addresses;
        if (phase !== 'down') setup.programMulticast(io, multicastTable(multicast));
      },
      statistics() {
        if (phase !== 'down') counters.collect();
        return counters.answer();
      },
    }),
  };
}

function isOwned(command: number): boolean {
  return (command & r.D_OWN) !== 0;
}
