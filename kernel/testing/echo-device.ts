/**
 * A tiny DMA-capable device for the kernel's own tests: it copies buffers ("echo") as its descriptors say.
 *
 * It is a real device of its own, not a mock: registers, a descriptor ring, an interrupt line, a clock, all of its state in
 * one SharedArrayBuffer, so that two threads hold the *same* device. It trusts its driver completely: it copies from and
 * to wherever a descriptor points, as real hardware does. Its specification by hand is `echo-monitor.ts`.
 *
 * BAR 0, 32-bit registers:
 *   0x00 ID      ro   0xec0e
 *   0x04 CTRL    rw   bit 0 ENABLE; bit 31 RESET, clears itself
 *   0x08 CAUSE   rc   bit 0 DONE (a descriptor was processed), bit 1 KICKED; reading clears all but a stuck bit
 *   0x0c MASK    rw   interrupt line = (CAUSE & MASK) != 0
 *   0x10 BASE    rw   address of the ring: 8 descriptors of 16 bytes: source, destination, length, (unused), 32 bits each
 *   0x14 HEAD    ro   next descriptor that the device will process
 *   0x18 TAIL    rw   doorbell: processes HEAD ..< TAIL at once
 *   0x1c SCRATCH rw   any value
 *   0x20 SECRET  ro   0xdead: a value that the specification keeps from the driver
 *   0x24 KICK    wo   raises KICKED; value 2 makes it stuck
 *   0x28 DEATH   wo   the device fails: every access from now on throws
 */
import { performance } from 'node:perf_hooks';
import type { Space, Width } from '../../dsslang/runtime.ts';
import { DeviceError } from '../abi.ts';
import type { Device, OpenBacking } from '../abi.ts';

export const ECHO_DMA_BASE = 0x10_0000;
export const ECHO_DMA_BYTES = 0x10_0000;
export const RING_ENTRIES = 8;

const ID = 0;
const CTRL = 1;
const CAUSE = 2;
const MASK = 3;
const BASE = 4;
const HEAD = 5;
const TAIL = 6;
const SCRATCH = 7;
const SECRET = 8;
const KICK = 9;
const DEATH = 10;
/** Not registers: the stuck bits, whether the device is dead, how many accesses reached it, how often it was reset. */
const STUCK = 16;
const DEAD = 17;
const ACCESSES = 18;
const RESETS = 19;
/** Tests set this to make a reset hang: RESET then never clears. */
const RESET_HANGS = 20;

export interface EchoState {
  readonly registers: SharedArrayBuffer;
  readonly memory: SharedArrayBuffer;
}

export function createEchoState(): EchoState {
  const registers = new SharedArrayBuffer(4 * 32);
  new Int32Array(registers)[ID] = 0xec0e;
  new Int32Array(registers)[SECRET] = 0xdead;
  return { registers, memory: new SharedArrayBuffer(ECHO_DMA_BYTES) };
}

/** One thread's hold on an echo device. */
export class EchoDevice implements Device {
  readonly #words: Int32Array;
  readonly #memory: Uint8Array;
  #handler: ((level: 0 | 1) => void) | undefined;
  #level: 0 | 1 = 0;

  constructor(state: EchoState) {
    this.#words = new Int32Array(state.registers);
    this.#memory = new Uint8Array(state.memory);
  }

  read(space: Space, offset: number, _width: Width): number {
    this.#touch();
    if (space !== 0) return 0;
    const register = offset >> 2;
    const value = this.#get(register);
    if (register === CAUSE) this.#set(CAUSE, this.#get(STUCK));
    this.#updateLine();
    return value >>> 0;
  }

  write(space: Space, offset: number, _width: Width, value: number): void {
    this.#touch();
    if (space === 0) this.#writeRegister(offset >> 2, value);
    this.#updateLine();
  }

  readMemory(address: number, into: Uint8Array): void {
    this.#alive();
    const at = address - ECHO_DMA_BASE;
    into.set(this.#memory.subarray(at, at + into.length));
  }

  writeMemory(address: number, from: Uint8Array): void {
    this.#alive();
    this.#memory.set(from, address - ECHO_DMA_BASE);
  }

  onInterrupt(handler: (level: 0 | 1) => void): void {
    this.#handler = handler;
  }

  now(): number {
    return performance.now() * 1000;
  }

  detach(): void {
    this.#handler = undefined;
  }

  #get(register: number): number {
    return this.#words[register] ?? 0;
  }

  #set(register: number, value: number): void {
    this.#words[register] = value;
  }

  #alive(): void {
    if (this.#get(DEAD) !== 0) throw new DeviceError('DEVICE_GONE', 'the echo device is dead');
  }

  #touch(): void {
    this.#alive();
    this.#set(ACCESSES, this.#get(ACCESSES) + 1);
  }

  #writeRegister(register: number, value: number): void {
    if (register === CTRL && value >>> 31 === 1) this.#reset();
    else if (register === CTRL || register === MASK || register === BASE || register === SCRATCH)
      this.#set(register, value);
    else if (register === TAIL) this.#process(value);
    else if (register === KICK) {
      if (value === 2) this.#set(STUCK, 2);
      this.#set(CAUSE, this.#get(CAUSE) | 2);
    } else if (register === DEATH) {
      this.#set(DEAD, 1);
      this.#alive();
    }
  }

  #reset(): void {
    for (const register of [CTRL, CAUSE, MASK, BASE, HEAD, TAIL, SCRATCH, STUCK]) this.#set(register, 0);
    this.#set(RESETS, this.#get(RESETS) + 1);
    if (this.#get(RESET_HANGS) !== 0) this.#set(CTRL, 1 << 31);
  }

  #process(tail: number): void {
    this.#set(TAIL, tail);
    if ((this.#get(CTRL) & 1) === 0) return;
    const view = new DataView(this.#memory.buffer);
    while (this.#get(HEAD) !== tail % RING_ENTRIES) {
      const head = this.#get(HEAD);
      const at = this.#get(BASE) - ECHO_DMA_BASE + head * 16;
      const source = view.getUint32(at, true) - ECHO_DMA_BASE;
      const destination = view.getUint32(at + 4, true) - ECHO_DMA_BASE;
      this.#memory.copyWithin(destination, source, source + view.getUint32(at + 8, true));
      this.#set(HEAD, (head + 1) % RING_ENTRIES);
      this.#set(CAUSE, this.#get(CAUSE) | 1);
    }
  }

  /** Edges are delivered in a microtask: never during another call on the device. */
  #updateLine(): void {
    const level = (this.#get(CAUSE) & this.#get(MASK)) !== 0 ? 1 : 0;
    if (level === this.#level) return;
    this.#level = level;
    queueMicrotask(() => this.#handler?.(level));
  }
}

/** What tests may see and do behind the driver's back. */
export interface EchoProbe {
  readonly accesses: () => number;
  readonly resets: () => number;
  readonly register: (offset: number) => number;
  readonly memory: Uint8Array;
  readonly makeResetHang: () => void;
  readonly setHead: (index: number) => void;
}

export function probe(state: EchoState): EchoProbe {
  const words = new Int32Array(state.registers);
  return {
    accesses: () => words[ACCESSES] ?? 0,
    resets: () => words[RESETS] ?? 0,
    register: (offset) => (words[offset >> 2] ?? 0) >>> 0,
    memory: new Uint8Array(state.memory),
    makeResetHang: () => {
      words[RESET_HANGS] = 1;
    },
    setHead: (index) => {
      words[HEAD] = index;
    },
  };
}

/** Called in the driver's thread; see `Attachment`. */
export function attach(options: EchoState): Device {
  return new EchoDevice(options);
}

export interface OpenEcho extends OpenBacking {
  readonly state: EchoState;
  readonly probe: EchoProbe;
  /** Tells the kernel that the device has failed, as a backing does whose process died. */
  fail(): void;
}

export function openEcho(): OpenEcho {
  const state = createEchoState();
  const listeners: ((error: DeviceError) => void)[] = [];
  return {
    name: 'echo',
    attachment: { module: import.meta.url, options: state },
    dma: { base: ECHO_DMA_BASE, sizeBytes: ECHO_DMA_BYTES },
    identity: { vendor: 0x1234, device: 0xec0e },
    wire: undefined,
    attachHere: () => new EchoDevice(state),
    onFailure: (listener) => {
      listeners.push(listener);
    },
    close: () => Promise.resolve(),
    state,
    probe: probe(state),
    fail: () => {
      for (const listener of listeners) listener(new DeviceError('DEVICE_GONE', 'the echo device was unplugged'));
    },
  };
}
