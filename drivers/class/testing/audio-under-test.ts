/** A sound driver made ready for its conformance suite: inline on its model, in virtual time. */
import type { DeviceEntry } from '../../device-entry.ts';
import type { LoadedSpecification } from '../../specification.ts';
import type { AudioUnderTest } from '../audio-session.ts';
import { inlineDriver } from './driver-under-test.ts';

/** @param hertz the rate that the driver comes up with @param model what the model's `create` takes */
export function inlineAudio(
  device: DeviceEntry,
  specification: LoadedSpecification,
  hertz: number,
  model?: unknown,
): AudioUnderTest {
  const { machine, driver } = inlineDriver(device, specification, model);
  const { speaker, microphone } = machine.ends;
  return {
    ...driver,
    hertz,
    heard: () => speaker?.heard() ?? new Uint8Array(0),
    say: (samples) => microphone?.say(samples),
  };
}
