/** The AC'97 driver on the inline model, behind its monitor and in virtual time, on both personalities of the device. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { audioConformance } from '../class/audio-conformance.ts';
import type { AudioUnderTest } from '../class/audio-session.ts';
import { InlineDevice } from '../inline/inline-device.ts';
import { InlineDomain } from '../inline/inline-domain.ts';
import { inPackage } from '../devices.ts';
import { loadSpecification } from '../specification.ts';
import ac97Driver from './driver.ts';
import type { Personality } from './model-state.ts';
import { ac97Model } from './model.ts';

const VIRTUAL_STEP_US = 1000;
const { module } = await loadSpecification(inPackage('drivers/ac97/ac97.dss'), 'drivers/ac97/ac97.dss');

function start(personality: Personality): AudioUnderTest {
  const device = new InlineDevice(ac97Model, { model: { personality } });
  const domain = new InlineDomain({ device, program: ac97Driver, monitor: module });
  const { speaker, microphone } = device.ends;
  return {
    hertz: 48_000,
    send: (message) => domain.send(message),
    messages: domain.messages,
    heard: () => speaker?.heard() ?? new Uint8Array(0),
    say: (samples) => microphone?.say(samples),
    idle: () => domain.wait(VIRTUAL_STEP_US),
    close: () => {
      assert.equal(domain.fault, undefined);
      assert.deepEqual(
        domain.log.filter((line) => line.startsWith('refused')),
        [],
      );
      return Promise.resolve();
    },
  };
}

for (const personality of ['data-sheet', 'qemu-7.2'] as const) {
  describe(`the AC'97 driver on the inline model (${personality}) conforms to the audio class:`, () => {
    for (const check of audioConformance(() => Promise.resolve(start(personality)))) it(check.name, () => check.run());
  });
}
