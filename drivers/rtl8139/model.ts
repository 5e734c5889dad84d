/**
 * A small in-process model of the Realtek RTL8139C+ in C+ mode, the network card that QEMU calls `rtl8139`.
 *
 * It models the registers that C+ mode needs, PCI configuration, both descriptor engines, the receive filters and the
 * tally counters, as a driver sees them on QEMU 7.2; `model-differential.test.ts` compares the two. It does not model C mode,
 * the serial EEPROM, the timer, the PHY's registers, checksum and segmentation offload, or wake-up.
 *
 * The model is synchronous: DMA happens inside the call that causes it. It trusts nobody above it: whatever a driver
 * writes, a call returns, and every touch of memory is in the record.
 */
import { CONFIG_SPACE } from '../../dsslang/runtime.ts';
import { attachModule } from '../backing/model/attach-module.ts';
import { wireEnd } from '../backing/model/device-model.ts';
import type { DeviceModel, ModelDefinition, ModelHost } from '../backing/model/device-model.ts';
import { receive, type EnginePorts } from './model-engines.ts';
import { readRegisters, writeRegisters } from './model-registers.ts';
import { rtl8139State, STATE_SIZE_BYTES, type Rtl8139State } from './model-state.ts';
import * as r from './registers.ts';

export interface Rtl8139ModelOptions {
  /** Default 52:54:00:12:34:56. */
  readonly macAddress?: Uint8Array;
}

const MAC_ADDRESS_DEFAULT = Uint8Array.of(0x52, 0x54, 0x00, 0x12, 0x34, 0x56);
const CONFIG_SIZE_BYTES = 256;

/** The model on a host of your own. */
export function rtl8139OnHost(host: ModelHost, options: Rtl8139ModelOptions = {}): DeviceModel {
  const state = rtl8139State(host.state, options.macAddress ?? MAC_ADDRESS_DEFAULT);
  const has = (bit: number): boolean => (state.config.getUint16(r.PCI_COMMAND, true) & bit) !== 0;
  const ports: EnginePorts = {
    // Without bus mastering the bridge answers nothing: reads give zeros, writes are lost.
    read(address, target, at, length) {
      if (has(r.PCI_COMMAND_MASTER)) host.memory.read(address, target, at, length);
      else target.fill(0, at, at + length);
    },
    write(address, source, at, length) {
      if (has(r.PCI_COMMAND_MASTER)) host.memory.write(address, source, at, length);
    },
    send: (frame) => host.transmit(frame),
  };

  /** The interrupt line follows its causes at the end of every call. */
  function settle(): void {
    const level = (state.registers.getUint16(r.ISR, true) & state.registers.getUint16(r.IMR, true)) === 0 ? 0 : 1;
    if (level === state.misc.line) return;
    state.misc.line = level;
    host.interrupt(level);
  }

  /** Both BARs lead to the same registers. */
  const isOpen = (space: number): boolean =>
    (space === r.BAR_REGISTERS && has(r.PCI_COMMAND_MEMORY)) || (space === r.BAR_PORTS && has(r.PCI_COMMAND_IO));

  return {
    read(space, offset, width) {
      if (space === CONFIG_SPACE) return readConfig(state, offset, width);
      return isOpen(space) ? readRegisters(state, offset, width) : 2 ** (8 * width) - 1;
    },
    write(space, offset, width, value) {
      if (space === CONFIG_SPACE) writeConfig(state, offset, width, value >>> 0);
      else if (isOpen(space)) writeRegisters(state, ports, offset, width, value >>> 0);
      settle();
    },
    receiveFrame(frame) {
      receive(state, ports, frame);
      settle();
    },
    resume: () => undefined,
    advance: () => undefined,
    nextDeadlineUs: () => Infinity,
    interruptLevel: () => (state.misc.line === 1 ? 1 : 0),
  };
}

/** What can be written in PCI configuration: command, cache line, latency, interrupt line, and the BARs' addresses. */
const CONFIG_WRITABLE = new Uint8Array(CONFIG_SIZE_BYTES);
CONFIG_WRITABLE.set([0x07, 0x05], r.PCI_COMMAND);
CONFIG_WRITABLE.set([0xff], 0x0c);
CONFIG_WRITABLE.set([0x00, 0xff, 0xff, 0xff], 0x10);
CONFIG_WRITABLE.set([0x00, 0xff, 0xff, 0xff], 0x14);
CONFIG_WRITABLE.set([0xff], 0x3c);

function readConfig({ config }: Rtl8139State, offset: number, width: number): number {
  let value = 0;
  for (let at = 0; at < width && offset + at < CONFIG_SIZE_BYTES; at += 1) {
    value += config.getUint8(offset + at) * 2 ** (8 * at);
  }
  return value;
}

function writeConfig({ config }: Rtl8139State, offset: number, width: number, value: number): void {
  for (let at = offset; at < Math.min(offset + width, CONFIG_SIZE_BYTES); at += 1) {
    const mask = CONFIG_WRITABLE[at] ?? 0;
    const byte = Math.floor(value / 2 ** (8 * (at - offset))) & 0xff;
    config.setUint8(at, (config.getUint8(at) & ~mask) | (byte & mask));
  }
}

/** The RTL8139C+ for `modelBacking`. */
export const rtl8139Model: ModelDefinition = {
  name: 'rtl8139',
  module: attachModule(import.meta.url, 'rtl8139'),
  identity: { vendor: r.VENDOR_REALTEK, device: r.DEVICE_8139 },
  stateSizeBytes: STATE_SIZE_BYTES,
  ends: wireEnd,
  create: (host, options) => rtl8139OnHost(host, options ?? {}),
};
