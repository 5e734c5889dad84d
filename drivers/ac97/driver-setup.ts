/**
 * Steps of a driver for Intel's AC'97 controller, in the order of the data sheet: the part that other programs share.
 *
 * Every function is one step over `io` and keeps no state. The order matters to the device and is the caller's duty: bus,
 * link, codec; then for each engine reset, list, last valid index, run.
 */
import type { DeviceIo, DmaRegion } from '../../kernel/abi.ts';
import { enableBusMaster as enable, PORTS } from '../class/bus-master.ts';
import * as r from './registers.ts';

/** A codec access takes 21 us on the link (one frame); one that never ends must not hold the driver. */
const SEMAPHORE_POLLS_MAX = 100;
/** A reset of an engine ends within a few accesses. */
const RESET_POLLS_MAX = 100;
const STEP_DECIBELS = 1.5;

export const enableBusMaster = (io: DeviceIo): void => enable(io, PORTS);

/** The registers of one engine. */
export const engineRegister = (engine: number, register: number): number => engine * r.ENGINE_STRIDE + register;

/** Stops an engine, whatever it does, and returns it to its beginnings. False if it does not get there. */
export function resetEngine(io: DeviceIo, engine: number): boolean {
  const control = engineRegister(engine, r.CR);
  io.write8(r.BAR_BUS_MASTER, control, 0);
  io.write8(r.BAR_BUS_MASTER, control, r.CR_RR);
  for (let poll = 0; poll < RESET_POLLS_MAX; poll += 1) {
    if ((io.read8(r.BAR_BUS_MASTER, control) & r.CR_RR) === 0) return true;
  }
  return false;
}

export function resetEngines(io: DeviceIo): boolean {
  return [r.PCM_IN, r.PCM_OUT, r.MIC_IN].map((engine) => resetEngine(io, engine)).every(Boolean);
}

/** Takes the link out of its cold reset, or wakes it. The codec is ready some time later. */
export function wakeLink(io: DeviceIo): void {
  const control = io.read32(r.BAR_BUS_MASTER, r.GLOB_CNT);
  const isAwake = (control & r.GLOB_CNT_COLD) !== 0;
  io.write32(r.BAR_BUS_MASTER, r.GLOB_CNT, isAwake ? r.GLOB_CNT_COLD | r.GLOB_CNT_WARM : r.GLOB_CNT_COLD);
}

export function isCodecReady(io: DeviceIo): boolean {
  return (io.read32(r.BAR_BUS_MASTER, r.GLOB_STA) & r.GLOB_STA_PCR) !== 0;
}

/** The semaphore of the codec: taken by reading 0, given back by the access that follows. */
function takeCodec(io: DeviceIo): void {
  for (let poll = 0; poll < SEMAPHORE_POLLS_MAX; poll += 1) {
    if ((io.read8(r.BAR_BUS_MASTER, r.CAS) & 1) === 0) return;
  }
}

export function readCodec(io: DeviceIo, register: number): number {
  takeCodec(io);
  return io.read16(r.BAR_MIXER, register);
}

export function writeCodec(io: DeviceIo, register: number, value: number): void {
  takeCodec(io);
  io.write16(r.BAR_MIXER, register, value);
}

/** Resets the codec and opens it: full volume, the microphone at unity, rates that can be chosen where it has them. */
export function programCodec(io: DeviceIo): void {
  writeCodec(io, r.RESET, 0);
  writeCodec(io, r.MASTER_VOLUME, 0);
  writeCodec(io, r.PCM_OUT_VOLUME, 0);
  writeCodec(io, r.RECORD_SELECT, 0);
  writeCodec(io, r.RECORD_GAIN, 0);
  if ((readCodec(io, r.EXTENDED_ID) & r.EXTENDED_VRA) === 0) return;
  writeCodec(io, r.EXTENDED_STATUS, readCodec(io, r.EXTENDED_STATUS) | r.EXTENDED_VRA);
}

/** Asks for frames a second, and says what it got: the codec takes the nearest that it can, or stays at 48 kHz. */
export function programRate(io: DeviceIo, register: number, hertz: number): number {
  writeCodec(io, register, Math.min(0xffff, hertz));
  return readCodec(io, register);
}

/** Each side in percent of full scale; 0 is silence. */
export function programVolume(io: DeviceIo, left: number, right: number): void {
  const muted = left === 0 && right === 0 ? r.MUTE : 0;
  writeCodec(io, r.MASTER_VOLUME, muted | (attenuation(left) << 8) | attenuation(right));
}

function attenuation(percent: number): number {
  if (percent <= 0) return r.ATTENUATION_MASTER_MAX;
  return Math.min(r.ATTENUATION_MASTER_MAX, Math.round((-20 * Math.log10(percent / 100)) / STEP_DECIBELS));
}

/** Fills an entry of a list, in one store. It asks for an interrupt on completion. */
export function fillEntry(list: DmaRegion, index: number, address: number, samples: number): void {
  const bytes = new Uint8Array(r.BUFFER_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, address, true);
  view.setUint16(4, samples, true);
  view.setUint16(6, r.BUFFER_IOC, true);
  list.copyIn(index * r.BUFFER_SIZE_BYTES, bytes);
}

/** Tells an engine that was reset its list, and lets it run up to the entry `last`. */
export function runEngine(io: DeviceIo, engine: number, list: DmaRegion, last: number): void {
  io.write32(r.BAR_BUS_MASTER, engineRegister(engine, r.BDBAR), list.address);
  publishUpTo(io, engine, last);
  io.write8(r.BAR_BUS_MASTER, engineRegister(engine, r.CR), r.CR_RPBM | r.CR_INTERRUPTS);
}

export function publishUpTo(io: DeviceIo, engine: number, last: number): void {
  io.write8(r.BAR_BUS_MASTER, engineRegister(engine, r.LVI), last);
}

/** Where an engine is. */
export interface Position {
  /** The entry that it works on. */
  readonly index: number;
  /** Whether it has done everything up to its last valid index. */
  readonly isDone: boolean;
}

/** Acknowledges what the engine asked an interrupt for, and says where it is now. */
export function acknowledge(io: DeviceIo, engine: number): Position {
  const status = engineRegister(engine, r.SR);
  io.write16(r.BAR_BUS_MASTER, status, io.read16(r.BAR_BUS_MASTER, status) & r.SR_CLEAR);
  const index = io.read8(r.BAR_BUS_MASTER, engineRegister(engine, r.CIV));
  return { index, isDone: (io.read16(r.BAR_BUS_MASTER, status) & r.SR_CELV) !== 0 };
}

/** Holds a running engine, and says where: `left` samples of the entry `index` are not done. Reset it before it runs again. */
export function pauseEngine(io: DeviceIo, engine: number): Position & { readonly left: number } {
  io.write8(r.BAR_BUS_MASTER, engineRegister(engine, r.CR), 0);
  const left = io.read16(r.BAR_BUS_MASTER, engineRegister(engine, r.PICB));
  return { ...acknowledge(io, engine), left };
}
