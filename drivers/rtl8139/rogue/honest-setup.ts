/**
 * The honest beginning that every rogue RTL8139C+ driver shares: what the real driver does until the card is up.
 * `rogue` resets the card, fills the rings, starts the engines, sends one ordinary frame, and attacks
 * (`drivers/rogue/honest-frame.ts`).
 */
import type { DeviceIo, DmaPurpose, DmaRegion, DriverEntries } from '../../../kernel/abi.ts';
import { attackWhenUp, type Attack } from '../../rogue/honest-frame.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';

export { outsideEveryGrant } from '../../rogue/foreign-memory.ts';

export const RING_COUNT = 8;
/** Rogues fill their own buffers with this: what else reaches the wire was never theirs. */
export const OWN_BYTE = 0x5a;

/** A card that is up, and the memory it uses. */
export interface Rig {
  readonly io: DeviceIo;
  readonly rings: setup.Rings;
  readonly regions: DmaRegion[];
  /** Index of the next transmit descriptor. */
  filled: number;
}

export interface Rogue extends Attack<Rig> {
  /** Programs the card in place of the honest order: for attacks on that order itself. */
  start?(rig: Rig): void;
}

export function rogue(io: DeviceIo, behaviour: Rogue): DriverEntries {
  const rings = setup.allocateRings(io, RING_COUNT);
  const rig: Rig = { io, rings, regions: [rings.txRing, rings.txBuffers, rings.rxRing, rings.rxBuffers], filled: 0 };
  return attackWhenUp(rig, behaviour, {
    // The card needs no wait; but who spawns a driver listens to it only once `init` has returned.
    begin: () => 0,
    work() {
      setup.enableBusMaster(io);
      setup.quiesceAndReset(io);
      rings.txBuffers.copyIn(0, new Uint8Array(rings.txBuffers.sizeBytes).fill(OWN_BYTE));
      (behaviour.start ?? start)(rig);
    },
    acknowledge: () => acknowledge(io),
  });
}

export function acknowledge(io: DeviceIo): void {
  io.write16(r.BAR_REGISTERS, r.ISR, io.read16(r.BAR_REGISTERS, r.ISR));
}

/** The honest order, and one frame to show that it works. */
export function start(rig: Rig): void {
  const { io, rings } = rig;
  for (let index = 0; index < rings.count; index += 1) setup.giveReceiveDescriptor(rings, index);
  setup.start(io, rings);
  acknowledge(io);
  io.write16(r.BAR_REGISTERS, r.IMR, r.INT_ROK | r.INT_TOK | r.INT_RDU);
  send(rig, rings.txBuffers.address, r.FRAME_MIN_BYTES);
}

/** Transmits `length` bytes from `address`, as an honest driver would if the memory were its own. */
export function send(rig: Rig, address: number, length: number): void {
  setup.giveTransmitDescriptor(rig.rings, rig.filled, address, length);
  rig.filled = (rig.filled + 1) % rig.rings.count;
  setup.pollTransmit(rig.io);
}

/** Waits, for a while, until the card has given the last frame back. */
export function settle({ io, rings, filled }: Rig): void {
  const last = ((filled + rings.count - 1) % rings.count) * r.DESCRIPTOR_SIZE_BYTES;
  for (let poll = 0; poll < 10_000 && rings.txRing.read32(last) >= r.D_OWN; poll += 1) io.now();
}

/** One more region of this driver's, the last there is. */
export function allocateLast(rig: Rig, sizeBytes: number, purpose: DmaPurpose): DmaRegion {
  const region = rig.io.allocate(sizeBytes, purpose);
  rig.regions.push(region);
  return region;
}
