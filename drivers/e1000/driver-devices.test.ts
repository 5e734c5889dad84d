/** The e1000 driver in a domain of its own: on the in-process model behind its backing, and on QEMU's card. */
import { after, describe, it } from 'node:test';
import { Kernel, type OpenBacking } from '../../kernel/index.ts';
import { qemuVersion } from '../backing/qemu/index.ts';
import { networkConformance, type NetworkUnderTest } from '../class/network-conformance.ts';
import { isolatedNetwork } from '../class/testing/network-under-test.ts';
import { loadDeviceSpecification } from '../devices.ts';
import { FEATURES } from './driver.ts';
import { E1000 } from './entry.ts';

const specification = await loadDeviceSpecification(E1000);
const kernel = Kernel.boot();
const opened: OpenBacking[] = [];
after(async () => {
  await kernel.shutdown();
  await Promise.all(opened.map((open) => open.close()));
});

/** A fresh device for each check. */
async function start(name: 'model' | 'qemu'): Promise<NetworkUnderTest> {
  const backing = await E1000.backings[name]().open();
  opened.push(backing);
  return isolatedNetwork(E1000, specification, kernel, backing);
}

describe('the e1000 driver on the model behind its backing conforms to the network class:', () => {
  for (const check of networkConformance(() => start('model'), FEATURES)) it(check.name, () => check.run());
});

const skip =
  (await qemuVersion()) === undefined ? 'qemu-system-x86_64 is not installed (apt-get install qemu-system-x86)' : false;

describe("the e1000 driver on QEMU's card conforms to the network class:", { skip }, () => {
  for (const check of networkConformance(() => start('qemu'), FEATURES)) it(check.name, () => check.run());
});
