/**
 * The registers of an AHCI controller and the structures it reads from memory: constants only, with the data sheet's names.
 *
 * Source: Intel, "Serial ATA AHCI" 1.3.1, 3.1 (controller), 3.3 (ports) and 4.2 (memory); Serial ATA 3.2, 10.5 (FIS). Offsets
 * are in bytes from BAR 5; those of a port from `portAt`. Commands and IDENTIFY's words are ATA's: `ata/registers.ts`.
 */

export const VENDOR_INTEL = 0x8086;
export const DEVICE_ICH9_AHCI = 0x2922;

/** PCI configuration. */
export const PCI_COMMAND = 0x04;
export const PCI_COMMAND_MEMORY = 0x0002;
export const PCI_COMMAND_MASTER = 0x0004;
export const PCI_BAR_HBA = 0x24;

// --- Spaces -----------------------------------------------------------------------------------------------------------
export const BAR_HBA = 5;
export const BAR_HBA_SIZE_BYTES = 4096;
/** The same registers, by index and data. */
export const BAR_PAIR = 4;
export const PAIR_INDEX = 0x10;
export const PAIR_DATA = 0x14;

// --- The controller (3.1) ---------------------------------------------------------------------------------------------
export const CAP = 0x00;
/** Queued commands. */
export const CAP_SNCQ = 0x4000_0000;
export const GHC = 0x04;
export const GHC_HR = 0x0000_0001;
export const GHC_IE = 0x0000_0002;
export const GHC_AE = 0x8000_0000;
export const IS = 0x08;
export const PI = 0x0c;
export const VS = 0x10;

// --- A port (3.3) -----------------------------------------------------------------------------------------------------
export const PORTS = 6;
export const portAt = (port: number): number => 0x100 + 0x80 * port;
export const PORT_BYTES = 0x80;

export const PxCLB = 0x00;
export const PxCLBU = 0x04;
export const PxFB = 0x08;
export const PxFBU = 0x0c;
export const PxIS = 0x10;
/** A FIS arrived that ends or reports something: D2H register, PIO setup, DMA setup, set device bits. */
export const PxIS_DHRS = 0x0000_0001;
export const PxIS_PSS = 0x0000_0002;
export const PxIS_SDBS = 0x0000_0008;
/** Overflow: the regions hold less than the command moves. */
export const PxIS_OFS = 0x0100_0000;
export const PxIS_HBFS = 0x2000_0000;
export const PxIS_TFES = 0x4000_0000;
export const PxIS_ERRORS = 0x7d00_0000;
export const PxIE = 0x14;
export const PxCMD = 0x18;
export const PxCMD_ST = 0x0000_0001;
export const PxCMD_SUD = 0x0000_0002;
export const PxCMD_POD = 0x0000_0004;
export const PxCMD_CLO = 0x0000_0008;
export const PxCMD_FRE = 0x0000_0010;
export const PxCMD_FR = 0x0000_4000;
export const PxCMD_CR = 0x0000_8000;
export const PxTFD = 0x20;
export const PxSIG = 0x24;
export const SIGNATURE_DISK = 0x0000_0101;
export const PxSSTS = 0x28;
/** DET: a device is there, and the link is up. */
export const PxSSTS_DET = 0x0f;
export const DET_PRESENT = 3;
export const PxSCTL = 0x2c;
export const PxSCTL_DET = 0x0f;
export const PxSERR = 0x30;
export const PxSACT = 0x34;
export const PxCI = 0x38;
export const PxSNTF = 0x3c;
export const PxFBS = 0x40;
export const PxDEVSLP = 0x44;

// --- Memory (4.2) -----------------------------------------------------------------------------------------------------
export const SLOTS = 32;
export const HEADER_BYTES = 32;
export const LIST_BYTES = SLOTS * HEADER_BYTES;
export const LIST_ALIGNMENT = 1024;
/** The first word of a header: flags, and how many regions the table has. */
export const HEADER_CFL = 5;
export const HEADER_ATAPI = 0x20;
export const HEADER_WRITE = 0x40;
export const HEADER_CLEAR_BUSY = 0x400;
/** Of a header: PRDBC, the bytes that were moved, which the device writes; and the address of the table. */
export const HEADER_MOVED = 4;
export const HEADER_TABLE = 8;
export const RECEIVE_BYTES = 256;
/** Where in the receive area which FIS lands. */
export const RECEIVE_PIO_SETUP = 0x20;
export const RECEIVE_REGISTER = 0x40;
export const RECEIVE_SET_BITS = 0x58;
/** A command table: its FIS, its packet, and from here on its regions of 16 bytes. */
export const TABLE_PACKET = 0x40;
export const TABLE_REGIONS = 0x80;
export const TABLE_ALIGNMENT = 128;
export const REGION_SIZE_BYTES = 16;
export const REGION_BYTES_MASK = 0x3f_ffff;

export const FIS_BYTES = 20;
export const FIS_HOST_TO_DEVICE = 0x27;
export const FIS_DEVICE_TO_HOST = 0x34;
export const FIS_SET_BITS = 0xa1;
export const FIS_PIO_SETUP = 0x5f;
/** The FIS is a command; without it, it is for the control register. */
export const FIS_COMMAND = 0x80;

// --- Queued commands (Serial ATA 3.2, 13.6) ---------------------------------------------------------------------------
export const READ_QUEUED = 0x60;
export const WRITE_QUEUED = 0x61;
export const QUEUE_CONTROL = 0x63;
export const SEND_QUEUED = 0x64;
export const RECEIVE_QUEUED = 0x65;
