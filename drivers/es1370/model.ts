/**
 * A small in-process model of Ensoniq's AudioPCI ES1370, after QEMU 7.2's device: three channels that each go around one buffer.
 *
 * It plays and records in time, at the rates of its clock divider, and interrupts after each count of frames. It does not model
 * the codec's volumes (QEMU's device has none), MIDI, the joystick, the controller's own memory, or channels that do not loop;
 * the ADC records other formats than 16-bit stereo as silence. Whatever a driver writes, a call returns, and every touch of
 * memory is in the record: one call moves at most `FRAMES_MAX_PER_CALL` frames in `PIECES_MAX_PER_CALL` pieces.
 */
import { CONFIG_SPACE } from '../../dsslang/runtime.ts';
import type { Space, Width } from '../../dsslang/runtime.ts';
import { attachModule } from '../backing/model/attach-module.ts';
import type { DeviceModel, ModelDefinition, ModelHost } from '../backing/model/device-model.ts';
import { PCI_COMMAND_IO, PCI_COMMAND_MASTER, pciConfig } from '../backing/model/pci-config.ts';
import { SAID_MAX_BYTES, soundEnds, soundQueue } from '../backing/model/sound-ends.ts';
import { layOut } from '../backing/model/state-layout.ts';
import * as r from './registers.ts';

const STATE_SIZE_BYTES = 4096 + SAID_MAX_BYTES;
const FRAMES_MAX_PER_CALL = 48_000;
const PIECES_MAX_PER_CALL = 4096;
const PIECE_FRAMES_MAX = 1024;
const STEREO_16 = 3;
/** WTSRSEL, of DAC1. */
const DAC1_RATES = [5512, 11_025, 22_050, 44_100] as const;

const HEADER = {
  vendor: r.VENDOR_ENSONIQ,
  device: r.DEVICE_ES1370,
  revision: 0,
  classCode: 0x04_0100,
  subsystemVendor: 0x4942,
  subsystem: 0x4c4c,
  ports: [256],
  latency: [0x0c, 0x80],
} as const;

const DAC1 = 0;
const DAC2 = 1;
const ADC = 2;
/** Of each channel: its bit in CONTROL, in STATUS, those of SERIAL for interrupt and pause, and where its format is. */
const CHANNELS = [
  { enable: r.CONTROL_DAC1_EN, status: r.STATUS_DAC1, interrupt: r.SERIAL_P1_INT_EN, pause: 0x800, format: 0 },
  { enable: r.CONTROL_DAC2_EN, status: r.STATUS_DAC2, interrupt: r.SERIAL_P2_INT_EN, pause: r.SERIAL_P2_PAUSE, format: 2 },
  { enable: r.CONTROL_ADC_EN, status: r.STATUS_ADC, interrupt: r.SERIAL_R1_INT_EN, pause: 0, format: 4 },
] as const; // prettier-ignore

const CHANNEL_FIELDS = ['address', 'last', 'position', 'count', 'left'] as const;
interface Channel extends Record<(typeof CHANNEL_FIELDS)[number], number> {
  /** Since when it runs, in microseconds, and how many frames it has moved since. */
  readonly clock: Float64Array;
}

/** The model on a host of your own (shared buffers, other threads: see `modelBacking`). */
export function es1370OnHost(host: ModelHost): DeviceModel {
  const layout = layOut(host.state);
  const config = pciConfig(layout.bytes(256), HEADER);
  const registers = layout.fields(['control', 'status', 'page', 'codec', 'serial', 'line', 'initialised']);
  const channels = CHANNELS.map((): Channel =>
    Object.assign(layout.fields(CHANNEL_FIELDS), { clock: layout.doubles(2) }),
  );
  const microphone = soundQueue(layout.words(2), layout.bytes(SAID_MAX_BYTES));
  const piece = new Uint8Array(PIECE_FRAMES_MAX * 4);
  if (registers.initialised === 0) {
    registers.initialised = 1;
    registers.control = 1;
  }

  const formatOf = (index: number): number => (registers.serial >>> (CHANNELS[index]?.format ?? 0)) & 3;
  const frameBytes = (index: number): number => 1 << ((formatOf(index) & 1) + (formatOf(index) >> 1));
  function rateOf(index: number): number {
    if (index === DAC1) return DAC1_RATES[(registers.control >>> 12) & 3] ?? 44_100;
    return Math.floor(r.CLOCK_HERTZ / (((registers.control >>> r.CONTROL_PCLKDIV_SHIFT) & r.CONTROL_PCLKDIV_MAX) + 2));
  }
  function isMoving(index: number): boolean {
    const bits = CHANNELS[index];
    if (bits === undefined || (registers.control & bits.enable) === 0 || (registers.serial & bits.pause) !== 0)
      return false;
    const channel = channels[index];
    return channel !== undefined && channel.position <= 4 * channel.last + 3;
  }

  /** Moves one piece between memory and the outside. Without bus mastering reads give zeros and writes are lost. */
  function move(index: number, address: number, bytes: Uint8Array): void {
    const isMaster = config.enabled(PCI_COMMAND_MASTER);
    if (index === ADC) {
      if (formatOf(index) === STEREO_16) microphone.take(bytes);
      else bytes.fill(0);
      if (isMaster) host.memory.write(address, bytes, 0, bytes.length);
      return;
    }
    if (isMaster) host.memory.read(address, bytes, 0, bytes.length);
    else bytes.fill(0);
    host.transmit(formatOf(index) === STEREO_16 ? bytes : widened(bytes, formatOf(index)));
  }

  function advanceChannel(channel: Channel, index: number): void {
    const rate = rateOf(index);
    const elapsedUs = host.now() - (channel.clock[0] ?? 0);
    let due = isMoving(index) ? Math.floor((elapsedUs * rate) / 1e6) - (channel.clock[1] ?? 0) : 0;
    const size = frameBytes(index);
    const end = 4 * (channel.last + 1);
    let left = FRAMES_MAX_PER_CALL;
    for (let pieces = 0; due > 0 && left > 0 && pieces < PIECES_MAX_PER_CALL; pieces += 1) {
      const room = Math.floor((end - channel.position) / size);
      const frames = Math.min(due, left, room, channel.left + 1, PIECE_FRAMES_MAX);
      move(index, (channel.address + channel.position) >>> 0, piece.subarray(0, frames * size));
      channel.position = channel.position + frames * size >= end ? 0 : channel.position + frames * size;
      channel.clock[1] = (channel.clock[1] ?? 0) + frames;
      due -= frames;
      left -= frames;
      if (frames <= channel.left) channel.left -= frames;
      else {
        channel.left = channel.count;
        if ((registers.serial & (CHANNELS[index]?.interrupt ?? 0)) !== 0)
          registers.status |= CHANNELS[index]?.status ?? 0;
      }
    }
    if (due > 0) startClock(channel);
  }
  function startClock(channel: Channel): void {
    channel.clock[0] = host.now();
    channel.clock[1] = 0;
  }
  /** Changes what decides whether channels run and how fast; the clocks of those that begin, or change, begin anew. */
  function change(action: () => void): void {
    const before = channels.map((_, index) => [isMoving(index), rateOf(index)] as const);
    action();
    channels.forEach((channel, index) => {
      if (before[index]?.[0] !== isMoving(index) || before[index]?.[1] !== rateOf(index)) startClock(channel);
    });
  }

  /** The interrupt line follows its causes at the end of every call. */
  function settle(): void {
    const level = config.interrupt((registers.status & 7) !== 0);
    if (level === registers.line) return;
    registers.line = level;
    host.interrupt(level);
  }
  /** The channel whose buffer lies at an offset from 0x30 on, on the present page. */
  function paged(offset: number): Channel | undefined {
    if (registers.page === r.PAGE_DAC) return channels[offset < r.ADDRESS_B ? DAC1 : DAC2];
    return registers.page === r.PAGE_ADC && offset < r.ADDRESS_B ? channels[ADC] : undefined;
  }
  function readRegister(offset: number): number {
    switch (offset) {
      case r.CONTROL:
        return registers.control;
      case r.STATUS:
        return (registers.status | 0x60 | ((registers.status & 7) === 0 ? 0 : r.STATUS_INTR)) >>> 0;
      case r.MEM_PAGE:
        return registers.page;
      case r.CODEC:
        return registers.codec;
      case r.SERIAL:
        return registers.serial;
      case r.DAC1_COUNT:
      case r.DAC2_COUNT:
      case r.ADC_COUNT: {
        const channel = channels[(offset - r.DAC1_COUNT) / 4];
        return channel === undefined ? 0 : ((channel.left << 16) | channel.count) >>> 0;
      }
      case r.ADDRESS_A:
      case r.ADDRESS_B:
        return paged(offset)?.address ?? 0xffff_ffff;
      case r.SIZE_A:
      case r.SIZE_B: {
        const channel = paged(offset);
        return channel === undefined ? 0xffff_ffff : ((Math.floor(channel.position / 4) << 16) | channel.last) >>> 0;
      }
      default:
        return 0xffff_ffff;
    }
  }
  function writeRegister(offset: number, value: number): void {
    const channel = offset >= r.ADDRESS_A ? paged(offset) : channels[(offset - r.DAC1_COUNT) / 4];
    switch (offset) {
      case r.CONTROL:
        return change(() => (registers.control = value));
      case r.MEM_PAGE:
        registers.page = value & 0xf;
        return;
      case r.SERIAL:
        for (const { interrupt, status } of CHANNELS)
          if ((registers.serial & ~value & interrupt) !== 0) registers.status &= ~status;
        return change(() => (registers.serial = value));
      case r.DAC1_COUNT:
      case r.DAC2_COUNT:
      case r.ADC_COUNT:
        if (channel === undefined) return;
        channel.count = value & 0xffff;
        channel.left = value & 0xffff;
        return;
      case r.ADDRESS_A:
      case r.ADDRESS_B:
        if (channel !== undefined) channel.address = value;
        return;
      case r.SIZE_A:
      case r.SIZE_B:
        if (channel === undefined) return;
        return change(() => {
          channel.last = value & 0xffff;
          channel.position = 4 * (value >>> 16);
        });
    }
  }

  return {
    read(space: Space, offset: number, width: Width) {
      const value = readSpace(space, offset, width);
      settle();
      return value;
    },
    write(space: Space, offset: number, width: Width, value: number) {
      if (space === CONFIG_SPACE) config.write(offset, width, value >>> 0);
      else if (space === r.BAR && config.enabled(PCI_COMMAND_IO))
        for (const { at, bytes } of alignedParts(offset, width))
          writeRegister(at, Math.floor(value / 2 ** (8 * (at - offset))) % 2 ** (8 * bytes));
      settle();
    },
    receiveFrame: (samples) => microphone.push(samples),
    resume: () => undefined,
    advance() {
      channels.forEach(advanceChannel);
      settle();
    },
    nextDeadlineUs: () => Math.min(...channels.map(deadlineOf)),
    interruptLevel: () => (registers.line === 1 ? 1 : 0),
  };

  function deadlineOf(channel: Channel, index: number): number {
    if (!isMoving(index)) return Infinity;
    return (channel.clock[0] ?? 0) + Math.ceil((((channel.clock[1] ?? 0) + channel.left + 1) * 1e6) / rateOf(index));
  }
  /** Narrow reads give the low bytes of a register, as QEMU's device does. */
  function readSpace(space: Space, offset: number, width: Width): number {
    if (space === CONFIG_SPACE) return config.read(offset, width);
    if (space !== r.BAR || !config.enabled(PCI_COMMAND_IO)) return 2 ** (8 * width) - 1;
    let value = 0;
    for (const { at, bytes } of alignedParts(offset, width))
      value += (readRegister(at) % 2 ** (8 * bytes)) * 2 ** (8 * (at - offset));
    return value;
  }
}

/** An access whose offset is not a multiple of its width reaches the device as several that are. */
function alignedParts(offset: number, width: Width): readonly { readonly at: number; readonly bytes: number }[] {
  const parts: { at: number; bytes: number }[] = [];
  for (let done = 0; done < width;) {
    const at = offset + done;
    let bytes: number = width;
    while (at % bytes !== 0 || done + bytes > width) bytes /= 2;
    parts.push({ at, bytes });
    done += bytes;
  }
  return parts;
}

/** Frames of 8 bits, or of one channel, as the loudspeaker wants them. */
function widened(bytes: Uint8Array, format: number): Uint8Array {
  const isWide = (format & 2) !== 0;
  const isStereo = (format & 1) !== 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const sample = (index: number): number =>
    isWide ? view.getInt16(2 * index, true) : (view.getUint8(index) - 128) * 256;
  const count = bytes.length / (isWide ? 2 : 1);
  const wide = Int16Array.from({ length: isStereo ? count : 2 * count }, (_, index) =>
    sample(isStereo ? index : index >> 1),
  );
  return new Uint8Array(wide.buffer);
}

/** The ES1370 for `modelBacking`. */
export const es1370Model: ModelDefinition = {
  name: 'es1370',
  module: attachModule(import.meta.url, 'es1370'),
  identity: { vendor: r.VENDOR_ENSONIQ, device: r.DEVICE_ES1370 },
  stateSizeBytes: STATE_SIZE_BYTES,
  ends: soundEnds,
  create: (host) => es1370OnHost(host),
};
