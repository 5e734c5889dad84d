/**
 * The honest e1000 driver in its own domain, behind the compiled specification: it passes the conformance suite of its class
 * on the model and on QEMU, recovers from resets, moves thousands of frames, and is refused nothing.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { networkConformance, type NetworkUnderTest } from '../../drivers/class/network-conformance.ts';
import { exchangeFrames, whenUp } from '../../drivers/class/network-traffic.ts';
import { Kernel, type DriverMessage, type OpenBacking } from '../../kernel/index.ts';
import { openModel, openQemu, QEMU_MISSING, spawnHonest } from './support.ts';
import { FEATURES } from '../../drivers/e1000/driver.ts';

const FRAMES = 2000;
const RESETS = 3;
/** What both backings give the card where nothing else is asked for. */
const MAC = '52:54:00:12:34:56';

/** A driver on a device for the conformance suite. Closing it asserts that nothing was refused. */
async function start(kernel: Kernel, open: OpenBacking): Promise<NetworkUnderTest> {
  const ipd = await spawnHonest(kernel, open);
  const messages: DriverMessage[] = [];
  const frames: Uint8Array[] = [];
  ipd.onMessage((message) => messages.push(message));
  open.wire?.onFrame((frame) => frames.push(frame));
  return {
    mac: MAC,
    send: (message) => ipd.send(message),
    messages,
    sendFrame: (frame) => open.wire?.send(frame),
    frames,
    async close() {
      await ipd.stop();
      assert.equal(ipd.fault, undefined);
      assert.deepEqual(
        ipd.log.filter((line) => line.startsWith('refused')),
        [],
      );
    },
  };
}

function suite(title: string, skip: string | false, openBacking: () => Promise<OpenBacking>): void {
  describe(title, { skip }, () => {
    const kernel = Kernel.boot();
    const opened: OpenBacking[] = [];
    /** One device for all checks: each finds it as the last driver's reset left it. */
    async function device(): Promise<OpenBacking> {
      const first = opened[0] ?? (await openBacking());
      if (opened.length === 0) opened.push(first);
      return first;
    }
    after(async () => {
      await kernel.shutdown();
      for (const open of opened) await open.close();
    });

    for (const check of networkConformance(async () => start(kernel, await device()), FEATURES)) {
      it(check.name, () => check.run());
    }

    it(`exchanges ${FRAMES} frames each way, with ${RESETS} resets of the card between them, and is refused nothing`, async () => {
      const open = await device();
      const ipd = await spawnHonest(kernel, open);
      let mac = await whenUp(ipd);
      for (let part = 0; part <= RESETS; part += 1) {
        const { sent, received } = await exchangeFrames(ipd, open, mac, FRAMES / (RESETS + 1));
        assert.deepEqual([sent, received], [FRAMES / (RESETS + 1), FRAMES / (RESETS + 1)]);
        if (part === RESETS) break;
        const up = whenUp(ipd);
        ipd.send({ kind: 'reset' });
        mac = await up;
      }
      await ipd.stop();
      assert.equal(ipd.fault, undefined);
      assert.deepEqual(ipd.log, []);
    });
  });
}

suite('the honest driver behind its monitor, on the model,', false, openModel);
suite('the honest driver behind its monitor, on QEMU,', QEMU_MISSING, openQemu);
