/** The ES1370 driver on the inline model, behind its monitor and in virtual time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { audioConformance } from '../class/audio-conformance.ts';
import type { AudioUnderTest } from '../class/audio-session.ts';
import { InlineDevice } from '../inline/inline-device.ts';
import { InlineDomain } from '../inline/inline-domain.ts';
import { inPackage } from '../devices.ts';
import { loadSpecification } from '../specification.ts';
import es1370Driver from './driver.ts';
import { es1370Model } from './model.ts';

const VIRTUAL_STEP_US = 1000;
const { module } = await loadSpecification(inPackage('drivers/es1370/es1370.dss'), 'drivers/es1370/es1370.dss');

function start(): AudioUnderTest {
  const device = new InlineDevice(es1370Model);
  const domain = new InlineDomain({ device, program: es1370Driver, monitor: module });
  const { speaker, microphone } = device.ends;
  return {
    hertz: 44_100,
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

describe('the ES1370 driver on the inline model conforms to the audio class:', () => {
  for (const check of audioConformance(() => Promise.resolve(start()))) it(check.name, () => check.run());
});
