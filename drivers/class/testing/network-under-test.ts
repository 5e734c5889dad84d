/** A network driver made ready for its conformance suite: inline in virtual time, or in a domain of its own on any backing. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { runInThisContext } from 'node:vm';
import type { DriverMessage, DriverProgram, Kernel, OpenBacking } from '../../../kernel/index.ts';
import type { DeviceEntry } from '../../device-entry.ts';
import { inPackage } from '../../devices.ts';
import { InlineDevice } from '../../inline/inline-device.ts';
import { InlineDomain } from '../../inline/inline-domain.ts';
import type { LoadedSpecification } from '../../specification.ts';
import type { NetworkUnderTest } from '../network-conformance.ts';

/** What both backings give a card where nothing else is asked for. */
const MAC = '52:54:00:12:34:56';
const IDLE_US = 1000;

const isRefusal = (line: string): boolean => line.startsWith('refused');

/** Closing it asserts that the monitor refused nothing. */
export function inlineNetwork(device: DeviceEntry, specification: LoadedSpecification): NetworkUnderTest {
  const machine = new InlineDevice(device.model, { model: device.modelOptions?.() });
  const file = inPackage(device.program);
  const program = runInThisContext(readFileSync(file, 'utf8'), file) as DriverProgram;
  const domain = new InlineDomain({ device: machine, program, monitor: specification.module, name: device.name });
  const frames: Uint8Array[] = [];
  machine.ends.wire?.onFrame((frame) => frames.push(frame));
  return {
    mac: MAC,
    messages: domain.messages,
    frames,
    send: (message) => domain.send(message),
    sendFrame: (frame) => machine.ends.wire?.send(frame),
    idle: () => domain.wait(IDLE_US),
    close: () => {
      assert.equal(domain.fault, undefined);
      assert.deepEqual(domain.log.filter(isRefusal), []);
      return Promise.resolve();
    },
  };
}

/** The same in a thread, behind the kernel. The backing stays open. */
export async function isolatedNetwork(
  device: DeviceEntry,
  specification: LoadedSpecification,
  kernel: Kernel,
  backing: OpenBacking,
): Promise<NetworkUnderTest> {
  const messages: DriverMessage[] = [];
  const frames: Uint8Array[] = [];
  const program = readFileSync(inPackage(device.program), 'utf8');
  const ipd = await kernel.spawn({ name: device.name, program, monitorModule: specification.source, backing });
  ipd.onMessage((message) => messages.push(message));
  backing.wire?.onFrame((frame) => frames.push(frame));
  return {
    mac: MAC,
    messages,
    frames,
    send: (message) => ipd.send(message),
    sendFrame: (frame) => backing.wire?.send(frame),
    async close() {
      await ipd.stop();
      assert.equal(ipd.fault, undefined);
      assert.deepEqual(ipd.log.filter(isRefusal), []);
    },
  };
}
