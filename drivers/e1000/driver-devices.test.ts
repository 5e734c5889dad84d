/**
 * The e1000 driver, unwatched, on whole devices in real time: the in-process model behind its backing, and QEMU's card.
 */
import { describe, it } from 'node:test';
import type { Backing } from '../../kernel/abi.ts';
import { modelBacking } from '../backing/model/model-backing.ts';
import { qemuBacking, qemuVersion } from '../backing/qemu/index.ts';
import type { NetworkUnderTest } from '../class/network-conformance.ts';
import { networkConformance } from '../class/network-conformance.ts';
import e1000Driver, { FEATURES } from './driver.ts';
import { e1000Model } from './model.ts';
import { runOnDevice } from './testing/device-io.ts';

const MAC = '52:54:00:12:34:56';

async function start(backing: Backing): Promise<NetworkUnderTest> {
  const open = await backing.open();
  const device = open.attachHere();
  const driver = runOnDevice(e1000Driver, device, open.dma);
  const frames: Uint8Array[] = [];
  open.wire?.onFrame((frame) => frames.push(frame));
  return {
    mac: MAC,
    send: (message) => {
      driver.send(message);
    },
    messages: driver.messages,
    sendFrame: (frame) => open.wire?.send(frame),
    frames,
    async close() {
      driver.stop();
      device.detach();
      await open.close();
    },
  };
}

describe('the e1000 driver on the model behind its backing conforms to the network class:', () => {
  for (const check of networkConformance(() => start(modelBacking(e1000Model)), FEATURES))
    it(check.name, () => check.run());
});

const skip =
  (await qemuVersion()) === undefined ? 'qemu-system-x86_64 is not installed (apt-get install qemu-system-x86)' : false;

describe("the e1000 driver on QEMU's card conforms to the network class:", { skip }, () => {
  const backing = qemuBacking({ device: 'e1000', deviceArguments: `mac=${MAC}` });
  for (const check of networkConformance(() => start(backing), FEATURES)) it(check.name, () => check.run());
});
