/** The ES1370 driver on the inline model, behind its monitor and in virtual time. */
import { describe, it } from 'node:test';
import { audioConformance } from '../class/audio-conformance.ts';
import { inlineAudio } from '../class/testing/audio-under-test.ts';
import { loadDeviceSpecification } from '../devices.ts';
import { ES1370 } from './entry.ts';

const specification = await loadDeviceSpecification(ES1370);

describe('the ES1370 driver on the inline model conforms to the audio class:', () => {
  for (const check of audioConformance(() => Promise.resolve(inlineAudio(ES1370, specification, 44_100))))
    it(check.name, () => check.run());
});
