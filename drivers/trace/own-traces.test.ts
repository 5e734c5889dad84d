/**
 * The traces in the package, each against its device's specification: nothing is refused, with no more memory granted than
 * the driver had, as the README beside the trace tells it; and without that memory something is.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { DEVICES, inPackage, loadDeviceSpecification } from '../devices.ts';
import { replay, type AssumedGrant } from './replay.ts';

/** "Its memory is ADDRESS:BYTES." follows the name of the trace. */
function memoryOf(readme: string, trace: string): AssumedGrant {
  const told = /Its memory is\s+(0x[0-9a-f]+):(0x[0-9a-f]+)\./.exec(readme.split(`\`${trace}\``)[1] ?? '');
  assert.ok(told !== null, `the README tells the memory of ${trace}`);
  return { address: Number(told[1]), length: Number(told[2]) };
}

for (const device of DEVICES) {
  describe(`the traces of ${device.name} in the package`, () => {
    const folder = inPackage(`drivers/${device.name}/traces`);
    const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.jsonl.gz')) : [];

    it('are there', () => assert.ok(names.length > 0));
    for (const name of names) {
      it(`${name} is refused nothing, and not everything is allowed without its memory`, async () => {
        const { module } = await loadDeviceSpecification(device);
        const memory = memoryOf(readFileSync(`${folder}/README.md`, 'utf8'), name);
        const result = await replay(module.createMonitor, `${folder}/${name}`, [memory]);
        assert.deepEqual(result.denials, []);
        assert.equal(result.unjudged, 0);
        assert.ok(result.operations > 20);
        assert.ok((await replay(module.createMonitor, `${folder}/${name}`, [])).denied > 0);
      });
    }
  });
}
