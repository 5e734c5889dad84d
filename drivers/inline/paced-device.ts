/**
 * A device whose interrupts wait until they are asked for, so that one thread can run it and its driver in turns.
 *
 * `InlineDevice` is one in virtual time. `inRealTime` makes one of any device: there time passes by itself, and edges that
 * the event loop brings are kept until the domain asks.
 */
import type { Device } from '../../kernel/index.ts';

export interface PacedDevice extends Device {
  /** The memory that may be granted. */
  readonly dma: { readonly base: number; readonly sizeBytes: number };
  /** Whether edges come only when the event loop turns: until then a line that fell still looks raised. */
  readonly isRealTime: boolean;
  /** When the device will do something by itself; Infinity if never, or if it does not say. */
  nextDeadlineUs(): number;
  /** Moves time to `us`, where time is ours to move. */
  waitUntil(us: number): void;
  /** Tells the handler of an edge that it has not heard of; false if there was none. Never during a call on the device. */
  tellInterrupt(): boolean;
}

/** @param dma as the backing offers it */
export function inRealTime(device: Device, dma: PacedDevice['dma']): PacedDevice {
  const edges: (0 | 1)[] = [];
  let handler: ((level: 0 | 1) => void) | undefined;
  device.onInterrupt((level) => edges.push(level));
  return {
    dma,
    isRealTime: true,
    read: (space, offset, width) => device.read(space, offset, width),
    write: (space, offset, width, value) => device.write(space, offset, width, value),
    readMemory: (address, into) => device.readMemory(address, into),
    writeMemory: (address, from) => device.writeMemory(address, from),
    onInterrupt: (listener) => {
      handler = listener;
    },
    now: () => device.now(),
    detach: () => device.detach(),
    nextDeadlineUs: () => Infinity,
    waitUntil: () => undefined,
    tellInterrupt: () => {
      const level = edges.shift();
      if (level === undefined || handler === undefined) return false;
      handler(level);
      return true;
    },
  };
}
