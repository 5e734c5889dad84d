/**
 * A small in-process model of the Intel 82540EM, the network card that QEMU calls `e1000`.
 *
 * It is the device to use where QEMU is absent, and the fast one for property tests. What a driver sees of it is what a
 * driver sees of QEMU 7.2's device; `model-differential.test.ts` compares the two and lists what differs. It models the
 * register file, the EEPROM, the PHY, PCI configuration, both descriptor engines with checksum insertion and TCP
 * segmentation, the receive filters and the statistics. It does not model time on the wire, interrupt moderation,
 * flow control, wake-up or management.
 *
 * The model is synchronous: DMA happens inside the call that causes it. It trusts nobody above it, for it is the part that
 * a monitor protects: whatever a driver writes, a call returns, and every touch of memory is in the record.
 */
import { CONFIG_SPACE } from '../../dsslang/runtime.ts';
import type { Space, Width } from '../../dsslang/runtime.ts';
import { attachModule } from '../backing/model/attach-module.ts';
import { wireEnd } from '../backing/model/device-model.ts';
import type { DeviceModel, ModelDefinition, ModelHost } from '../backing/model/device-model.ts';
import { RECORD_SIZE_BYTES, dmaMemory } from '../backing/model/dma-memory.ts';
import type { DmaMemory } from '../backing/model/dma-memory.ts';
import { currentLevel } from './model-interrupt.ts';
import { readConfig, writeConfig } from './model-pci.ts';
import { finishAutonegotiation } from './model-phy.ts';
import { arrive, canReceive, flushPending, receive } from './model-receive.ts';
import type { E1000Device } from './model-registers.ts';
import { readRegister, writeRegister } from './model-registers.ts';
import type { Personality } from './model-state.ts';
import { STATE_SIZE_BYTES, e1000State } from './model-state.ts';
import { runTransmit } from './model-transmit.ts';
import * as r from './registers.ts';

export interface E1000ModelOptions {
  readonly personality?: Personality;
  /** Six bytes for the EEPROM. Default 52:54:00:12:34:56. */
  readonly macAddress?: Uint8Array;
  /** How long the link is down after a restart of autonegotiation. Default 500 ms. */
  readonly autonegotiationUs?: number;
}

const MAC_ADDRESS_DEFAULT = Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56);
const AUTONEGOTIATION_US_DEFAULT = 500_000;

/** The model on a host of your own (shared buffers, other threads: see `modelBacking`). */
export function e1000OnHost(host: ModelHost, options: E1000ModelOptions = {}): DeviceModel {
  const state = e1000State(host.state, options.macAddress ?? MAC_ADDRESS_DEFAULT);
  const device: E1000Device = {
    state,
    personality: options.personality ?? 'data-sheet',
    autonegotiationUs: options.autonegotiationUs ?? AUTONEGOTIATION_US_DEFAULT,
    now: () => host.now(),
    ports: {
      // Without bus mastering the bridge answers nothing: reads give zeros, writes are lost.
      read(address, target, at, length) {
        if (isMaster(device)) host.memory.read(address, target, at, length);
        else target.fill(0, at, at + length);
      },
      write(address, source, at, length) {
        if (isMaster(device)) host.memory.write(address, source, at, length);
      },
      wireReady: () => host.wireReady(),
      send(frame) {
        if (((state.phy[r.PHY_CTRL] ?? 0) & r.PHY_CTRL_LOOPBACK) === 0) host.transmit(frame);
        else if (canReceive(state)) receive(state, device.ports, frame.slice());
      },
    },
  };

  /** The interrupt line follows its causes at the end of every call. */
  function settle(): void {
    const level = currentLevel(state);
    if (level === state.misc.line) return;
    state.misc.line = level;
    host.interrupt(level);
  }

  return {
    read(space, offset, width) {
      const value = readSpace(device, space, offset, width);
      settle();
      return value;
    },
    write(space, offset, width, value) {
      writeSpace(device, space, offset, width, value >>> 0);
      settle();
    },
    receiveFrame(frame) {
      arrive(state, device.ports, frame);
      settle();
    },
    resume() {
      runTransmit(state, device.ports);
      settle();
    },
    advance() {
      const deadlineUs = state.autonegotiation[0] ?? 0;
      if (deadlineUs === 0 || host.now() < deadlineUs) return;
      finishAutonegotiation(state);
      flushPending(state, device.ports);
      settle();
    },
    nextDeadlineUs() {
      const deadlineUs = state.autonegotiation[0] ?? 0;
      return deadlineUs === 0 ? Infinity : deadlineUs;
    },
    interruptLevel: () => (state.misc.line === 1 ? 1 : 0),
  };
}

function isMaster(device: E1000Device): boolean {
  return (device.state.config.getUint16(r.PCI_COMMAND, true) & r.PCI_COMMAND_MASTER) !== 0;
}

/** The largest naturally aligned piece of an access that starts at `offset`; unaligned accesses are split into pieces. */
function pieceWidth(offset: number, width: number): 1 | 2 | 4 {
  if (width >= 4 && offset % 4 === 0) return 4;
  return width >= 2 && offset % 2 === 0 ? 2 : 1;
}

/** Accesses narrower than a register reach the whole register: reads give its low bytes, writes replace all of it. */
function readSpace(device: E1000Device, space: Space, offset: number, width: Width): number {
  if (space === CONFIG_SPACE) return readConfig(device.state, offset, width);
  let value = 0;
  for (let at = 0; at < width;) {
    const bytes = pieceWidth(offset + at, width - at);
    const piece = readPiece(device, space, offset + at) % 2 ** (8 * bytes);
    value += piece * 2 ** (8 * at);
    at += bytes;
  }
  return value;
}

function writeSpace(device: E1000Device, space: Space, offset: number, width: Width, value: number): void {
  if (space === CONFIG_SPACE) {
    if (writeConfig(device.state, offset, width, value)) flushPending(device.state, device.ports);
    return;
  }
  for (let at = 0; at < width;) {
    const bytes = pieceWidth(offset + at, width - at);
    writePiece(device, space, offset + at, Math.floor(value / 2 ** (8 * at)) % 2 ** (8 * bytes));
    at += bytes;
  }
}

function isDecoded(device: E1000Device, enableBit: number): boolean {
  return (device.state.config.getUint16(r.PCI_COMMAND, true) & enableBit) !== 0;
}

function readPiece(device: E1000Device, space: Space, offset: number): number {
  if (space === r.BAR_REGISTERS && offset < r.BAR_REGISTERS_SIZE_BYTES) {
    return isDecoded(device, r.PCI_COMMAND_MEMORY) ? readRegister(device, offset & ~3) : 0;
  }
  if (space !== r.BAR_IO || offset >= r.BAR_IO_SIZE_BYTES) return 0;
  if (!isDecoded(device, r.PCI_COMMAND_IO)) return 0xffff_ffff;
  if (device.personality === 'qemu-7.2') return 0;
  if (offset === r.IOADDR) return device.state.misc.ioAddress;
  const selected = device.state.misc.ioAddress;
  return offset === r.IODATA && selected < r.BAR_REGISTERS_SIZE_BYTES ? readRegister(device, selected & ~3) : 0;
}

function writePiece(device: E1000Device, space: Space, offset: number, value: number): void {
  if (space === r.BAR_REGISTERS && offset < r.BAR_REGISTERS_SIZE_BYTES) {
    if (isDecoded(device, r.PCI_COMMAND_MEMORY)) writeRegister(device, offset & ~3, value);
    return;
  }
  if (space !== r.BAR_IO || device.personality === 'qemu-7.2' || !isDecoded(device, r.PCI_COMMAND_IO)) return;
  const selected = device.state.misc.ioAddress;
  if (offset === r.IOADDR) device.state.misc.ioAddress = value;
  if (offset === r.IODATA && selected < r.BAR_REGISTERS_SIZE_BYTES) writeRegister(device, selected & ~3, value);
}

/** The 82540EM for `modelBacking`. */
export const e1000Model: ModelDefinition = {
  name: 'e1000',
  module: attachModule(import.meta.url, 'e1000'),
  identity: { vendor: r.VENDOR_INTEL, device: r.DEVICE_82540EM },
  stateSizeBytes: STATE_SIZE_BYTES,
  ends: wireEnd,
  create: (host, options) => e1000OnHost(host, options ?? {}),
};

/** The model inline: same thread, the caller's clock. */
export interface InlineE1000 extends DeviceModel {
  readonly memory: DmaMemory;
  /** Frames that the device sends; a private copy each. */
  onTransmit(listener: (frame: Uint8Array) => void): void;
  /** Edges of the interrupt line, in the middle of the call that causes them. */
  onInterrupt(listener: (level: 0 | 1) => void): void;
}

export interface InlineE1000Options extends E1000ModelOptions {
  /** Device-visible memory from address 0 on, in bytes, or shared with others. Default 2 MiB. */
  readonly memory?: DmaMemory | number;
  /** Virtual time in microseconds. Default: always 0. */
  now?(): number;
}

/** @example const device = createE1000Model(); device.read(0, 0x0008, 4); // STATUS */
export function createE1000Model(options: InlineE1000Options = {}): InlineE1000 {
  const memory = typeof options.memory === 'object' ? options.memory : newMemory(options.memory ?? 0x20_0000);
  const transmitListeners: ((frame: Uint8Array) => void)[] = [];
  const interruptListeners: ((level: 0 | 1) => void)[] = [];
  const model = e1000OnHost(
    {
      state: new ArrayBuffer(STATE_SIZE_BYTES),
      memory,
      now: () => options.now?.() ?? 0,
      wireReady: () => true,
      transmit(frame) {
        for (const listener of transmitListeners) listener(frame.slice());
      },
      interrupt(level) {
        for (const listener of interruptListeners) listener(level);
      },
    },
    options,
  );
  return {
    ...model,
    memory,
    onTransmit: (listener) => void transmitListeners.push(listener),
    onInterrupt: (listener) => void interruptListeners.push(listener),
  };
}

function newMemory(sizeBytes: number): DmaMemory {
  return dmaMemory(new ArrayBuffer(sizeBytes), new ArrayBuffer(RECORD_SIZE_BYTES));
}
