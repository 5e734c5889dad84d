/**
 * Law: what the monitor is shown of a table that is frozen while the device runs is what lies in memory, whether it was looked up
 * or is known from the driver's stores.
 *
 * The twin of `fresh-stores.prop.test.ts`, which has rings. The real RVM and the real specification of the PIIX3's bus master,
 * before a device made for this: while it runs it may, at any moment, write anything into the table that it was started with, as
 * the specification would let it (the real one only reads). The oracle is the memory itself. A failure prints its seed;
 * `REFMON_RUNS=50` are millions of operations.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PORT_SPACE, type Space, type Width } from '../dsslang/runtime.ts';
import * as r from '../drivers/ide/registers.ts';
import { packageRoot } from '../drivers/package-root.ts';
import { loadSpecification } from '../drivers/specification.ts';
import { Rvm } from '../kernel/index.ts';
import { attempt, compared, DMA, liveManyTimes, noCounts, SpoilingDevice, type Counts } from './drivers/spoiling.ts';
import { campaign, Random } from './dsslang/random.ts';

const { module } = await loadSpecification(`${packageRoot()}/drivers/ide/ide.dss`);
const { seed, scale } = campaign();
const LIVES = Math.ceil(150 * scale);
const OPERATIONS = 300;
const TABLES_BYTES = 256;
const BUFFER_BYTES = 4096;
const REGION_BYTES = 8;
const STATUS_READY = 0x50;
const MASTER = r.PRIMARY.master;

/** A bus master that spoils its table while it runs. */
class Spoiler extends SpoilingDevice {
  #place = 0;
  /** The table that it was started with; empty while it does not run. */
  #table: Uint8Array = new Uint8Array(0);

  work(): void {
    for (let index = 0; index < this.#table.length; index += 1) {
      if (!this.random.oneIn(4)) continue;
      this.#table[index] = this.random.below(256);
      this.spoiled += 1;
    }
  }

  read(): number {
    this.work();
    return STATUS_READY;
  }

  write(space: Space, offset: number, _width: Width, value: number): void {
    this.work();
    if (space !== r.BAR_MASTER) return;
    if (offset === MASTER + r.BMIDTP) this.#place = value - DMA.base;
    if (offset !== MASTER + r.BMICOM) return;
    if ((value & r.BMICOM_START) === 0) this.#table = new Uint8Array(0);
    else if (this.#table.length === 0) this.#table = this.#started();
  }

  /** The bytes of the table, as far as its last entry. */
  #started(): Uint8Array {
    let end = this.#place + REGION_BYTES;
    while (end < this.memory.length && ((this.memory[end - 1] ?? 0) & 0x80) === 0) end += REGION_BYTES;
    return this.memory.subarray(this.#place, end);
  }

  onInterrupt(): void {
    return;
  }

  detach(): void {
    return;
  }
}

interface TableCounts extends Counts {
  started: number;
}

/** A table of one to four regions. */
function goodTable(random: Random, buffers: number): Uint8Array {
  const count = 1 + random.below(4);
  const words = new Uint32Array(2 * count);
  for (let index = 0; index < count; index += 1) {
    words[2 * index] = buffers + 512 * random.below(8);
    words[2 * index + 1] = (512 | (index === count - 1 ? r.REGION_LAST : 0)) >>> 0;
  }
  return new Uint8Array(words.buffer);
}

/** One driver's life: tables stored whole and in parts, moved, started and stopped. */
function live(random: Random, counts: TableCounts): void {
  const device = new Spoiler(random);
  const rvm = new Rvm({ device, monitor: compared(module, device, counts), dma: DMA, ipd: 1, driver: 'spoiled' });
  const tables = rvm.allocate(TABLES_BYTES, 'commands').address;
  const buffers = rvm.allocate(BUFFER_BYTES, 'device-reads-writes').address;
  const master = (register: number, width: Width, value: number): void =>
    rvm.write(r.BAR_MASTER, MASTER + register, width, value);
  let place = tables;
  const operation = (): void => {
    switch (random.below(8)) {
      case 0:
      case 1:
        return rvm.writeMemory(place, goodTable(random, buffers));
      case 2: {
        // A part of one, or what is none.
        const length = 1 + random.below(24);
        const good = goodTable(random, buffers);
        const bytes = random.oneIn(2) ? good.subarray(0, length) : Uint8Array.from({ length }, () => random.below(256));
        return rvm.writeMemory(tables + random.below(TABLES_BYTES - bytes.length + 1), bytes);
      }
      case 3: {
        const moved = tables + REGION_BYTES * random.below(TABLES_BYTES / REGION_BYTES - 4);
        master(r.BMIDTP, 4, moved);
        place = moved;
        return;
      }
      case 4:
      case 5:
        master(r.BMICOM, 1, r.BMICOM_START);
        counts.started += 1;
        return;
      case 6:
        return master(r.BMICOM, 1, 0);
      default:
        if (random.oneIn(2)) device.work();
        else rvm.read(PORT_SPACE, r.PRIMARY.task + r.STATUS, 1);
    }
  };
  master(r.BMIDTP, 4, place);
  for (let count = 0; count < OPERATIONS && rvm.fault === undefined; count += 1) {
    attempt(counts, operation);
  }
  counts.spoiled += device.spoiled;
  rvm.stop();
}

void test('what was just stored of a table and what lies in memory are the same, whatever driver and device do', () => {
  const random = new Random(seed);
  const counts = { ...noCounts(), started: 0 };
  liveManyTimes(LIVES, seed, () => live(random, counts));
  // Each way was gone: the law says nothing of what did not happen.
  for (const [what, count] of Object.entries(counts)) assert.ok(count > LIVES, `${what}: ${count} in ${LIVES} lives`);
});
