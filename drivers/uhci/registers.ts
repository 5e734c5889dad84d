/**
 * The UHCI's registers and structures in memory: constants only, with the names of the design guide.
 *
 * Source: Intel, "Universal Host Controller Interface Design Guide" 1.1; 2.1 for registers, chapter 3 for structures.
 * Offsets are bytes from the start of BAR 4. This file imports nothing.
 */

// --- PCI --------------------------------------------------------------------------------------------------------------
export const VENDOR_INTEL = 0x8086;
export const DEVICE_PIIX3_USB = 0x7020;
export const BAR_IO = 4;
export const BAR_IO_SIZE_BYTES = 32;
export const PCI_COMMAND = 0x04;
export const PCI_COMMAND_IO = 0x0001;
export const PCI_COMMAND_MASTER = 0x0004;
export const PCI_COMMAND_INTX_DISABLE = 0x0400;
export const PCI_STATUS = 0x06;
export const PCI_STATUS_INTERRUPT = 0x0008;
export const LEGSUP = 0xc0;
/** Clears all that it traps, and routes the controller's own interrupt. */
export const LEGSUP_OWN = 0xaf00;

// --- Registers (2.1) --------------------------------------------------------------------------------------------------
export const USBCMD = 0x00;
export const CMD_RS = 0x0001;
export const CMD_HCRESET = 0x0002;
export const CMD_GRESET = 0x0004;
export const CMD_EGSM = 0x0008;
export const CMD_FGR = 0x0010;
export const CMD_CF = 0x0040;
export const CMD_MAXP = 0x0080;
export const USBSTS = 0x02;
export const STS_USBINT = 0x0001;
export const STS_ERROR = 0x0002;
export const STS_RESUME = 0x0004;
export const STS_HOST_ERROR = 0x0008;
export const STS_PROCESS_ERROR = 0x0010;
export const STS_HALTED = 0x0020;
export const STS_ALL = 0x003f;
export const USBINTR = 0x04;
export const INTR_TIMEOUT = 0x0001;
export const INTR_RESUME = 0x0002;
export const INTR_IOC = 0x0004;
export const INTR_SHORT = 0x0008;
export const INTR_ALL = 0x000f;
export const FRNUM = 0x06;
export const FLBASEADD = 0x08;
export const SOFMOD = 0x0c;
export const SOFMOD_DEFAULT = 0x40;
export const PORTSC1 = 0x10;
export const PORTSC2 = 0x12;
export const PORT_CONNECTED = 0x0001;
export const PORT_CONNECT_CHANGE = 0x0002;
export const PORT_ENABLED = 0x0004;
export const PORT_ENABLE_CHANGE = 0x0008;
export const PORT_ALWAYS = 0x0080;
export const PORT_LOW_SPEED = 0x0100;
export const PORT_RESET = 0x0200;
/** Where a third port would be: what is read there. */
export const NO_PORT = 0xff7f;

// --- The schedule (chapter 3) -----------------------------------------------------------------------------------------
export const FRAMES = 1024;
export const FRAME_US = 1000;
export const LINK_END = 0x0000_0001;
export const LINK_QUEUE = 0x0000_0002;
/** Go on with the descriptor behind this one in the same frame, rather than with the next queue. */
export const LINK_DEPTH = 0x0000_0004;
export const LINK_PLACE = 0xffff_fff0;
export const QUEUE_HEAD_BYTES = 16;
export const DESCRIPTOR_BYTES = 16;

export const TD_ACTUAL = 0x0000_07ff;
export const TD_BITSTUFF = 0x0002_0000;
export const TD_TIMEOUT = 0x0004_0000;
export const TD_NAK = 0x0008_0000;
export const TD_BABBLE = 0x0010_0000;
export const TD_BUFFER_ERROR = 0x0020_0000;
export const TD_STALLED = 0x0040_0000;
export const TD_ACTIVE = 0x0080_0000;
export const TD_IOC = 0x0100_0000;
export const TD_ISOCHRONOUS = 0x0200_0000;
export const TD_LOW_SPEED = 0x0400_0000;
export const TD_ERRORS_SHIFT = 27;
export const TD_ERRORS_MAX = 3;
export const TD_SHORT = 0x2000_0000;

export const PID_IN = 0x69;
export const PID_OUT = 0xe1;
export const PID_SETUP = 0x2d;
export const TOKEN_ADDRESS_SHIFT = 8;
export const TOKEN_ENDPOINT_SHIFT = 15;
export const TOKEN_TOGGLE = 0x0008_0000;
export const TOKEN_LENGTH_SHIFT = 21;
/** Lengths are written as one less; no bytes at all as this. */
export const LENGTH_NONE = 0x7ff;
export const PACKET_MAX = 1280;
