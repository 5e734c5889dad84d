/**
 * What a device writes into its shadowed descriptors, and when the guest has it. Linux asks for the cause of an interrupt
 * and then looks for what is done; what it does not find there, it looks for again only when the device interrupts again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Device } from '../../kernel/index.ts';
import { inPackage } from '../devices.ts';
import { loadSpecification } from '../specification.ts';
import { GuestRvm } from './guest-rvm.ts';
import { findPointers } from './pointers.ts';
import { memoryBytes, shadowFor } from './shadow-for.ts';
import type { MemoryAccess } from './memory-access.ts';

const GUEST_BYTES = 4 << 20;
const RING = 0x10_0000;
const BUFFER = 0x20_0000;
const ENTRIES = 8;
const DESCRIPTOR_BYTES = 16;
/** 3.2.3: the byte of a receive descriptor that says what is done. */
const STATUS = 12;
const DONE = 3;
const [ICR, RCTL, RDBAL, RDBAH, RDLEN, RDH, RDT] = [0xc0, 0x100, 0x2800, 0x2804, 0x2808, 0x2810, 0x2818];
/** Half a second of looks by the millisecond: more than ever passes between two pings. */
const QUIET_POLLS = 1000;

test('after however long a silence, what the device has done is the guest’s before the cause of the interrupt is', async () => {
  const { module, program } = await loadSpecification(inPackage('drivers/e1000/e1000.dss'));
  const pointers = findPointers(program);
  const bytes = new Uint8Array(memoryBytes(pointers, GUEST_BYTES));
  const memory: MemoryAccess = {
    read: (address, into) => into.set(bytes.subarray(address, address + into.length)),
    write: (address, from) => bytes.set(from, address),
  };
  const registers = new Map<number, number>();
  let nowUs = 1;
  const device: Device = {
    read: (_space, offset) => registers.get(offset) ?? 0,
    write: (_space, offset, _width, value) => void registers.set(offset, value),
    readMemory: (address, into) => memory.read(address, into),
    writeMemory: (address, from) => memory.write(address, from),
    onInterrupt: () => undefined,
    now: () => (nowUs += 1),
    detach: () => undefined,
  };
  const rvm = new GuestRvm({
    device,
    program,
    monitor: module,
    guestBytes: GUEST_BYTES,
    shadow: shadowFor(pointers, memory, GUEST_BYTES),
    pointers: 'registers' in pointers ? pointers.registers : [],
    places: [],
    onViolation: (fault) => assert.fail(JSON.stringify(fault)),
    onWithdrawn: () => undefined,
  });
  const view = new DataView(bytes.buffer);
  for (let entry = 0; entry < ENTRIES; entry += 1) {
    view.setUint32(RING + DESCRIPTOR_BYTES * entry, BUFFER + 2048 * entry, true);
  }
  const set = (offset: number, value: number): void => rvm.write(0, offset, 4, value);
  set(RDBAL, RING);
  set(RDBAH, 0);
  set(RDLEN, ENTRIES * DESCRIPTOR_BYTES);
  set(RDH, 0);
  set(RDT, 0);
  set(RCTL, 2);
  set(RDT, ENTRIES - 1);
  for (let poll = 0; poll < QUIET_POLLS; poll += 1) rvm.poll();

  const ring = registers.get(RDBAL) ?? 0;
  assert.equal(ring, RING + GUEST_BYTES, 'the device has the copy');
  bytes[ring + STATUS] = DONE;
  registers.set(ICR, 0x80);
  assert.equal(rvm.read(0, ICR, 4), 0x80);
  assert.equal(bytes[RING + STATUS], DONE);
});
