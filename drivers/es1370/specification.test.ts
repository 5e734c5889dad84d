/** The compiled specification: what it checks when a channel is switched on, and what cannot change until it is off. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALLOWED, GRANT_READS, GRANT_WRITES } from '../../dsslang/index.ts';
import { packageRoot } from '../package-root.ts';
import { loadSpecification } from '../specification.ts';
import * as r from './registers.ts';

const { module } = await loadSpecification(`${packageRoot()}/drivers/es1370/es1370.dss`, 'drivers/es1370/es1370.dss');

const SOUND = 0x1_0000;
const RECORDINGS = 0x2_0000;
const BYTES = 0x1000;
const LAST = BYTES / 4 - 1;
const STEREO_16 = r.SERIAL_P1_FORMAT | r.SERIAL_P2_FORMAT | r.SERIAL_R1_FORMAT;

class Bench {
  readonly monitor = module.createMonitor({ fetch: () => false });

  constructor() {
    assert.equal(this.monitor.grant(SOUND, BYTES, GRANT_READS), ALLOWED);
    assert.equal(this.monitor.grant(RECORDINGS, BYTES, GRANT_WRITES), ALLOWED);
    assert.equal(this.write(r.SERIAL, STEREO_16), 'allowed');
  }
  words(verdict: number): string {
    return verdict === ALLOWED ? 'allowed' : (module.info.rules[Math.abs(verdict)]?.reason ?? '?');
  }
  write(register: number, value: number): string {
    return this.words(this.monitor.write(r.BAR, register, 4, value, 0, 0));
  }
  report(register: number, value: number): string {
    return this.words(this.monitor.report(r.BAR, register, 4, value, 0, 0));
  }
  /** Address, then size, on a page. */
  program(page: number, registers: readonly [number, number], address: number, size: number): string[] {
    assert.equal(this.write(r.MEM_PAGE, page), 'allowed');
    return [this.write(registers[0], address), this.write(registers[1], size)];
  }
}

const CHANNELS = [
  { name: 'DAC1', page: r.PAGE_DAC, at: [r.ADDRESS_A, r.SIZE_A], enable: r.CONTROL_DAC1_EN, own: SOUND, other: RECORDINGS },
  { name: 'DAC2', page: r.PAGE_DAC, at: [r.ADDRESS_B, r.SIZE_B], enable: r.CONTROL_DAC2_EN, own: SOUND, other: RECORDINGS },
  { name: 'the ADC', page: r.PAGE_ADC, at: [r.ADDRESS_A, r.SIZE_A], enable: r.CONTROL_ADC_EN, own: RECORDINGS, other: SOUND },
] as const; // prettier-ignore

for (const { name, page, at, enable, own, other } of CHANNELS) {
  test(`${name} goes on with a buffer of its own, in the right direction, to its last byte`, () => {
    const bench = new Bench();
    const outside = `the buffer of ${name} is outside the memory granted to this driver`;
    assert.equal(bench.write(r.CONTROL, enable), `program the buffer of ${name} before switching it on`);
    assert.deepEqual(bench.program(page, at, own, LAST + 1), ['allowed', 'allowed']);
    assert.equal(bench.write(r.CONTROL, enable), outside);
    assert.deepEqual(bench.program(page, at, other, LAST), ['allowed', 'allowed']);
    assert.equal(bench.write(r.CONTROL, enable), outside);
    assert.deepEqual(bench.program(page, at, own, LAST), ['allowed', 'allowed']);
    assert.equal(bench.write(r.CONTROL, enable), 'allowed');
  });

  test(`${name} keeps its buffer and its format until it is off`, () => {
    const bench = new Bench();
    assert.deepEqual(bench.program(page, at, own, LAST), ['allowed', 'allowed']);
    assert.equal(bench.write(r.CONTROL, enable), 'allowed');
    const [moved = '', resized = ''] = [bench.write(at[0], own), bench.write(at[1], LAST)];
    assert.match(moved, new RegExp(`^the buffer of ${name} cannot move`));
    assert.match(resized, new RegExp(`^the buffer of ${name} cannot change its size`));
    assert.match(bench.write(r.SERIAL, 0), new RegExp(`^the format of ${name} cannot change`));
    assert.equal(bench.write(r.SERIAL, STEREO_16 | r.SERIAL_P2_INT_EN), 'allowed');
    assert.equal(bench.write(r.CONTROL, 0), 'allowed');
    assert.equal(bench.write(r.SERIAL, 0), 'allowed');
    // Frames of less than 4 bytes: QEMU may go a little further.
    assert.equal(bench.write(r.CONTROL, enable), `the buffer of ${name} is outside the memory granted to this driver`);
    assert.equal(bench.write(at[1], LAST - 2), 'allowed');
    assert.equal(bench.write(r.CONTROL, enable), 'allowed');
  });

  test(`${name} does not begin behind the end of its buffer (CVE-2020-13361), nor report to be there`, () => {
    const bench = new Bench();
    assert.deepEqual(bench.program(page, at, own, 0x0005_0004), ['allowed', 'a buffer begins behind its end']);
    assert.deepEqual(bench.program(page, at, own, 0x0004_0004), ['allowed', 'allowed']);
    assert.equal(bench.report(at[1], 0x0004_0004), 'allowed');
    assert.equal(bench.report(at[1], 0x0005_0004), 'the device reports a place behind its buffer');
  });
}

test('the phantom buffer, which faulty parts touch, lies in memory granted for writing', () => {
  const bench = new Bench();
  assert.equal(bench.write(r.MEM_PAGE, r.PAGE_ADC), 'allowed');
  assert.equal(bench.write(r.ADDRESS_B, SOUND), 'the phantom buffer is outside the memory granted to this driver');
  assert.equal(bench.write(r.ADDRESS_B, RECORDINGS + BYTES - 16), 'allowed');
  assert.equal(bench.write(r.SIZE_B, 4), 'a phantom buffer has 16 bytes at most');
  assert.equal(bench.write(r.SIZE_B, 0), 'allowed');
});
