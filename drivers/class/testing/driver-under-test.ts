/** What the conformance suites of all classes need of a driver: running, and when it is closed, refused nothing. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { runInThisContext } from 'node:vm';
import type { DriverMessage, DriverProgram, Fault, Kernel, OpenBacking } from '../../../kernel/index.ts';
import type { DeviceEntry } from '../../device-entry.ts';
import { inPackage } from '../../devices.ts';
import { InlineDevice } from '../../inline/inline-device.ts';
import { InlineDomain } from '../../inline/inline-domain.ts';
import type { LoadedSpecification } from '../../specification.ts';

const IDLE_US = 1000;

/** The parts of what a suite talks to that are the same in every class. */
export interface DriverUnderTest {
  readonly messages: readonly DriverMessage[];
  send(message: DriverMessage): void;
  /** Where time is virtual: lets some pass. */
  idle?(): void;
  /** Asserts that the driver is in good standing and that nothing was refused. */
  close(): Promise<void>;
}

/** On the device's model, in this thread and in virtual time. @param model what the model's `create` takes */
export function inlineDriver(
  device: DeviceEntry,
  specification: LoadedSpecification,
  model = device.modelOptions?.(),
): { readonly machine: InlineDevice; readonly driver: DriverUnderTest } {
  const machine = new InlineDevice(device.model, { model });
  const file = inPackage(device.program);
  const program = runInThisContext(readFileSync(file, 'utf8'), file) as DriverProgram;
  const domain = new InlineDomain({ device: machine, program, monitor: specification.module, name: device.name });
  const driver: DriverUnderTest = {
    messages: domain.messages,
    send: (message) => domain.send(message),
    idle: () => domain.wait(IDLE_US),
    close() {
      domain.stop();
      assertGoodStanding(domain);
      return Promise.resolve();
    },
  };
  return { machine, driver };
}

/** In a domain of its own behind the kernel. The backing stays open: the next driver finds it as this one's reset left it. */
export async function isolatedDriver(
  device: DeviceEntry,
  specification: LoadedSpecification,
  kernel: Kernel,
  backing: OpenBacking,
): Promise<DriverUnderTest> {
  const messages: DriverMessage[] = [];
  const program = readFileSync(inPackage(device.program), 'utf8');
  const ipd = await kernel.spawn({ name: device.name, program, monitorModule: specification.source, backing });
  ipd.onMessage((message) => messages.push(message));
  return {
    messages,
    send: (message) => ipd.send(message),
    async close() {
      await ipd.stop();
      assertGoodStanding(ipd);
    },
  };
}

function assertGoodStanding({
  fault,
  log,
}: {
  readonly fault: Fault | undefined;
  readonly log: readonly string[];
}): void {
  assert.equal(fault, undefined);
  assert.deepEqual(
    log.filter((line) => line.startsWith('refused')),
    [],
  );
}
