/** Steps of a driver for the ES1370, in the order of the data sheet: the part that other programs share. Keeps no state. */
import type { DeviceIo } from '../../kernel/abi.ts';
import { enableBusMaster as enable, PORTS } from '../class/bus-master.ts';
import * as r from './registers.ts';

/** The codec takes some microseconds for each word; one that never answers must not hold the driver. */
const CODEC_POLLS_MAX = 100;
/** Frames between interrupts. */
export const PERIOD_FRAMES = 1024;
/** 16 bits, stereo, for all channels. */
export const STEREO_16 = r.SERIAL_P1_FORMAT | r.SERIAL_P2_FORMAT | r.SERIAL_R1_FORMAT | r.SERIAL_P2_END_INC_2;
/** 44.1 kHz is what the clock divides to exactly; 48 kHz it cannot do. */
export const RATE_EXACT = 44_100;

export const enableBusMaster = (io: DeviceIo): void => enable(io, PORTS);

export const dividerOf = (hertz: number): number =>
  Math.max(0, Math.min(r.CONTROL_PCLKDIV_MAX, Math.round(r.CLOCK_HERTZ / hertz) - 2));
export const rateOf = (divider: number): number => Math.round(r.CLOCK_HERTZ / (divider + 2));

/** All channels off, their interrupts off and over, and nothing but the codec's interface on. */
export function quiesce(io: DeviceIo, divider: number): void {
  io.write32(r.BAR, r.CONTROL, r.CONTROL_CDC_EN | (divider << r.CONTROL_PCLKDIV_SHIFT));
  io.write32(r.BAR, r.SERIAL, STEREO_16);
}

/** AK4531: out of its reset, master and voice at unity, voice to the output. */
export function programCodec(io: DeviceIo): void {
  const values = [[0x16, 0x03], [0x17, 0x00], [r.CODEC_MASTER_LEFT, 0], [r.CODEC_MASTER_RIGHT, 0], [r.CODEC_VOICE_LEFT, 6], [r.CODEC_VOICE_RIGHT, 6], [0x11, 0x0c]] as const; // prettier-ignore
  for (const [register, value] of values) {
    for (let poll = 0; poll < CODEC_POLLS_MAX && (io.read32(r.BAR, r.STATUS) & r.STATUS_CSTAT) !== 0;) poll += 1;
    io.write16(r.BAR, r.CODEC, (register << 8) | value);
  }
}

/** Where a channel's buffer is told: DAC2 or the ADC. */
export interface Place {
  readonly page: number;
  readonly address: number;
  readonly size: number;
  readonly count: number;
}
export const DAC2: Place = { page: r.PAGE_DAC, address: r.ADDRESS_B, size: r.SIZE_B, count: r.DAC2_COUNT };
export const ADC: Place = { page: r.PAGE_ADC, address: r.ADDRESS_A, size: r.SIZE_A, count: r.ADC_COUNT };

/** Tells a channel that is off its buffer, to be gone around from the beginning. */
export function programBuffer(io: DeviceIo, place: Place, address: number, sizeBytes: number): void {
  io.write32(r.BAR, r.MEM_PAGE, place.page);
  io.write32(r.BAR, place.address, address);
  io.write32(r.BAR, place.size, sizeBytes / 4 - 1);
  io.write32(r.BAR, place.count, PERIOD_FRAMES - 1);
}

/** Bytes from the beginning of the buffer to where the channel is. */
export function positionOf(io: DeviceIo, place: Place, sizeBytes: number): number {
  io.write32(r.BAR, r.MEM_PAGE, place.page);
  return ((io.read32(r.BAR, place.size) >>> 16) * 4) % sizeBytes;
}

export function setBits(io: DeviceIo, register: number, bits: number): void {
  io.write32(r.BAR, register, (io.read32(r.BAR, register) | bits) >>> 0);
}
export function clearBits(io: DeviceIo, register: number, bits: number): void {
  io.write32(r.BAR, register, (io.read32(r.BAR, register) & ~bits) >>> 0);
}

/** A channel's interrupt ends when it is switched off; then it is switched on again. */
export function acknowledge(io: DeviceIo, interrupts: number): void {
  const serial = io.read32(r.BAR, r.SERIAL);
  io.write32(r.BAR, r.SERIAL, (serial & ~interrupts) >>> 0);
  io.write32(r.BAR, r.SERIAL, serial);
}
