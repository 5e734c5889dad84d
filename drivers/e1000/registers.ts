/**
 * The Intel 82540EM's register file and descriptor layouts: constants only, with the names of the data sheet.
 *
 * Source: "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual" (Intel 317453), chapter 13 for
 * registers, 3.2 for receive descriptors, 3.3 for transmit descriptors, 5.3 for the EEPROM map. Offsets are bytes from the
 * start of BAR 0. Bits are unsigned 32-bit masks. This file imports nothing.
 */

// --- PCI (section 4) --------------------------------------------------------------------------------------------------
export const VENDOR_INTEL = 0x8086;
export const DEVICE_82540EM = 0x100e;
/** BAR 0: the register file in memory space. */
export const BAR_REGISTERS = 0;
export const BAR_REGISTERS_SIZE_BYTES = 0x2_0000;
/** BAR 1: the register file through a window of two ports (section 13.2.2). */
export const BAR_IO = 1;
export const BAR_IO_SIZE_BYTES = 0x40;
/** Ports of that window: the register's offset, then its value. */
export const IOADDR = 0x00;
export const IODATA = 0x04;

export const PCI_COMMAND = 0x04;
export const PCI_COMMAND_IO = 0x0001;
export const PCI_COMMAND_MEMORY = 0x0002;
export const PCI_COMMAND_MASTER = 0x0004;
export const PCI_COMMAND_SERR = 0x0100;
export const PCI_COMMAND_INTX_DISABLE = 0x0400;
export const PCI_STATUS = 0x06;
export const PCI_STATUS_INTERRUPT = 0x0008;
export const PCI_BAR0 = 0x10;
export const PCI_BAR1 = 0x14;

// --- General (13.4.1 .. 13.4.8) ---------------------------------------------------------------------------------------
export const CTRL = 0x0000;
export const CTRL_FD = 0x0000_0001;
export const CTRL_ASDE = 0x0000_0020;
export const CTRL_SLU = 0x0000_0040;
export const CTRL_RST = 0x0400_0000;
export const CTRL_VME = 0x4000_0000;
export const CTRL_PHY_RST = 0x8000_0000;

export const STATUS = 0x0008;
export const STATUS_FD = 0x0000_0001;
export const STATUS_LU = 0x0000_0002;

export const EECD = 0x0010;
export const EECD_SK = 0x01;
export const EECD_CS = 0x02;
export const EECD_DI = 0x04;
export const EECD_DO = 0x08;
export const EECD_FWE = 0x30;
export const EECD_REQ = 0x40;
export const EECD_GNT = 0x80;
export const EECD_PRES = 0x100;

export const EERD = 0x0014;
export const EERD_START = 0x01;
export const EERD_DONE = 0x10;
export const EERD_ADDRESS_SHIFT = 8;
export const EERD_DATA_SHIFT = 16;

export const MDIC = 0x0020;
export const MDIC_DATA = 0x0000_ffff;
export const MDIC_REGISTER = 0x001f_0000;
export const MDIC_REGISTER_SHIFT = 16;
export const MDIC_PHY = 0x03e0_0000;
export const MDIC_PHY_SHIFT = 21;
export const MDIC_OP_WRITE = 0x0400_0000;
export const MDIC_OP_READ = 0x0800_0000;
export const MDIC_READY = 0x1000_0000;
export const MDIC_INTERRUPT = 0x2000_0000;
export const MDIC_ERROR = 0x4000_0000;

export const FCAL = 0x0028;
export const FCAH = 0x002c;
export const FCT = 0x0030;
export const VET = 0x0038;
export const FCTTV = 0x0170;
export const TXCW = 0x0178;
export const RXCW = 0x0180;
export const LEDCTL = 0x0e00;
export const PBA = 0x1000;

// --- Interrupts (13.4.17 .. 13.4.21) ----------------------------------------------------------------------------------
/** Cause, cleared by reading it. */
export const ICR = 0x00c0;
export const ITR = 0x00c4;
export const ICS = 0x00c8;
export const IMS = 0x00d0;
export const IMC = 0x00d8;
export const INT_TXDW = 0x0000_0001;
export const INT_TXQE = 0x0000_0002;
export const INT_LSC = 0x0000_0004;
export const INT_RXSEQ = 0x0000_0008;
export const INT_RXDMT0 = 0x0000_0010;
export const INT_RXO = 0x0000_0040;
export const INT_RXT0 = 0x0000_0080;
export const INT_MDAC = 0x0000_0200;

// --- Receive (13.4.22 .. 13.4.31) -------------------------------------------------------------------------------------
export const RCTL = 0x0100;
export const RCTL_EN = 0x0000_0002;
export const RCTL_SBP = 0x0000_0004;
export const RCTL_UPE = 0x0000_0008;
export const RCTL_MPE = 0x0000_0010;
export const RCTL_LPE = 0x0000_0020;
export const RCTL_RDMTS_SHIFT = 8;
export const RCTL_MO_SHIFT = 12;
export const RCTL_BAM = 0x0000_8000;
export const RCTL_BSIZE_SHIFT = 16;
export const RCTL_VFE = 0x0004_0000;
export const RCTL_BSEX = 0x0200_0000;
export const RCTL_SECRC = 0x0400_0000;
/** Bits that the data sheet tells software to write as zero: 0, 14, 21, 24 and 27..31. */
export const RCTL_RESERVED = 0xf920_4001;

export const RDBAL = 0x2800;
export const RDBAH = 0x2804;
export const RDLEN = 0x2808;
export const RDH = 0x2810;
export const RDT = 0x2818;
export const RDTR = 0x2820;
export const RADV = 0x282c;

// --- Transmit (13.4.33 .. 13.4.44) ------------------------------------------------------------------------------------
export const TCTL = 0x0400;
export const TCTL_EN = 0x0000_0002;
export const TCTL_PSP = 0x0000_0008;
export const TCTL_CT_SHIFT = 4;
export const TCTL_COLD_SHIFT = 12;
export const TIPG = 0x0410;
/** Inter-packet gap for copper (13.4.34): IPGT 10, IPGR1 8, IPGR2 6. */
export const TIPG_COPPER = 0x0060_200a;
export const AIT = 0x0458;

export const TDBAL = 0x3800;
export const TDBAH = 0x3804;
export const TDLEN = 0x3808;
export const TDH = 0x3810;
export const TDT = 0x3818;
export const TIDV = 0x3820;
export const TXDCTL = 0x3828;
export const TADV = 0x382c;

// --- Filters (13.5) ---------------------------------------------------------------------------------------------------
export const MTA = 0x5200;
export const MTA_COUNT = 128;
export const RAL = 0x5400;
export const RAH = 0x5404;
/** Receive address pairs: RAL(n) at RAL + 8 n. QEMU answers for 16 pairs, as the data sheet says. */
export const RA_PAIRS = 16;
export const RAH_AV = 0x8000_0000;
export const VFTA = 0x5600;
export const VFTA_COUNT = 128;

// --- Wake-up and management (13.6) ------------------------------------------------------------------------------------
export const WUC = 0x5800;
export const WUFC = 0x5808;
export const WUS = 0x5810;
export const MANC = 0x5820;
export const IPAV = 0x5838;
export const IP4AT = 0x5840;
export const IP6AT = 0x5880;
export const WUPM = 0x5a00;
export const SWSM = 0x5b50;
export const FFLT = 0x5f00;
export const FFMT = 0x9000;
export const FFVT = 0x9800;

// --- Diagnostics (13.8) -----------------------------------------------------------------------------------------------
export const RDFH = 0x2410;
export const TDFH = 0x3410;
/** Packet buffer memory. */
export const PBM = 0x1_0000;
export const PBM_SIZE_BYTES = 0x1_0000;

// --- Statistics, most of them cleared by reading (13.7) ---------------------------------------------------------------
export const CRCERRS = 0x4000;
export const MPC = 0x4010;
export const FCRUC = 0x4058;
export const PRC64 = 0x405c;
export const PRC127 = 0x4060;
export const PRC255 = 0x4064;
export const PRC511 = 0x4068;
export const PRC1023 = 0x406c;
export const PRC1522 = 0x4070;
export const GPRC = 0x4074;
export const BPRC = 0x4078;
export const MPRC = 0x407c;
export const GPTC = 0x4080;
export const GORCL = 0x4088;
export const GORCH = 0x408c;
export const GOTCL = 0x4090;
export const GOTCH = 0x4094;
export const RNBC = 0x40a0;
export const RUC = 0x40a4;
export const ROC = 0x40ac;
export const TORL = 0x40c0;
export const TORH = 0x40c4;
export const TOTL = 0x40c8;
export const TOTH = 0x40cc;
export const TPR = 0x40d0;
export const TPT = 0x40d4;
export const PTC64 = 0x40d8;
export const PTC127 = 0x40dc;
export const PTC255 = 0x40e0;
export const PTC511 = 0x40e4;
export const PTC1023 = 0x40e8;
export const PTC1522 = 0x40ec;
export const MPTC = 0x40f0;
export const BPTC = 0x40f4;
export const TSCTC = 0x40f8;
export const STATISTICS_END = 0x4100;

// --- Descriptors ------------------------------------------------------------------------------------------------------
export const DESCRIPTOR_SIZE_BYTES = 16;

/** Receive descriptor (3.2.3): byte offsets, and bits of the status byte. */
export const RXD_ADDRESS = 0;
export const RXD_LENGTH = 8;
export const RXD_CHECKSUM = 10;
export const RXD_STATUS = 12;
export const RXD_ERRORS = 13;
export const RXD_SPECIAL = 14;
export const RXD_STATUS_DD = 0x01;
export const RXD_STATUS_EOP = 0x02;
export const RXD_STATUS_IXSM = 0x04;
export const RXD_STATUS_VP = 0x08;

/** Transmit descriptor (3.3.3 legacy, 3.3.7 data): byte offsets; commands are bits of the dword at 8. */
export const TXD_ADDRESS = 0;
export const TXD_COMMAND = 8;
export const TXD_STATUS = 12;
export const TXD_POPTS = 13;
export const TXD_SPECIAL = 14;
export const TXD_LENGTH_MASK = 0x0000_ffff;
export const TXD_DTYP_DATA = 0x0010_0000;
export const TXD_CMD_EOP = 0x0100_0000;
export const TXD_CMD_IFCS = 0x0200_0000;
export const TXD_CMD_TSE = 0x0400_0000;
export const TXD_CMD_RS = 0x0800_0000;
export const TXD_CMD_RPS = 0x1000_0000;
export const TXD_CMD_DEXT = 0x2000_0000;
export const TXD_CMD_VLE = 0x4000_0000;
export const TXD_CMD_IDE = 0x8000_0000;
export const TXD_STATUS_DD = 0x01;
/** Excess collisions, late collision, underrun: reported together with DD. */
export const TXD_STATUS_FAILED = 0x0e;
export const TXD_POPTS_IXSM = 0x01;
export const TXD_POPTS_TXSM = 0x02;

/** Context descriptor (3.3.6): byte offsets; TCP and IP are bits of the dword at 8. */
export const TXC_IPCSS = 0;
export const TXC_IPCSO = 1;
export const TXC_IPCSE = 2;
export const TXC_TUCSS = 4;
export const TXC_TUCSO = 5;
export const TXC_TUCSE = 6;
export const TXC_COMMAND = 8;
export const TXC_HDRLEN = 13;
export const TXC_MSS = 14;
export const TXC_PAYLEN_MASK = 0x000f_ffff;
export const TXC_CMD_TCP = 0x0100_0000;
export const TXC_CMD_IP = 0x0200_0000;

// --- EEPROM (5.6) -----------------------------------------------------------------------------------------------------
export const EEPROM_WORDS = 64;
/** Words 0..2 hold the Ethernet address, low byte first. */
export const EEPROM_MAC = 0;
export const EEPROM_CHECKSUM = 0x3f;
/** All 64 words add up to this, modulo 2^16. */
export const EEPROM_SUM = 0xbaba;

// --- PHY, IEEE 802.3 clause 22 registers through MDIC (13.4.7 and chapter 8) ------------------------------------------
export const PHY_ADDRESS = 1;
export const PHY_CTRL = 0;
export const PHY_CTRL_RESTART_AUTONEG = 0x0200;
export const PHY_CTRL_AUTONEG = 0x1000;
export const PHY_CTRL_LOOPBACK = 0x4000;
export const PHY_CTRL_RESET = 0x8000;
export const PHY_STATUS = 1;
export const PHY_STATUS_LINK = 0x0004;
export const PHY_STATUS_AUTONEG_COMPLETE = 0x0020;
export const PHY_LP_ABILITY = 5;
export const PHY_LP_ABILITY_ACK = 0x4000;

// --- Ethernet ---------------------------------------------------------------------------------------------------------
export const FRAME_MIN_BYTES = 60;
export const FRAME_MAX_BYTES = 1514;
export const FCS_BYTES = 4;
/** Marks a VLAN tag (802.1Q). */
export const VLAN_ETHERTYPE = 0x8100;
