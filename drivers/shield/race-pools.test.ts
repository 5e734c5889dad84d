/**
 * The check-to-use race where there is no doorbell to check at: on a real 8139C+, which takes whatever descriptor it finds
 * given to it, and on a real UHCI controller, which walks its schedule a thousand times a second. The guest rewrites what
 * was judged in the moment before the device looks, or gives it what reaches beyond its memory.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { CONFIG_SPACE } from '../../dsslang/index.ts';
import type { Fault } from '../../kernel/index.ts';
import { qemuTest } from '../backing/qemu/testing/harness.ts';
import type { MemoryAccess } from './memory-access.ts';
import { framesOf, GUEST_BYTES, withGuestOn, type GuestOnDevice } from './testing/guest-on-device.ts';

const HONEST = 0x20_0000;
/** Outside the guest's memory, inside the machine's, and where no copy lies. */
const SECRET = GUEST_BYTES + 0x50_0000;
const PCI_COMMAND = 4;

const filledWith = (byte: number, length: number): Uint8Array => new Uint8Array(length).fill(byte);

function words(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function readWords(memory: MemoryAccess, address: number, count: number): Uint32Array {
  const bytes = new Uint8Array(4 * count);
  memory.read(address, bytes);
  return new Uint32Array(bytes.buffer);
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const giveUpAt = performance.now() + 5000;
  while (!condition()) {
    assert.ok(performance.now() < giveUpAt, what);
    await sleep(2);
  }
}

/** What the guest is refused for a store, which is believed only after a while. */
async function refusal({ rvm, faults }: GuestOnDevice): Promise<Extract<Fault, { kind: 'violation' }>> {
  await until(() => {
    rvm.poll();
    return faults.length > 0;
  }, 'nothing was refused');
  const [fault, ...others] = faults;
  assert.ok(fault?.kind === 'violation' && others.length === 0);
  return fault;
}

// ---- The 8139C+ (data sheet, chapter 9) ----------------------------------------------------------------------------------

const TX_RING = 0x10_0000;
const RX_RING = 0x10_1000;
const RING_ENTRIES = 4;
const FRAME_BYTES = 64;
const OWN = 0x8000_0000;
const END_OF_RING = 0x4000_0000;
/** First and last segment of a frame. */
const WHOLE = 0x3000_0000;
const TPPOLL = 0xd9;
const CR = 0x37;

type Hook = (memory: MemoryAccess) => void;

async function withCard(
  shadowed: boolean,
  beforePoll: Hook,
  run: (guest: GuestOnDevice) => Promise<void>,
): Promise<void> {
  const card = {
    device: 'rtl8139',
    specification: 'drivers/rtl8139/rtl8139.dss',
    shadowed,
    beforeDevice: (memory: MemoryAccess, space: number, offset: number) => {
      if (space === 1 && offset === TPPOLL) beforePoll(memory);
    },
  } as const;
  await withGuestOn(card, async (guest) => {
    const { rvm, memory } = guest;
    memory.write(HONEST, filledWith(0x11, FRAME_BYTES));
    memory.write(SECRET, filledWith(0x99, FRAME_BYTES));
    const end = (RING_ENTRIES - 1) * 16;
    memory.write(TX_RING + end, words(END_OF_RING, 0, 0, 0));
    for (let entry = 0; entry < RING_ENTRIES; entry += 1) {
      const mark = entry === RING_ENTRIES - 1 ? END_OF_RING : 0;
      memory.write(RX_RING + 16 * entry, words(OWN + mark + 1536, 0, HONEST + 0x1000 * (1 + entry), 0));
    }
    rvm.write(CONFIG_SPACE, PCI_COMMAND, 2, 0x0107);
    rvm.write(1, 0xe0, 2, 3);
    rvm.write(1, 0x20, 4, TX_RING);
    rvm.write(1, 0x24, 4, 0);
    rvm.write(1, 0xe4, 4, RX_RING);
    rvm.write(1, 0xe8, 4, 0);
    rvm.write(1, CR, 1, 0x0c);
    rvm.write(1, 0x44, 4, 0x070f);
    await run(guest);
  });
}

const transmitDescriptor = (address: number): Uint8Array => words((OWN | WHOLE | FRAME_BYTES) >>> 0, 0, address, 0);

function transmit({ rvm, memory }: GuestOnDevice, address: number): void {
  memory.write(TX_RING, transmitDescriptor(address));
  rvm.write(1, TPPOLL, 1, 0x40);
}

const lie: Hook = (memory) => memory.write(TX_RING, transmitDescriptor(SECRET));

qemuTest('8139C+: a transmit descriptor rewritten after the verdict is sent as it was judged', async () => {
  await withCard(true, lie, async (guest) => {
    const frame = framesOf(guest);
    transmit(guest, HONEST);
    assert.ok((await frame()).every((byte) => byte === 0x11));
    assert.equal(guest.faults.length, 0);
    assert.equal(guest.rvm.read(1, 0x20, 4), TX_RING, 'the guest finds its own address in the register');
  });
});

qemuTest('8139C+: without the shadow the same guest would have been sent the secret', async () => {
  await withCard(false, lie, async (guest) => {
    const frame = framesOf(guest);
    transmit(guest, HONEST);
    assert.ok((await frame()).every((byte) => byte === 0x99));
  });
});

qemuTest('8139C+: what the card does to a descriptor reaches the guest, and a frame its buffer', async () => {
  await withCard(
    true,
    () => undefined,
    async (guest) => {
      const frame = framesOf(guest);
      transmit(guest, HONEST);
      await frame();
      guest.rvm.poll();
      assert.equal((readWords(guest.memory, TX_RING, 1)[0] ?? 0) & OWN, 0, 'given back');
      const sent = new Uint8Array(FRAME_BYTES).map((_, index) => (index < 6 ? 0xff : index));
      guest.open.wire?.send(sent);
      await until(() => {
        guest.rvm.poll();
        return ((readWords(guest.memory, RX_RING, 1)[0] ?? 0) & OWN) === 0;
      }, 'no frame was received');
      const received = new Uint8Array(FRAME_BYTES);
      guest.memory.read(HONEST + 0x1000, received);
      assert.deepEqual(received, sent);
      assert.equal(guest.faults.length, 0);
    },
  );
});

qemuTest('8139C+: a receive descriptor beyond the guest’s memory is refused without any doorbell', async () => {
  await withCard(
    true,
    () => undefined,
    async (guest) => {
      // The card has the ring; its last entry is given anew, as after a frame, but to a place that is not the guest's.
      guest.rvm.write(1, CR, 1, 0);
      guest.rvm.write(1, CR, 1, 0x0c);
      assert.equal(guest.faults.length, 0);
      guest.memory.write(RX_RING + 16, words(OWN + 1536, 0, SECRET, 0));
      const fault = await refusal(guest);
      assert.deepEqual(fault.refused, { kind: 'store', address: RX_RING + 16, length: 16 });
      assert.equal(fault.rule.reason, 'receive buffer is outside the memory granted to this driver');
      assert.equal(fault.reset.done, 'reset');
      assert.equal(guest.rvm.read(1, 0x44, 4), 0xffff_ffff, 'as if it had been pulled out');
      guest.open.wire?.send(filledWith(0xff, FRAME_BYTES));
      await sleep(20);
      const secret = new Uint8Array(FRAME_BYTES);
      guest.memory.read(SECRET, secret);
      assert.ok(secret.every((byte) => byte === 0x99));
    },
  );
});

// ---- UHCI (design guide 1.1, chapters 2 and 3) ---------------------------------------------------------------------------

const FRAMES = 0x10_0000;
const QUEUE = 0x10_1000;
const DESCRIPTORS = 0x10_2000;
const REQUEST = 0x10_3000;
const ANSWER_BYTES = 8;
const ACTIVE = 1 << 23;
/** Three errors, then the controller gives up. */
const ERRORS = 3 << 27;
const LOW_SPEED = 1 << 26;
const DEPTH_FIRST = 4;
const IS_QUEUE = 2;
const END = 1;
const USBCMD = 0;

const place = (index: number): number => DESCRIPTORS + 32 * index;

/** Asks the device at address 0 for the first bytes of its descriptor: setup, in. */
function layOut(memory: MemoryAccess, speed: number, buffer: number): void {
  memory.write(REQUEST, Uint8Array.of(0x80, 6, 0, 1, 0, 0, ANSWER_BYTES, 0));
  const status = (ACTIVE | ERRORS | speed) >>> 0;
  memory.write(place(0), words((place(1) | DEPTH_FIRST) >>> 0, status, ((7 << 21) | 0x2d) >>> 0, REQUEST));
  memory.write(place(1), words(END, status, ((7 << 21) | (1 << 19) | 0x69) >>> 0, buffer));
  memory.write(QUEUE, words(END, place(0), 0, 0));
  memory.write(FRAMES, words(...new Array<number>(1024).fill(QUEUE | IS_QUEUE)));
}

async function withController(
  shadowed: boolean,
  beforeRun: Hook,
  run: (guest: GuestOnDevice, speed: number) => Promise<void>,
): Promise<void> {
  const controller = {
    device: 'uhci',
    specification: 'drivers/uhci/uhci.dss',
    shadowed,
    beforeDevice: (memory: MemoryAccess, space: number, offset: number, value: number) => {
      if (space === 4 && offset === USBCMD && (value & 1) !== 0) beforeRun(memory);
    },
  } as const;
  await withGuestOn(controller, async (guest) => {
    const { rvm } = guest;
    rvm.write(CONFIG_SPACE, PCI_COMMAND, 2, 0x0107);
    rvm.write(4, 8, 4, FRAMES);
    rvm.write(4, 0x10, 2, 0x200);
    await sleep(50);
    rvm.write(4, 0x10, 2, 0);
    rvm.write(4, 0x10, 2, 4 | 0xa);
    await run(guest, (rvm.read(4, 0x10, 2) & 0x100) !== 0 ? LOW_SPEED : 0);
  });
}

const answerAt = (memory: MemoryAccess, address: number): string => {
  const bytes = new Uint8Array(ANSWER_BYTES);
  memory.read(address, bytes);
  return Buffer.from(bytes).toString('hex');
};

/** Length 18, kind 1: how every descriptor of a device begins. */
const DESCRIPTOR_BEGINS = /^1201/;
const NOTHING = '00'.repeat(ANSWER_BYTES);

const settled = ({ memory, rvm }: GuestOnDevice): Promise<void> =>
  until(() => {
    rvm.poll();
    return ((readWords(memory, place(1), 2)[1] ?? 0) & ACTIVE) === 0;
  }, 'the transfer did not end');

const redirect: Hook = (memory) => memory.write(place(1) + 12, words(SECRET));

qemuTest('UHCI: a transfer descriptor rewritten after the verdict is done as it was judged', async () => {
  await withController(true, redirect, async (guest, speed) => {
    layOut(guest.memory, speed, HONEST);
    guest.rvm.write(4, USBCMD, 2, 0xc1);
    // The lie is an active descriptor changed, and refused when it is found; what the device did until then was judged.
    guest.memory.write(place(1) + 12, words(HONEST));
    await settled(guest);
    assert.match(answerAt(guest.memory, HONEST), DESCRIPTOR_BEGINS);
    assert.equal(answerAt(guest.memory, SECRET), NOTHING);
    assert.equal(guest.faults.length, 0);
    assert.equal(guest.rvm.read(4, 8, 4), FRAMES, 'the guest finds its own address in the register');
    assert.equal(readWords(guest.memory, QUEUE, 2)[1], END, 'and what the controller wrote, in its own addresses');
  });
});

qemuTest('UHCI: without the shadow the same guest would have had its device write to the secret', async () => {
  await withController(false, redirect, async (guest, speed) => {
    layOut(guest.memory, speed, HONEST);
    guest.rvm.write(4, USBCMD, 2, 0xc1);
    await settled(guest);
    assert.match(answerAt(guest.memory, SECRET), DESCRIPTOR_BEGINS);
  });
});

qemuTest(
  'UHCI: a descriptor that reaches beyond the guest’s memory is refused before the controller sees it',
  async () => {
    await withController(
      true,
      () => undefined,
      async (guest, speed) => {
        layOut(guest.memory, speed, HONEST);
        guest.memory.write(QUEUE, words(END, END, 0, 0));
        guest.rvm.write(4, USBCMD, 2, 0xc1);
        guest.memory.write(place(1) + 12, words(SECRET));
        guest.rvm.poll();
        assert.equal(guest.faults.length, 0, 'nothing leads there yet');
        guest.memory.write(QUEUE + 4, words(place(0)));
        const fault = await refusal(guest);
        assert.deepEqual(fault.refused, { kind: 'store', address: place(1), length: 16 });
        assert.equal(fault.rule.reason, 'a buffer for what comes in is outside the memory the device may write');
        assert.equal(fault.reset.done, 'reset');
        await sleep(20);
        assert.equal(answerAt(guest.memory, SECRET), NOTHING);
      },
    );
  },
);
