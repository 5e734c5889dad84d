/**
 * What ATA drives have in common, whatever controller they are behind: task file, commands, and what IDENTIFY DEVICE
 * tells.
 * Constants only, with the names of the standards.
 *
 * Source: ATA/ATAPI-7 (INCITS 397), volume 1, 5.14 (status and error) and 6 (commands); ATA8-ACS. This file imports nothing.
 */

// --- Task file (5.14): offsets ----------------------------------------------------------------------------------------
/** 16 and 32 bits wide; all others are bytes. */
export const DATA = 0;
/** Written: FEATURES. Read: ERROR. */
export const FEATURES = 1;
export const ERROR = 1;
export const COUNT = 2;
export const LBA_LOW = 3;
export const LBA_MID = 4;
export const LBA_HIGH = 5;
export const DEVICE = 6;
export const DEVICE_OBSOLETE = 0xa0;
/** Written: COMMAND. Read: STATUS, which acknowledges the interrupt. */
export const COMMAND = 7;
export const STATUS = 7;
export const STATUS_BSY = 0x80;
export const STATUS_DRDY = 0x40;
export const STATUS_DF = 0x20;
export const STATUS_DSC = 0x10;
export const STATUS_DRQ = 0x08;
export const STATUS_ERR = 0x01;
export const ERROR_ABRT = 0x04;
export const ERROR_IDNF = 0x10;
export const DEVICE_LBA = 0x40;
export const DEVICE_DEV = 0x10;
/** Device control, written where the status is read without acknowledging: no interrupts, reset, high halves of registers. */
export const CONTROL_NIEN = 0x02;
export const CONTROL_SRST = 0x04;
export const CONTROL_OBSOLETE = 0x08;
export const CONTROL_HOB = 0x80;

// --- Commands ---------------------------------------------------------------------------------------------------------
export const NOP = 0x00;
export const DEVICE_RESET = 0x08;
export const READ_SECTORS = 0x20;
export const READ_SECTORS_EXT = 0x24;
export const READ_DMA_EXT = 0x25;
export const READ_NATIVE_MAX_EXT = 0x27;
export const READ_MULTIPLE_EXT = 0x29;
export const WRITE_SECTORS = 0x30;
export const WRITE_SECTORS_EXT = 0x34;
export const WRITE_DMA_EXT = 0x35;
export const SET_MAX_EXT = 0x37;
export const WRITE_MULTIPLE_EXT = 0x39;
export const READ_VERIFY = 0x40;
export const READ_VERIFY_EXT = 0x42;
export const EXECUTE_DIAGNOSTIC = 0x90;
export const INITIALIZE_PARAMETERS = 0x91;
export const DOWNLOAD_MICROCODE = 0x92;
export const PACKET = 0xa0;
export const IDENTIFY_PACKET = 0xa1;
export const SMART = 0xb0;
export const READ_MULTIPLE = 0xc4;
export const WRITE_MULTIPLE = 0xc5;
export const SET_MULTIPLE = 0xc6;
export const READ_DMA = 0xc8;
export const WRITE_DMA = 0xca;
export const STANDBY_IMMEDIATE = 0xe0;
export const IDLE_IMMEDIATE = 0xe1;
export const STANDBY = 0xe2;
export const IDLE = 0xe3;
export const CHECK_POWER = 0xe5;
export const SLEEP = 0xe6;
export const FLUSH = 0xe7;
export const FLUSH_EXT = 0xea;
export const IDENTIFY = 0xec;
export const SET_FEATURES = 0xef;
export const SECURITY_SET_PASSWORD = 0xf1;
export const READ_NATIVE_MAX = 0xf8;
export const SET_MAX = 0xf9;

export const SECTOR_BYTES = 512;
export const SECTOR_WORDS = 256;
/** Sectors that a 28-bit address reaches. */
export const LBA28_SECTORS = 2 ** 28;

// --- IDENTIFY DEVICE: words (6.17) ------------------------------------------------------------------------------------
export const ID_MULTIPLE_MAX = 47;
export const ID_CAPABILITIES = 49;
export const ID_CAPABILITIES_DMA = 0x0100;
export const ID_CAPABILITIES_LBA = 0x0200;
export const ID_CAPABILITIES_IORDY = 0x0800;
export const ID_MULTIPLE = 59;
export const ID_SECTORS_28 = 60;
export const ID_COMMAND_SETS = 83;
export const ID_COMMAND_SETS_LBA48 = 0x0400;
export const ID_COMMAND_SETS_FLUSH = 0x1000;
export const ID_SECTORS_48 = 100;
/** How many commands are queued at most, less one; and whether any are (Serial ATA 3.2, 13.2). */
export const ID_QUEUE_DEPTH = 75;
export const ID_SATA = 76;
export const ID_SATA_NCQ = 0x0100;
