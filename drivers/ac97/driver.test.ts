/** The AC'97 driver on the inline model, behind its monitor and in virtual time, on both personalities of the device. */
import { describe, it } from 'node:test';
import { audioConformance } from '../class/audio-conformance.ts';
import type { AudioUnderTest } from '../class/audio-session.ts';
import { inlineAudio } from '../class/testing/audio-under-test.ts';
import { loadDeviceSpecification } from '../devices.ts';
import { AC97 } from './entry.ts';
import type { Personality } from './model-state.ts';

const specification = await loadDeviceSpecification(AC97);

const start = (personality: Personality): Promise<AudioUnderTest> =>
  Promise.resolve(inlineAudio(AC97, specification, 48_000, { personality }));

for (const personality of ['data-sheet', 'qemu-7.2'] as const) {
  describe(`the AC'97 driver on the inline model (${personality}) conforms to the audio class:`, () => {
    for (const check of audioConformance(() => start(personality))) it(check.name, () => check.run());
  });
}
