/**
 * Law: what a monitor is shown of command memory is what lies there at that moment.
 *
 * The RVM reads descriptors in runs, and entries that were just stored not at all (`kernel/rvm/fresh-stores.ts`).
 * Here every answer is compared with the memory of the model itself. Every device's own driver is perturbed on its model, which
 * writes back to its descriptors as devices do.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ES1370 } from '../drivers/es1370/entry.ts';
import { DEVICES } from '../drivers/devices.ts';
import type { DescriptorMemory, MonitorModule } from '../dsslang/runtime.ts';
import { perturbedRun } from './drivers/perturbed-run.ts';
import { loadSubject } from './drivers/subjects.ts';
import { campaign } from './dsslang/random.ts';

const { seed, scale } = campaign();
const RUNS = Math.ceil(150 * scale);

interface Comparison {
  asked: number;
  /** The first answer that was not what memory holds. */
  different: string | undefined;
}

/** The same memory, each of whose answers is compared with what lies there. `bytes` is the device's memory from address 0. */
function compared(memory: DescriptorMemory, bytes: Uint8Array, comparison: Comparison): DescriptorMemory {
  return {
    fetch(address, length, target, at, frozen) {
      const answered = memory.fetch(address, length, target, at, frozen);
      const [shown, there] = [target.subarray(at, at + length), bytes.subarray(address, address + length)];
      comparison.asked += 1;
      if (answered && Buffer.compare(shown, there) !== 0) {
        const hex = (some: Uint8Array): string => Buffer.from(some).toString('hex');
        comparison.different ??= `at 0x${address.toString(16)}: shown ${hex(shown)}, there ${hex(there)}`;
      }
      return answered;
    },
    stored: (address, length, target, at) => memory.stored?.(address, length, target, at) === true,
  };
}

for (const device of DEVICES) {
  describe(`${device.name}: its own driver, perturbed`, () => {
    it(`has every answer about its descriptors from memory as it is, in ${RUNS} runs`, async (t) => {
      const honest = await loadSubject(device);
      const bytes = new Uint8Array(honest.buffers.memory);
      const comparison: Comparison = { asked: 0, different: undefined };
      const monitor: MonitorModule = {
        ...honest.monitor,
        createMonitor: (memory) => honest.monitor.createMonitor(compared(memory, bytes, comparison)),
      };
      const subject = { ...honest, monitor };
      for (let run = 0; run < RUNS; run += 1) {
        perturbedRun(subject, seed + run);
        const again = `repeat: REFMON_SEED=${seed + run} node --test dist/proptests/command-memory.prop.test.js`;
        assert.equal(comparison.different, undefined, `run ${run}; ${again}`);
      }
      t.diagnostic(`seed ${seed}: ${comparison.asked} answers compared`);
      // The ES1370 has its buffers in registers, and no descriptors.
      assert.equal(comparison.asked > 0, device !== ES1370);
    });
  });
}
