/** The ES1370 driver on the inline model, behind its monitor and in virtual time. */
import { describe, it } from 'node:test';
import { audioConformance } from '../class/audio-conformance.ts';
import type { AudioUnderTest } from '../class/audio-session.ts';
import { inlineAudio } from '../class/inline-audio.ts';
import { InlineDevice } from '../inline/inline-device.ts';
import { inPackage } from '../devices.ts';
import { loadSpecification } from '../specification.ts';
import es1370Driver from './driver.ts';
import { es1370Model } from './model.ts';

const { module } = await loadSpecification(inPackage('drivers/es1370/es1370.dss'), 'drivers/es1370/es1370.dss');

const start = (): AudioUnderTest => inlineAudio(new InlineDevice(es1370Model), es1370Driver, module, 44_100);

describe('the ES1370 driver on the inline model conforms to the audio class:', () => {
  for (const check of audioConformance(() => Promise.resolve(start()))) it(check.name, () => check.run());
});
