/**
 * The traces in the package, each against its device's specification: nothing is refused, with no more memory granted than
 * the driver had, as the README beside the trace tells it; and without that memory something is.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEVICES, loadDeviceSpecification } from '../devices.ts';
import { replay } from './replay.ts';
import { packagedTraces } from './testing/packaged.ts';

for (const device of DEVICES) {
  describe(`the traces of ${device.name} in the package`, () => {
    const traces = packagedTraces(device);

    it('are there', () => assert.ok(traces.length > 0));
    for (const { name, file, memory } of traces) {
      it(`${name} is refused nothing, and not everything is allowed without its memory`, async () => {
        const { module } = await loadDeviceSpecification(device);
        const result = await replay(module.createMonitor, file, [memory]);
        assert.deepEqual(result.denials, []);
        assert.equal(result.unjudged, 0);
        assert.ok(result.operations > 20);
        assert.ok((await replay(module.createMonitor, file, [])).denied > 0);
      });
    }
  });
}
