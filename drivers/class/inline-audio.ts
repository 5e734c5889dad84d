/** A sound driver on its inline model, behind its monitor and in virtual time, as the conformance suite of the class takes it. */
import assert from 'node:assert/strict';
import type { MonitorModule } from '../../dsslang/index.ts';
import type { InlineDevice } from '../inline/inline-device.ts';
import { InlineDomain } from '../inline/inline-domain.ts';
import type { DriverProgram } from '../../kernel/index.ts';
import type { AudioUnderTest } from './audio-session.ts';

const VIRTUAL_STEP_US = 1000;

/** @param hertz the rate that the driver comes up with */
export function inlineAudio(
  device: InlineDevice,
  program: DriverProgram,
  monitor: MonitorModule,
  hertz: number,
): AudioUnderTest {
  const domain = new InlineDomain({ device, program, monitor });
  const { speaker, microphone } = device.ends;
  return {
    hertz,
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
