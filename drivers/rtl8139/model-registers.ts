/**
 * The register file of the RTL8139C+ model: which bits can be written, and what reading and writing bring about (chapter 6).
 *
 * Registers are bytes; an access of two or four is one of its bytes together, and what a write sets off happens once, after
 * all of them. Configuration registers, the serial EEPROM, the timer and the PHY keep their reset values here.
 */
import { dumpTally, raise, runTransmit, type EnginePorts } from './model-engines.ts';
import { resetRegisters, type Rtl8139State } from './model-state.ts';
import * as r from './registers.ts';

/** Bits of each byte that keep what is written (measured, QEMU 7.2); the others keep what they are. */
const WRITABLE = new Uint8Array(r.REGISTERS_SIZE_BYTES);
const writable = (offset: number, ...masks: readonly number[]): void => WRITABLE.set(masks, offset);
writable(r.IDR0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
writable(r.MAR0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
writable(r.DTCCR_LO, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
writable(r.TNPDS_LO, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
writable(r.CR, r.CR_TE | r.CR_RE);
writable(r.IMR, 0xff, 0xe1);
writable(r.TCR, 0xf0, 0x07, 0x0f, 0x03);
writable(r.RCR, 0xbf, 0xff, 0x03, 0x0f);
writable(r.CPCR, 0x7b, 0x00);
writable(r.RDSAR_LO, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
writable(r.MTPS, 0xff);

const LINK_UP = 0xd0;

export function readRegisters({ registers }: Rtl8139State, offset: number, width: number): number {
  let value = 0;
  for (let index = 0; index < width; index += 1) value += readByte(registers, offset + index) * 2 ** (8 * index);
  return value;
}

function readByte(registers: DataView, offset: number): number {
  if (offset >= r.REGISTERS_SIZE_BYTES) return 0;
  if (offset === r.MSR) return LINK_UP;
  return registers.getUint8(offset);
}

export function writeRegisters(
  state: Rtl8139State,
  ports: EnginePorts,
  offset: number,
  width: number,
  value: number,
): void {
  const { registers } = state;
  const end = Math.min(offset + width, r.REGISTERS_SIZE_BYTES);
  const written = (register: number): boolean => register >= offset && register < end;
  const byteOf = (register: number): number => Math.floor(value / 2 ** (8 * (register - offset))) & 0xff;
  const isTransmitting = (registers.getUint8(r.CR) & r.CR_TE) !== 0;
  for (let at = offset; at < end; at += 1) {
    // 6.12: the transmitter's configuration can be changed only while it is enabled.
    const mask = at >= r.TCR && at < r.TCR + 4 && !isTransmitting ? 0 : (WRITABLE[at] ?? 0);
    registers.setUint8(at, (registers.getUint8(at) & ~mask) | (byteOf(at) & mask));
  }
  for (const at of [r.ISR, r.ISR + 1]) {
    if (written(at)) registers.setUint8(at, registers.getUint8(at) & ~byteOf(at));
  }
  if (written(r.MPC)) registers.setUint32(r.MPC, 0, true);
  if (written(r.CR)) command(state, byteOf(r.CR));
  if (written(r.CPCR)) state.misc.isCplus = 1;
  if (written(r.EE_CR) && byteOf(r.EE_CR) >>> 6 === 1) resetRegisters(state);
  if (written(r.DTCCR_LO) && (byteOf(r.DTCCR_LO) & r.DTCCR_DUMP) !== 0 && state.misc.isCplus === 1) {
    dumpTally(state, ports);
    registers.setUint8(r.DTCCR_LO, registers.getUint8(r.DTCCR_LO) & ~r.DTCCR_DUMP);
  }
  if (written(r.TPPOLL)) {
    if ((byteOf(r.TPPOLL) & r.TPPOLL_NPQ) !== 0) runTransmit(state, ports);
    if ((byteOf(r.TPPOLL) & 1) !== 0) raise(state, INT_SOFTWARE);
  }
}

/** TPPOLL.FSWInt asks for this cause. */
const INT_SOFTWARE = 0x0100;

/** Enabling an engine, also one that runs, makes it begin at its first descriptor. */
function command(state: Rtl8139State, value: number): void {
  if ((value & r.CR_RST) !== 0) {
    resetRegisters(state);
    state.registers.setUint8(r.CR, r.CR_BUFE | (value & (r.CR_TE | r.CR_RE)));
  }
  if ((value & r.CR_RE) !== 0) state.misc.rxIndex = 0;
  if ((value & r.CR_TE) !== 0) state.misc.txIndex = 0;
}
