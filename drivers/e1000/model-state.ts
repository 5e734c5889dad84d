/**
 * Everything that the 82540EM model remembers, laid out in one shared buffer, and the values it starts with.
 *
 * The registers mirror BAR 0 one to one, so a register is found by its data-sheet offset. Reset values are what an
 * 82540EM shows after power-up as QEMU's device presents it (measured, QEMU 7.2.22); the data sheet leaves many of them to
 * the board's EEPROM. This file holds no behaviour.
 */
import { layOut } from '../backing/model/state-layout.ts';
import type { FrameRing } from '../backing/model/frame-ring.ts';
import { frameRing, frameRingSizeBytes } from '../backing/model/frame-ring.ts';
import * as r from './registers.ts';

/**
 * Where the data sheet and QEMU part ways, this says whom the model follows.
 *  - `data-sheet`: CTRL.RST resets the MAC, and the window IOADDR/IODATA of BAR 1 reaches the registers
 *  - `qemu-7.2`: CTRL.RST only clears itself, and BAR 1 reads 0 and ignores writes (both measured)
 */
export type Personality = 'data-sheet' | 'qemu-7.2';

/** Frames that wait in the device while it cannot receive. */
const PENDING_CAPACITY_BYTES = 0x8_0000;
/** The largest packet that the transmit side assembles, with room for a VLAN tag in front. */
export const PACKET_MAX_BYTES = 0x1_0000;
export const VLAN_TAG_BYTES = 4;
const REGISTER_COUNT = r.BAR_REGISTERS_SIZE_BYTES / 4;
const PHY_REGISTERS = 32;
const CONFIG_SIZE_BYTES = 256;
export const STATE_SIZE_BYTES = 0x4_0000 + frameRingSizeBytes(PENDING_CAPACITY_BYTES);

/** One set of checksum and segmentation parameters, as a context descriptor loads them (data sheet 3.3.6). */
export const CONTEXT_FIELDS = [
  'ipcss',
  'ipcso',
  'ipcse',
  'tucss',
  'tucso',
  'tucse',
  'payloadBytes',
  'headerBytes',
  'segmentBytes',
  'isIpv4',
  'isTcp',
] as const;
export type OffloadContext = Record<(typeof CONTEXT_FIELDS)[number], number>;

const TRANSMIT_FIELDS = ['size', 'popts', 'segmenting', 'segments', 'tagged', 'tagType', 'tag'] as const;
const RECEIVE_FIELDS = ['bufferBytes', 'thresholdShift'] as const;
const EEPROM_FIELDS = ['lines', 'shiftIn', 'bitsIn', 'bitOut', 'reading'] as const;
const MISC_FIELDS = ['initialised', 'irqPending', 'line', 'ioAddress'] as const;

export interface E1000State {
  readonly registers: Uint32Array;
  readonly phy: Uint16Array;
  readonly eeprom: Uint16Array;
  readonly config: DataView;
  /** Room for a VLAN tag, then the packet being assembled. */
  readonly packet: Uint8Array;
  /** The headers that segmentation repeats. */
  readonly header: Uint8Array;
  readonly tx: Record<(typeof TRANSMIT_FIELDS)[number], number>;
  readonly plainContext: OffloadContext;
  readonly segmentContext: OffloadContext;
  readonly rx: Record<(typeof RECEIVE_FIELDS)[number], number>;
  readonly microwire: Record<(typeof EEPROM_FIELDS)[number], number>;
  readonly misc: Record<(typeof MISC_FIELDS)[number], number>;
  /** [0]: when autonegotiation completes, in microseconds; 0 if none runs. */
  readonly autonegotiation: Float64Array;
  readonly pending: FrameRing;
}

/** Finds the state in `buffer`; brings it to power-up values if the buffer is new. */
export function e1000State(buffer: ArrayBufferLike, macAddress: Uint8Array): E1000State {
  const layout = layOut(buffer);
  const state: E1000State = {
    autonegotiation: layout.doubles(1),
    registers: layout.words(REGISTER_COUNT),
    tx: layout.fields(TRANSMIT_FIELDS),
    plainContext: layout.fields(CONTEXT_FIELDS),
    segmentContext: layout.fields(CONTEXT_FIELDS),
    rx: layout.fields(RECEIVE_FIELDS),
    microwire: layout.fields(EEPROM_FIELDS),
    misc: layout.fields(MISC_FIELDS),
    phy: layout.halves(PHY_REGISTERS),
    eeprom: layout.halves(r.EEPROM_WORDS),
    config: viewOf(layout.bytes(CONFIG_SIZE_BYTES)),
    header: layout.bytes(256),
    packet: layout.bytes(VLAN_TAG_BYTES + PACKET_MAX_BYTES),
    pending: frameRing(alignedBytes(layout.words(frameRingSizeBytes(PENDING_CAPACITY_BYTES) / 4))),
  };
  if (state.misc.initialised === 0) powerUp(state, macAddress);
  return state;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function alignedBytes(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

export function register(state: E1000State, offset: number): number {
  return state.registers[offset >>> 2] ?? 0;
}

export function setRegister(state: E1000State, offset: number, value: number): void {
  state.registers[offset >>> 2] = value;
}

function powerUp(state: E1000State, macAddress: Uint8Array): void {
  state.misc.initialised = 1;
  fillEeprom(state.eeprom, macAddress);
  fillConfig(state.config);
  resetMac(state);
}

/** Registers that do not start at 0. */
const RESET_VALUES: readonly (readonly [offset: number, value: number])[] = [
  [r.CTRL, 0x0014_0240],
  [r.STATUS, 0x8008_0783],
  [r.LEDCTL, 0x0000_0602],
  [r.PBA, 0x0010_0030],
  [r.MANC, 0x0022_2300],
];
const PHY_RESET_VALUES: readonly (readonly [register: number, value: number])[] = [
  [0, 0x1140],
  [1, 0x794d],
  [2, 0x0141],
  [3, 0x0c20],
  [4, 0x0de1],
  [5, 0x01e0],
  [9, 0x0e00],
  [10, 0x3c00],
  [16, 0x0360],
  [17, 0xac00],
  [20, 0x0d60],
];

/** Section 14.9: what CTRL.RST brings back. PCI configuration, EEPROM and microwire lines stay. */
export function resetMac(state: E1000State): void {
  state.registers.fill(0);
  for (const [offset, value] of RESET_VALUES) setRegister(state, offset, value);
  // 13.4.9 EECD.PRES and the address that the EEPROM holds: the device loads RAL0/RAH0 by itself.
  const [low = 0, middle = 0, high = 0] = state.eeprom;
  setRegister(state, r.RAL, (low | (middle << 16)) >>> 0);
  setRegister(state, r.RAH, (high | r.RAH_AV) >>> 0);
  setRegister(state, r.VET, 0x8100);
  state.phy.fill(0);
  for (const [index, value] of PHY_RESET_VALUES) state.phy[index] = value;
  for (const fields of [state.tx, state.plainContext, state.segmentContext, state.rx]) clear(fields);
  state.rx.thresholdShift = 1;
  state.autonegotiation[0] = 0;
  state.misc.irqPending = 0;
  state.misc.ioAddress = 0;
  state.pending.clear();
}

function clear(fields: Record<string, number>): void {
  for (const name of Object.keys(fields)) fields[name] = 0;
}

/** Words that are not 0xffff in a card's EEPROM (5.6); the address, the device ids and the checksum are set apart. */
const EEPROM_CONTENT: readonly (readonly [word: number, values: readonly number[]])[] = [
  [0x03, [0x0000]],
  [0x05, [0x0000, 0x0000, 0x0000]],
  [0x08, [0x3000, 0x1000, 0x6403, r.DEVICE_82540EM, r.VENDOR_INTEL, r.DEVICE_82540EM, r.VENDOR_INTEL, 0x3040]],
  [0x10, [0x0008, 0x2000, 0x7e14, 0x0048, 0x1000, 0x00d8, 0x0000, 0x2700]],
  [0x18, [0x6cc9, 0x3150, 0x0722, 0x040b, 0x0984, 0x0000, 0xc000, 0x0706]],
  [0x20, [0x1008, 0x0000, 0x0f04, 0x7fff, 0x4d01]],
  [0x30, [0x0100, 0x4000, 0x121c]],
];

function fillEeprom(eeprom: Uint16Array, macAddress: Uint8Array): void {
  eeprom.fill(0xffff);
  for (const [word, values] of EEPROM_CONTENT) eeprom.set(values, word);
  for (let word = 0; word < 3; word += 1) {
    eeprom[r.EEPROM_MAC + word] = (macAddress[2 * word] ?? 0) | ((macAddress[2 * word + 1] ?? 0) << 8);
  }
  eeprom[r.EEPROM_CHECKSUM] = 0;
  const sum = eeprom.reduce((total, word) => total + word, 0);
  eeprom[r.EEPROM_CHECKSUM] = r.EEPROM_SUM - sum;
}

function fillConfig(config: DataView): void {
  config.setUint16(0x00, r.VENDOR_INTEL, true);
  config.setUint16(0x02, r.DEVICE_82540EM, true);
  config.setUint8(0x08, 0x03); // revision
  config.setUint16(0x0a, 0x0200, true); // class: Ethernet controller
  config.setUint32(r.PCI_BAR0, 0xe000_0000, true);
  config.setUint32(r.PCI_BAR1, 0xc001, true);
  config.setUint32(0x2c, 0x1100_1af4, true); // subsystem
  config.setUint8(0x3d, 1); // interrupt pin A
  config.setUint16(r.PCI_COMMAND, r.PCI_COMMAND_IO | r.PCI_COMMAND_MEMORY | r.PCI_COMMAND_SERR, true);
}
