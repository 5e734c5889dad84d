/**
 * What a sequence of operations is written with: registers, memory for DMA, waiting, and checks of what came of it.
 *
 * The same sequence runs with the monitor between and without it, so nothing here knows which. A check that fails is
 * `SequenceFailed`: the part did not do what its data sheet promises, which is neither a refusal nor a crash.
 */
import type { Space } from '../../dsslang/runtime.ts';
import type { Device, DmaPurpose } from '../../kernel/abi.ts';

/** Registers from one base on, by offset, in the widths of the bus. */
export interface Registers {
  read8(offset: number): number;
  read16(offset: number): number;
  read32(offset: number): number;
  write8(offset: number, value: number): void;
  write16(offset: number, value: number): void;
  write32(offset: number, value: number): void;
}

/** Memory that the part may reach. */
export interface Memory {
  readonly address: number;
  readonly sizeBytes: number;
  load(offset: number, length: number): Uint8Array;
  store(offset: number, bytes: Uint8Array): void;
  /** Little-endian words, one behind the other. */
  store32(offset: number, ...words: readonly number[]): void;
  load32(offset: number): number;
}

export interface Hands {
  registers(space: Space, base?: number): Registers;
  /** Zeroed, page-aligned. */
  allocate(sizeBytes: number, purpose: DmaPurpose): Memory;
  /** @throws SequenceFailed unless they are equal */
  expect(what: string, actual: number | Uint8Array, wanted: number | Uint8Array): void;
  /** Asks until it is so. @throws SequenceFailed if it takes too long */
  until(what: string, holds: () => boolean): void;
  sleep(milliseconds: number): void;
}

/** The part did something else than its data sheet says. */
export class SequenceFailed extends Error {
  readonly code = 'SEQUENCE_FAILED';
  constructor(message: string) {
    super(message);
    this.name = 'SequenceFailed';
  }
}

/** What the hands reach: the device itself, or the monitor in front of it. */
export interface Reach extends Pick<Device, 'read' | 'write' | 'readMemory' | 'writeMemory'> {
  allocate(sizeBytes: number, purpose: DmaPurpose): { readonly address: number; readonly sizeBytes: number };
}

const UNTIL_MS = 3000;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Blocks: QEMU goes on meanwhile, and nothing else of this thread needs to. */
function sleep(milliseconds: number): void {
  Atomics.wait(sleeper, 0, 0, milliseconds);
}

/** @param patienceMs the longest that anything is waited for */
export function handsOn(reach: Reach, patienceMs = UNTIL_MS): Hands {
  return {
    registers: (space, base = 0) => ({
      read8: (offset) => reach.read(space, base + offset, 1),
      read16: (offset) => reach.read(space, base + offset, 2),
      read32: (offset) => reach.read(space, base + offset, 4),
      write8: (offset, value) => reach.write(space, base + offset, 1, value),
      write16: (offset, value) => reach.write(space, base + offset, 2, value),
      write32: (offset, value) => reach.write(space, base + offset, 4, value),
    }),
    allocate: (sizeBytes, purpose) => memoryAt(reach, reach.allocate(sizeBytes, purpose)),
    expect: (what, actual, wanted) => {
      if (show(actual) !== show(wanted))
        throw new SequenceFailed(`${what}: ${show(actual)} instead of ${show(wanted)}`);
    },
    until: (what, holds) => {
      const giveUpAt = performance.now() + patienceMs;
      while (!holds()) {
        if (performance.now() > giveUpAt) throw new SequenceFailed(`${what}: not within ${patienceMs} ms`);
        sleep(1);
      }
    },
    sleep,
  };
}

function memoryAt(reach: Reach, { address, sizeBytes }: { address: number; sizeBytes: number }): Memory {
  const load = (offset: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    reach.readMemory(address + offset, bytes);
    return bytes;
  };
  return {
    address,
    sizeBytes,
    load,
    store: (offset, bytes) => reach.writeMemory(address + offset, Uint8Array.from(bytes)),
    store32: (offset, ...words) => {
      const bytes = Buffer.alloc(4 * words.length);
      words.forEach((word, index) => bytes.writeUInt32LE(word >>> 0, 4 * index));
      reach.writeMemory(address + offset, Uint8Array.from(bytes));
    },
    load32: (offset) => Buffer.from(load(offset, 4)).readUInt32LE(),
  };
}

function show(value: number | Uint8Array): string {
  return typeof value === 'number' ? `0x${value.toString(16)}` : Buffer.from(value).toString('hex');
}
