/**
 * Just enough of the Intel 82540EM to move frames, programmed by hand over the plain device: for tests of the backing.
 * Register and descriptor names from Intel's "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's
 * Manual" (317453), chapters 3 and 13. No driver, no checks.
 */
import { CONFIG_SPACE } from '../../../../dsslang/runtime.ts';
import type { Device } from '../../../../kernel/abi.ts';

const CTRL = 0x0000;
const EERD = 0x0014;
export const ICR = 0x00c0;
export const IMS = 0x00d0;
const RCTL = 0x0100;
const TCTL = 0x0400;
const TIPG = 0x0410;
const RDBAL = 0x2800;
const TDBAL = 0x3800;
const RAL = 0x5400;
/** From the ring's base register. */
const BASE_HIGH = 0x4;
const LENGTH = 0x8;
const HEAD = 0x10;
const TAIL = 0x18;
/** Receiver timer interrupt: a frame is in memory. */
export const ICR_RXT0 = 0x80;

export const RING_COUNT = 64;
const DESCRIPTOR_BYTES = 16;
const BUFFER_BYTES = 2048;
const RX_OFFSET = 0x10_0000;
const BUFFERS_OFFSET = 0x1_0000;

const get = (device: Device, offset: number): number => device.read(0, offset, 4);
const set = (device: Device, offset: number, value: number): void => device.write(0, offset, 4, value);

/** The station address out of the EEPROM, six bytes. */
export function eepromMac(device: Device): number[] {
  const bytes: number[] = [];
  for (let word = 0; word < 3; word += 1) {
    set(device, EERD, 1 | (word << 8));
    let value = 0;
    while (((value = get(device, EERD)) & 0x10) === 0);
    bytes.push((value >>> 16) & 0xff, value >>> 24);
  }
  return bytes;
}

/** Reset, link up, bus master. */
export function wake(device: Device): void {
  device.write(CONFIG_SPACE, 4, 2, device.read(CONFIG_SPACE, 4, 2) | 4);
  set(device, CTRL, 1 << 26);
  set(device, CTRL, get(device, CTRL) | 0x40);
}

function ring(device: Device, registers: number, address: number, tail: number): void {
  set(device, registers, address);
  set(device, registers + BASE_HIGH, 0);
  set(device, registers + LENGTH, RING_COUNT * DESCRIPTOR_BYTES);
  set(device, registers + HEAD, 0);
  set(device, registers + TAIL, tail);
}

export function startTransmitter(device: Device, dmaBase: number): void {
  ring(device, TDBAL, dmaBase, 0);
  set(device, TIPG, 0x60_200a);
  set(device, TCTL, 0x4_010a);
}

/** Puts one frame into descriptor `index` and rings the doorbell. */
export function transmit(device: Device, dmaBase: number, index: number, frame: Uint8Array): void {
  const buffer = dmaBase + BUFFERS_OFFSET + index * BUFFER_BYTES;
  device.writeMemory(buffer, frame);
  const descriptor = Buffer.alloc(DESCRIPTOR_BYTES);
  descriptor.writeUInt32LE(buffer, 0);
  descriptor.writeUInt16LE(frame.length, 8);
  descriptor[11] = 0x0b;
  device.writeMemory(dmaBase + index * DESCRIPTOR_BYTES, descriptor);
  set(device, TDBAL + TAIL, (index + 1) % RING_COUNT);
}

export function isSent(device: Device, dmaBase: number, index: number): boolean {
  const status = new Uint8Array(1);
  device.readMemory(dmaBase + index * DESCRIPTOR_BYTES + 12, status);
  return ((status[0] ?? 0) & 1) !== 0;
}

/** Takes every frame (promiscuous, also multicast). QEMU's model holds frames back for 1 s after this. */
export function startReceiver(device: Device, dmaBase: number): void {
  const base = dmaBase + RX_OFFSET;
  for (let index = 0; index < RING_COUNT; index += 1) {
    const descriptor = Buffer.alloc(DESCRIPTOR_BYTES);
    descriptor.writeUInt32LE(base + BUFFERS_OFFSET + index * BUFFER_BYTES, 0);
    device.writeMemory(base + index * DESCRIPTOR_BYTES, descriptor);
  }
  set(device, RAL, 0x1200_5452);
  set(device, RAL + 4, 0x8000_5634);
  ring(device, RDBAL, base, RING_COUNT - 1);
  set(device, RCTL, 0x801a);
}

/** The frame in descriptor `index`, if there is one; gives the descriptor back. */
export function receive(device: Device, dmaBase: number, index: number): Uint8Array | undefined {
  const base = dmaBase + RX_OFFSET;
  const descriptor = Buffer.alloc(DESCRIPTOR_BYTES);
  device.readMemory(base + index * DESCRIPTOR_BYTES, descriptor);
  if (((descriptor[12] ?? 0) & 1) === 0) return undefined;
  const frame = new Uint8Array(descriptor.readUInt16LE(8));
  device.readMemory(base + BUFFERS_OFFSET + index * BUFFER_BYTES, frame);
  device.writeMemory(base + index * DESCRIPTOR_BYTES + 12, Uint8Array.of(0));
  set(device, RDBAL + TAIL, index);
  return frame;
}
