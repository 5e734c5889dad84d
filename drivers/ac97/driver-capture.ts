/**
 * Capture on the engine PCM in: all 32 buffers are the device's, except those that it has filled and the driver has not yet
 * emptied. What a device says of its position is only believed within the list.
 */
import { FRAME_BYTES } from '../class/audio.ts';
import type { DeviceIo } from '../../kernel/abi.ts';
import * as setup from './driver-setup.ts';
import * as r from './registers.ts';

export const BUFFER_BYTES = 4096;
const BUFFERS = r.BUFFERS_MAX;

export interface Capture {
  start(): void;
  /** Holds the engine and delivers all that it recorded. */
  halt(): void;
  /** The engine asked for an interrupt. */
  interrupt(): void;
}

/** The device's memory is allocated here, once. */
export function createCapture(io: DeviceIo): Capture {
  const list = io.allocate(BUFFERS * r.BUFFER_SIZE_BYTES, 'commands');
  const recordings = io.allocate(BUFFERS * BUFFER_BYTES, 'device-writes');
  let isRunning = false;
  /** The oldest buffer that was not delivered. */
  let head = 0;

  function engage(): void {
    head = 0;
    for (let index = 0; index < BUFFERS; index += 1) {
      setup.fillEntry(list, index, recordings.address + index * BUFFER_BYTES, BUFFER_BYTES / r.SAMPLE_BYTES);
    }
    setup.runEngine(io, r.PCM_IN, list, BUFFERS - 1);
  }

  function deliver(index: number, length: number): void {
    if (length > 0) io.send({ kind: 'captured', samples: recordings.copyOut(index * BUFFER_BYTES, length) });
  }

  /** Delivers the buffers before the engine's, or all of them; how many they were. */
  function drain(position: setup.Position): number {
    const count = position.isDone ? BUFFERS : (position.index + BUFFERS - head) % BUFFERS;
    for (let taken = 0; taken < count; taken += 1) {
      deliver(head, BUFFER_BYTES);
      head = (head + 1) % BUFFERS;
    }
    return count;
  }

  return {
    start() {
      if (isRunning) return;
      isRunning = true;
      engage();
    },
    halt() {
      if (!isRunning) return;
      isRunning = false;
      const position = setup.pauseEngine(io, r.PCM_IN);
      drain(position);
      const bytes = BUFFER_BYTES - Math.min(BUFFER_BYTES, position.left * r.SAMPLE_BYTES);
      if (!position.isDone) deliver(head, bytes - (bytes % FRAME_BYTES));
      setup.resetEngine(io, r.PCM_IN);
    },
    interrupt() {
      const position = setup.acknowledge(io, r.PCM_IN);
      if (!isRunning || position.index >= BUFFERS) return;
      if (drain(position) === 0) return;
      if (position.isDone) {
        io.send({ kind: 'overrun' });
        setup.resetEngine(io, r.PCM_IN);
        engage();
      } else {
        setup.publishUpTo(io, r.PCM_IN, (head + BUFFERS - 1) % BUFFERS);
      }
    },
  };
}
