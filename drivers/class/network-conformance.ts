/**
 * The conformance suite of the network class: every network driver passes it, on every device it runs on.
 *
 * A check starts the driver afresh, talks to it by messages and looks at the far end of its wire. Checks wait for what
 * should come, up to a deadline, and never for a fixed time; a failed check throws with what was seen.
 */
import assert from 'node:assert/strict';
import type { DriverMessage } from '../../kernel/abi.ts';
import { FRAME_MAX_BYTES, FRAME_PADDED_BYTES, VLAN_TAG_BYTES, type NetworkFeature } from './network.ts';

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

/**
 * @param start starts a fresh driver on a fresh device; the suite closes it
 * @param features what the driver must say that its card can do; each is checked
 */
export function networkConformance(
  start: () => Promise<NetworkUnderTest>,
  features: readonly NetworkFeature[],
): readonly ConformanceCheck[] {
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
  const ofFeatures: Readonly<Record<NetworkFeature, readonly ConformanceCheck[]>> = {
    checksum: [check('computes checksums, beside frames without', checksums)],
    multicast: [check('receives the multicast addresses that it was told, also after a reset', multicasts)],
    vlan: [check('sends tagged frames, and receives those of the VLANs that it was told', vlans)],
    statistics: [check('counts what it sends and receives, across a reset', statistics)],
  };
  return [
    check("comes up with the device's own address and the features that it has", (net) => {
      const up = net.messages.find((message) => message.kind === 'up');
      assert.equal(up?.['mac'], net.mac);
      assert.deepEqual(up['features'], features);
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
    ...features.flatMap((feature) => ofFeatures[feature]),
  ];
}

/** RFC 1071: the complement of the ones' complement sum of 16-bit words. */
function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  bytes.forEach((byte, index) => (sum += index % 2 === 0 ? byte << 8 : byte));
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

async function checksums(net: NetworkUnderTest): Promise<void> {
  const asked = SIZES.map((size, index) => ({ frame: outgoingFrame(net, size, index), start: 14 + index, place: 40 }));
  const expected = asked.map(({ frame, start, place }) => {
    const summed = frame.slice();
    new DataView(summed.buffer).setUint16(place, internetChecksum(frame.subarray(start)));
    return summed;
  });
  const plain = outgoingFrame(net, 300, 1);
  const before = transmitted(net);
  for (const { frame, ...checksum } of asked) net.send({ kind: 'transmit', frame, checksum });
  net.send({ kind: 'transmit', frame: plain });
  await waitUntil(net, 'all are transmitted', () => transmitted(net) === before + asked.length + 1);
  await waitUntil(net, 'all are on the wire', () => net.frames.length === asked.length + 1);
  assertFrames(net.frames, [...expected, plain]);
  for (const checksum of [{}, { start: 60, place: 0 }, { start: 0, place: 59 }, { start: -1, place: 0 }, 7, null]) {
    net.send({ kind: 'transmit', frame: outgoingFrame(net, 60, 9), checksum });
  }
  await transmitAll(net, [plain]);
  assert.equal(net.frames.length, asked.length + 2, 'what asks for nonsense is not sent');
}

const GROUPS = ['01:00:5e:00:00:fb', '33:33:00:00:00:01'];

function frameTo(net: NetworkUnderTest, mac: string, size: number): Uint8Array {
  const frame = incomingFrame(net, size, size);
  frame.set(mac.split(':').map((byte) => Number.parseInt(byte, 16)));
  return frame;
}

async function multicasts(net: NetworkUnderTest): Promise<void> {
  const groups = GROUPS.map((mac, index) => frameTo(net, mac, 100 + index));
  const own = incomingFrame(net, 200, 1);
  const sendAll = (): void => [...groups, own].forEach((frame) => net.sendFrame(frame));
  sendAll();
  await waitUntil(net, 'its own frame arrives', () => count(net, 'receive') >= 1);
  net.send({ kind: 'multicast', addresses: GROUPS });
  for (const addresses of [['ff'], [7], 'none', ['00:11:22:33:44:55']]) net.send({ kind: 'multicast', addresses });
  net.send({ kind: 'reset' });
  await waitUntil(net, 'the driver says `up` again', () => count(net, 'up') === 2);
  sendAll();
  await waitUntil(net, 'all arrive', () => count(net, 'receive') >= 4);
  assertFrames(received(net), [own, ...groups, own]);
}

/** The same frame with a tag behind its addresses. */
function tagged(frame: Uint8Array, id: number): Uint8Array {
  const longer = new Uint8Array(frame.length + VLAN_TAG_BYTES);
  longer.set(frame.subarray(0, 12));
  longer.set([0x81, 0x00, id >> 8, id & 0xff], 12);
  longer.set(frame.subarray(12), 16);
  return longer;
}

async function vlans(net: NetworkUnderTest): Promise<void> {
  const longest = tagged(outgoingFrame(net, FRAME_MAX_BYTES, 1), 5);
  await transmitAll(net, [longest]);
  assertFrames(net.frames, [longest]);
  net.send({ kind: 'vlans', ids: [5, 4095] });
  for (const ids of [[4096], [-1], ['5'], 5]) net.send({ kind: 'vlans', ids });
  const into = (id: number, size: number): Uint8Array => tagged(incomingFrame(net, size, id), id);
  const wanted = [into(5, 300), into(4095, FRAME_MAX_BYTES), incomingFrame(net, 80, 3)];
  // What the driver was told takes effect before it says that a frame of ours was sent.
  await transmitAll(net, [outgoingFrame(net, 60, 2)]);
  for (const frame of [into(6, 100), into(0, 100), ...wanted]) net.sendFrame(frame);
  await waitUntil(net, 'three frames arrive', () => count(net, 'receive') >= 3);
  net.send({ kind: 'vlans', ids: [] });
  await transmitAll(net, [outgoingFrame(net, 60, 3)]);
  net.sendFrame(into(6, 100));
  await waitUntil(net, 'the fourth arrives', () => count(net, 'receive') >= 4);
  assertFrames(received(net), [...wanted, into(6, 100)]);
}

async function statistics(net: NetworkUnderTest): Promise<void> {
  await transmitAll(
    net,
    [60, 61, 62].map((size) => outgoingFrame(net, size, size)),
  );
  await receiveAll(net, [incomingFrame(net, 100, 1)]);
  net.send({ kind: 'reset' });
  await waitUntil(net, 'the driver says `up` again', () => count(net, 'up') === 2);
  await receiveAll(net, [incomingFrame(net, 100, 2)]);
  net.send({ kind: 'statistics' });
  await waitUntil(net, 'it answers', () => count(net, 'statistics') === 1);
  const { kind: _, ...counts } = net.messages.find((message) => message.kind === 'statistics') ?? { kind: '' };
  assert.deepEqual(counts, { sent: 3, received: 2, receivedMulticast: 0, missed: 0 });
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
