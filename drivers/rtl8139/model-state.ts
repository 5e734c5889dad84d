/**
 * Everything that the RTL8139C+ model remembers, laid out in one shared buffer, and the values it starts with.
 *
 * Reset values are what QEMU 7.2's device shows (measured). This file holds no behaviour.
 */
import { layOut } from '../backing/model/state-layout.ts';
import * as r from './registers.ts';

/** The largest packet that the transmit side assembles from several descriptors. */
export const PACKET_MAX_BYTES = 0x1_0000;
const CONFIG_SIZE_BYTES = 256;
export const STATE_SIZE_BYTES = 0x1_2000;

const MISC_FIELDS = ['initialised', 'line', 'isCplus', 'txIndex', 'rxIndex', 'packetBytes'] as const;
const TALLY_FIELDS = ['sent', 'received', 'missed', 'rxErrors', 'physical', 'broadcast', 'multicast'] as const;

export interface Rtl8139State {
  readonly registers: DataView;
  readonly config: DataView;
  /** The packet being assembled from transmit descriptors. */
  readonly packet: Uint8Array;
  readonly tally: Record<(typeof TALLY_FIELDS)[number], number>;
  readonly misc: Record<(typeof MISC_FIELDS)[number], number>;
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Finds the state in `buffer`; brings it to power-up values if the buffer is new. */
export function rtl8139State(buffer: ArrayBufferLike, macAddress: Uint8Array): Rtl8139State {
  const layout = layOut(buffer);
  const state: Rtl8139State = {
    misc: layout.fields(MISC_FIELDS),
    tally: layout.fields(TALLY_FIELDS),
    registers: view(layout.bytes(r.REGISTERS_SIZE_BYTES)),
    config: view(layout.bytes(CONFIG_SIZE_BYTES)),
    packet: layout.bytes(PACKET_MAX_BYTES),
  };
  if (state.misc.initialised === 1) return state;
  state.misc.initialised = 1;
  powerUpConfig(state.config);
  resetRegisters(state);
  macAddress.forEach((byte, index) => state.registers.setUint8(r.IDR0 + index, byte));
  return state;
}

/** Everything but the address, the filters and the counters (6.7; that RCR is kept was measured). */
export function resetRegisters({ registers, misc }: Rtl8139State): void {
  const kept = new Uint8Array(registers.buffer, registers.byteOffset, 16).slice();
  const filters = registers.getUint32(r.RCR, true);
  for (let offset = 0; offset < r.REGISTERS_SIZE_BYTES; offset += 4) registers.setUint32(offset, 0, true);
  kept.forEach((byte, index) => registers.setUint8(index, byte));
  registers.setUint32(r.RCR, filters, true);
  registers.setUint8(r.CR, r.CR_BUFE);
  registers.setUint32(r.TCR, TCR_RESET, true);
  [misc.isCplus, misc.txIndex, misc.rxIndex, misc.packetBytes] = [0, 0, 0, 0];
}

/** The version of the chip, which can only be read. */
export const TCR_RESET = 0x7480_0000;

/** PCI header (chapter 8): revision 0x20 is the C+. */
function powerUpConfig(config: DataView): void {
  config.setUint16(0x00, r.VENDOR_REALTEK, true);
  config.setUint16(0x02, r.DEVICE_8139, true);
  config.setUint8(0x08, 0x20);
  config.setUint8(0x0b, 0x02);
  config.setUint32(0x10, 1, true);
  config.setUint16(0x2c, 0x1af4, true);
  config.setUint16(0x2e, 0x1100, true);
  config.setUint8(0x3d, 1);
}
