/**
 * Every sound driver in its own domain, behind its compiled specification: it passes the conformance suite of its class on
 * the model and on QEMU, and is refused nothing. QEMU's loudspeaker hears what is played; its microphone hears silence, on a
 * machine of its own. A count of checks is printed for each driver.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { modelBacking } from '../../drivers/backing/model/model-backing.ts';
import { qemuBacking, type DeviceName } from '../../drivers/backing/qemu/index.ts';
import { audioConformance, type ConformanceCheck } from '../../drivers/class/audio-conformance.ts';
import type { AudioUnderTest } from '../../drivers/class/audio-session.ts';
import { audioOf } from '../../drivers/class/audio-work.ts';
import type { DeviceEntry } from '../../drivers/device-entry.ts';
import { DEVICES, inPackage, loadDeviceSpecification } from '../../drivers/devices.ts';
import { Kernel, type Backing, type OpenBacking } from '../../kernel/index.ts';
import { QEMU_MISSING } from './support.ts';

async function suite(
  device: DeviceEntry,
  hertz: number,
  where: string,
  skip: string | false,
  backing: () => Backing,
  wanted: readonly ConformanceCheck['needs'][],
): Promise<void> {
  const { source } = await loadDeviceSpecification(device);
  const program = readFileSync(inPackage(device.program), 'utf8');
  describe(`the ${device.name} driver behind its monitor, on ${where}, conforms to the audio class:`, { skip }, () => {
    const kernel = Kernel.boot();
    let opened: Promise<OpenBacking> | undefined;
    let passed = 0;
    after(async () => {
      await kernel.shutdown();
      await (await opened)?.close();
    });

    /** One device for all checks: each finds it as the last driver's reset left it. */
    async function start(): Promise<AudioUnderTest> {
      const open = await (opened ??= backing().open());
      const ipd = await kernel.spawn({ name: device.name, program, monitorModule: source, backing: open });
      const audio = audioOf(ipd, open);
      return {
        hertz,
        send: (message) => audio.send(message),
        messages: audio.messages,
        heard: audio.heard,
        say: audio.say,
        async close() {
          await ipd.stop();
          assert.equal(ipd.fault, undefined);
          assert.deepEqual(
            ipd.log.filter((line) => line.startsWith('refused')),
            [],
          );
        },
      };
    }
    const checks = audioConformance(start).filter(({ needs }) => wanted.includes(needs));
    for (const check of checks)
      it(check.name, async () => {
        await check.run();
        passed += 1;
      });
    it('counts', (t) => {
      t.diagnostic(`${device.name} on ${where}: ${passed} of ${checks.length} checks passed`);
      assert.equal(passed, checks.length);
    });
  });
}

/** 48 kHz, or what the device's clock divides to. */
const RATES: Readonly<Record<string, number>> = { es1370: 44_100 };

for (const device of DEVICES.filter(({ classes }) => classes.includes('audio'))) {
  const hertz = RATES[device.name] ?? 48_000;
  await suite(device, hertz, 'the model', false, () => modelBacking(device.model), [
    'loudspeaker',
    'recorder',
    'nothing',
  ]);
  await suite(device, hertz, 'QEMU', QEMU_MISSING, () => device.backings.qemu(), ['loudspeaker', 'nothing']);
  const recording = `${device.name}-recording` as DeviceName;
  await suite(device, hertz, 'QEMU in a quiet room', QEMU_MISSING, () => qemuBacking({ device: recording }), [
    'recorder',
  ]);
}
