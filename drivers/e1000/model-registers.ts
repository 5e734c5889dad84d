/**
 * The register file of the 82540EM model: what each 32-bit register gives when read and does when written (data sheet 13.4).
 *
 * Most registers only remember some of their bits; one table says which. The others have a case below. Everything else in
 * BAR 0 reads 0 and ignores writes, as on QEMU's device.
 */
import { readEecd, readEerd, writeEecd } from './model-eeprom.ts';
import { acknowledge, raise, readIcr } from './model-interrupt.ts';
import { writeMdic } from './model-phy.ts';
import { configureReceive, flushPending } from './model-receive.ts';
import type { ReceivePorts } from './model-receive.ts';
import type { E1000State, Personality } from './model-state.ts';
import { register, resetMac, setRegister } from './model-state.ts';
import { readStatistic } from './model-statistics.ts';
import { runTransmit } from './model-transmit.ts';
import type { TransmitPorts } from './model-transmit.ts';
import * as r from './registers.ts';

/** The running device: its state, its way to memory and wire, and its fixed settings. */
export interface E1000Device {
  readonly state: E1000State;
  readonly ports: TransmitPorts & ReceivePorts;
  readonly personality: Personality;
  readonly autonegotiationUs: number;
  now(): number;
}

const ALL = 0xffff_ffff;
/** Registers that only remember: first offset, how many, and which of their bits can be written. */
const STORED: readonly (readonly [offset: number, count: number, writable: number])[] = [
  [r.CTRL, 1, 0],
  [r.STATUS, 1, 0],
  [r.MDIC, 1, 0],
  [r.VET, 1, ALL],
  [r.ITR, 1, 0xffff],
  [r.ICS, 1, 0],
  [r.IMS, 1, 0],
  [r.RCTL, 1, 0],
  [r.TCTL, 1, 0],
  [r.AIT, 1, 0xffff],
  [r.LEDCTL, 1, ALL],
  [r.PBA, 1, ALL],
  // Packet buffer pointers are 13 bits, but TDFH and TDFT have only 11.
  [0x2410, 1, 0x1fff],
  [0x2418, 1, 0x1fff],
  [0x2420, 1, 0x1fff],
  [0x2428, 1, 0x1fff],
  [0x2430, 1, 0x1fff],
  [0x3410, 1, 0x7ff],
  [0x3418, 1, 0x7ff],
  [0x3420, 1, 0x1fff],
  [0x3428, 1, 0x1fff],
  [0x3430, 1, 0x1fff],
  [r.RDBAL, 2, ALL],
  [r.RDLEN, 1, 0xf_ff80],
  [r.RDH, 1, 0xffff],
  [r.RDT, 1, 0xffff],
  [r.RDTR, 1, 0xffff],
  [r.RADV, 1, 0xffff],
  [r.TDBAL, 2, ALL],
  [r.TDLEN, 1, 0xf_ff80],
  [r.TDH, 1, 0xffff],
  [r.TDT, 1, 0xffff],
  [r.TXDCTL, 1, ALL],
  [r.TADV, 1, 0xffff],
  [r.FCRUC, 1, ALL],
  [r.MTA, r.MTA_COUNT, ALL],
  [r.RAL, 2 * r.RA_PAIRS, ALL],
  [r.VFTA, r.VFTA_COUNT, ALL],
  [r.WUC, 1, ALL],
  [r.WUFC, 1, ALL],
  [r.WUS, 1, ALL],
  [r.MANC, 1, 0],
  [r.IPAV, 1, ALL],
  [r.IP4AT, 7, ALL],
  [r.IP6AT, 4, ALL],
  [r.WUPM, 32, ALL],
  [r.SWSM, 1, ALL],
  [r.FFLT, 7, 0x7ff],
  [r.FFMT, 255, 0xf],
  [r.FFVT, 255, ALL],
  [r.PBM, r.PBM_SIZE_BYTES / 4, ALL],
];

const readable = new Uint8Array(r.BAR_REGISTERS_SIZE_BYTES / 4);
const writable = new Uint32Array(r.BAR_REGISTERS_SIZE_BYTES / 4);
for (const [offset, count, bits] of STORED) {
  readable.fill(1, offset >>> 2, (offset >>> 2) + count);
  writable.fill(bits, offset >>> 2, (offset >>> 2) + count);
}

/** @param offset a multiple of 4 below the size of BAR 0 */
export function readRegister(device: E1000Device, offset: number): number {
  const { state } = device;
  if (readable[offset >>> 2] === 1) return register(state, offset);
  if (offset === r.ICR) return readIcr(state);
  if (offset === r.EECD) return readEecd(state);
  if (offset === r.EERD) return readEerd(state) >>> 0;
  if (offset >= r.CRCERRS && offset < r.STATISTICS_END) return readStatistic(state, offset);
  return 0;
}

/** @param offset a multiple of 4 below the size of BAR 0 */
export function writeRegister(device: E1000Device, offset: number, value: number): void {
  const { state } = device;
  const bits = writable[offset >>> 2] ?? 0;
  if (bits !== 0) setRegister(state, offset, value & bits);
  switch (offset) {
    case r.CTRL:
      writeCtrl(device, value);
      break;
    case r.EECD:
      writeEecd(state, value);
      break;
    case r.EERD:
      setRegister(state, r.EERD, value);
      break;
    case r.MDIC:
      writeMdic(state, value, device.now(), device.autonegotiationUs);
      break;
    case r.ICR:
      acknowledge(state, value);
      break;
    case r.ICS:
      raise(state, value);
      break;
    case r.IMS:
      setRegister(state, r.IMS, register(state, r.IMS) | value);
      break;
    case r.IMC:
      setRegister(state, r.IMS, register(state, r.IMS) & ~value);
      break;
    case r.RCTL:
      setRegister(state, r.RCTL, value);
      configureReceive(state, value);
      flushPending(state, device.ports);
      break;
    case r.RDT:
      flushPending(state, device.ports);
      break;
    case r.TCTL:
      setRegister(state, r.TCTL, value);
      runTransmit(state, device.ports);
      break;
    case r.TDT:
      runTransmit(state, device.ports);
      break;
    default:
  }
}

function writeCtrl(device: E1000Device, value: number): void {
  if ((value & r.CTRL_RST) !== 0 && device.personality === 'data-sheet') resetMac(device.state);
  else setRegister(device.state, r.CTRL, value & ~r.CTRL_RST);
}
