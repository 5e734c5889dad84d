/** What drivers of other systems do with the card than this package's own: allowed as far as it is safe, and no further. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALLOWED, everyPurpose } from '../../dsslang/index.ts';
import { inPackage } from '../devices.ts';
import { readParts } from '../register-parts.ts';
import { loadSpecification } from '../specification.ts';
import * as r from './registers.ts';

const { module } = await loadSpecification(inPackage('drivers/rtl8139/rtl8139.dss'));
/** The ring of high priority, which no driver here uses. */
const THPDS = 0x28;

test('Linux dumps the whole register file by double words (ethtool -d)', () => {
  const monitor = module.createMonitor({ fetch: () => false });
  for (let offset = 0; offset < 256; offset += 4) {
    for (const part of readParts(module.info, r.BAR_REGISTERS, offset, 4)) {
      const verdict = monitor.read(r.BAR_REGISTERS, part.offset, part.width, 0);
      assert.equal(verdict, ALLOWED, `${part.width} bytes at 0x${part.offset.toString(16)}`);
    }
  }
  assert.notEqual(monitor.read(r.BAR_REGISTERS, r.ISR, 1, 0), ALLOWED, 'half of what ISR says would be lost');
});

test('Linux, resumed, resets a card whose engines its suspend left running, and sets its rings up again', () => {
  const monitor = module.createMonitor({ fetch: () => false });
  assert.equal(monitor.grant(0x10_000, 0x10_000, everyPurpose(module.info)), ALLOWED);
  const write = (offset: number, width: 1 | 2 | 4, value: number): string => {
    const verdict = monitor.write(r.BAR_REGISTERS, offset, width, value, 0, 0);
    return verdict === ALLOWED ? 'allowed' : (module.info.rules[verdict]?.reason ?? '');
  };
  const start = (): void => {
    assert.equal(write(r.CPCR, 2, 0x7b), 'allowed');
    for (const ring of [THPDS, r.RDSAR_LO, r.TNPDS_LO])
      for (const half of [0, 4])
        assert.equal(write(ring + half, 4, half === 0 && ring !== THPDS ? 0x10_000 : 0), 'allowed');
    assert.equal(write(r.CR, 1, 0x0c), 'allowed');
  };
  start();
  assert.equal(write(r.CR, 1, 0x0d), 'allowed', 'what Linux means to stop the engines with');
  assert.equal(write(r.TNPDS_LO, 4, 0x11_000), 'the transmit rings cannot move while the engine runs');
  assert.equal(write(r.CR, 1, 0x14), 'a reset cannot start an engine');
  assert.equal(write(r.CR, 1, 0x10), 'allowed');
  assert.notEqual(write(r.CR, 1, 0x0c), 'allowed', 'nothing is believed of C+ mode and rings after a reset');
  start();
});
