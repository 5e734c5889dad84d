/**
 * The registers of Ensoniq's AudioPCI ES1370: constants only, with the names of the data sheet.
 *
 * Source: Ensoniq, "AudioPCI ES1370 Data Sheet and Specification" (1997). Offsets are bytes from the start of BAR 0. This
 * file imports nothing.
 */
export const VENDOR_ENSONIQ = 0x1274;
export const DEVICE_ES1370 = 0x5000;
export const BAR = 0;

export const PCI_COMMAND = 0x04;
export const PCI_COMMAND_IO = 0x0001;
export const PCI_COMMAND_MASTER = 0x0004;

export const CONTROL = 0x00;
/** The codec's interface. */
export const CONTROL_CDC_EN = 0x0000_0002;
export const CONTROL_ADC_EN = 0x0000_0010;
export const CONTROL_DAC2_EN = 0x0000_0020;
export const CONTROL_DAC1_EN = 0x0000_0040;
/** DAC2 and ADC run at 1411200 / (PCLKDIV + 2) frames a second. */
export const CONTROL_PCLKDIV_SHIFT = 16;
export const CONTROL_PCLKDIV_MAX = 0x1fff;
export const CLOCK_HERTZ = 1_411_200;

export const STATUS = 0x04;
export const STATUS_ADC = 0x0000_0001;
export const STATUS_DAC2 = 0x0000_0002;
export const STATUS_DAC1 = 0x0000_0004;
export const STATUS_INTR = 0x8000_0000;
/** The codec is still busy with what was written to CODEC. */
export const STATUS_CSTAT = 0x0000_0400;

export const MEM_PAGE = 0x0c;
export const PAGE_DAC = 12;
export const PAGE_ADC = 13;
/** AK4531: register in the high byte, value in the low one. */
export const CODEC = 0x10;
export const CODEC_MASTER_LEFT = 0x00;
export const CODEC_MASTER_RIGHT = 0x01;
export const CODEC_VOICE_LEFT = 0x02;
export const CODEC_VOICE_RIGHT = 0x03;
export const CODEC_RESET = 0x16;
export const CODEC_MUTE = 0x80;

export const SERIAL = 0x20;
export const SERIAL_P1_FORMAT = 0x0000_0003;
export const SERIAL_P2_FORMAT = 0x0000_000c;
export const SERIAL_R1_FORMAT = 0x0000_0030;
export const SERIAL_P1_INT_EN = 0x0000_0100;
export const SERIAL_P2_INT_EN = 0x0000_0200;
export const SERIAL_R1_INT_EN = 0x0000_0400;
export const SERIAL_P2_PAUSE = 0x0000_1000;
/** Added to the address at the end of each frame of DAC2: 2 bytes for 16 bits. */
export const SERIAL_P2_END_INC_2 = 0x0010_0000;

/** Frames between interrupts, less one; in the high word those that are left. */
export const DAC1_COUNT = 0x24;
export const DAC2_COUNT = 0x28;
export const ADC_COUNT = 0x2c;

/** On page 12 of DAC1, on page 13 of the ADC. */
export const ADDRESS_A = 0x30;
/** Double words, less one; in the high word where the controller is. */
export const SIZE_A = 0x34;
/** On page 12 of DAC2. */
export const ADDRESS_B = 0x38;
export const SIZE_B = 0x3c;
