/** What drivers of other systems do with the card than this package's own: allowed as far as it is safe, and no further. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALLOWED, GRANT_COMMANDS, GRANT_WRITES } from '../../dsslang/index.ts';
import { inPackage } from '../devices.ts';
import { loadSpecification } from '../specification.ts';
import * as r from './registers.ts';

const { module } = await loadSpecification(inPackage('drivers/e1000/e1000.dss'));
const RING = 0x10_000;
const RESET = 1 << 26;
const ENABLE = 0x4_8002;
/** What a refused write of RCTL says while the ring is not known. */
const UNKNOWN = 'program base, length, head and tail before enabling the engine';

function card() {
  const monitor = module.createMonitor({
    fetch(_address, _length, target) {
      target.fill(0);
      return true;
    },
  });
  assert.equal(monitor.grant(RING, 4096, GRANT_COMMANDS | GRANT_WRITES), ALLOWED);
  const say = (verdict: number): string =>
    verdict === ALLOWED ? 'allowed' : (module.info.rules[verdict]?.reason ?? '');
  const write = (offset: number, value: number): string => say(monitor.write(r.BAR_REGISTERS, offset, 4, value, 0, 0));
  const report = (offset: number, value: number): string =>
    say(monitor.report(r.BAR_REGISTERS, offset, 4, value, 0, 0));
  const all = (...writes: readonly (readonly [number, number])[]): void => {
    for (const [offset, value] of writes) assert.equal(write(offset, value), 'allowed');
  };
  return { write, report, all };
}

const ringUp = [
  [r.RDLEN, 4096],
  [r.RDBAH, 0],
  [r.RDBAL, RING],
  [r.RDT, 0],
  [r.RDH, 0],
  [r.RCTL, ENABLE],
  [r.RDT, 200],
] as const;
/** As Linux brings its interface down: the engine off, a reset, and both ends of the ring at 0. */
const ringDown = [
  [r.RCTL, 0],
  [r.CTRL, RESET],
  [r.RDH, 0],
  [r.RDT, 0],
] as const;

test('Linux, suspended with wake-on-LAN, listens without a ring: after an interface was up, and when none ever was', () => {
  const { write, report, all } = card();
  all([r.CTRL, RESET], [r.RCTL, ENABLE]);
  assert.equal(write(r.RDT, 1), 'tail index is outside the receive ring', 'nothing can be handed out');
  assert.equal(write(r.RDBAL, RING), 'the receive ring cannot move while the engine runs');
  assert.equal(report(r.RDH, 0), 'allowed');
  all([r.RCTL, 0], [r.CTRL, RESET], ...ringUp, ...ringDown);
  all([r.RCTL, 0x8000], [r.RCTL, ENABLE]);
  assert.equal(write(r.RDT, 1), 'tail index is outside the receive ring');
  all([r.RCTL, 0], [r.CTRL, RESET], ...ringUp);
});

test('what may not be empty is not enabled: a head that moved, a tail ahead of it, a reset in between', () => {
  for (const before of [
    [...ringUp, [r.RCTL, 0], [r.CTRL, RESET]],
    [[r.RDT, 5]],
    [
      [r.RDH, 5],
      [r.RDT, 5],
      [r.CTRL, RESET],
    ],
    [...ringUp, [r.RCTL, 0], [r.CTRL, RESET], [r.RDT, 0]],
  ] as const) {
    const { write, all } = card();
    all(...before);
    assert.ok([UNKNOWN, 'program the receive ring before enabling the engine'].includes(write(r.RCTL, ENABLE)));
  }
});

test('Linux begins its self-test (ethtool -t) with writes to STATUS, which has nothing to write', () => {
  const { all } = card();
  all([r.STATUS, 0xffff_f833], [r.STATUS, 0x8008_0781]);
});
