/**
 * What an in-process device model is: a plain, synchronous object over shared buffers. Types only.
 *
 * A model knows no threads and no clocks. Its host gives it memory, the time and a wire; `attach-model.ts` is the host
 * that puts it behind the kernel's `Device` interface, and tests may host it inline, with virtual time.
 */
import type { Space, Width } from '../../../dsslang/runtime.ts';
import type { DmaMemory } from './dma-memory.ts';

/** What a model needs from outside. */
export interface ModelHost {
  /** Zeroed when the device is new; everything the device remembers lives here. */
  readonly state: ArrayBufferLike;
  readonly memory: DmaMemory;
  /** Monotonic time in microseconds, common to all threads. */
  now(): number;
  /** The device puts a frame on its wire. `frame` is valid during the call only. */
  transmit(frame: Uint8Array): void;
  /** Whether the wire takes more frames now; if not, the device waits for `DeviceModel.resume`. */
  wireReady(): boolean;
  /** The interrupt line changed. Called in the middle of a call on the model: take note, do not call back. */
  interrupt(level: 0 | 1): void;
}

/** A running device model. */
export interface DeviceModel {
  read(space: Space, offset: number, width: Width): number;
  write(space: Space, offset: number, width: Width, value: number): void;
  /** A frame arrives from the wire; kept by the device, up to a bound, while it cannot receive. */
  receiveFrame(frame: Uint8Array): void;
  /** The wire takes frames again. */
  resume(): void;
  /** Lets everything happen whose time has come. Hosts call it before every other call and when `nextDeadlineUs` passes. */
  advance(): void;
  /** When the device will do something by itself; Infinity if never. */
  nextDeadlineUs(): number;
  interruptLevel(): 0 | 1;
}

/** One kind of device, for `modelBacking`. */
export interface ModelDefinition {
  readonly name: string;
  /** URL of the module whose `attach(options)` makes a `Device` in another thread. */
  readonly module: string;
  readonly identity: { readonly vendor: number; readonly device: number };
  readonly stateSizeBytes: number;
  readonly hasWire: boolean;
  create(host: ModelHost, options: unknown): DeviceModel;
}
