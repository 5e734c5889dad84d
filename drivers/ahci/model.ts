/**
 * A small in-process model of the ICH9's AHCI controller: six ports, and a disk behind the first.
 *
 * It is the device to use where QEMU is absent, and the fast one for campaigns. What a driver sees of it is what a driver
 * sees of QEMU 7.2's; `model-differential.test.ts` compares the two. It models the controller's registers, commands by PIO,
 * by DMA and queued, resets of all three kinds, and PCI configuration. It does not model time, packet devices, port
 * multipliers or messages for interrupts. The disk is that of `drivers/ata/`.
 *
 * The model is synchronous: DMA happens inside the call that causes it. It trusts nobody above it: whatever a driver writes,
 * a call returns, and every touch of memory is in the record.
 */
import { CONFIG_SPACE } from '../../dsslang/runtime.ts';
import type { Drive } from '../ata/model-drive.ts';
import { diskOf, mediumOf, type MediumOptions } from '../ata/model-medium.ts';
import { attachModule } from '../backing/model/attach-module.ts';
import type { DeviceModel, ModelDefinition, ModelHost } from '../backing/model/device-model.ts';
import { pciConfig, type PciConfig } from '../backing/model/pci-config.ts';
import type { Port } from './model-link.ts';
import { readPort, resetPortOfController, writePort } from './model-port.ts';
import { ahciState, STATE_SIZE_BYTES, type AhciState } from './model-state.ts';
import * as r from './registers.ts';

/** Six ports, 32 slots each, 64-bit addresses, queued commands, 1.5 Gb/s, AHCI only. */
const CAPABILITIES = 0xc014_1f05;
const PORTS_IMPLEMENTED = (1 << r.PORTS) - 1;
const VERSION = 0x0001_0000;
const INDEX_WRITABLE = r.BAR_HBA_SIZE_BYTES - 4;

/** Capabilities: one message of 64 bits, and the place of the index pair (ICH9, 15.1). What is written to them is lost. */
const CAPABILITY_BYTES: readonly (readonly [offset: number, value: number])[] = [
  [0x06, 0x10],
  [0x07, 0x00],
  [0x0c, 0x00],
  [0x34, 0x80],
  [0x80, 0x05],
  [0x81, 0xa8],
  [0x82, 0x80],
  [0x90, 0x40],
  [0xa8, 0x12],
  [0xaa, 0x10],
  [0xac, 0x48],
];

interface Controller {
  readonly state: AhciState;
  readonly pci: PciConfig;
  readonly ports: readonly Port[];
}

export function ahciOnHost(host: ModelHost, { medium }: MediumOptions): DeviceModel {
  const state = ahciState(host.state);
  const pci = pciConfig(state.config, {
    vendor: r.VENDOR_INTEL,
    device: r.DEVICE_ICH9_AHCI,
    revision: 2,
    classCode: 0x010601,
    subsystemVendor: 0x1af4,
    subsystem: 0x1100,
    ports: [0, 0, 0, 0, 32],
    memory: [0, 0, 0, 0, 0, r.BAR_HBA_SIZE_BYTES],
  });
  // A serial drive's end of a command is a FIS, which its port sends, and its port moves its data.
  const drive: Drive = {
    state: state.drive,
    medium: new Uint8Array(medium),
    queueDepth: r.SLOTS,
    interrupted: () => undefined,
    moveByDma: () => undefined,
  };
  const ports = state.ports.map((port, index): Port => ({
    state: port,
    memory: host.memory,
    drive: index === 0 ? drive : undefined,
    isMaster: () => pci.enabled(r.PCI_COMMAND_MASTER),
  }));
  const controller: Controller = { state, pci, ports };
  if (state.fields.powered === 0) {
    for (const [offset, value] of CAPABILITY_BYTES) state.config[offset] = value;
    resetController(controller);
    state.fields.powered = 1;
  }

  /** The interrupt line follows its cause at the end of every call. */
  function settle(): void {
    const pending = (state.fields.ghc & r.GHC_IE) !== 0 && causes(controller) !== 0;
    const level = pci.interrupt(pending);
    if (level === state.fields.line) return;
    state.fields.line = level;
    host.interrupt(level);
  }

  return {
    read(space, offset, width) {
      if (space === CONFIG_SPACE) return pci.read(offset, width);
      if (space === r.BAR_HBA && pci.enabled(r.PCI_COMMAND_MEMORY)) return readPart(controller, offset, width);
      if (space !== r.BAR_PAIR) return 0;
      if (offset === r.PAIR_INDEX) return state.fields.index;
      return offset === r.PAIR_DATA ? readPart(controller, state.fields.index, width) : 0;
    },
    write(space, offset, width, value) {
      if (space === CONFIG_SPACE) pci.write(offset, width, value);
      else if (space === r.BAR_HBA && pci.enabled(r.PCI_COMMAND_MEMORY)) writeRegister(controller, offset, value >>> 0);
      else if (space === r.BAR_PAIR && offset === r.PAIR_INDEX) state.fields.index = value & INDEX_WRITABLE;
      else if (space === r.BAR_PAIR && offset === r.PAIR_DATA)
        writeRegister(controller, state.fields.index, value >>> 0);
      settle();
    },
    receiveFrame: () => undefined,
    resume: () => undefined,
    advance: () => undefined,
    nextDeadlineUs: () => Infinity,
    interruptLevel: () => (state.fields.line === 1 ? 1 : 0),
  };
}

/** IS: the ports that have something to say. */
function causes({ state }: Controller): number {
  return state.ports.reduce((bits, { is, ie }, index) => bits | ((is & ie) !== 0 ? 1 << index : 0), 0);
}

function resetController({ state, ports }: Controller): void {
  state.fields.ghc = r.GHC_AE;
  ports.forEach(resetPortOfController);
}

const registerOfPort = (offset: number): number => (offset - r.portAt(0)) % r.PORT_BYTES;
const portOf = ({ ports }: Controller, offset: number): Port | undefined =>
  ports[Math.floor((offset - r.portAt(0)) / r.PORT_BYTES)];

/** Parts of registers may be read; a part that crosses into the next gives that one's bits too. */
function readPart(controller: Controller, offset: number, width: number): number {
  const aligned = offset & ~3;
  let value = 0;
  for (let at = 0; at < width; at += 1) {
    const byte = offset + at - aligned;
    const word = readRegister(controller, aligned + (byte & ~3));
    value += ((word >>> (8 * (byte & 3))) & 0xff) * 2 ** (8 * at);
  }
  return value;
}

function readRegister(controller: Controller, offset: number): number {
  switch (offset) {
    case r.CAP:
      return CAPABILITIES;
    case r.GHC:
      return controller.state.fields.ghc;
    case r.IS:
      return causes(controller);
    case r.PI:
      return PORTS_IMPLEMENTED;
    case r.VS:
      return VERSION;
    default: {
      const port = portOf(controller, offset);
      return port === undefined ? 0 : readPort(port, registerOfPort(offset));
    }
  }
}

function writeRegister(controller: Controller, offset: number, value: number): void {
  if ((offset & 3) !== 0) return;
  if (offset === r.GHC) {
    if ((value & r.GHC_HR) !== 0) resetController(controller);
    else controller.state.fields.ghc = (value & r.GHC_IE) | r.GHC_AE;
    return;
  }
  const port = portOf(controller, offset);
  if (port !== undefined) writePort(port, registerOfPort(offset), value);
}

/** The controller for `modelBacking`; its options are `MediumOptions`, and without any there is an empty disk of its own. */
export const ahciModel: ModelDefinition = {
  name: 'ahci',
  module: attachModule(import.meta.url, 'ahci'),
  identity: { vendor: r.VENDOR_INTEL, device: r.DEVICE_ICH9_AHCI },
  stateSizeBytes: STATE_SIZE_BYTES,
  ends: ({ options }) => (options === undefined ? {} : { disk: diskOf(mediumOf(options)) }),
  create: (host, options) => ahciOnHost(host, mediumOf(options)),
};
