/** A network driver made ready for its conformance suite: inline in virtual time, or in a domain of its own on any backing. */
import type { FarEnds, Kernel, OpenBacking } from '../../../kernel/index.ts';
import type { DeviceEntry } from '../../device-entry.ts';
import type { LoadedSpecification } from '../../specification.ts';
import type { NetworkUnderTest } from '../network-conformance.ts';
import { formatMac } from '../network.ts';
import { inlineDriver, isolatedDriver, type DriverUnderTest } from './driver-under-test.ts';

/** What both backings give a card where nothing else is asked for. */
const MAC = '52:54:00:12:34:56';

/** @param model what the model's `create` takes */
export function inlineNetwork(
  device: DeviceEntry,
  specification: LoadedSpecification,
  model?: { readonly macAddress: Uint8Array },
): NetworkUnderTest {
  const { machine, driver } = inlineDriver(device, specification, model);
  return { ...onWire(driver, machine.ends.wire), mac: model === undefined ? MAC : formatMac(model.macAddress) };
}

export async function isolatedNetwork(
  device: DeviceEntry,
  specification: LoadedSpecification,
  kernel: Kernel,
  backing: OpenBacking,
): Promise<NetworkUnderTest> {
  return onWire(await isolatedDriver(device, specification, kernel, backing), backing.wire);
}

function onWire(driver: DriverUnderTest, wire: FarEnds['wire']): NetworkUnderTest {
  const frames: Uint8Array[] = [];
  wire?.onFrame((frame) => frames.push(frame));
  return { ...driver, mac: MAC, frames, sendFrame: (frame) => wire?.send(frame) };
}
