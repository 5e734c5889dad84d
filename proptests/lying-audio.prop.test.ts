/**
 * A lying device under every sound driver: registers that read as anything, interrupts that nobody asked for, positions outside
 * of every list. The driver may fail or be stopped; nothing is thrown past its domain, no byte outside its grants is touched,
 * and the next driver finds a device that works. Inline, in virtual time; a failure prints its seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runInThisContext } from 'node:vm';
import { readFileSync } from 'node:fs';
import type { Space, Width } from '../dsslang/runtime.ts';
import { CONFIG_SPACE } from '../dsslang/runtime.ts';
import { sound } from '../drivers/class/audio-session.ts';
import { DEVICES, inPackage, loadDeviceSpecification } from '../drivers/devices.ts';
import { InlineDevice } from '../drivers/inline/inline-device.ts';
import { InlineDomain } from '../drivers/inline/inline-domain.ts';
import { seededRandom } from '../drivers/testing/random.ts';
import type { DriverProgram } from '../kernel/index.ts';

const RUNS = 60;

/** What it says is true, false by one bit, or anything at all. */
class LyingDevice extends InlineDevice {
  lies = false;
  random: (below: number) => number = () => 0;

  override read(space: Space, offset: number, width: Width): number {
    const truth = super.read(space, offset, width);
    if (!this.lies || space === CONFIG_SPACE || this.random(4) !== 0) return truth;
    const most = 2 ** (8 * width);
    return this.random(2) === 0 ? (truth ^ (1 << this.random(8 * width))) >>> 0 : this.random(most);
  }
}

for (const entry of DEVICES.filter(({ classes }) => classes.includes('audio'))) {
  const { module } = await loadDeviceSpecification(entry);
  const program = runInThisContext(readFileSync(inPackage(entry.program), 'utf8')) as DriverProgram;

  test(`${entry.name}: a device that lies costs sound, and nothing else`, (t) => {
    const ends = { stopped: 0, lived: 0 };
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const device = new LyingDevice(entry.model);
      device.random = seededRandom(seed);
      const domain = new InlineDomain({ device, program, monitor: module });
      domain.wait(20_000);
      domain.send({ kind: 'play', samples: sound(32_768, seed) });
      domain.send({ kind: 'start', stream: 'playback' });
      domain.send({ kind: 'start', stream: 'capture' });
      device.lies = true;
      for (let step = 0; step < 20; step += 1) {
        domain.wait(5000);
        domain.send({ kind: 'play', samples: sound(4096, step) });
        if (step % 7 === 3) domain.send({ kind: 'pause', stream: 'playback' });
        if (step % 7 === 5) domain.send({ kind: 'start', stream: 'playback' });
      }
      ends[domain.fault === undefined ? 'lived' : 'stopped'] += 1;
      assert.ok(domain.fault === undefined || domain.fault.kind === 'violation', `seed ${seed}: ${domain.fault?.kind}`);
      const { touches } = device.memory.since(0);
      for (const { address, length, direction } of touches) {
        const inside = domain.grants.some(
          (grant) =>
            address >= grant.address &&
            address + length <= grant.address + grant.sizeBytes &&
            (grant.purpose === 'commands' ||
              grant.purpose === (direction === 'read' ? 'device-reads' : 'device-writes')),
        );
        assert.ok(inside, `seed ${seed}: ${direction} of ${length} bytes at 0x${address.toString(16)}`);
      }
      device.lies = false;
      domain.stop();
      const next = new InlineDomain({ device, program, monitor: module });
      const before = device.ends.speaker?.heard().length ?? 0;
      next.wait(50_000);
      next.send({ kind: 'play', samples: sound(4096, 1) });
      next.send({ kind: 'start', stream: 'playback' });
      next.wait(200_000);
      const heard = device.ends.speaker?.heard().subarray(before) ?? new Uint8Array(0);
      assert.ok(Buffer.from(heard).includes(Buffer.from(sound(4096, 1))), `seed ${seed}: the next driver plays`);
    }
    t.diagnostic(`${RUNS} runs: ${ends.stopped} drivers stopped, ${ends.lived} lived`);
    assert.ok(ends.stopped > 0);
  });
}
