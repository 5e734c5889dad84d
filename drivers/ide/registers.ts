/**
 * Where the PIIX3 has its drives, and the registers of its bus master: constants only, with the names of the standards.
 *
 * Source: Intel, "Programming Interface for Bus Master IDE Controller", 2;
 * Intel 290550 (PIIX3), 2.3. Task files are absolute ports; the bus master's registers lie in BAR 4. What is
 * the drives' own, task file and commands, is in `ata/registers.ts`.
 */
export * from '../ata/registers.ts';

export const VENDOR_INTEL = 0x8086;
export const DEVICE_PIIX3_IDE = 0x7010;

/** PCI configuration. */
export const PCI_COMMAND = 0x04;
export const PCI_COMMAND_IO = 0x0001;
export const PCI_COMMAND_MASTER = 0x0004;
export const IDETIM = 0x40;

/** The ports of one channel: its task file, its control register, and its half of the bus master in BAR 4. */
export interface ChannelPorts {
  readonly task: number;
  readonly control: number;
  readonly master: number;
}
export const PRIMARY: ChannelPorts = { task: 0x1f0, control: 0x3f6, master: 0 };
export const SECONDARY: ChannelPorts = { task: 0x170, control: 0x376, master: 8 };

// --- Bus master: space, and offsets from `master` ---------------------------------------------------------------------
export const BAR_MASTER = 4;
export const BAR_MASTER_SIZE_BYTES = 16;
export const BMICOM = 0;
export const BMICOM_START = 0x01;
/** Towards memory. */
export const BMICOM_READ = 0x08;
export const BMISTA = 2;
export const BMISTA_ACTIVE = 0x01;
export const BMISTA_ERROR = 0x02;
export const BMISTA_INTERRUPT = 0x04;
/** Drives 0 and 1 can do DMA: a note of the firmware for drivers. */
export const BMISTA_DRIVES = 0x60;
export const BMIDTP = 4;

/** An entry of the table of regions: address, then bytes (0: 64 KiB) with the mark of the last. */
export const REGION_SIZE_BYTES = 8;
export const REGION_LAST = 0x8000_0000;
export const REGION_BYTES_MAX = 0x1_0000;
