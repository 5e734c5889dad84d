/**
 * One bus master of the AC'97 model (data sheet 12.2): a list of 32 buffers, worked off in time.
 *
 * Invariant: whatever a driver wrote, one call fetches at most `BUFFERS_MAX_PER_CALL` entries and moves at most
 * `SAMPLES_MAX_PER_CALL` samples; time that is left over then is lost, as on a machine that stood still. Every touch of
 * memory goes through `Ac97Ports`, hence into the record.
 */
import type { EngineState, Personality } from './model-state.ts';
import * as r from './registers.ts';

/** What an engine needs around it. */
export interface EnginePorts {
  readonly personality: Personality;
  now(): number;
  /** Frames a second; 0: the engine's clock stands. */
  rate(): number;
  readMemory(address: number, into: Uint8Array): void;
  /** Moves one piece of a buffer between memory and the codec. At most `PIECE_MAX_BYTES`. */
  move(address: number, length: number): void;
}

export const PIECE_MAX_BYTES = 4096;
const SAMPLES_MAX_PER_CALL = 96_000;
const BUFFERS_MAX_PER_CALL = 1024;
const CHANNELS = 2;

const descriptor = new Uint8Array(r.BUFFER_SIZE_BYTES);
const descriptorView = new DataView(descriptor.buffer);

function fetchBuffer(engine: EngineState, ports: EnginePorts): void {
  ports.readMemory(engine.bdbar + engine.civ * r.BUFFER_SIZE_BYTES, descriptor);
  engine.pointer = (descriptorView.getUint32(0, true) & ~3) >>> 0;
  engine.picb = descriptorView.getUint16(4, true);
  engine.control = descriptorView.getUint16(6, true);
  engine.fetched = 1;
}

function nextBuffer(engine: EngineState, ports: EnginePorts): void {
  engine.civ = engine.piv;
  engine.piv = (engine.piv + 1) % r.BUFFERS_MAX;
  fetchBuffer(engine, ports);
}

function startClock(engine: EngineState, ports: EnginePorts): void {
  engine.clock[0] = ports.now();
  engine.clock[1] = 0;
}

const isMoving = (engine: EngineState): boolean => (engine.cr & r.CR_RPBM) !== 0 && (engine.sr & r.SR_DCH) === 0;

export function resetEngine(engine: EngineState): void {
  engine.bdbar = 0;
  engine.civ = 0;
  engine.lvi = 0;
  engine.sr = r.SR_DCH;
  engine.picb = 0;
  engine.piv = 0;
  engine.cr &= r.CR_INTERRUPTS;
  engine.fetched = 0;
}

export function writeControl(engine: EngineState, value: number, ports: EnginePorts): void {
  if ((value & r.CR_RR) !== 0) {
    resetEngine(engine);
    return;
  }
  const ran = (engine.cr & r.CR_RPBM) !== 0;
  engine.cr = value & (r.CR_RPBM | r.CR_INTERRUPTS);
  if ((engine.cr & r.CR_RPBM) === 0) {
    engine.sr |= r.SR_DCH;
    return;
  }
  if (ports.personality === 'qemu-7.2') nextBuffer(engine, ports);
  else if (ran) return;
  else if (engine.fetched === 0) nextBuffer(engine, ports);
  else if ((engine.sr & r.SR_CELV) !== 0) return; // it waits for another last valid index, not for this
  engine.sr &= ~r.SR_DCH;
  startClock(engine, ports);
}

export function writeLastValid(engine: EngineState, value: number, ports: EnginePorts): void {
  const halted = (engine.cr & r.CR_RPBM) !== 0 && (engine.sr & r.SR_DCH) !== 0;
  if (halted) {
    engine.sr &= ~(r.SR_DCH | r.SR_CELV);
    nextBuffer(engine, ports);
    startClock(engine, ports);
  }
  engine.lvi = value % r.BUFFERS_MAX;
}

/** Buffer done: on to the next, or halt behind the last valid one. */
function finishBuffer(engine: EngineState, ports: EnginePorts): void {
  if ((engine.control & r.BUFFER_IOC) !== 0) engine.sr |= r.SR_BCIS;
  if (engine.civ === engine.lvi) engine.sr |= r.SR_LVBCI | r.SR_DCH | r.SR_CELV;
  else nextBuffer(engine, ports);
}

/** A buffer of no samples: passed over without a word. */
function skipBuffer(engine: EngineState, ports: EnginePorts): void {
  if (engine.civ === engine.lvi) engine.sr |= r.SR_DCH | r.SR_CELV;
  else nextBuffer(engine, ports);
}

/** Moves what is due by now: whole frames, if the buffers hold whole ones. */
export function advanceEngine(engine: EngineState, ports: EnginePorts): void {
  if (!isMoving(engine)) return;
  const elapsedUs = ports.now() - (engine.clock[0] ?? 0);
  let due = CHANNELS * Math.floor((elapsedUs * ports.rate()) / 1e6) - (engine.clock[1] ?? 0);
  let left = SAMPLES_MAX_PER_CALL;
  for (let buffers = 0; due > 0 && left > 0 && buffers < BUFFERS_MAX_PER_CALL && isMoving(engine);) {
    if (engine.picb === 0) {
      skipBuffer(engine, ports);
      buffers += 1;
      continue;
    }
    const count = Math.min(due, left, engine.picb, PIECE_MAX_BYTES / r.SAMPLE_BYTES);
    ports.move(engine.pointer, count * r.SAMPLE_BYTES);
    engine.pointer = (engine.pointer + count * r.SAMPLE_BYTES) >>> 0;
    engine.picb -= count;
    engine.clock[1] = (engine.clock[1] ?? 0) + count;
    due -= count;
    left -= count;
    if (engine.picb > 0) continue;
    finishBuffer(engine, ports);
    buffers += 1;
  }
  if (due > 0 && isMoving(engine)) startClock(engine, ports);
}

/** When its current buffer will be done; Infinity if it does not move. */
export function engineDeadlineUs(engine: EngineState, ports: EnginePorts): number {
  const rate = ports.rate();
  if (!isMoving(engine) || rate === 0) return Infinity;
  const frames = Math.ceil(((engine.clock[1] ?? 0) + Math.max(1, engine.picb)) / CHANNELS);
  return (engine.clock[0] ?? 0) + Math.ceil((frames * 1e6) / rate);
}

/** Whether the engine asks for an interrupt. */
export function engineInterrupts({ sr, cr }: EngineState): boolean {
  return (
    ((sr & r.SR_LVBCI) !== 0 && (cr & r.CR_LVBIE) !== 0) ||
    ((sr & r.SR_BCIS) !== 0 && (cr & r.CR_IOCE) !== 0) ||
    ((sr & r.SR_FIFOE) !== 0 && (cr & r.CR_FEIE) !== 0)
  );
}
