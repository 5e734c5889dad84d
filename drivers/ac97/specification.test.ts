/**
 * The compiled specification, at the edges of its lists: what it checks when an engine starts and when buffers are
 * published, which entries are frozen, and what it believes of what a device reports.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALLOWED, GRANT_COMMANDS, GRANT_READS, GRANT_WRITES, type Monitor, type Width } from '../../dsslang/index.ts';
import { packageRoot } from '../package-root.ts';
import { loadSpecification } from '../specification.ts';
import * as r from './registers.ts';

const { module } = await loadSpecification(`${packageRoot()}/drivers/ac97/ac97.dss`, 'drivers/ac97/ac97.dss');

const LISTS = 0x1_0000;
const SOUND = 0x2_0000;
const RECORDINGS = 0x3_0000;
const BUFFERS_BYTES = 0x8000;

const WIDTHS = new Map<number, Width>([
  [r.BDBAR, 4],
  [r.CIV, 1],
  [r.LVI, 1],
  [r.SR, 1],
  [r.CR, 1],
]);

/** A fresh monitor over memory with an empty list for each engine, one buffer's worth of sound and one of recordings. */
class Bench {
  readonly monitor: Monitor;
  readonly #view = new DataView(new ArrayBuffer(0x4_0000));

  constructor() {
    this.monitor = module.createMonitor({
      fetch: (address, length, target, at) => {
        target.set(new Uint8Array(this.#view.buffer, address, length), at);
        return true;
      },
    });
    assert.equal(this.monitor.grant(LISTS, 0x1000, GRANT_COMMANDS), ALLOWED);
    assert.equal(this.monitor.grant(SOUND, BUFFERS_BYTES, GRANT_READS), ALLOWED);
    assert.equal(this.monitor.grant(RECORDINGS, BUFFERS_BYTES, GRANT_WRITES), ALLOWED);
  }

  /** `allowed`, or the reason of the rule that refuses. */
  words(verdict: number): string {
    return verdict === ALLOWED ? 'allowed' : (module.info.rules[Math.abs(verdict)]?.reason ?? '?');
  }
  lay(engine: number, index: number, pointer: number, samples: number): void {
    this.#view.setUint32(this.entry(engine, index), pointer, true);
    this.#view.setUint16(this.entry(engine, index) + 4, samples, true);
  }
  fill(engine: number, pointer = engine === r.PCM_OUT ? SOUND : RECORDINGS): void {
    for (let index = 0; index < r.BUFFERS_MAX; index += 1) this.lay(engine, index, pointer, 256);
  }
  entry(engine: number, index: number): number {
    return LISTS + engine * 256 + index * r.BUFFER_SIZE_BYTES;
  }
  write(engine: number, register: number, value: number): string {
    const width = WIDTHS.get(register) ?? 4;
    return this.words(this.monitor.write(r.BAR_BUS_MASTER, engine * r.ENGINE_STRIDE + register, width, value, 0, 0));
  }
  report(engine: number, register: number, value: number): string {
    const width = WIDTHS.get(register) ?? 4;
    return this.words(this.monitor.report(r.BAR_BUS_MASTER, engine * r.ENGINE_STRIDE + register, width, value, 0, 0));
  }
  global(value: number): string {
    return this.words(this.monitor.write(r.BAR_BUS_MASTER, r.GLOB_CNT, 4, value, 0, 0));
  }
  /** Resets the engine and tells it its list and last valid index. */
  program(engine: number, last: number): void {
    assert.equal(this.write(engine, r.CR, r.CR_RR), 'allowed');
    assert.equal(this.write(engine, r.BDBAR, LISTS + engine * 256), 'allowed');
    assert.equal(this.write(engine, r.LVI, last), 'allowed');
  }
  run(engine: number): string {
    return this.write(engine, r.CR, r.CR_RPBM | r.CR_INTERRUPTS);
  }
  /** Indices of the entries that may not be stored into. */
  frozen(engine: number): number[] {
    const all = Array.from({ length: r.BUFFERS_MAX }, (_, index) => index);
    return all.filter((index) => this.monitor.store(this.entry(engine, index), 8, 0) !== ALLOWED);
  }
}

const upTo = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);

void test('an engine starts only with a list, all of it in command memory, and buffers that go the right way', () => {
  const bench = new Bench();
  bench.fill(r.PCM_OUT);
  assert.equal(bench.run(r.PCM_OUT), 'program the list of buffers before starting the engine');
  bench.program(r.PCM_OUT, 31);
  assert.equal(bench.write(r.PCM_OUT, r.BDBAR, LISTS + 0x1000 - 248), 'allowed');
  assert.equal(bench.run(r.PCM_OUT), 'the list of buffers is outside the memory granted for commands');
  assert.equal(bench.write(r.PCM_OUT, r.BDBAR, LISTS + 4), 'reserved bits of `bm.BDBAR` must be written as 0');
  bench.program(r.PCM_OUT, 31);
  assert.equal(bench.run(r.PCM_OUT), 'allowed');
  for (const engine of [r.PCM_IN, r.MIC_IN]) {
    bench.fill(engine, SOUND);
    bench.program(engine, 31);
    assert.equal(bench.run(engine), 'a buffer is outside the memory granted to this driver');
    bench.fill(engine);
    assert.equal(bench.run(engine), 'allowed');
  }
});

void test('a buffer may end exactly at the end of its grant and no sample later; lengths count samples', () => {
  const samples = 1000;
  for (const [beyond, verdict] of [
    [0, 'allowed'],
    [2, 'a buffer is outside the memory granted to this driver'],
  ] as const) {
    const bench = new Bench();
    bench.lay(r.PCM_OUT, 0, SOUND + BUFFERS_BYTES - 2 * samples + beyond, samples);
    bench.program(r.PCM_OUT, 0);
    assert.equal(bench.run(r.PCM_OUT), verdict);
  }
  // Some parts round the pointer down to a double word: then they begin before the grant.
  const bench = new Bench();
  assert.equal(bench.monitor.grant(0x3_8002, 4, GRANT_READS), ALLOWED);
  bench.lay(r.PCM_OUT, 0, 0x3_8002, 1);
  bench.program(r.PCM_OUT, 0);
  assert.equal(bench.run(r.PCM_OUT), 'a buffer is outside the memory granted to this driver');
});

void test('after a reset the entries up to the last valid index are checked, and empty ones point anywhere', () => {
  const bench = new Bench();
  bench.fill(r.PCM_OUT, 0);
  for (const index of upTo(0, 4)) bench.lay(r.PCM_OUT, index, SOUND, 100);
  bench.lay(r.PCM_OUT, 2, 0xffff_0001, 0);
  bench.program(r.PCM_OUT, 5);
  assert.equal(bench.run(r.PCM_OUT), 'a buffer is outside the memory granted to this driver');
  bench.program(r.PCM_OUT, 4);
  assert.equal(bench.run(r.PCM_OUT), 'allowed');
  assert.deepEqual(bench.frozen(r.PCM_OUT), [0, 1, 2, 3, 4]);
});

void test('an engine that was only paused may go on anywhere in its list, so all of it is checked', () => {
  const bench = new Bench();
  bench.lay(r.PCM_OUT, 0, SOUND, 100);
  bench.lay(r.PCM_OUT, 20, 0, 100);
  bench.program(r.PCM_OUT, 0);
  assert.equal(bench.run(r.PCM_OUT), 'allowed');
  assert.equal(bench.write(r.PCM_OUT, r.CR, 0), 'allowed');
  assert.deepEqual(bench.frozen(r.PCM_OUT), []);
  assert.equal(bench.run(r.PCM_OUT), 'a buffer is outside the memory granted to this driver');
  bench.lay(r.PCM_OUT, 20, SOUND, 100);
  assert.equal(bench.run(r.PCM_OUT), 'allowed');
  assert.equal(bench.frozen(r.PCM_OUT).length, 32);
  bench.lay(r.PCM_OUT, 20, 0, 100);
  // Told to run while it runs, QEMU's engine takes the next entry at once.
  assert.equal(bench.run(r.PCM_OUT), 'a buffer is outside the memory granted to this driver');
});

void test('the last valid index is a doorbell: what it adds is checked, and frozen until the engine is past it', () => {
  const bench = new Bench();
  for (const index of upTo(0, 3)) bench.lay(r.PCM_OUT, index, SOUND, 100);
  bench.program(r.PCM_OUT, 3);
  assert.equal(bench.run(r.PCM_OUT), 'allowed');
  bench.lay(r.PCM_OUT, 4, SOUND + BUFFERS_BYTES, 1);
  assert.equal(bench.write(r.PCM_OUT, r.LVI, 4), 'a buffer is outside the memory granted to this driver');
  bench.lay(r.PCM_OUT, 4, SOUND, 1);
  assert.equal(bench.write(r.PCM_OUT, r.LVI, 4), 'allowed');
  assert.deepEqual(bench.frozen(r.PCM_OUT), [0, 1, 2, 3, 4]);
  assert.equal(bench.report(r.PCM_OUT, r.CIV, 3), 'allowed');
  assert.deepEqual(bench.frozen(r.PCM_OUT), [3, 4]);
  bench.fill(r.PCM_OUT);
  assert.equal(bench.write(r.PCM_OUT, r.LVI, 1), 'allowed');
  assert.deepEqual(bench.frozen(r.PCM_OUT), [0, 1, ...upTo(3, 31)]);
  // The one that was left makes it whole.
  assert.equal(bench.write(r.PCM_OUT, r.LVI, 2), 'allowed');
  assert.equal(bench.frozen(r.PCM_OUT).length, 32);
  assert.equal(bench.report(r.PCM_OUT, r.CIV, 30), 'allowed');
  assert.deepEqual(bench.frozen(r.PCM_OUT), [0, 1, 2, 30, 31]);
  assert.equal(bench.write(r.PCM_OUT, r.LVI, 32), 'reserved bits of `bm.LVI` must be written as 0');
});

void test('an index written again, to an engine that may have halted there, begins another round', () => {
  const bench = new Bench();
  bench.lay(r.PCM_IN, 0, RECORDINGS, 100);
  bench.program(r.PCM_IN, 0);
  assert.equal(bench.run(r.PCM_IN), 'allowed');
  bench.lay(r.PCM_IN, 7, 0, 100);
  assert.equal(bench.write(r.PCM_IN, r.LVI, 0), 'a buffer is outside the memory granted to this driver');
  bench.lay(r.PCM_IN, 7, RECORDINGS, 100);
  assert.equal(bench.write(r.PCM_IN, r.LVI, 0), 'allowed');
  assert.equal(bench.frozen(r.PCM_IN).length, 32);
  // Seen where it was, it may be about to go.
  assert.equal(bench.report(r.PCM_IN, r.CIV, 0), 'allowed');
  assert.equal(bench.frozen(r.PCM_IN).length, 32);
  assert.equal(bench.report(r.PCM_IN, r.CIV, 30), 'allowed');
  assert.deepEqual(bench.frozen(r.PCM_IN), [0, 30, 31]);
  assert.equal(bench.report(r.PCM_IN, r.CIV, 0), 'allowed');
  assert.deepEqual(bench.frozen(r.PCM_IN), [0]);
});

void test('what a device reports is believed only within what it was given', () => {
  const bench = new Bench();
  bench.fill(r.PCM_OUT);
  bench.program(r.PCM_OUT, 5);
  assert.equal(bench.run(r.PCM_OUT), 'allowed');
  assert.equal(bench.report(r.PCM_OUT, r.CIV, 6), 'the device reports a buffer that it was not given');
  assert.equal(bench.report(r.PCM_OUT, r.CIV, 0xff), 'the device reports an index outside of its list');
  assert.equal(bench.report(r.PCM_OUT, r.CIV, 5), 'allowed');
  assert.equal(bench.report(r.PCM_OUT, r.CIV, 4), 'the device reports a buffer that it was not given');
});

void test('a running engine cannot be reset, nor its list moved; a stopped one forgets its list in a reset', () => {
  const bench = new Bench();
  bench.fill(r.PCM_OUT);
  bench.program(r.PCM_OUT, 31);
  assert.equal(bench.write(r.PCM_OUT, r.CR, r.CR_RPBM | r.CR_RR), 'an engine that is reset does not run');
  assert.equal(bench.run(r.PCM_OUT), 'allowed');
  assert.equal(bench.write(r.PCM_OUT, r.CR, r.CR_RR), 'pause the engine before its reset');
  assert.equal(bench.write(r.PCM_OUT, r.BDBAR, LISTS), 'the list cannot move while the engine runs');
  assert.equal(bench.write(r.PCM_OUT, r.CR, 0), 'allowed');
  assert.equal(bench.write(r.PCM_OUT, r.CR, r.CR_RR), 'allowed');
  assert.equal(bench.run(r.PCM_OUT), 'program the list of buffers before starting the engine');
});

void test('a cold reset of the link costs every engine its list, and happens to none that runs', () => {
  const bench = new Bench();
  bench.fill(r.PCM_OUT);
  bench.program(r.PCM_OUT, 31);
  assert.equal(bench.global(0), 'allowed');
  assert.equal(bench.run(r.PCM_OUT), 'program the list of buffers before starting the engine');
  assert.equal(bench.global(r.GLOB_CNT_COLD), 'allowed');
  bench.program(r.PCM_OUT, 31);
  assert.equal(bench.run(r.PCM_OUT), 'allowed');
  assert.equal(bench.global(0), 'stop every engine before the link is reset');
  // QEMU's controller never shows that it left the reset: Linux writes back the 0 that it reads, with capture running.
  assert.equal(bench.words(bench.monitor.report(r.BAR_BUS_MASTER, r.GLOB_CNT, 4, 0, 0, 0)), 'allowed');
  assert.equal(bench.global(0), 'allowed');
});

void test('status is acknowledged in bytes, as Linux does, or in words, as the data sheet has it', () => {
  const bench = new Bench();
  for (const width of [1, 2] as const) {
    assert.equal(bench.monitor.interrupt(0), ALLOWED);
    assert.equal(bench.words(bench.monitor.check(0)), "the interrupt's cause was not read from `GLOB_STA` in time");
    assert.equal(
      bench.monitor.report(r.BAR_BUS_MASTER, r.GLOB_STA, 4, r.GLOB_STA_POINT | r.GLOB_STA_PCR, 0, 0),
      ALLOWED,
    );
    assert.equal(bench.words(bench.monitor.check(0)), 'the interrupt was not acknowledged in time');
    assert.equal(bench.monitor.write(r.BAR_BUS_MASTER, 0x16, width, r.SR_BCIS, 0, 0), ALLOWED);
    assert.equal(bench.monitor.check(0), ALLOWED);
  }
});
