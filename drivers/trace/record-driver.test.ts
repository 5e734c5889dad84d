/** `refmon record` on every device and backing: a complete trace, which its own specification refuses nothing of. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { availableBackings, DEVICES, inPackage, loadDeviceSpecification } from '../devices.ts';
import { recordDriver } from './record-driver.ts';
import { replay } from './replay.ts';

const folder = mkdtempSync(join(tmpdir(), 'refmon-record-'));
after(() => rmSync(folder, { recursive: true }));
const available = await availableBackings();

for (const device of DEVICES) {
  describe(`${device.name}, recorded`, () => {
    for (const backing of ['model', 'qemu'] as const) {
      const skip = available.includes(backing) ? false : `${backing} is not installed`;
      it(`on ${backing}: its trace is refused nothing, with no more memory granted than it had`, { skip }, async () => {
        const specification = await loadDeviceSpecification(device);
        const open = await device.backings[backing]().open();
        try {
          const file = join(folder, `${device.name}-${backing}.jsonl.gz`);
          const { lines, memory } = await recordDriver(device, specification, open, file);
          const result = await replay(specification.module.createMonitor, file, [
            { address: memory.address, length: memory.sizeBytes },
          ]);
          assert.deepEqual(result.denials, []);
          const hasDescriptors = readFileSync(inPackage(device.specification), 'utf8').includes('struct ');
          assert.ok(result.operations > 20 && result.descriptors > 0 === hasDescriptors);
          assert.ok(lines >= result.operations + result.descriptors);
        } finally {
          await open.close();
        }
      });
    }
  });
}
