/** The rtl8139 driver behind its compiled specification passes the suite of its class: inline, in a domain, and on QEMU's card. */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Kernel, type OpenBacking } from '../../kernel/index.ts';
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuVersion } from '../backing/qemu/index.ts';
import { networkConformance, type NetworkUnderTest } from '../class/network-conformance.ts';
import { inlineNetwork, isolatedNetwork } from '../class/testing/network-under-test.ts';
import { loadDeviceSpecification } from '../devices.ts';
import { FEATURES } from './driver.ts';
import { RTL8139 } from './entry.ts';
import { multicastTable } from './multicast.ts';
import { rtl8139Model } from './model.ts';

const specification = await loadDeviceSpecification(RTL8139);
const kernel = Kernel.boot();
const opened: OpenBacking[] = [];
after(async () => {
  await kernel.shutdown();
  await Promise.all(opened.map((open) => open.close()));
});

/** A fresh device for each check. */
async function isolated(open: () => Promise<OpenBacking>): Promise<NetworkUnderTest> {
  const backing = await open();
  opened.push(backing);
  return isolatedNetwork(RTL8139, specification, kernel, backing);
}

describe('the rtl8139 driver conforms to the network class: inline', () => {
  const start = (): Promise<NetworkUnderTest> => Promise.resolve(inlineNetwork(RTL8139, specification));
  for (const check of networkConformance(start, FEATURES)) it(check.name, () => check.run());
});

describe('the rtl8139 driver conforms to the network class: in its own domain, on the model', () => {
  const start = (): Promise<NetworkUnderTest> => isolated(() => modelBacking(rtl8139Model).open());
  for (const check of networkConformance(start, FEATURES)) it(check.name, () => check.run());
});

const missing = (await qemuVersion()) === undefined ? 'qemu-system-x86_64 is not installed' : false;
describe('the rtl8139 driver conforms to the network class: on QEMU', { skip: missing }, () => {
  let card: Promise<OpenBacking> | undefined;
  const start = (): Promise<NetworkUnderTest> => isolated(() => (card ??= RTL8139.backings.qemu().open()));
  for (const check of networkConformance(start, FEATURES)) it(check.name, () => check.run());
});

it('puts an address on the bit of the multicast filter that the data sheet says', () => {
  // 01:00:5e:00:00:01 (all hosts) falls on bit 31, as Linux and QEMU compute it.
  assert.deepEqual(multicastTable([Uint8Array.of(0x01, 0x00, 0x5e, 0x00, 0x00, 0x01)]), [2 ** 31, 0]);
  assert.deepEqual(multicastTable([]), [0, 0]);
});
