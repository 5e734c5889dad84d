/**
 * Rogue sound drivers with nobody watching: their attacks are real. Each one listed here makes the model touch memory outside its
 * grants where the monitor allows everything, and none where the specification judges. Inline, in virtual time.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { runInThisContext } from 'node:vm';
import { AC97 } from '../drivers/ac97/entry.ts';
import type { DeviceEntry } from '../drivers/device-entry.ts';
import { inPackage, loadDeviceSpecification } from '../drivers/devices.ts';
import { ES1370 } from '../drivers/es1370/entry.ts';
import { InlineDevice } from '../drivers/inline/inline-device.ts';
import { InlineDomain } from '../drivers/inline/inline-domain.ts';
import type { MonitorModule } from '../dsslang/index.ts';
import type { DriverProgram } from '../kernel/index.ts';
import { allowAllSource } from './bench/allow-all.ts';

const ATTACK_US = 400_000;

/** Touches that no grant allows. */
function touchesOutside(entry: DeviceEntry, name: string, monitor: MonitorModule, model?: unknown): number {
  const file = entry.rogues.find((rogue) => rogue.name === name)?.program;
  assert.ok(file !== undefined, name);
  const program = runInThisContext(readFileSync(inPackage(file), 'utf8')) as DriverProgram;
  const device = new InlineDevice(entry.model, { model });
  const domain = new InlineDomain({ device, program, monitor });
  domain.wait(ATTACK_US);
  return device.memory.since(0).touches.filter(({ address, length, direction }) => {
    const wanted = direction === 'read' ? ['commands', 'device-reads'] : ['device-writes'];
    return !domain.grants.some(
      (grant) =>
        wanted.includes(grant.purpose) &&
        address >= grant.address &&
        address + length <= grant.address + grant.sizeBytes,
    );
  }).length;
}

const ATTACKS: readonly (readonly [DeviceEntry, readonly string[], unknown?])[] = [
  [
    AC97,
    [
      'plays-outside-grant',
      'records-outside-grant',
      'list-outside-grant',
      'one-sample-past-grant',
      'plays-from-write-only-grant',
      'records-into-read-only-grant',
      'records-over-own-list',
      'entry-changed-after-publication',
      'entry-changed-in-full-list',
      'publishes-unchecked-entry',
      'runs-before-programming',
    ],
  ],
  [AC97, ['plays-outside-grant', 'entry-changed-after-publication'], { personality: 'qemu-7.2' }],
  [
    ES1370,
    [
      'plays-outside-grant',
      'records-outside-grant',
      'one-word-past-grant',
      'plays-from-write-only-grant',
      'records-over-own-sound',
      'buffer-moved-while-playing',
      'buffer-grown-while-playing',
      'runs-before-programming',
    ],
  ],
];

for (const [entry, names, model] of ATTACKS) {
  const { module } = await loadDeviceSpecification(entry);
  const source = Buffer.from(allowAllSource(module.info)).toString('base64');
  const allowAll = (await import(`data:text/javascript;base64,${source}`)) as MonitorModule;
  describe(`a rogue ${entry.name} driver${model === undefined ? '' : ', on a device like QEMU'}`, () => {
    for (const name of names) {
      it(`reaches foreign memory if nobody watches, and none behind the specification: ${name}`, () => {
        assert.ok(touchesOutside(entry, name, allowAll, model) > 0);
        assert.equal(touchesOutside(entry, name, module, model), 0);
      });
    }
  });
}
