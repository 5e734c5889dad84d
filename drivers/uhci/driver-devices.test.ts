/**
 * The UHCI driver, isolated and watched by its monitor, conforms to the input and the block class: on the in-process model
 * and on QEMU's controller with `usb-mouse` and `usb-storage`. Nothing that it does is refused.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Kernel, type DriverMessage, type Ipd, type OpenBacking } from '../../kernel/index.ts';
import { blockConformance, type BlockUnderTest, type ConformanceCheck } from '../class/block-conformance.ts';
import { inputConformance, type InputUnderTest } from '../class/input-conformance.ts';
import { availableBackings, inPackage, loadDeviceSpecification } from '../devices.ts';
import type { BackingName } from '../device-entry.ts';
import { UHCI } from './entry.ts';

const { source } = await loadDeviceSpecification(UHCI);
const program = readFileSync(inPackage(UHCI.program), 'utf8');
const kernel = Kernel.boot();

/** Checks mostly wait for frames of a millisecond each, and each has a device of its own. */
const AT_ONCE = { concurrency: 4 };

interface Running {
  readonly ipd: Ipd;
  readonly open: OpenBacking;
  close(): Promise<void>;
}

async function run(backing: BackingName, listen: (message: DriverMessage) => void): Promise<Running> {
  const open = await UHCI.backings[backing]().open();
  const ipd = await kernel.spawn({ name: 'uhci', program, monitorModule: source, backing: open });
  ipd.onMessage(listen);
  return {
    ipd,
    open,
    async close() {
      const { fault } = ipd;
      await ipd.stop();
      await open.close();
      // Last, for what is left open would keep a failed run alive.
      assert.equal(fault, undefined);
    },
  };
}

/** Both classes say `up`: a disk's has a size. */
const isOfDisk = (message: DriverMessage): boolean => message.kind !== 'up' || message['sectors'] !== undefined;
const DISK_KINDS = ['up', 'data', 'written', 'flushed', 'error'];

async function block(backing: BackingName): Promise<BlockUnderTest> {
  const messages: DriverMessage[] = [];
  const running = await run(backing, (message) => {
    if (DISK_KINDS.includes(message.kind) && isOfDisk(message)) messages.push(message);
  });
  const { disk } = running.open;
  assert.ok(disk !== undefined);
  return {
    sectorBytes: 512,
    disk,
    messages,
    send: (message) => running.ipd.send(message),
    close: () => running.close(),
  };
}

async function input(backing: BackingName): Promise<InputUnderTest> {
  const messages: DriverMessage[] = [];
  const running = await run(backing, (message) => {
    const mouse = message.kind === 'motion' || message.kind === 'button' || !isOfDisk(message);
    if (mouse) messages.push(message);
  });
  const { hand } = running.open;
  assert.ok(hand !== undefined);
  return { hand, messages, send: (message) => running.ipd.send(message), close: () => running.close() };
}

for (const backing of await availableBackings()) {
  const suites: readonly (readonly [string, readonly ConformanceCheck[]])[] = [
    ['input', inputConformance(() => input(backing))],
    ['block', blockConformance(() => block(backing))],
  ];
  for (const [name, checks] of suites) {
    describe(`the uhci driver on ${backing} conforms to the ${name} class, ${checks.length} checks:`, AT_ONCE, () => {
      for (const check of checks) it(check.name, () => check.run());
    });
  }
}
