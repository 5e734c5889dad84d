/**
 * The device's interrupt line, from a line of text in the middle of an access to a call of the driver's handler.
 *
 * The law of the kernel's interface: the handler runs on this thread and never during another call on the device. Edges
 * that turn up while an access waits for its answer are therefore noted and delivered from the event loop, by
 * `setImmediate` and not by a microtask, so that a device that interrupts without end cannot starve messages and timers.
 * While the thread is idle nobody reads the answers, so the event loop watches a second, non-blocking reader of the FIFO.
 */
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';

/** Edges that may wait for delivery. Beyond it the two oldest go together, so the last level always stays true. */
export const PENDING_EDGES_MAX = 64;

export type InterruptHandler = (level: 0 | 1) => void;

export interface InterruptLine {
  /** Takes note of a level; may be called at any time. */
  note(level: 0 | 1): void;
  /** From now on the handler hears every edge. A line that is up already is its first. A second handler replaces the first. */
  listen(handler: InterruptHandler): void;
  /** Delivers what is noted, now. Only from the event loop. */
  deliver(): void;
  stop(): void;
}

export function createInterruptLine(): InterruptLine {
  let level: 0 | 1 = 0;
  let handler: InterruptHandler | undefined;
  let pending: (0 | 1)[] = [];
  let scheduled: NodeJS.Immediate | undefined;

  function add(edge: 0 | 1): void {
    pending.push(edge);
    if (pending.length > PENDING_EDGES_MAX) pending.splice(0, 2);
    scheduled ??= setImmediate(deliver);
  }

  /** One batch: what the handler itself causes waits for the next turn of the event loop. */
  function deliver(): void {
    clearImmediate(scheduled);
    scheduled = undefined;
    const batch = pending;
    pending = [];
    while (batch.length > 0) {
      const edge = batch.shift();
      try {
        if (edge !== undefined) handler?.(edge);
      } catch (error) {
        pending = [...batch, ...pending];
        if (pending.length > 0) scheduled ??= setImmediate(deliver);
        throw error;
      }
    }
  }

  return {
    note: (next) => {
      if (next === level) return;
      level = next;
      if (handler !== undefined) add(next);
    },
    listen: (next) => {
      const first = handler === undefined;
      handler = next;
      if (first && level === 1) add(1);
    },
    deliver,
    stop: () => {
      handler = undefined;
      pending = [];
      clearImmediate(scheduled);
      scheduled = undefined;
    },
  };
}

export interface Watcher {
  stop(): void;
}

/**
 * Reads `fd` (which is the watcher's from now on) whenever the event loop finds bytes there. It keeps the thread alive.
 * libuv reads and calls back in one step on this thread, so bytes never wait unseen between it and a synchronous access.
 */
export function watch(fd: number, onBytes: (bytes: Uint8Array) => void): Watcher {
  const onread = {
    buffer: new Uint8Array(4096),
    callback: (count: number, buffer: Uint8Array): boolean => {
      onBytes(buffer.subarray(0, count));
      return true;
    },
  };
  let socket: Socket;
  try {
    // `onread` as in `net.connect`: the constructor takes it too, though the type of Node 20 does not say so.
    const options = { fd, readable: true, writable: false, onread };
    socket = new Socket(options);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  socket.on('error', () => socket.destroy());
  return { stop: () => socket.destroy() };
}
