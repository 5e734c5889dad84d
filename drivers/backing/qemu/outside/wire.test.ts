import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { BACKLOG_MAX_BYTES, createFrameReader, createWire, encodeFrame, FRAME_MAX_BYTES } from './wire.ts';

test('frames come out as they went in, wherever the chunks end', () => {
  const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 8 });
  fc.assert(
    fc.property(frames, fc.array(fc.nat({ max: 70 })), (sent, cuts) => {
      const stream = Buffer.concat(sent.map(encodeFrame));
      const received: Uint8Array[] = [];
      const reader = createFrameReader((frame) => received.push(frame));
      let from = 0;
      for (const cut of [...cuts, stream.length]) {
        assert.ok(reader.push(stream.subarray(from, from + cut)));
        from += cut;
      }
      assert.deepEqual(received, sent);
    }),
  );
});

test('takes the longest frame and breaks at one byte more, for good', () => {
  let longest = 0;
  const reader = createFrameReader((frame) => (longest = frame.length));
  assert.ok(reader.push(encodeFrame(new Uint8Array(FRAME_MAX_BYTES))));
  assert.equal(longest, FRAME_MAX_BYTES);
  const tooLong = Buffer.alloc(4);
  tooLong.writeUInt32BE(FRAME_MAX_BYTES + 1);
  assert.equal(reader.push(tooLong), false);
  assert.equal(reader.push(encodeFrame(Uint8Array.of(1))), false);
  assert.equal(longest, FRAME_MAX_BYTES);
});

test('a frame of no bytes, which a descriptor of length 0 makes, is nothing at all and breaks nothing', () => {
  const frames: Uint8Array[] = [];
  const reader = createFrameReader((frame) => frames.push(frame));
  assert.ok(reader.push(Buffer.concat([Buffer.alloc(4), encodeFrame(Uint8Array.of(7))])));
  assert.deepEqual(frames, [Uint8Array.of(7)]);
});

test('refuses to send what no device may receive', () => {
  assert.throws(() => encodeFrame(new Uint8Array(0)), RangeError);
  assert.throws(() => encodeFrame(new Uint8Array(FRAME_MAX_BYTES + 1)), RangeError);
});

test('a frame is a private copy: what arrives later does not change it', () => {
  const received: Uint8Array[] = [];
  const reader = createFrameReader((frame) => received.push(frame));
  const chunk = encodeFrame(Uint8Array.of(1, 2, 3));
  reader.push(chunk);
  chunk.fill(9);
  assert.deepEqual(received, [Uint8Array.of(1, 2, 3)]);
});

/** A far end that never takes anything, like a NIC whose receiver is off. */
function deafSocket(): Duplex {
  return new Duplex({ read: () => undefined, write: () => undefined });
}

test('drops frames for a device that does not read instead of holding them without limit', () => {
  const socket = deafSocket();
  const wire = createWire(socket, () => assert.fail('not broken'));
  const frame = new Uint8Array(60_000);
  for (let count = 0; count < 200; count += 1) wire.send(frame);
  assert.ok(socket.writableLength >= BACKLOG_MAX_BYTES, 'it was filled');
  assert.ok(socket.writableLength < BACKLOG_MAX_BYTES + frame.length + 8, `${socket.writableLength} bytes held`);
});

test('reports an impossible length once and hangs up', () => {
  const socket = deafSocket();
  let broken = 0;
  createWire(socket, () => (broken += 1));
  socket.emit('data', Buffer.alloc(4, 0xff));
  assert.equal(broken, 1);
  assert.ok(socket.destroyed);
});
