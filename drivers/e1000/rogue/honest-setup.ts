/**
 * The honest beginning that every rogue e1000 driver shares: exactly what the real driver does until the card is up.
 * `rogue` resets the card, waits as the data sheet asks, programs everything in order, sends one ordinary frame, and attacks
 * (`drivers/rogue/honest-frame.ts`).
 */
import type { DeviceIo, DmaRegion, DriverEntries } from '../../../kernel/abi.ts';
import { attackWhenUp, type Attack } from '../../rogue/honest-frame.ts';
import * as setup from '../driver-setup.ts';
import * as r from '../registers.ts';

export { allocateIsolated, outsideEveryGrant } from '../../rogue/foreign-memory.ts';

export const RING_COUNT = 16;
const FRAME_BYTES = 60;

/** A card that is up, and the memory it uses. */
export interface Rig {
  readonly io: DeviceIo;
  readonly rings: setup.Rings;
  /** Every region that this driver was granted. */
  readonly regions: DmaRegion[];
  /** Index of the next transmit descriptor to fill. */
  tail: number;
}

export interface Rogue extends Attack<Rig> {
  /** Programs the card in place of the honest order: for attacks on that order itself. */
  bringUp?(rig: Rig): void;
}

export function rogue(io: DeviceIo, behaviour: Rogue): DriverEntries {
  const rings = setup.allocateRings(io, RING_COUNT);
  const rig: Rig = { io, rings, regions: [rings.txRing, rings.txBuffers, rings.rxRing, rings.rxBuffers], tail: 0 };
  return attackWhenUp(rig, behaviour, {
    begin() {
      setup.enableBusMaster(io);
      setup.quiesceAndReset(io);
      return setup.RESET_SETTLE_US;
    },
    work: () => (behaviour.bringUp ?? bringUp)(rig),
    acknowledge: () => io.read32(r.BAR_REGISTERS, r.ICR),
  });
}

/** The honest order of the data sheet, and one frame to show that it works. */
export function bringUp(rig: Rig): void {
  programAll(rig);
  setup.enableEngines(rig.io);
  giveReceiveBuffers(rig);
  setup.maskInterrupts(rig.io);
  rig.io.write32(r.BAR_REGISTERS, r.IMS, r.INT_TXDW | r.INT_RXT0 | r.INT_LSC);
  sendFrame(rig, rig.rings.txBuffers.address, FRAME_BYTES);
}

/** Address, rings and receive descriptors, with both engines off. */
export function programAll({ io, rings }: Rig): void {
  setup.maskInterrupts(io);
  setup.programAddress(io, setup.readMacAddress(io) ?? new Uint8Array(6));
  setup.programTransmitRing(io, rings.txRing);
  setup.programReceiveRing(io, rings.rxRing);
  setup.fillReceiveDescriptors(rings, 0, rings.count);
}

export function giveReceiveBuffers({ io, rings }: Rig): void {
  io.write32(r.BAR_REGISTERS, r.RDT, rings.count - 1);
}

/** Fills the next transmit descriptor, without telling the device. */
export function fillTransmit(rig: Rig, address: number, length: number): void {
  const at = rig.tail * r.DESCRIPTOR_SIZE_BYTES;
  rig.rings.txRing.copyIn(at, setup.transmitDescriptor(address, length));
  rig.tail = (rig.tail + 1) % rig.rings.count;
}

/** Transmits `length` bytes from `address`, as an honest driver would if the memory were its own. */
export function sendFrame(rig: Rig, address: number, length: number): void {
  fillTransmit(rig, address, length);
  rig.io.write32(r.BAR_REGISTERS, r.TDT, rig.tail);
}
