/**
 * Law: what the monitor is shown of a ring's entries is what lies in memory, whether it was looked up or is known from the
 * driver's stores.
 *
 * The real RVM and the real specification of the 82540EM, before a device made for this: as soon as it owns an entry it may, at
 * any moment, write it back, and then nothing of it is left, the address least of all (extended descriptors do so; the real
 * card's do not). The oracle is the memory itself. A failure prints its seed; `REFMON_RUNS=50` are millions of operations.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Space, Width } from '../dsslang/runtime.ts';
import * as r from '../drivers/e1000/registers.ts';
import { packageRoot } from '../drivers/package-root.ts';
import { loadSpecification } from '../drivers/specification.ts';
import { Rvm } from '../kernel/index.ts';
import { attempt, compared, DMA, liveManyTimes, noCounts, SpoilingDevice, type Counts } from './drivers/spoiling.ts';
import { campaign, Random } from './dsslang/random.ts';

const { module } = await loadSpecification(`${packageRoot()}/drivers/e1000/e1000.dss`);
const { seed, scale } = campaign();
const LIVES = Math.ceil(150 * scale);
const OPERATIONS = 400;
const COUNT = 8;
const BYTES = 16;
const BUFFER_BYTES = 4096;

interface Ring {
  readonly base: number;
  readonly control: number;
  head: number;
  running: boolean;
}

/** A card whose write-back destroys descriptors. */
class Destroyer extends SpoilingDevice {
  readonly registers = new Map<number, number>();
  readonly rings: Ring[] = [
    { base: r.TDBAL, control: r.TCTL, head: 0, running: false },
    { base: r.RDBAL, control: r.RCTL, head: 0, running: false },
  ];
  #handler: ((level: 0 | 1) => void) | undefined;

  get(offset: number): number {
    return this.registers.get(offset) ?? 0;
  }

  /** Some of the entries that the card owns are done. */
  work(): void {
    for (const ring of this.rings) {
      while (ring.running && ring.head !== this.get(ring.base + 0x18) && this.random.oneIn(3)) {
        const at = this.get(ring.base) + ring.head * BYTES - DMA.base;
        for (let byte = 0; byte < BYTES; byte += 1) this.memory[at + byte] = this.random.below(256);
        ring.head = (ring.head + 1) % COUNT;
        this.spoiled += 1;
      }
    }
  }

  interrupt(): void {
    this.#handler?.(1);
    this.#handler?.(0);
  }

  read(_space: Space, offset: number, _width: Width): number {
    this.work();
    const ring = this.rings.find(({ base }) => base + 0x10 === offset);
    return ring?.head ?? (offset === r.ICR ? 1 : this.get(offset));
  }

  write(_space: Space, offset: number, _width: Width, value: number): void {
    this.registers.set(offset, value);
    for (const ring of this.rings) {
      if (offset === ring.base + 0x10) ring.head = value;
      if (offset === ring.control) ring.running = (value & 2) !== 0;
    }
    this.work();
  }

  onInterrupt(handler: (level: 0 | 1) => void): void {
    this.#handler = handler;
  }

  detach(): void {
    this.#handler = undefined;
  }
}

interface Bench {
  readonly rvm: Rvm;
  readonly device: Destroyer;
  readonly ring: number;
  readonly buffers: number;
  readonly counts: Counts;
}

function bench(random: Random, counts = noCounts()): Bench {
  const device = new Destroyer(random);
  const rvm = new Rvm({ device, monitor: compared(module, device, counts), dma: DMA, ipd: 1, driver: 'destroyed' });
  rvm.onInterrupt(() => void rvm.read(0, r.ICR, 4));
  const ring = rvm.allocate(1024, 'commands').address;
  const buffers = rvm.allocate(BUFFER_BYTES, 'device-reads-writes').address;
  return { rvm, device, ring, buffers, counts };
}

function start({ rvm }: Bench, first: number, control: number, base: number): void {
  const values = [base, 0, COUNT * BYTES];
  values.forEach((value, index) => rvm.write(0, first + 4 * index, 4, value));
  rvm.write(0, first + 0x10, 4, 0);
  rvm.write(0, first + 0x18, 4, 0);
  rvm.write(0, control, 4, 2);
}

const descriptor = (address: number, length = 64): Uint8Array =>
  new Uint8Array(new Uint32Array([address, 0, length, 0]).buffer);

/** One driver's life: stores of all sizes, doorbells, and whatever lies between. */
function live(random: Random, counts: Counts): void {
  const here = bench(random, counts);
  const { rvm, device, ring, buffers } = here;
  const bases = [ring, random.oneIn(4) ? ring : ring + COUNT * BYTES] as const;
  attempt(counts, () => start(here, r.TDBAL, r.TCTL, bases[0]));
  attempt(counts, () => start(here, r.RDBAL, r.RCTL, bases[1]));
  const good = (): Uint8Array => descriptor(buffers + 16 * random.below(32), 64);
  for (let count = 0; count < OPERATIONS && rvm.fault === undefined; count += 1) {
    const which = random.below(2);
    const base = bases[which] ?? ring;
    const first = which === 0 ? r.TDBAL : r.RDBAL;
    const tail = device.get(first + 0x18);
    attempt(counts, () => {
      switch (random.below(12)) {
        case 0:
        case 1:
        case 2: {
          // An honest doorbell: entries from the tail on, then the tail.
          const entries = 1 + random.below(3);
          for (let each = 0; each < entries; each += 1) rvm.writeMemory(base + ((tail + each) % COUNT) * BYTES, good());
          if (random.oneIn(4)) device.work();
          return rvm.write(0, first + 0x18, 4, (tail + entries) % COUNT);
        }
        case 3:
        case 4:
          return rvm.writeMemory(base + random.below(COUNT) * BYTES, good());
        case 5: {
          const length = 1 + random.below(random.oneIn(5) ? 700 : 40);
          const bytes = Uint8Array.from({ length }, () => random.below(256));
          return rvm.writeMemory(ring + random.below(1024 - length + 1), bytes);
        }
        case 6:
        case 7:
          return rvm.write(0, first + 0x18, 4, random.oneIn(3) ? random.below(COUNT) : (tail + 1) % COUNT);
        case 8:
          return void rvm.read(0, first + 0x10, 4);
        case 9:
          return device.work();
        case 10:
          if (random.oneIn(4)) device.interrupt();
          else rvm.readMemory(base, new Uint8Array(16));
          return;
        default: {
          if (!random.oneIn(6)) return void rvm.read(0, r.STATUS, 4);
          const control = which === 0 ? r.TCTL : r.RCTL;
          rvm.write(0, control, 4, 0);
          if (random.oneIn(2)) rvm.write(0, first + 0x10, 4, random.below(COUNT));
          if (random.oneIn(2)) rvm.write(0, first + 0x18, 4, random.below(COUNT));
          return rvm.write(0, control, 4, 2);
        }
      }
    });
  }
  counts.spoiled += device.spoiled;
  rvm.stop();
}

void test('what was just stored and what lies in memory are the same, whatever driver and device do', () => {
  const random = new Random(seed);
  const counts = noCounts();
  liveManyTimes(LIVES, seed, () => live(random, counts));
  // Each way was gone: the law says nothing of what did not happen.
  for (const [what, count] of Object.entries(counts)) assert.ok(count > LIVES, `${what}: ${count} in ${LIVES} lives`);
});

void test('a descriptor that the device has written back, published again as it is, is refused by what it has become', () => {
  const here = bench(new Random(1));
  const { rvm, device, ring, buffers } = here;
  start(here, r.RDBAL, r.RCTL, ring);
  const publish = (tail: number): void => rvm.write(0, r.RDT, 4, tail);
  for (let entry = 0; entry < COUNT; entry += 1) rvm.writeMemory(ring + entry * BYTES, descriptor(buffers));
  publish(COUNT - 1);
  assert.equal(here.counts.known, 1);
  while (device.spoiled < COUNT - 1) device.work();
  // The entry at the tail is the driver's own; the one behind it holds what the device left there.
  rvm.writeMemory(ring + (COUNT - 1) * BYTES, descriptor(buffers));
  assert.throws(() => publish(1), /receive buffer is outside/);
  rvm.writeMemory(ring, descriptor(buffers));
  rvm.writeMemory(ring + (COUNT - 1) * BYTES, descriptor(buffers));
  publish(1);
});

void test('half a descriptor written anew does not hide the half that the device left', () => {
  const here = bench(new Random(2));
  const { rvm, device, ring, buffers } = here;
  start(here, r.RDBAL, r.RCTL, ring);
  rvm.writeMemory(ring, descriptor(buffers));
  rvm.writeMemory(ring + BYTES, descriptor(buffers));
  rvm.write(0, r.RDT, 4, 1);
  while (device.spoiled < 1) device.work();
  rvm.write(0, r.RCTL, 4, 0);
  rvm.write(0, r.RDH, 4, 0);
  rvm.write(0, r.RDT, 4, 1);
  rvm.writeMemory(ring + 8, descriptor(buffers).subarray(8));
  assert.throws(() => rvm.write(0, r.RCTL, 4, 2), /receive buffer is outside/);
});

void test('memory granted at the same place to the next driver is not what the last one stored there', () => {
  const first = bench(new Random(3));
  start(first, r.TDBAL, r.TCTL, first.ring);
  first.rvm.writeMemory(first.ring, descriptor(first.buffers));
  first.rvm.stop();
  const { rvm, counts, ring } = bench(new Random(3));
  assert.equal(ring, first.ring);
  start({ ...first, rvm }, r.TDBAL, r.TCTL, ring);
  rvm.write(0, r.TDT, 4, 1);
  assert.deepEqual([counts.known, counts.lookedUp], [0, 1]);
});
