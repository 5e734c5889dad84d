/**
 * The check-to-use race on a real card: a guest that rewrites a descriptor between the monitor's verdict and the device's
 * fetch. The moment is made certain here: the hook below runs when the doorbell has been allowed and not yet delivered.
 */
import assert from 'node:assert/strict';
import { CONFIG_SPACE } from '../../dsslang/index.ts';
import { qemuTest } from '../backing/qemu/testing/harness.ts';
import type { MemoryAccess } from './memory-access.ts';
import { framesOf, GUEST_BYTES, withGuestOn, type GuestOnDevice } from './testing/guest-on-device.ts';

const RING = 0x10_0000;
const HONEST = 0x20_0000;
/** Outside the guest's memory: a monitor never lets a device read it for the guest. */
const SECRET = GUEST_BYTES + 0x10_0000;
const FRAME_BYTES = 64;
const TDT = 0x3818;
const TDBAL = 0x3800;

interface World extends GuestOnDevice {
  /** What the card put on the cable. */
  frame(): Promise<Uint8Array>;
}

async function withCard(
  shadowed: boolean,
  beforeDoorbell: (memory: MemoryAccess) => void,
  run: (world: World) => Promise<void>,
): Promise<void> {
  const beforeDevice = (memory: MemoryAccess, space: number, offset: number, value: number): void => {
    if (space === 0 && offset === TDT && value !== 0) beforeDoorbell(memory);
  };
  const card = { device: 'e1000', specification: 'drivers/e1000/e1000.dss', shadowed, beforeDevice } as const;
  await withGuestOn(card, (guest) => run({ ...guest, frame: framesOf(guest) }));
}

/** A legacy transmit descriptor with EOP, FCS and RS (8254x manual, 3.3.3). */
function descriptor(address: number): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(address, 0);
  bytes.writeUInt16LE(FRAME_BYTES, 8);
  bytes.writeUInt8(0x0b, 11);
  return bytes;
}

/** What a driver does to send one frame: buffers, ring, registers, doorbell. */
function transmit({ rvm, memory }: World, address: number): void {
  memory.write(HONEST, new Uint8Array(FRAME_BYTES).fill(0x11));
  memory.write(SECRET, new Uint8Array(FRAME_BYTES).fill(0x99));
  memory.write(RING, descriptor(address));
  rvm.write(CONFIG_SPACE, 4, 2, 0x0107);
  const set = (offset: number, value: number): void => rvm.write(0, offset, 4, value);
  set(TDBAL, RING);
  set(0x3804, 0);
  set(0x3808, 16 * 8);
  set(0x3810, 0);
  set(TDT, 0);
  set(0x0000, rvm.read(0, 0x0000, 4) | 0x40);
  set(0x0400, 0x0004_010a);
  set(TDT, 1);
}

const lie = (memory: MemoryAccess): void => memory.write(RING, descriptor(SECRET));

qemuTest('a guest that rewrites a descriptor after the verdict is sent what was judged', async () => {
  await withCard(true, lie, async (world) => {
    transmit(world, HONEST);
    const frame = await world.frame();
    assert.ok(frame.every((byte) => byte === 0x11));
    assert.deepEqual(world.faults, []);
    assert.equal(world.rvm.read(0, TDBAL, 4), RING, 'the guest finds its own address in the register');
    // What the card wrote into its copy reaches the guest, and only that: the lie stays where the guest put it.
    const seen = Buffer.alloc(16);
    world.memory.read(RING, seen);
    assert.equal(seen[12], 1, 'descriptor done');
    assert.equal(seen.readUInt32LE(0), SECRET);
  });
});

qemuTest('without the shadow the same guest would have been sent the secret: the race is real', async () => {
  await withCard(false, lie, async (world) => {
    transmit(world, HONEST);
    const frame = await world.frame();
    assert.ok(frame.every((byte) => byte === 0x99));
  });
});

qemuTest(
  'a descriptor that lies from the beginning is refused, the card is reset and withdrawn until it is let go',
  async () => {
    await withCard(
      true,
      () => undefined,
      async (world) => {
        const { rvm, faults } = world;
        transmit(world, SECRET);
        const fault = faults[0];
        assert.ok(fault?.kind === 'violation' && faults.length === 1);
        assert.equal(fault.rule.reason, 'transmit buffer is outside the memory granted to this driver');
        assert.equal(fault.reset.done, 'reset');
        assert.equal(rvm.read(0, 0x0008, 4), 0xffff_ffff, 'as if it had been pulled out');
        rvm.write(0, TDT, 4, 1);
        assert.equal(faults.length, 1, 'what reaches no device is no violation');
        rvm.write(CONFIG_SPACE, 4, 2, 0x0000);
        assert.notEqual(rvm.read(0, 0x0008, 4), 0xffff_ffff);
        transmit(world, HONEST);
        assert.ok((await world.frame()).every((byte) => byte === 0x11));
        assert.equal(faults.length, 1);
      },
    );
  },
);
