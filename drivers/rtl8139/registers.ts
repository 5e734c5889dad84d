/**
 * The RTL8139C+'s register file and C+ descriptors: constants only, with the names of the data sheet.
 *
 * Source: Realtek, "RTL8139C(L)+ Advanced Fast Ethernet Controller" data sheet, chapter 6 for registers, 9 for descriptors.
 * Offsets are bytes from the start of BAR 1 (and of BAR 0, which is the same file in port space). This file imports nothing.
 */

// --- PCI (chapter 8) --------------------------------------------------------------------------------------------------
export const VENDOR_REALTEK = 0x10ec;
export const DEVICE_8139 = 0x8139;
export const BAR_PORTS = 0;
export const BAR_REGISTERS = 1;
export const REGISTERS_SIZE_BYTES = 256;
export const PCI_COMMAND = 0x04;
export const PCI_COMMAND_IO = 0x0001;
export const PCI_COMMAND_MEMORY = 0x0002;
export const PCI_COMMAND_MASTER = 0x0004;

// --- Address and filters (6.1, 6.2) -----------------------------------------------------------------------------------
export const IDR0 = 0x00;
export const IDR4 = 0x04;
export const MAR0 = 0x08;
export const MAR4 = 0x0c;

// --- C+ mode (6.3, 6.33) ----------------------------------------------------------------------------------------------
/** Dump Tally Counter Command: bits 63..6 are the place. */
export const DTCCR_LO = 0x10;
export const DTCCR_HI = 0x14;
export const DTCCR_DUMP = 0x08;
export const TNPDS_LO = 0x20;
export const TNPDS_HI = 0x24;
export const TPPOLL = 0xd9;
export const TPPOLL_NPQ = 0x40;
export const CPCR = 0xe0;
export const CPCR_TXEN = 0x0001;
export const CPCR_RXEN = 0x0002;
export const RDSAR_LO = 0xe4;
export const RDSAR_HI = 0xe8;
export const MTPS = 0xec;

// --- Command and interrupts (6.7 to 6.11) -----------------------------------------------------------------------------
export const CR = 0x37;
export const CR_BUFE = 0x01;
export const CR_TE = 0x04;
export const CR_RE = 0x08;
export const CR_RST = 0x10;
export const IMR = 0x3c;
export const ISR = 0x3e;
export const INT_ROK = 0x0001;
export const INT_TOK = 0x0004;
/** No descriptor was free for a frame. */
export const INT_RDU = 0x0010;
export const TCR = 0x40;
export const RCR = 0x44;
export const RCR_AAP = 0x01;
export const RCR_APM = 0x02;
export const RCR_AM = 0x04;
export const RCR_AB = 0x08;
export const MPC = 0x4c;
export const EE_CR = 0x50;
/** 9346CR: the configuration registers and the address may be changed. */
export const EE_CR_UNLOCK = 0xc0;
export const EE_CR_LOCK = 0x00;
export const MSR = 0x58;
/** Set while there is no link. */
export const MSR_LINKB = 0x04;

// --- Descriptors (chapter 9): 16 bytes, a dword of command, one for the VLAN tag, the buffer's address ----------------
export const DESCRIPTOR_SIZE_BYTES = 16;
/** At most so many in a ring: the card goes back to the first after one with EOR, and after the 64th. */
export const RING_COUNT_MAX = 64;
export const D_OWN = 0x8000_0000;
export const D_EOR = 0x4000_0000;
export const D_FS = 0x2000_0000;
export const D_LS = 0x1000_0000;
export const TXD_LENGTH_MASK = 0x0000_ffff;
/** UNF, TES, OWC, LNKF, EXC: what the card reports of a transmission (9.1.2). */
export const TXD_STATUS_MASK = 0x02f0_0000;
export const RXD_MAR = 0x0400_0000;
export const RXD_PAM = 0x0200_0000;
export const RXD_BAR = 0x0100_0000;
/** Sum of all receive errors. */
export const RXD_RES = 0x0020_0000;
export const RXD_SIZE_MASK = 0x0000_1fff;
/** What the card writes: the frame's length, with its CRC. */
export const RXD_LENGTH_MASK = 0x0000_3fff;

// --- Tally counters as they are dumped (6.3): offsets in 64 bytes -----------------------------------------------------
export const TALLY_SIZE_BYTES = 64;
export const TALLY_TX_OK = 0;
export const TALLY_RX_OK = 8;
export const TALLY_RX_ERROR = 24;
export const TALLY_MISSED = 28;
export const TALLY_RX_OK_PHYSICAL = 40;
export const TALLY_RX_OK_BROADCAST = 48;
export const TALLY_RX_OK_MULTICAST = 56;

// --- Ethernet ---------------------------------------------------------------------------------------------------------
export const FRAME_MIN_BYTES = 60;
export const FCS_BYTES = 4;
