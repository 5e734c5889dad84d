/**
 * What the laws on fresh stores share (`fresh-stores.prop.test.ts` for rings, `fresh-tables.prop.test.ts` for tables): a device
 * that may spoil whatever command memory it owns, a monitor each of whose answers from memory is compared with what lies
 * there, and many lives of a driver between the two.
 *
 * The oracle is the device's memory itself. When the device owns what, and what it spoils, each law's own device knows.
 */
import assert from 'node:assert/strict';
import type { DescriptorMemory, MonitorModule, Space, Width } from '../../dsslang/runtime.ts';
import type { Device } from '../../kernel/abi.ts';
import type { Random } from '../dsslang/random.ts';

export const DMA = { base: 0x10_000, sizeBytes: 0x20_000 };

/** Memory and time of a device; registers are its own. */
export abstract class SpoilingDevice implements Device {
  readonly memory = new Uint8Array(DMA.sizeBytes);
  protected readonly random: Random;
  #us = 0;
  /** How often the RVM looked at memory. */
  looks = 0;
  spoiled = 0;

  constructor(random: Random) {
    this.random = random;
  }

  abstract read(space: Space, offset: number, width: Width): number;
  abstract write(space: Space, offset: number, width: Width, value: number): void;
  abstract onInterrupt(handler: (level: 0 | 1) => void): void;
  abstract detach(): void;

  readMemory(address: number, into: Uint8Array): void {
    this.looks += 1;
    into.set(this.memory.subarray(address - DMA.base, address - DMA.base + into.length));
  }

  writeMemory(address: number, from: Uint8Array): void {
    this.memory.set(from, address - DMA.base);
  }

  now(): number {
    return (this.#us += 100);
  }

  pass(us: number): void {
    this.#us += us;
  }
}

export interface Counts {
  /** Answers without a look at memory. */
  known: number;
  lookedUp: number;
  denied: number;
  spoiled: number;
}

export const noCounts = (): Counts => ({ known: 0, lookedUp: 0, denied: 0, spoiled: 0 });

/** The specification, with every answer that it is given compared with memory; it refuses without an end of the driver. */
export function compared(module: MonitorModule, device: SpoilingDevice, counts: Counts): MonitorModule {
  const info = { ...module.info, rules: module.info.rules.map((rule) => ({ ...rule, action: 'deny' as const })) };
  const createMonitor = (memory: DescriptorMemory): ReturnType<MonitorModule['createMonitor']> => ({
    ...module.createMonitor({
      fetch(address, length, target, at, frozen) {
        const looks = device.looks;
        if (!memory.fetch(address, length, target, at, frozen)) return false;
        counts[device.looks === looks ? 'known' : 'lookedUp'] += 1;
        const from = address - DMA.base;
        assert.deepEqual(target.slice(at, at + length), device.memory.slice(from, from + length));
        return true;
      },
    }),
    info,
  });
  return { info, createMonitor };
}

/** Does it, or counts that it was refused. */
export function attempt(counts: Counts, action: () => void): void {
  try {
    action();
  } catch (error) {
    if ((error as { code?: string }).code !== 'OPERATION_DENIED') throw error;
    counts.denied += 1;
  }
}

/** Many lives of a driver; the one that fails is named. */
export function liveManyTimes(lives: number, seed: number, live: () => void): void {
  for (let life = 0; life < lives; life += 1) {
    try {
      live();
    } catch (error) {
      throw new Error(`REFMON_SEED=${seed}, life ${life}`, { cause: error });
    }
  }
}
