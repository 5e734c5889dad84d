/**
 * Watches, from the kernel's thread, that no driver keeps its thread or the machine's memory for itself.
 *
 * It reads the shared words of each IPD at a fixed period and needs nothing from the watched thread: an entry that is
 * open with the same serial number for too long is unresponsive. While an entry is long open it also looks at the
 * memory of the process, since a driver that allocates in a loop never comes to its own memory guard.
 *
 * "Too long" is time by the clock in which the process also used that much of the processor: on an overloaded machine a
 * driver that merely waits for its turn is not to blame. By the clock alone, `PATIENCE` times the limit is the end.
 *
 * The measure of memory is coarse: it belongs to the process, not to one thread. This thread's own heap is subtracted; of several
 * drivers that are busy at the same time, the one whose entry is open longest is held responsible.
 */
import { performance } from 'node:perf_hooks';
import type { Control } from './control.ts';
import type { IpdLimits } from './limits.ts';

/** How often the shared words are read. */
export const PERIOD_MS = 5;

/** An entry may wait for the processor, or for its device, up to this many times its limit. */
export const PATIENCE = 8;

export interface Watched {
  readonly control: Control;
  readonly limits: IpdLimits;
  readonly onUnresponsive: () => void;
  readonly onMemory: (limitBytes: number) => void;
}

interface Observation {
  serial: number | undefined;
  sinceMs: number;
  /** Processor time of the process when this entry was first seen open. */
  processorMs: number;
  /** Memory of other threads when this entry was first seen open. */
  memoryBytes: number;
}

function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Memory of the process that is not this thread's own heap. */
function foreignMemoryBytes(): number {
  const { rss, heapTotal, external } = process.memoryUsage();
  return rss - heapTotal - external;
}

function isOverdue(openMs: number, processorBeforeMs: number, limitMs: number): boolean {
  if (openMs <= limitMs) return false;
  return openMs > PATIENCE * limitMs || processorMs() - processorBeforeMs > limitMs;
}

export class Watchdog {
  readonly #watched = new Map<Watched, Observation>();
  #interval: NodeJS.Timeout | undefined;

  watch(watched: Watched): void {
    this.#watched.set(watched, { serial: undefined, sinceMs: 0, processorMs: 0, memoryBytes: 0 });
    this.#interval ??= setInterval(() => this.#look(), PERIOD_MS).unref();
  }

  unwatch(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    clearInterval(this.#interval);
    this.#interval = undefined;
  }

  #look(): void {
    const now = performance.now();
    let longest: [Watched, Observation] | undefined;
    let memory: number | undefined;
    for (const pair of this.#watched) {
      const [watched, seen] = pair;
      const serial = watched.control.openSerial;
      if (serial === undefined || serial !== seen.serial) {
        seen.serial = serial;
        seen.sinceMs = now;
        seen.processorMs = processorMs();
        if (serial !== undefined) seen.memoryBytes = memory ??= foreignMemoryBytes();
      } else if (isOverdue(now - seen.sinceMs, seen.processorMs, watched.limits.entryMs)) {
        watched.onUnresponsive();
      } else if (longest === undefined || seen.sinceMs < longest[1].sinceMs) {
        longest = pair;
      }
    }
    if (longest === undefined) return;
    const [watched, seen] = longest;
    const limit = watched.limits.heapBytes + watched.limits.buffersBytes;
    if (foreignMemoryBytes() - seen.memoryBytes > limit) watched.onMemory(limit);
  }
}
