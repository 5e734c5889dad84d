/**
 * PCI configuration space of the 82540EM model (data sheet chapter 4, PCI 2.3): 256 bytes of which few can be written.
 */
import type { E1000State } from './model-state.ts';
import * as r from './registers.ts';

const CONFIG_SIZE_BYTES = 256;
/** Configuration above the header has no registers of this device; QEMU keeps whatever is written there. */
const HEADER_SIZE_BYTES = 0x40;
const WRITABLE: readonly (readonly [offset: number, mask: number])[] = [
  [r.PCI_COMMAND, 0x07],
  [r.PCI_COMMAND + 1, 0x05],
  [0x0c, 0xff], // cache line size
  [r.PCI_BAR0 + 2, 0xfe],
  [r.PCI_BAR0 + 3, 0xff],
  [r.PCI_BAR1, 0xc0],
  [r.PCI_BAR1 + 1, 0xff],
  [r.PCI_BAR1 + 2, 0xff],
  [r.PCI_BAR1 + 3, 0xff],
  [0x3c, 0xff], // interrupt line
];
const masks = new Uint8Array(CONFIG_SIZE_BYTES);
masks.fill(0xff, HEADER_SIZE_BYTES);
for (const [offset, mask] of WRITABLE) masks[offset] = mask;

export function readConfig(state: E1000State, offset: number, width: number): number {
  let value = 0;
  for (let at = 0; at < width; at += 1) {
    if (offset + at < CONFIG_SIZE_BYTES) value += state.config.getUint8(offset + at) * 2 ** (8 * at);
  }
  return value;
}

/** Returns whether the command register was written: bus mastering may have come on. */
export function writeConfig(state: E1000State, offset: number, width: number, value: number): boolean {
  for (let at = 0; at < width && offset + at < CONFIG_SIZE_BYTES; at += 1) {
    const mask = masks[offset + at] ?? 0;
    const old = state.config.getUint8(offset + at);
    state.config.setUint8(offset + at, (old & ~mask) | (Math.floor(value / 2 ** (8 * at)) & mask));
  }
  return offset <= r.PCI_COMMAND + 1 && offset + width > r.PCI_COMMAND;
}
