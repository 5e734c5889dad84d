// The device, in this process: registers and memory in shared buffers, so that the driver's thread and the kernel hold the
// same device. It trusts its driver completely, as hardware does. Put your own device, or QEMU's, in its place.
import { performance } from 'node:perf_hooks';

const MEMORY_BASE = 0x10_0000;
const MEMORY_BYTES = 0x1_0000;
const [SOURCE, TARGET, LENGTH, START, COPIES] = [0, 1, 2, 3, 4];

class CopyEngine {
  #registers;
  #memory;

  constructor({ registers, memory }) {
    this.#registers = new Uint32Array(registers);
    this.#memory = new Uint8Array(memory);
  }

  read(_space, offset) {
    return this.#registers[offset >> 2];
  }

  write(_space, offset, _width, value) {
    this.#registers[offset >> 2] = value;
    if (offset >> 2 === START) this.#copy();
  }

  #copy() {
    const source = this.#registers[SOURCE] - MEMORY_BASE;
    this.#memory.copyWithin(this.#registers[TARGET] - MEMORY_BASE, source, source + this.#registers[LENGTH]);
    this.#registers[COPIES] += 1;
  }

  readMemory(address, into) {
    const at = address - MEMORY_BASE;
    into.set(this.#memory.subarray(at, at + into.length));
  }

  writeMemory(address, from) {
    this.#memory.set(from, address - MEMORY_BASE);
  }

  onInterrupt() {}

  now() {
    return performance.now() * 1000;
  }

  detach() {}
}

/** Called in the driver's thread. */
export function attach(state) {
  return new CopyEngine(state);
}

/** A started device, as the kernel takes it; `copies()` tells what really happened. */
export function openDevice() {
  const state = { registers: new SharedArrayBuffer(4096), memory: new SharedArrayBuffer(MEMORY_BYTES) };
  return {
    name: 'copy engine',
    attachment: { module: import.meta.url, options: state },
    dma: { base: MEMORY_BASE, sizeBytes: MEMORY_BYTES },
    identity: { vendor: 0x1234, device: 0x0001 },
    wire: undefined,
    attachHere: () => new CopyEngine(state),
    onFailure: () => {},
    close: () => Promise.resolve(),
    copies: () => new Uint32Array(state.registers)[COPIES],
  };
}
