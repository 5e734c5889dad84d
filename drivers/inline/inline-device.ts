/**
 * A device model on the caller's own thread, in virtual time: the same model that `modelBacking` puts behind shared memory.
 *
 * Nothing happens by itself: time stands still until `wait` moves it, each register access takes one microsecond of it, and
 * interrupts are told to whoever asks between calls. So a run is a function of its inputs, and can be had again from a seed.
 * It protects nobody; `inline-domain.ts` puts the RVM in front of it.
 */
import type { Space, Width } from '../../dsslang/runtime.ts';
import type { FarEnds } from '../../kernel/index.ts';
import type { DeviceModel, ModelDefinition } from '../backing/model/device-model.ts';
import { dmaMemory, RECORD_SIZE_BYTES, type DmaMemory } from '../backing/model/dma-memory.ts';
import type { PacedDevice } from './paced-device.ts';

/** As on the other backings, low memory is not for DMA. */
export const INLINE_DMA_BASE = 0x10_0000;
export const INLINE_DMA_BYTES_DEFAULT = 0x20_0000;
const ACCESS_US = 1;

/** Memory for one device after another: making it anew for each costs more than a short run. */
export interface InlineBuffers {
  readonly memory: ArrayBuffer;
  readonly record: ArrayBuffer;
}

export function inlineBuffers(dmaSizeBytes = INLINE_DMA_BYTES_DEFAULT): InlineBuffers {
  return { memory: new ArrayBuffer(INLINE_DMA_BASE + dmaSizeBytes), record: new ArrayBuffer(RECORD_SIZE_BYTES) };
}

export interface InlineDeviceOptions {
  /** Memory offered for DMA from `INLINE_DMA_BASE` up; zeroed here. By default a fresh one. */
  readonly buffers?: InlineBuffers;
  /** What the model's own `create` takes. */
  readonly model?: unknown;
}

export class InlineDevice implements PacedDevice {
  readonly definition: ModelDefinition;
  readonly ends: FarEnds;
  /** With the record of all that the device touched. */
  readonly memory: DmaMemory;
  readonly dma: { readonly base: number; readonly sizeBytes: number };
  readonly isRealTime = false;
  readonly #model: DeviceModel;
  #nowUs = 0;
  #level: 0 | 1 = 0;
  #told: 0 | 1 = 0;
  #handler: ((level: 0 | 1) => void) | undefined;

  constructor(definition: ModelDefinition, options: InlineDeviceOptions = {}) {
    const { memory, record } = options.buffers ?? inlineBuffers();
    if (options.buffers !== undefined) [memory, record].forEach((buffer) => new Uint8Array(buffer).fill(0));
    const listeners: ((bytes: Uint8Array) => void)[] = [];
    this.definition = definition;
    this.dma = { base: INLINE_DMA_BASE, sizeBytes: memory.byteLength - INLINE_DMA_BASE };
    this.memory = dmaMemory(memory, record);
    this.#model = definition.create(
      {
        state: new ArrayBuffer(definition.stateSizeBytes),
        memory: this.memory,
        now: () => this.#nowUs,
        wireReady: () => true,
        transmit: (bytes) => {
          for (const listener of listeners) listener(bytes.slice());
        },
        interrupt: (level) => {
          this.#level = level;
        },
      },
      options.model,
    );
    this.ends = definition.ends({
      send: (bytes) => {
        this.#model.advance();
        this.#model.receiveFrame(bytes);
      },
      onMessage: (listener) => void listeners.push(listener),
      options: options.model,
    });
  }

  read(space: Space, offset: number, width: Width): number {
    this.#access();
    return this.#model.read(space, offset, width);
  }

  write(space: Space, offset: number, width: Width, value: number): void {
    this.#access();
    this.#model.write(space, offset, width, value);
  }

  readMemory(address: number, into: Uint8Array): void {
    into.set(this.memory.bytes.subarray(address, address + into.length));
  }

  writeMemory(address: number, from: Uint8Array): void {
    this.memory.bytes.set(from, address);
  }

  /** One at a time: the next driver's takes the place of the last one's. */
  onInterrupt(handler: (level: 0 | 1) => void): void {
    this.#handler = handler;
    this.#told = 0;
  }

  now(): number {
    return this.#nowUs;
  }

  pass(us: number): void {
    this.waitUntil(this.#nowUs + us);
  }

  detach(): void {
    this.#handler = undefined;
  }

  /** When the device will do something by itself; Infinity if never. */
  nextDeadlineUs(): number {
    return this.#model.nextDeadlineUs();
  }

  /** Moves time to `us`, if it is not later already, and lets the device do what was due. */
  waitUntil(us: number): void {
    this.#nowUs = Math.max(this.#nowUs, us);
    this.#model.advance();
  }

  /** Tells the handler of an edge that it has not heard of; false if there was none. Never during a call on the device. */
  tellInterrupt(): boolean {
    if (this.#level === this.#told || this.#handler === undefined) return false;
    this.#told = this.#level;
    this.#handler(this.#level);
    return true;
  }

  #access(): void {
    this.#nowUs += ACCESS_US;
    this.#model.advance();
  }
}
