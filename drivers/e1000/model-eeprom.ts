/**
 * Both ways to the 82540EM's EEPROM: the EERD register (data sheet 13.4.4), and the four microwire lines of EECD that
 * software toggles by hand (13.4.3, and 5.3 for the protocol of a 93C46-class part).
 */
import type { E1000State } from './model-state.ts';
import { register } from './model-state.ts';
import * as r from './registers.ts';

/** Start bit 1 and opcode 10. */
const MICROWIRE_READ = 0b110;
/** Start bit, opcode and six address bits. */
const COMMAND_BITS = 9;
const WRITABLE_LINES = r.EECD_SK | r.EECD_CS | r.EECD_DI | r.EECD_FWE | r.EECD_REQ;

export function readEerd(state: E1000State): number {
  const eerd = register(state, r.EERD);
  if ((eerd & r.EERD_START) === 0) return eerd;
  const request = (eerd & ~r.EERD_START) >>> 0;
  const word = request >>> r.EERD_ADDRESS_SHIFT;
  if (word >= r.EEPROM_WORDS) return request | r.EERD_DONE;
  return request | r.EERD_DONE | ((state.eeprom[word] ?? 0) << r.EERD_DATA_SHIFT);
}

export function writeEecd(state: E1000State, value: number): void {
  const wire = state.microwire;
  const changed = value ^ wire.lines;
  wire.lines = value & WRITABLE_LINES;
  if ((value & r.EECD_CS) === 0) return;
  if ((changed & r.EECD_CS) !== 0) {
    wire.shiftIn = 0;
    wire.bitsIn = 0;
    wire.bitOut = 0;
    wire.reading = 0;
  }
  if ((changed & r.EECD_SK) === 0) return;
  if ((value & r.EECD_SK) === 0) {
    wire.bitOut += 1; // falling edge: the part shows its next bit
    return;
  }
  wire.shiftIn = (wire.shiftIn << 1) | ((value & r.EECD_DI) === 0 ? 0 : 1);
  wire.bitsIn += 1;
  if (wire.bitsIn === COMMAND_BITS && wire.reading === 0) {
    // One before the word's first bit: the falling edge that ends the command advances to it.
    wire.bitOut = (wire.shiftIn & 0x3f) * 16 - 1;
    wire.reading = ((wire.shiftIn >> 6) & 7) === MICROWIRE_READ ? 1 : 0;
  }
}

export function readEecd(state: E1000State): number {
  const { lines, reading, bitOut } = state.microwire;
  const word = state.eeprom[(bitOut >>> 4) & 0x3f] ?? 0;
  const shown = reading === 0 || ((word >> (15 - (bitOut & 15))) & 1) !== 0;
  return r.EECD_PRES | r.EECD_GNT | lines | (shown ? r.EECD_DO : 0);
}
