/** The AC'97 driver on the inline model, behind its monitor and in virtual time, on both personalities of the device. */
import { describe, it } from 'node:test';
import { audioConformance } from '../class/audio-conformance.ts';
import type { AudioUnderTest } from '../class/audio-session.ts';
import { inlineAudio } from '../class/inline-audio.ts';
import { InlineDevice } from '../inline/inline-device.ts';
import { inPackage } from '../devices.ts';
import { loadSpecification } from '../specification.ts';
import ac97Driver from './driver.ts';
import type { Personality } from './model-state.ts';
import { ac97Model } from './model.ts';

const { module } = await loadSpecification(inPackage('drivers/ac97/ac97.dss'), 'drivers/ac97/ac97.dss');

const start = (personality: Personality): AudioUnderTest =>
  inlineAudio(new InlineDevice(ac97Model, { model: { personality } }), ac97Driver, module, 48_000);

for (const personality of ['data-sheet', 'qemu-7.2'] as const) {
  describe(`the AC'97 driver on the inline model (${personality}) conforms to the audio class:`, () => {
    for (const check of audioConformance(() => Promise.resolve(start(personality)))) it(check.name, () => check.run());
  });
}
