/**
 * Which frames the 82540EM takes besides its own and broadcasts: the multicast table and the VLAN table (data sheet 13.5).
 *
 * Both tables are bit vectors of 4096: one for a hash of the address, one for the tag itself.
 */
import type { DeviceIo } from '../../kernel/abi.ts';
import * as r from './registers.ts';

const TABLE_BITS = 4096;

export interface Filters {
  readonly multicast: readonly Uint8Array[];
  /** Empty: tagged frames are not looked at. */
  readonly vlans: readonly number[];
}

export const NO_FILTERS: Filters = { multicast: [], vlans: [] };

/** Bits 47 to 36 of the address as it stands on the wire (13.5.1, with RCTL.MO = 0). */
function multicastHash(address: Uint8Array): number {
  return (((address[5] ?? 0) << 4) | ((address[4] ?? 0) >>> 4)) & 0xfff;
}

/** Fills both tables; whether the VLAN table counts is RCTL's to say. */
export function programFilters(io: DeviceIo, { multicast, vlans }: Filters): void {
  programTable(io, r.MTA, multicast.map(multicastHash));
  programTable(io, r.VFTA, vlans);
  io.write32(r.BAR_REGISTERS, r.VET, r.VLAN_ETHERTYPE);
}

function programTable(io: DeviceIo, base: number, bits: readonly number[]): void {
  const table = new Uint32Array(TABLE_BITS / 32);
  for (const bit of bits) table[bit >>> 5] = ((table[bit >>> 5] ?? 0) | (1 << (bit & 31))) >>> 0;
  table.forEach((word, index) => io.write32(r.BAR_REGISTERS, base + 4 * index, word));
}
