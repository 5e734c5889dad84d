/**
 * A model's PCI configuration space (PCI 2.3, chapter 6): 256 bytes, of which few can be written.
 *
 * The header is laid once, when the device is new, and then lives in the model's shared state like all else. What is not in
 * the table of writable bits keeps its value; reads beyond the end give 0.
 */

export const CONFIG_SIZE_BYTES = 256;
export const PCI_COMMAND = 0x04;
export const PCI_COMMAND_IO = 0x0001;
export const PCI_COMMAND_MEMORY = 0x0002;
export const PCI_COMMAND_MASTER = 0x0004;
export const PCI_COMMAND_INTX_DISABLE = 0x0400;
const PCI_STATUS = 0x06;
const PCI_STATUS_INTERRUPT = 0x08;

/** What a header of type 0 says about its device. */
export interface PciHeader {
  readonly vendor: number;
  readonly device: number;
  readonly revision: number;
  /** Base class, sub-class and interface: 0x040100 is audio. */
  readonly classCode: number;
  readonly subsystemVendor: number;
  readonly subsystem: number;
  /** BARs in port space, by index: their sizes, powers of two; 0 for one that is not there. */
  readonly ports: readonly number[];
  /** The same for BARs in memory space. */
  readonly memory?: readonly number[];
  /** MIN_GNT and MAX_LAT. */
  readonly latency?: readonly [grant: number, latency: number];
}

export interface PciConfig {
  read(offset: number, width: number): number;
  write(offset: number, width: number, value: number): void;
  /** Whether a bit of COMMAND is set. */
  enabled(bit: number): boolean;
  /** Shows in STATUS whether an interrupt is pending, and says whether the line may follow it. */
  interrupt(pending: boolean): 0 | 1;
}

/** @param bytes 256 of them in the model's state; the header is laid into zeros */
export function pciConfig(bytes: Uint8Array, header: PciHeader): PciConfig {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const writable = new Uint8Array(CONFIG_SIZE_BYTES);
  writable.set([0x07, 0x05], PCI_COMMAND);
  writable[0x0c] = 0xff; // cache line size
  writable[0x3c] = 0xff; // interrupt line
  for (const bars of [header.ports, header.memory ?? []])
    bars.forEach((size, index) => {
      if (size > 0) new DataView(writable.buffer).setUint32(0x10 + 4 * index, -size, true);
    });
  if (view.getUint16(0, true) === 0) lay(view, header);

  return {
    read(offset, width) {
      let value = 0;
      for (let at = 0; at < width; at += 1) value += (bytes[offset + at] ?? 0) * 2 ** (8 * at);
      return value;
    },
    write(offset, width, value) {
      for (let at = 0; at < width && offset + at < CONFIG_SIZE_BYTES; at += 1) {
        const mask = writable[offset + at] ?? 0;
        const written = Math.floor(value / 2 ** (8 * at)) & mask;
        bytes[offset + at] = ((bytes[offset + at] ?? 0) & ~mask) | written;
      }
    },
    enabled: (bit) => (view.getUint16(PCI_COMMAND, true) & bit) !== 0,
    interrupt(pending) {
      const status = (bytes[PCI_STATUS] ?? 0) & ~PCI_STATUS_INTERRUPT;
      bytes[PCI_STATUS] = pending ? status | PCI_STATUS_INTERRUPT : status;
      return pending && (view.getUint16(PCI_COMMAND, true) & PCI_COMMAND_INTX_DISABLE) === 0 ? 1 : 0;
    },
  };
}

function lay(view: DataView, header: PciHeader): void {
  view.setUint16(0x00, header.vendor, true);
  view.setUint16(0x02, header.device, true);
  view.setUint16(PCI_STATUS, 0x0280, true); // medium timing, fast back-to-back
  view.setUint32(0x08, header.classCode * 256 + header.revision, true);
  header.ports.forEach((size, index) => view.setUint32(0x10 + 4 * index, size > 0 ? 1 : 0, true));
  view.setUint16(0x2c, header.subsystemVendor, true);
  view.setUint16(0x2e, header.subsystem, true);
  view.setUint8(0x3d, 1); // INTA#
  view.setUint8(0x3e, header.latency?.[0] ?? 0);
  view.setUint8(0x3f, header.latency?.[1] ?? 0);
}
