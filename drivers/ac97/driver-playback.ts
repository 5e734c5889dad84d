/**
 * Playback on the engine PCM out: a queue of 32 slots in memory that the device may read, published one after the other.
 *
 * An engine that was reset begins with entry 0 of its list, so entry 0 stands for whatever slot is the oldest at that time.
 * One slot stays free: the index that publishes is then always a new one, and means the same to every implementation.
 * A pause is exact: the engine is held, asked how far it came, reset, and later given the rest.
 */
import { FRAME_BYTES } from '../class/audio.ts';
import type { DeviceIo } from '../../kernel/abi.ts';
import * as setup from './driver-setup.ts';
import * as r from './registers.ts';

export const SLOT_BYTES = 4096;
const SLOTS = r.BUFFERS_MAX;

export interface Playback {
  /** False: it does not fit. */
  play(samples: Uint8Array): boolean;
  start(): void;
  pause(): void;
  /** Ends and drops what is queued. */
  stop(): void;
  /** The engine asked for an interrupt. */
  interrupt(): void;
}

/** The device's memory is allocated here, once. */
export function createPlayback(io: DeviceIo): Playback {
  const list = io.allocate(r.BUFFERS_MAX * r.BUFFER_SIZE_BYTES, 'commands');
  const sound = io.allocate(SLOTS * SLOT_BYTES, 'device-reads');
  const lengths = new Array<number>(SLOTS).fill(0);
  let state: 'stopped' | 'running' | 'paused' = 'stopped';
  /** Whether the engine has been given a list since its last reset. */
  let isEngaged = false;
  let isStarved = false;
  /** The oldest slot that is not done, how much of it is, and the next free one. */
  let head = 0;
  let done = 0;
  let tail = 0;
  /** The slot that entry 0 stands for. */
  let origin = 0;

  const entryOf = (slot: number): number => (slot + SLOTS - origin) % SLOTS;
  const queued = (): number => (tail + SLOTS - head) % SLOTS;

  function fill(slot: number, skip: number): void {
    const samples = ((lengths[slot] ?? 0) - skip) / r.SAMPLE_BYTES;
    setup.fillEntry(list, entryOf(slot), sound.address + slot * SLOT_BYTES + skip, samples);
  }

  /** Gives the engine, fresh from its reset, all that is queued. */
  function engage(): void {
    if (queued() === 0) return;
    origin = head;
    for (let slot = head; slot !== tail; slot = (slot + 1) % SLOTS) fill(slot, slot === head ? done : 0);
    setup.runEngine(io, r.PCM_OUT, list, queued() - 1);
    isEngaged = true;
  }

  /** Takes back the slots before the engine's, or all of them. */
  function reclaim(position: setup.Position): number {
    let bytes = 0;
    while (head !== tail && (position.isDone || entryOf(head) !== position.index)) {
      bytes += (lengths[head] ?? 0) - done;
      done = 0;
      head = (head + 1) % SLOTS;
    }
    return bytes;
  }

  function report(bytes: number): void {
    if (bytes > 0) io.send({ kind: 'played', frames: bytes / FRAME_BYTES });
  }

  /** Holds the engine and resets it; what it did is taken back and reported. */
  function disengage(): void {
    if (!isEngaged) return;
    const position = setup.pauseEngine(io, r.PCM_OUT);
    let bytes = reclaim(position);
    if (head !== tail) {
      const left = Math.min(position.left * r.SAMPLE_BYTES, (lengths[head] ?? 0) - done);
      const more = (lengths[head] ?? 0) - done - left;
      bytes += more - (more % FRAME_BYTES);
      done += more - (more % FRAME_BYTES);
    }
    setup.resetEngine(io, r.PCM_OUT);
    isEngaged = false;
    report(bytes);
  }

  return {
    play(samples) {
      const pieces = Math.ceil(samples.length / SLOT_BYTES);
      if (queued() + pieces >= SLOTS) return false;
      for (let at = 0; at < samples.length; at += SLOT_BYTES) {
        const piece = samples.subarray(at, at + SLOT_BYTES);
        sound.copyIn(tail * SLOT_BYTES, piece);
        lengths[tail] = piece.length;
        if (isEngaged) fill(tail, 0);
        tail = (tail + 1) % SLOTS;
      }
      isStarved = false;
      if (isEngaged) setup.publishUpTo(io, r.PCM_OUT, entryOf((tail + SLOTS - 1) % SLOTS));
      else if (state === 'running') engage();
      return true;
    },
    start() {
      if (state === 'running') return;
      state = 'running';
      engage();
    },
    pause() {
      if (state !== 'running') return;
      state = 'paused';
      disengage();
    },
    stop() {
      state = 'stopped';
      disengage();
      head = 0;
      tail = 0;
      done = 0;
      isStarved = false;
    },
    interrupt() {
      const position = setup.acknowledge(io, r.PCM_OUT);
      if (!isEngaged) return;
      report(reclaim(position));
      if (!position.isDone || isStarved) return;
      isStarved = true;
      io.send({ kind: 'underrun' });
    },
  };
}
