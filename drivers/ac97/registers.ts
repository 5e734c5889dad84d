/**
 * The registers of Intel's AC'97 audio controller (82801AA) and of its codec: constants only, with the names of the data sheet.
 *
 * Sources: "82801AA and 82801AB I/O Controller Hub Datasheet" (Intel 290655), chapter 12; "Audio Codec '97", revision 2.3, 5.7
 * for the codec. Offsets are bytes from the start of the BAR. This file imports nothing.
 */

// --- PCI (12.1) -------------------------------------------------------------------------------------------------------
export const VENDOR_INTEL = 0x8086;
export const DEVICE_82801AA_AUDIO = 0x2415;
/** BAR 0, NAMBAR: the codec's registers, words. QEMU decodes 1 KiB, of which it uses the first 256 bytes. */
export const BAR_MIXER = 0;
/** BAR 1, NABMBAR: the bus masters. */
export const BAR_BUS_MASTER = 1;

export const PCI_COMMAND = 0x04;
export const PCI_COMMAND_IO = 0x0001;
export const PCI_COMMAND_MEMORY = 0x0002;
export const PCI_COMMAND_MASTER = 0x0004;
export const PCI_COMMAND_INTX_DISABLE = 0x0400;
export const PCI_STATUS = 0x06;
export const PCI_STATUS_INTERRUPT = 0x0008;

// --- Codec (AC'97 2.3, 5.7) -------------------------------------------------------------------------------------------
/** Any write resets the codec. */
export const RESET = 0x00;
export const MASTER_VOLUME = 0x02;
export const PCM_OUT_VOLUME = 0x18;
export const RECORD_SELECT = 0x1a;
export const RECORD_GAIN = 0x1c;
export const POWERDOWN = 0x26;
export const EXTENDED_ID = 0x28;
export const EXTENDED_STATUS = 0x2a;
export const FRONT_DAC_RATE = 0x2c;
export const SURROUND_DAC_RATE = 0x2e;
export const LFE_DAC_RATE = 0x30;
export const ADC_RATE = 0x32;
export const MIC_ADC_RATE = 0x34;
export const VENDOR_ID1 = 0x7c;
export const VENDOR_ID2 = 0x7e;

/** In all volume registers. */
export const MUTE = 0x8000;
/** Attenuation of MASTER_VOLUME, left in the high byte: steps of 1.5 dB. */
export const ATTENUATION_MASTER_MAX = 0x3f;
/** Gain of RECORD_GAIN: steps of 1.5 dB. */
export const RECORD_GAIN_MAX = 0x0f;
/** Sections of the codec that are ready, in POWERDOWN: reference, analogue, DAC, ADC. */
export const POWERDOWN_READY = 0x000f;
/** Rates other than 48 kHz for front DAC and ADC, and for the microphone's ADC: in EXTENDED_ID and EXTENDED_STATUS. */
export const EXTENDED_VRA = 0x0001;
export const EXTENDED_VRM = 0x0008;

// --- Bus masters (12.2) -----------------------------------------------------------------------------------------------
/** Index of each engine; its registers begin at `ENGINE_STRIDE` times it. */
export const PCM_IN = 0;
export const PCM_OUT = 1;
export const MIC_IN = 2;
export const ENGINES = 3;
export const ENGINE_STRIDE = 0x10;

/** Address of the list of buffers. */
export const BDBAR = 0x00;
/** Current index. */
export const CIV = 0x04;
/** Last valid index. */
export const LVI = 0x05;
export const SR = 0x06;
/** Samples left in the current buffer. */
export const PICB = 0x08;
/** The index that comes next. */
export const PIV = 0x0a;
export const CR = 0x0b;

/** The engine is halted. */
export const SR_DCH = 0x01;
/** It is halted behind the last valid buffer. */
export const SR_CELV = 0x02;
/** The last valid buffer is done. */
export const SR_LVBCI = 0x04;
/** A buffer that asked for an interrupt is done. */
export const SR_BCIS = 0x08;
/** A FIFO ran over or empty. */
export const SR_FIFOE = 0x10;
/** What is cleared by writing 1. */
export const SR_CLEAR = SR_LVBCI | SR_BCIS | SR_FIFOE;

export const CR_RPBM = 0x01;
export const CR_RR = 0x02;
export const CR_LVBIE = 0x04;
export const CR_FEIE = 0x08;
export const CR_IOCE = 0x10;
export const CR_INTERRUPTS = CR_LVBIE | CR_FEIE | CR_IOCE;

export const GLOB_CNT = 0x2c;
export const GLOB_CNT_COLD = 0x02;
export const GLOB_CNT_WARM = 0x04;
export const GLOB_STA = 0x30;
export const GLOB_STA_PIINT = 0x20;
export const GLOB_STA_POINT = 0x40;
export const GLOB_STA_MINT = 0x80;
/** The primary codec is ready. */
export const GLOB_STA_PCR = 0x100;
/** The bit of each engine, by its index. */
export const GLOB_STA_ENGINES = [GLOB_STA_PIINT, GLOB_STA_POINT, GLOB_STA_MINT] as const;
/** Reads 1, and is set by reading, while somebody uses the codec; cleared when the codec was accessed. */
export const CAS = 0x34;

// --- List of buffers (Programmer's Reference Manual 3.2.1) ------------------------------------------------------------
export const BUFFERS_MAX = 32;
export const BUFFER_SIZE_BYTES = 8;
export const SAMPLE_BYTES = 2;
/** Samples, not frames: stereo has two in each. */
export const BUFFER_SAMPLES_MAX = 65_535;
/** In the high word: interrupt on completion; after the last valid buffer, silence instead of its last sample. */
export const BUFFER_IOC = 0x8000;
export const BUFFER_BUP = 0x4000;
