/**
 * The kernel's binary interface, in TypeScript's clothes: what a device looks like from above, what a backing must
 * provide, and what a driver may call and must answer. Types and constants only.
 *
 * The RVM implements the same `Device` interface as the backing that it wraps, so a driver cannot tell whether it is
 * watched (Nexus, OSDI'08; in `kernel/rvm/rvm.ts`). Everything that a driver says is an allegation until checked.
 */
import type { Space, Width } from '../dsslang/runtime.ts';
import type { FarEnds } from './far-ends.ts';

export type { Disk, FarEnds, Hand, Microphone, MouseButton, Speaker, Wire } from './far-ends.ts';

/** What a driver wants a piece of DMA memory for; see `GRANT_*` in the language's runtime. */
export type DmaPurpose = 'commands' | 'device-reads' | 'device-writes' | 'device-reads-writes';

/**
 * A device as its driver's thread sees it: synchronous registers, DMA memory, an interrupt line and a clock.
 * Register values are unsigned; accesses of 1, 2 or 4 bytes. Addresses are device (bus) addresses.
 * @throws DeviceError (code `DEVICE_GONE`, …) when the device itself fails
 */
export interface Device {
  read(space: Space, offset: number, width: Width): number;
  write(space: Space, offset: number, width: Width, value: number): void;
  readMemory(address: number, into: Uint8Array): void;
  writeMemory(address: number, from: Uint8Array): void;
  /** Called on this thread, never during another call on the device, at each edge of the device's interrupt line. */
  onInterrupt(handler: (level: 0 | 1) => void): void;
  /** Monotonic time in microseconds. */
  now(): number;
  /** Moves the device's time forward. Only devices in virtual time have it: on all others time passes by itself. */
  pass?(us: number): void;
  /** Lets go of this thread's hold on the device; the device itself lives on with its `OpenBacking`. */
  detach(): void;
}

/** Structured-cloneable: how another thread gets at the same device. `module` exports `attach(options): Device | Promise<Device>`. */
export interface Attachment {
  readonly module: string;
  readonly options: unknown;
}

/** A device that has been started: real (QEMU's models), in-process model, or a recorded trace, and what it is plugged into.
 * Lives on the kernel's thread.
 */
export interface OpenBacking extends FarEnds {
  readonly name: string;
  readonly attachment: Attachment;
  /** Memory that the kernel may grant for DMA. */
  readonly dma: { readonly base: number; readonly sizeBytes: number };
  /** PCI identity, checked against the specification's `match`. */
  readonly identity: { readonly vendor: number; readonly device: number };
  /** A hold on the device from the kernel's own thread, for the reset after its driver's thread is gone. Bounded waits only. */
  attachHere(): Device;
  /** Called once if the device dies by itself (QEMU crashed, was killed, …). */
  onFailure(listener: (error: DeviceError) => void): void;
  /** Stops the device and removes everything it left on this machine. Idempotent. */
  close(): Promise<void>;
}

/** A device that can be started. */
export interface Backing {
  readonly name: string;
  open(): Promise<OpenBacking>;
}

export type DeviceErrorCode =
  'ENV_QEMU_MISSING' | 'QEMU_START_FAILED' | 'QEMU_PROTOCOL' | 'DEVICE_GONE' | 'DEVICE_TIMEOUT' | 'DEVICE_NOT_FOUND';

/** The world failed, not the driver and not the specification. */
export class DeviceError extends Error {
  readonly code: DeviceErrorCode;
  constructor(code: DeviceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DeviceError';
    this.code = code;
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// What an untrusted driver sees

/** Granted DMA memory, zeroed. Offsets are in bytes from its start; out of range throws RangeError. Every access is mediated. */
export interface DmaRegion {
  /** The device's address of its first byte. */
  readonly address: number;
  readonly sizeBytes: number;
  read8(offset: number): number;
  read16(offset: number): number;
  read32(offset: number): number;
  write8(offset: number, value: number): void;
  write16(offset: number, value: number): void;
  write32(offset: number, value: number): void;
  /** Stores a whole run of bytes as one operation. */
  copyIn(offset: number, bytes: Uint8Array): void;
  /** A private copy of a run of bytes. */
  copyOut(offset: number, length: number): Uint8Array;
}

/** Everything a driver can do. Nothing else is reachable from its compartment. */
export interface DeviceIo {
  /** The space number of PCI configuration accesses; 0..5 are the BARs. */
  readonly CONFIG: Space;
  read8(space: Space, offset: number): number;
  read16(space: Space, offset: number): number;
  read32(space: Space, offset: number): number;
  write8(space: Space, offset: number, value: number): void;
  write16(space: Space, offset: number, value: number): void;
  write32(space: Space, offset: number, value: number): void;
  /**
   * @param pool for commands: the pool of the specification that the memory shall belong to; it begins filled with the
   *   pool's own word instead of zeroes
   */
  allocate(sizeBytes: number, purpose: DmaPurpose, pool?: string): DmaRegion;
  /** Monotonic microseconds. */
  now(): number;
  /** Calls `timer()` once, `delayUs` from now; a second call replaces the first. */
  setTimer(delayUs: number): void;
  /** To whoever uses the driver. Plain data only. */
  send(message: DriverMessage): void;
  log(text: string): void;
}

/** Plain, structured-cloneable data with a `kind`. Each device class says which kinds it uses (`drivers/class/`). */
export interface DriverMessage {
  readonly kind: string;
  readonly [key: string]: unknown;
}

/** A driver is event-driven and never blocks; the kernel bounds the time of each entry. */
export interface DriverEntries {
  init(): void;
  interrupt?(): void;
  timer?(): void;
  message?(message: DriverMessage): void;
}

/** A driver program: one script whose value is this function. */
export type DriverProgram = (io: DeviceIo) => DriverEntries;
