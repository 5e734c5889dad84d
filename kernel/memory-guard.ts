/**
 * What the driver of this thread holds in memory, looked at after its entries, from inside.
 *
 * V8's own heap limit is no limit for us: a worker that asks for one large object past it takes the whole process down
 * with a fatal error (measured on Node 20: an array of numbers that grows is enough). So the thread gets a generous V8
 * limit, and the real limits are kept here between entries and by the watchdog, from outside, during one.
 */
import { performance } from 'node:perf_hooks';
import v8 from 'node:v8';
import vm from 'node:vm';
import type { Accusation } from './fault.ts';
import type { IpdLimits } from './limits.ts';

/** Looking costs tens of microseconds, so at most once in this time; a driver cannot take much in less. */
const LOOK_EVERY_MS = 1;

/** A full garbage collection, so that garbage is not held against the driver. Only when a limit seems passed. */
function collectGarbage(): void {
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc') as () => void;
  v8.setFlagsFromString('--no-expose-gc');
  gc();
}

export class MemoryGuard {
  readonly #limits: IpdLimits;
  readonly #heapBefore: number;
  readonly #buffersBefore: number;
  #lastLookMs = 0;

  /** Everything that this thread holds now is ours, not the driver's. */
  constructor(limits: IpdLimits) {
    this.#limits = limits;
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    this.#heapBefore = heapUsed;
    this.#buffersBefore = arrayBuffers;
  }

  /** An accusation if the driver holds more than it may. */
  look(): Accusation | undefined {
    const now = performance.now();
    if (now - this.#lastLookMs < LOOK_EVERY_MS) return undefined;
    const seemsOver = this.#over() !== undefined;
    if (seemsOver) collectGarbage();
    const over = seemsOver ? this.#over() : undefined;
    this.#lastLookMs = performance.now();
    return over;
  }

  #over(): Accusation | undefined {
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const { heapBytes, buffersBytes } = this.#limits;
    if (heapUsed - this.#heapBefore > heapBytes) {
      return { kind: 'out-of-memory', what: 'heap', limitBytes: heapBytes, blame: 'driver' };
    }
    if (arrayBuffers - this.#buffersBefore > buffersBytes) {
      return { kind: 'out-of-memory', what: 'buffers', limitBytes: buffersBytes, blame: 'driver' };
    }
    return undefined;
  }
}
