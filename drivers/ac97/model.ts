/**
 * A small in-process model of Intel's AC'97 audio controller (82801AA) and its codec, which QEMU calls `AC97`.
 *
 * It is the device to use where QEMU is absent, and the fast one for property tests. What a driver sees of it is what a
 * driver sees of QEMU 7.2's device; `model-differential.test.ts` compares the two, and `Personality` lists what differs. It
 * plays and records in time, at the codec's rate, and multiplies with the codec's volumes. It does not model a secondary
 * codec, a modem, FIFO errors or power management, and buffers begin at double words, as QEMU's do.
 *
 * The model trusts nobody above it, for it is the part that a monitor protects: whatever a driver writes, a call returns, and
 * every touch of memory is in the record.
 */
import { CONFIG_SPACE } from '../../dsslang/runtime.ts';
import type { Space, Width } from '../../dsslang/runtime.ts';
import { attachModule } from '../backing/model/attach-module.ts';
import type { DeviceModel, ModelDefinition, ModelHost } from '../backing/model/device-model.ts';
import { amplify } from '../backing/model/gain.ts';
import { PCI_COMMAND_IO, PCI_COMMAND_MASTER, pciConfig } from '../backing/model/pci-config.ts';
import { soundEnds, soundQueue } from '../backing/model/sound-ends.ts';
import { playbackGain, rateOf, readCodec, recordGain, resetCodec, writeCodec } from './model-codec.ts';
import {
  PIECE_MAX_BYTES,
  advanceEngine,
  engineDeadlineUs,
  engineInterrupts,
  resetEngine,
  writeControl,
  writeLastValid,
} from './model-engine.ts';
import type { EnginePorts } from './model-engine.ts';
import type { Ac97State, Personality } from './model-state.ts';
import { MIXER_REGISTERS, STATE_SIZE_BYTES, ac97State } from './model-state.ts';
import * as r from './registers.ts';

export interface Ac97ModelOptions {
  /** Default: `data-sheet`. */
  readonly personality?: Personality;
}

const HEADER = {
  vendor: r.VENDOR_INTEL,
  device: r.DEVICE_82801AA_AUDIO,
  revision: 1,
  classCode: 0x04_0100,
  subsystemVendor: 0x1af4,
  subsystem: 0x1100,
  ports: [1024, 256],
};
const WRITE_CLEARS = 0x8c01;
const WRITE_KEEPS = 0x3_0000;
const GLOB_CNT_MASK = 0x3f;

/** The model on a host of your own (shared buffers, other threads: see `modelBacking`). */
export function ac97OnHost(host: ModelHost, options: Ac97ModelOptions = {}): DeviceModel {
  const state = ac97State(host.state);
  const personality = options.personality ?? 'data-sheet';
  const config = pciConfig(state.config, HEADER);
  const microphone = soundQueue(state.saidCounters, state.said);
  const piece = new Uint8Array(PIECE_MAX_BYTES);
  if (state.global.initialised === 0) {
    state.global.initialised = 1;
    resetCodec(state);
    state.engines.forEach(resetEngine);
  }

  // Without bus mastering the bridge answers nothing: reads give zeros, writes are lost.
  function readMemory(address: number, into: Uint8Array): void {
    if (config.enabled(PCI_COMMAND_MASTER)) host.memory.read(address, into, 0, into.length);
    else into.fill(0);
  }
  function play(address: number, length: number): void {
    const samples = piece.subarray(0, length);
    readMemory(address, samples);
    amplify(samples, ...playbackGain(state));
    host.transmit(samples);
  }
  function record(address: number, length: number): void {
    const samples = piece.subarray(0, length);
    microphone.take(samples);
    amplify(samples, ...recordGain(state));
    if (config.enabled(PCI_COMMAND_MASTER)) host.memory.write(address, samples, 0, length);
  }
  const ports = state.engines.map((_, index): EnginePorts => ({
    personality,
    now: () => host.now(),
    rate: () => rateOf(state, index),
    readMemory,
    move: index === r.PCM_OUT ? play : record,
  }));
  const forEngines = (action: (engine: Ac97State['engines'][number], port: EnginePorts) => void): void =>
    state.engines.forEach((engine, index) => {
      const port = ports[index];
      if (port !== undefined) action(engine, port);
    });

  /** The interrupt line follows its causes at the end of every call. */
  function settle(): void {
    const level = config.interrupt(state.engines.some(engineInterrupts));
    if (level === state.global.line) return;
    state.global.line = level;
    host.interrupt(level);
  }
  function readBusMaster(offset: number, width: Width): number {
    const engine = state.engines[Math.floor(offset / r.ENGINE_STRIDE)];
    const register = offset % r.ENGINE_STRIDE;
    if (engine !== undefined && register <= r.CR) return readEngine(engine, register, width);
    if (offset === r.GLOB_CNT && width === 4) return state.global.globCnt;
    if (offset === r.GLOB_STA && width === 4) {
      const engines = state.engines.map((each, index) =>
        engineInterrupts(each) ? (r.GLOB_STA_ENGINES[index] ?? 0) : 0,
      );
      return engines.reduce((sum, bit) => sum | bit, state.global.sticky | r.GLOB_STA_PCR);
    }
    if (offset === r.CAS && width === 1) {
      const taken = state.global.cas;
      state.global.cas = 1;
      return taken;
    }
    return 2 ** (8 * width) - 1;
  }
  function writeBusMaster(offset: number, width: Width, value: number): void {
    const index = Math.floor(offset / r.ENGINE_STRIDE);
    const engine = state.engines[index];
    const port = ports[index];
    const register = offset % r.ENGINE_STRIDE;
    if (engine !== undefined && port !== undefined && register <= r.CR) {
      if (register === r.BDBAR && width === 4) engine.bdbar = (value & ~(personality === 'qemu-7.2' ? 3 : 7)) >>> 0;
      if (register === r.LVI && width === 1) writeLastValid(engine, value, port);
      if (register === r.CR && width === 1) writeControl(engine, value, port);
      if (register === r.SR && width <= 2) engine.sr &= ~(value & r.SR_CLEAR);
      return;
    }
    if (width !== 4) return;
    if (offset === r.GLOB_CNT) writeGlobalControl(value);
    if (offset === r.GLOB_STA) {
      state.global.sticky = ((state.global.sticky & ~(value & WRITE_CLEARS)) | (value & WRITE_KEEPS)) >>> 0;
    }
  }
  function writeGlobalControl(value: number): void {
    if (personality === 'qemu-7.2') {
      if ((value & (r.GLOB_CNT_COLD | r.GLOB_CNT_WARM)) === 0) state.global.globCnt = value & GLOB_CNT_MASK;
      return;
    }
    // The warm reset ends by itself; the cold one lasts as long as its bit is 0.
    state.global.globCnt = value & GLOB_CNT_MASK & ~r.GLOB_CNT_WARM;
    if ((value & r.GLOB_CNT_COLD) !== 0) return;
    resetCodec(state);
    state.engines.forEach(resetEngine);
  }

  return {
    read(space, offset, width) {
      const value = readSpace(space, offset, width);
      settle();
      return value;
    },
    write(space, offset, width, value) {
      writeSpace(space, offset, width, value >>> 0);
      settle();
    },
    receiveFrame: (samples) => microphone.push(samples),
    resume: () => undefined,
    advance() {
      forEngines(advanceEngine);
      settle();
    },
    nextDeadlineUs: () => Math.min(...state.engines.map((engine, index) => deadlineOf(engine, index))),
    interruptLevel: () => (state.global.line === 1 ? 1 : 0),
  };

  function deadlineOf(engine: Ac97State['engines'][number], index: number): number {
    const port = ports[index];
    return port === undefined ? Infinity : engineDeadlineUs(engine, port);
  }
  function readSpace(space: Space, offset: number, width: Width): number {
    if (space === CONFIG_SPACE) return config.read(offset, width);
    const nothing = 2 ** (8 * width) - 1;
    if (!config.enabled(PCI_COMMAND_IO)) return nothing;
    if (space === r.BAR_BUS_MASTER) return readBusMaster(offset, width);
    if (space !== r.BAR_MIXER || offset >= 2 * MIXER_REGISTERS) return nothing;
    state.global.cas = 0;
    return width === 2 && offset % 2 === 0 ? readCodec(state, offset) : nothing;
  }
  function writeSpace(space: Space, offset: number, width: Width, value: number): void {
    if (space === CONFIG_SPACE) config.write(offset, width, value);
    if (space === CONFIG_SPACE || !config.enabled(PCI_COMMAND_IO)) return;
    if (space === r.BAR_BUS_MASTER) writeBusMaster(offset, width, value);
    if (space !== r.BAR_MIXER || offset >= 2 * MIXER_REGISTERS) return;
    state.global.cas = 0;
    if (width === 2 && offset % 2 === 0) writeCodec(state, offset, value);
  }
}

function readEngine(engine: Ac97State['engines'][number], register: number, width: Width): number {
  const { bdbar, civ, lvi, sr, picb, piv, cr } = engine;
  if (width === 4 && register === r.BDBAR) return bdbar;
  if (width === 4 && register === r.CIV) return (civ | (lvi << 8) | (sr << 16)) >>> 0;
  if (width === 4 && register === r.PICB) return (picb | (piv << 16) | (cr << 24)) >>> 0;
  if (width === 2 && register === r.SR) return sr;
  if (width === 2 && register === r.PICB) return picb;
  if (width === 1) {
    const bytes = new Map([[r.CIV, civ], [r.LVI, lvi], [r.SR, sr], [r.PIV, piv], [r.CR, cr]]); // prettier-ignore
    return bytes.get(register) ?? 0xff;
  }
  return 2 ** (8 * width) - 1;
}

/** The AC'97 controller for `modelBacking`. */
export const ac97Model: ModelDefinition = {
  name: 'ac97',
  module: attachModule(import.meta.url, 'ac97'),
  identity: { vendor: r.VENDOR_INTEL, device: r.DEVICE_82801AA_AUDIO },
  stateSizeBytes: STATE_SIZE_BYTES,
  ends: soundEnds,
  create: (host, options) => ac97OnHost(host, options ?? {}),
};
