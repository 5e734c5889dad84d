/**
 * Every rogue driver of every device against the compiled specification, on the model and on QEMU: refused, for the right
 * reason, and with no byte of foreign memory touched. The model tells what its DMA engine did; on QEMU, canaries lie around
 * the grants. Afterwards the device still works for the honest driver.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { DMA_DIRECTIONS, type DmaTouch } from '../../drivers/backing/model/dma-memory.ts';
import { modelBacking, type OpenModelBacking } from '../../drivers/backing/model/model-backing.ts';
import { runRogue } from '../../drivers/demo/rogues.ts';
import type { DeviceEntry } from '../../drivers/device-entry.ts';
import { DEVICES, inPackage, loadDeviceSpecification, roguesOf } from '../../drivers/devices.ts';
import type { RogueDriver } from '../../drivers/rogue/rogue-driver.ts';
import type { LoadedSpecification } from '../../drivers/specification.ts';
import { Kernel, type Granted, type OpenBacking } from '../../kernel/index.ts';
import { deadCanary, paintCanaries } from '../drivers/canaries.ts';
import { QEMU_MISSING } from './support.ts';

/** What rogue network drivers fill their frames with. */
const ROGUE_BYTE = 0x5a;

const LOOK_MS = 5;

const OUTCOMES: Readonly<Record<RogueDriver['expects'], string>> = {
  refused: 'refused',
  stopped: 'refused',
  contained: 'refused',
  allowed: 'allowed',
};

/** Reads the device's record of its DMA as it fills: a busy device overwrites it within a second. */
function watchTouches(open: OpenModelBacking): { end(): { touches: readonly DmaTouch[]; missed: number } } {
  const touches: DmaTouch[] = [];
  let { total } = open.dmaRecord();
  let missed = 0;
  const look = (): void => {
    const record = open.dmaRecord(total);
    for (const touch of record.touches) touches.push(touch);
    missed += record.missed;
    total = record.total;
  };
  const timer = setInterval(look, LOOK_MS).unref();
  return {
    end: () => {
      clearInterval(timer);
      look();
      return { touches, missed };
    },
  };
}

/** @returns the memory that the rogue was granted */
async function attack(
  kernel: Kernel,
  specification: LoadedSpecification,
  open: OpenBacking,
  rogue: RogueDriver,
): Promise<readonly Granted[]> {
  const result = await runRogue(kernel, specification, open, rogue);
  assert.equal(result.outcome, OUTCOMES[rogue.expects], result.reason);
  assert.ok(result.asExpected, `by ${result.by ?? 'nothing'}: ${result.reason}`);
  assert.match(result.reason, rogue.because);
  if (result.fault !== undefined) assert.deepEqual(result.fault.reset, { done: 'reset' });
  return result.grants;
}

async function honestWork(
  kernel: Kernel,
  device: DeviceEntry,
  { source }: LoadedSpecification,
  open: OpenBacking,
): Promise<void> {
  const program = readFileSync(inPackage(device.program), 'utf8');
  const ipd = await kernel.spawn({ name: device.name, program, monitorModule: source, backing: open });
  const { summary } = await device.work(ipd, open);
  assert.equal(ipd.fault, undefined, summary);
  await ipd.stop();
}

for (const device of DEVICES) {
  const specification = await loadDeviceSpecification(device);

  describe(`${device.name}: rogue drivers on the model`, () => {
    const kernel = Kernel.boot();
    let open: OpenModelBacking;
    before(async () => {
      open = await modelBacking(device.model, { model: device.modelOptions?.() }).open();
    });
    after(async () => {
      await kernel.shutdown();
      await open.close();
    });
    for (const rogue of roguesOf(device, 'model')) {
      it(`${rogue.expects}, and no foreign byte touched: ${rogue.name}`, async () => {
        const watch = watchTouches(open);
        const grants = await attack(kernel, specification, open, rogue);
        const { touches, missed } = watch.end();
        assert.equal(missed, 0);
        for (const { address, length, direction } of touches) {
          const granted = grants.some(
            (grant) =>
              DMA_DIRECTIONS[grant.purpose].includes(direction) &&
              address >= grant.address &&
              address + length <= grant.address + grant.sizeBytes,
          );
          assert.ok(granted, `the device touched (${direction}) ${length} bytes at 0x${address.toString(16)}`);
        }
      });
    }
    it('leaves the device to the honest driver, which does its work', () =>
      honestWork(kernel, device, specification, open));
  });

  describe(`${device.name}: rogue drivers on QEMU`, { skip: QEMU_MISSING }, () => {
    const kernel = Kernel.boot();
    const sent: Uint8Array[] = [];
    let open: OpenBacking;
    before(async () => {
      open = await device.backings.qemu().open();
      open.wire?.onFrame((frame) => sent.push(frame));
    });
    after(async () => {
      await kernel.shutdown();
      await open.close();
    });
    for (const rogue of roguesOf(device, 'qemu')) {
      it(`${rogue.expects}, and every canary alive: ${rogue.name}`, async () => {
        paintCanaries(open);
        sent.length = 0;
        assert.equal(deadCanary(open, await attack(kernel, specification, open, rogue)), undefined);
        // Nothing but what rogues write into their own buffers has left the machine: no canary did.
        for (const frame of sent) assert.ok(frame.every((byte) => byte === 0 || byte === ROGUE_BYTE));
      });
    }
    it('leaves the device to the honest driver, which does its work', () =>
      honestWork(kernel, device, specification, open));
  });
}
