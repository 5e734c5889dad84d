/**
 * What an in-process device model is: a plain, synchronous object over shared buffers. What it is, in types.
 *
 * A model knows no threads and no clocks. Its host gives it memory, the time and a wire; `attach-model.ts` is the host
 * that puts it behind the kernel's `Device` interface, and tests may host it inline, with virtual time.
 */
import type { Space, Width } from '../../../dsslang/runtime.ts';
import type { FarEnds } from '../../../kernel/abi.ts';
import type { DmaMemory } from './dma-memory.ts';

/** What a model needs from outside. */
export interface ModelHost {
  /** Zeroed when the device is new; everything the device remembers lives here. */
  readonly state: ArrayBufferLike;
  readonly memory: DmaMemory;
  /** Monotonic time in microseconds, common to all threads. */
  now(): number;
  /** Something leaves the device: a frame on its wire, samples it plays. `frame` is valid during the call only. */
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
  /** Something arrives from outside: a frame, samples, an event. Kept by the device, up to a bound, while it cannot take it. */
  receiveFrame(frame: Uint8Array): void;
  /** The wire takes frames again. */
  resume(): void;
  /** Lets everything happen whose time has come. Hosts call it before every other call and when `nextDeadlineUs` passes. */
  advance(): void;
  /** When the device will do something by itself; Infinity if never. */
  nextDeadlineUs(): number;
  interruptLevel(): 0 | 1;
}

/** A model's outside, as plain bytes; `ModelDefinition.ends` says what they are. */
export interface ModelPort {
  /** Towards the device: its `receiveFrame`. */
  send(bytes: Uint8Array): void;
  /** What the device `transmit`s; a private copy each. With no listener it is taken off, and dropped. */
  onMessage(listener: (bytes: Uint8Array) => void): void;
  /** As handed to `create`. */
  readonly options: unknown;
}

/** The far end of a network device. */
export function wireEnd(port: ModelPort): FarEnds {
  return { wire: { send: (frame) => port.send(frame), onFrame: (listener) => port.onMessage(listener) } };
}

/** One kind of device, for `modelBacking`. */
export interface ModelDefinition {
  readonly name: string;
  /** URL of the module whose `attach(options)` makes a `Device` in another thread. */
  readonly module: string;
  readonly identity: { readonly vendor: number; readonly device: number };
  readonly stateSizeBytes: number;
  /** What it is plugged into, made of what it sends and receives. */
  ends(port: ModelPort): FarEnds;
  create(host: ModelHost, options: unknown): DeviceModel;
}
