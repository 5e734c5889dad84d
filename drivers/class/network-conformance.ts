/**
 * The conformance suite of the network class: every network driver passes it, on every device it runs on.
 *
 * A check starts the driver afresh, talks to it by messages and looks at the far end of its wire. Checks wait for what
 * should come, up to a deadline, and never for a fixed time; a failed check throws with what was seen.
 */
import assert from 'node:assert/strict';
import type { DriverMessage } from '../../kernel/abi.ts';
import { FRAME_MAX_BYTES, FRAME_PADDED_BYTES } from './network.ts';

/** A running network driver, and the far end of its cable. */
export interface NetworkUnderTest {
  /** The address that the device's maker gave it, as in `UpMessage`. */
  readonly mac: string;
  /** A message to the driver. */
  send(message: DriverMessage): void;
  /** Every message from the driver so far, in order; grows. */
  readonly messages: readonly DriverMessage[];
  /** A frame towards the device. */
  sendFrame(frame: Uint8Array): void;
  /** Every frame that the device sent so far, in order; grows. */
  readonly frames: readonly Uint8Array[];
  /** Where time is virtual: lets some pass. Called while a check waits. */
  idle?(): void;
  close(): Promise<void>;
}

export interface ConformanceCheck {
  readonly name: string;
  run(): Promise<void>;
}

/** Long enough for QEMU's card, which holds frames back for 1 s after its receiver is switched on. */
const PATIENCE_MS = 10_000;
/** Frames under way at a time: fewer than any sensible ring holds. */
const WINDOW = 16;
const LONG_RUN = 500;
const FLOOD = 300;
/** The edges of the size counters, of padding and of the maximum. */
const SIZES = [60, 61, 62, 63, 64, 65, 127, 128, 255, 256, 511, 512, 1023, 1024, 1280, 1513, 1514];

/** @param start starts a fresh driver on a fresh device; the suite closes it */
export function networkConformance(start: () => Promise<NetworkUnderTest>): readonly ConformanceCheck[] {
  function check(name: string, body: (net: NetworkUnderTest) => Promise<void>): ConformanceCheck {
    return {
      name,
      async run() {
        const net = await start();
        try {
          await waitUntil(net, 'the driver says `up`', () => count(net, 'up') === 1);
          await body(net);
        } finally {
          await net.close();
        }
      },
    };
  }
  return [
    check("comes up with the device's own address", (net) => {
      const up = net.messages.find((message) => message.kind === 'up');
      assert.equal(up?.['mac'], net.mac);
      return Promise.resolve();
    }),
    check('sends frames of 60 to 1514 bytes bit for bit', async (net) => {
      const frames = SIZES.map((size) => outgoingFrame(net, size, size));
      await transmitAll(net, frames);
      assertFrames(net.frames, frames);
    }),
    check('pads a short frame to 60 bytes with zeros', async (net) => {
      const frame = outgoingFrame(net, 42, 1);
      await transmitAll(net, [frame]);
      const expected = new Uint8Array(FRAME_PADDED_BYTES);
      expected.set(frame);
      assertFrames(net.frames, [expected]);
    }),
    check('receives frames of 60 to 1514 bytes bit for bit', async (net) => {
      const frames = SIZES.map((size) => incomingFrame(net, size, size));
      await receiveAll(net, frames);
      assertFrames(received(net), frames);
    }),
    check('receives broadcasts, and not what is addressed to others', async (net) => {
      const broadcast = incomingFrame(net, 100, 1).fill(0xff, 0, 6);
      const foreign = incomingFrame(net, 100, 2);
      foreign[5] = (foreign[5] ?? 0) ^ 0x01;
      const own = incomingFrame(net, 100, 3);
      for (const frame of [foreign, broadcast, own]) net.sendFrame(frame);
      await waitUntil(net, 'two frames arrive', () => count(net, 'receive') >= 2);
      assertFrames(received(net), [broadcast, own]);
    }),
    check(`sends and receives ${LONG_RUN} frames, many times around its rings`, async (net) => {
      const out = Array.from({ length: LONG_RUN }, (_, index) => outgoingFrame(net, sizeOf(index), index));
      const into = Array.from({ length: LONG_RUN }, (_, index) => incomingFrame(net, sizeOf(index + 7), index));
      await transmitAll(net, out);
      await receiveAll(net, into);
      assertFrames(net.frames, out);
      assertFrames(received(net), into);
    }),
    check('answers every frame with `transmitted` or `full` when flooded, and sends exactly those', async (net) => {
      for (let index = 0; index < FLOOD; index += 1) {
        net.send({ kind: 'transmit', frame: outgoingFrame(net, 1000, index) });
      }
      const answered = (): number => transmitted(net) + count(net, 'full');
      await waitUntil(net, 'every frame is answered', () => answered() >= FLOOD);
      await waitUntil(net, 'frames are on the wire', () => net.frames.length >= transmitted(net));
      assert.equal(answered(), FLOOD);
      assert.equal(net.frames.length, transmitted(net));
    }),
    check('ignores what is not a frame, and goes on', async (net) => {
      const nonsense = [new Uint8Array(0), new Uint8Array(13), new Uint8Array(FRAME_MAX_BYTES + 1), 'text', undefined];
      for (const frame of nonsense) net.send({ kind: 'transmit', frame });
      net.send({ kind: 'no such message' });
      const frame = outgoingFrame(net, FRAME_MAX_BYTES, 5);
      await transmitAll(net, [frame]);
      assertFrames(net.frames, [frame]);
    }),
    check('works again after a reset', async (net) => {
      await transmitAll(net, [outgoingFrame(net, 200, 1)]);
      net.send({ kind: 'reset' });
      await waitUntil(net, 'the driver says `up` again', () => count(net, 'up') === 2);
      const out = Array.from({ length: 100 }, (_, index) => outgoingFrame(net, 300, index));
      await transmitAll(net, out);
      assertFrames(net.frames.slice(1), out);
      const into = [incomingFrame(net, 400, 1), incomingFrame(net, 401, 2)];
      await receiveAll(net, into);
      assertFrames(received(net), into);
    }),
  ];
}

async function waitUntil(net: NetworkUnderTest, what: string, holds: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!holds()) {
    const kinds = [...new Set(net.messages.map((message) => message.kind))].join(', ');
    assert.ok(performance.now() < deadline, `waited ${PATIENCE_MS} ms until ${what}; messages seen: ${kinds}`);
    net.idle?.();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function count(net: NetworkUnderTest, kind: string): number {
  return net.messages.filter((message) => message.kind === kind).length;
}

function transmitted(net: NetworkUnderTest): number {
  return net.messages.reduce((total, message) => {
    const more = message.kind === 'transmitted' ? message['count'] : 0;
    return total + (typeof more === 'number' ? more : 0);
  }, 0);
}

function received(net: NetworkUnderTest): Uint8Array[] {
  return net.messages.flatMap((message) => (message['frame'] instanceof Uint8Array ? [message['frame']] : []));
}

/** Sends in windows, so that the driver never has to refuse, and waits until the wire has carried all. */
async function transmitAll(net: NetworkUnderTest, frames: readonly Uint8Array[]): Promise<void> {
  const before = transmitted(net);
  const wireBefore = net.frames.length;
  for (let first = 0; first < frames.length; first += WINDOW) {
    const window = frames.slice(first, first + WINDOW);
    for (const frame of window) net.send({ kind: 'transmit', frame });
    const target = before + first + window.length;
    await waitUntil(net, `${target} frames are transmitted`, () => transmitted(net) >= target);
  }
  await waitUntil(net, 'frames are on the wire', () => net.frames.length >= wireBefore + frames.length);
  assert.equal(count(net, 'full'), 0);
}

async function receiveAll(net: NetworkUnderTest, frames: readonly Uint8Array[]): Promise<void> {
  const before = count(net, 'receive');
  for (let first = 0; first < frames.length; first += WINDOW) {
    const window = frames.slice(first, first + WINDOW);
    for (const frame of window) net.sendFrame(frame);
    const target = before + first + window.length;
    await waitUntil(net, `${target} frames are received`, () => count(net, 'receive') >= target);
  }
}

function assertFrames(seen: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  assert.equal(seen.length, expected.length, 'number of frames');
  expected.forEach((frame, index) => {
    assert.deepEqual(Buffer.from(seen[index] ?? []), Buffer.from(frame), `frame ${index}`);
  });
}

function sizeOf(index: number): number {
  return FRAME_PADDED_BYTES + ((index * 97) % (FRAME_MAX_BYTES - FRAME_PADDED_BYTES + 1));
}

const PEER = [0x02, 0x00, 0x00, 0x00, 0x00, 0x01];

function macBytes(net: NetworkUnderTest): number[] {
  return net.mac.split(':').map((byte) => Number.parseInt(byte, 16));
}

function outgoingFrame(net: NetworkUnderTest, size: number, seed: number): Uint8Array {
  return ethernetFrame([...PEER, ...macBytes(net)], size, seed);
}

function incomingFrame(net: NetworkUnderTest, size: number, seed: number): Uint8Array {
  return ethernetFrame([...macBytes(net), ...PEER], size, seed);
}

/** Addresses, the experimental EtherType 0x88b5, then bytes that differ from frame to frame. */
function ethernetFrame(addresses: readonly number[], size: number, seed: number): Uint8Array {
  const frame = Uint8Array.from({ length: size }, (_, index) => (seed * 31 + index * 7 + (index >> 8)) & 0xff);
  frame.set(addresses);
  frame.set([0x88, 0xb5], 12);
  return frame;
}
