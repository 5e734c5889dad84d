/**
 * The cable of a network device: frames to and from `-netdev socket`, over the socket that QEMU inherited.
 *
 * The stream carries each frame behind its length in 4 bytes, big-endian (QEMU's `net/stream`). Bytes arrive in chunks
 * that end anywhere. What QEMU sends is checked: a length beyond the limit ends the conversation, for after a wrong length
 * no later byte means anything.
 */
import type { Duplex } from 'node:stream';
import type { Wire } from '../../../../kernel/abi.ts';
import type { Plug } from './plug.ts';

/** The largest frame that QEMU's stream backend takes itself. */
export const FRAME_MAX_BYTES = 69_632;
/** Frames for a device that does not read are dropped beyond this, as by a switch with a full queue. */
export const BACKLOG_MAX_BYTES = 4 << 20;
const HEADER_BYTES = 4;

/** @throws RangeError for a frame that is empty or too long */
export function encodeFrame(frame: Uint8Array): Uint8Array {
  if (frame.length === 0 || frame.length > FRAME_MAX_BYTES) {
    throw new RangeError(`frame: ${frame.length} bytes; a frame has 1..${FRAME_MAX_BYTES}`);
  }
  const packet = Buffer.alloc(HEADER_BYTES + frame.length);
  packet.writeUInt32BE(frame.length);
  packet.set(frame, HEADER_BYTES);
  return packet;
}

/** Takes chunks, gives whole frames (private copies). `push` returns false, now and ever after, on an impossible length. */
export interface FrameReader {
  push(chunk: Uint8Array): boolean;
}

export function createFrameReader(onFrame: (frame: Uint8Array) => void): FrameReader {
  const header = Buffer.alloc(HEADER_BYTES);
  let frame: Uint8Array | undefined;
  let filled = 0;
  let broken = false;

  /** How many bytes of the chunk, from `at` on, went into `target`. */
  function fill(target: Uint8Array, chunk: Uint8Array, at: number): number {
    const count = Math.min(target.length - filled, chunk.length - at);
    target.set(chunk.subarray(at, at + count), filled);
    filled += count;
    return count;
  }

  return {
    push: (chunk) => {
      for (let at = 0; at < chunk.length && !broken;) {
        at += fill(frame ?? header, chunk, at);
        if (filled < (frame ?? header).length) continue;
        filled = 0;
        if (frame !== undefined) {
          const whole = frame;
          frame = undefined;
          onFrame(whole);
          continue;
        }
        const length = header.readUInt32BE();
        // A descriptor of length 0 makes a frame of no bytes: a cable carries nothing then, and nothing is wrong with QEMU.
        if (length === 0) continue;
        if (length > FRAME_MAX_BYTES) broken = true;
        else frame = new Uint8Array(length);
      }
      return !broken;
    },
  };
}

/** Lays the cable. `onBroken` is called at most once, when QEMU sends what cannot be a frame. */
export function createWire(socket: Duplex, onBroken: () => void): Wire {
  const listeners: ((frame: Uint8Array) => void)[] = [];
  const reader = createFrameReader((frame) => listeners.forEach((listener) => listener(frame)));
  socket.on('data', (chunk: Buffer) => {
    if (reader.push(chunk)) return;
    socket.destroy();
    onBroken();
  });
  // A broken connection is the death of QEMU, which is noticed, and reported, by the process's own exit.
  socket.on('error', () => socket.destroy());
  return {
    send: (frame) => {
      const packet = encodeFrame(frame);
      if (socket.writable && socket.writableLength < BACKLOG_MAX_BYTES) socket.write(packet);
    },
    onFrame: (listener) => {
      listeners.push(listener);
    },
  };
}

/** A network device's cable. */
export function wirePlug(): Plug {
  return {
    needsSocket: true,
    // Not `stream`: it speaks the same frames, but connects in the background, and frames sent before are lost.
    before: (fd) => ['-netdev', `socket,id=wire,fd=${fd}`],
    property: 'netdev=wire',
    connect: (socket, fail) =>
      socket === undefined ? {} : { wire: createWire(socket, () => fail('QEMU sent a frame of impossible length')) },
  };
}
