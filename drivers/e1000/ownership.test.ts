/**
 * What the compiled specification believes about who owns a descriptor, at the edges of the ring. The device's head may
 * have moved since it was last reported, so a descriptor is the driver's only where that is certain.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALLOWED, GRANT_COMMANDS, GRANT_READS, GRANT_WRITES, type Monitor } from '../../dsslang/index.ts';
import { packageRoot } from '../package-root.ts';
import { loadSpecification } from '../specification.ts';
import * as r from './registers.ts';

const { module } = await loadSpecification(`${packageRoot()}/drivers/e1000/e1000.dss`);
const COUNT = 8;
const RING = 0x10_000;
const BUFFERS = 0x20_000;

/** A monitor whose both rings of `COUNT` valid descriptors run, empty. */
function running(): { readonly monitor: Monitor; readonly write: (offset: number, value: number) => string } {
  const memory = new Uint8Array(0x11_000);
  const view = new DataView(memory.buffer);
  for (let index = 0; index < COUNT; index += 1) view.setUint32(RING + 16 * index, BUFFERS + 2048 * index, true);
  const monitor = module.createMonitor({
    fetch(address, length, target, at) {
      target.set(memory.subarray(address, address + length), at);
      return true;
    },
  });
  const say = (verdict: number): string =>
    verdict === ALLOWED ? 'allowed' : (module.info.rules[verdict]?.reason ?? '');
  const write = (offset: number, value: number): string => say(monitor.write(r.BAR_REGISTERS, offset, 4, value, 0, 0));
  assert.equal(monitor.grant(RING, COUNT * 16, GRANT_COMMANDS), ALLOWED);
  assert.equal(monitor.grant(BUFFERS, COUNT * 2048, GRANT_READS | GRANT_WRITES), ALLOWED);
  // Both rings are the same memory: only one of them has entries in each test.
  for (const [base, control] of [
    [r.RDBAL, r.RCTL],
    [r.TDBAL, r.TCTL],
  ] as const) {
    const values: readonly (readonly [number, number])[] = [
      [base, RING],
      [base + 4, 0],
      [base + 8, COUNT * 16],
      [base + 16, 0],
      [base + 24, 0],
      [control, 2],
    ];
    for (const [register, value] of values) assert.equal(write(register, value), 'allowed');
  }
  return { monitor, write };
}

for (const { name, head, tail } of [
  { name: 'receive', head: r.RDH, tail: r.RDT },
  { name: 'transmit', head: r.TDH, tail: r.TDT },
]) {
  void test(`keeps ${name} descriptors frozen when the tail comes around to the last known head`, () => {
    const { monitor, write } = running();
    const owned = (index: number): boolean => monitor.store(RING + 16 * index, 16, 0) !== ALLOWED;
    const allOwned = (): number[] => Array.from({ length: COUNT }, (_, index) => index).filter(owned);
    assert.equal(write(tail, COUNT - 1), 'allowed');
    assert.deepEqual(allOwned(), [0, 1, 2, 3, 4, 5, 6]);
    // The device may have done one, or all, or none: nobody asked it.
    assert.equal(write(tail, 0), 'allowed');
    assert.deepEqual(allOwned(), [1, 2, 3, 4, 5, 6, 7]);
    assert.equal(write(tail, 1), 'allowed');
    assert.deepEqual(allOwned(), [0, 2, 3, 4, 5, 6, 7]);
    // Asked, it says that it has come to 6.
    assert.equal(monitor.report(r.BAR_REGISTERS, head, 4, 6, 0, 0), ALLOWED);
    assert.deepEqual(allOwned(), [0, 6, 7]);
  });

  void test(`keeps ${name} descriptors frozen when the tail steps back over them`, () => {
    const { monitor, write } = running();
    assert.equal(write(tail, 6), 'allowed');
    assert.equal(write(tail, 3), 'allowed');
    for (const index of [0, 1, 2, 4, 5, 6, 7]) assert.notEqual(monitor.store(RING + 16 * index, 16, 0), ALLOWED);
    assert.equal(monitor.store(RING + 16 * 3, 16, 0), ALLOWED);
  });

  void test(`leaves ${name} descriptors to the driver while the tail stays behind the known head`, () => {
    const { monitor, write } = running();
    assert.equal(write(tail, 5), 'allowed');
    assert.equal(monitor.report(r.BAR_REGISTERS, head, 4, 5, 0, 0), ALLOWED);
    assert.equal(write(tail, 4), 'allowed'); // all but one of an empty ring: exactly full
    assert.equal(monitor.store(RING + 16 * 4, 16, 0), ALLOWED);
    assert.notEqual(monitor.store(RING + 16 * 5, 16, 0), ALLOWED);
  });
}
