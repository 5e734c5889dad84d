/**
 * Law: whatever a driver does wrong, its device touches only granted memory, the RVM survives, and a fresh driver works.
 *
 * Every device's own driver is perturbed on its in-process model (`drivers/perturbed-run.ts` says what is checked). The
 * campaign is itself tested: without a monitor, and without the clauses that bound DMA, it must find a problem.
 * A run prints its seed; `refmon verify drivers` does the same a hundred thousand times.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { DEVICES, inPackage, loadDeviceSpecification } from '../drivers/devices.ts';
import type { DeviceEntry } from '../drivers/device-entry.ts';
import { compile, emitJs, loadFrom, type MonitorModule } from '../dsslang/index.ts';
import { allowAllSource } from './bench/allow-all.ts';
import { campaign } from './dsslang/random.ts';
import { perturbedRun, type RunReport, type Subject } from './drivers/perturbed-run.ts';
import { loadSubject } from './drivers/subjects.ts';

const { seed, scale } = campaign();
const RUNS = Math.ceil(250 * scale);
/** A hole in a specification must be found within so many runs. */
const HOLE_RUNS_MAX = 3000;
const again = `repeat: REFMON_SEED=${seed} REFMON_RUNS=${scale} node --test dist/proptests/driver-perturbation.prop.test.js`;

const importMonitor = async (source: string): Promise<MonitorModule> =>
  (await import(`data:text/javascript;base64,${Buffer.from(source).toString('base64')}`)) as MonitorModule;

/** The number of the first run that finds something wrong with the device's behaviour, and what. */
function firstProblem(subject: Subject): { readonly run: number; readonly problem: string } | undefined {
  for (let run = 0; run < HOLE_RUNS_MAX; run += 1) {
    const { problem } = perturbedRun(subject, seed + run);
    if (problem !== undefined) return { run, problem };
  }
  return undefined;
}

/** The device's specification without the clauses that ask whether memory was granted, as far as each stands on one line. */
async function withoutDmaClauses(
  device: DeviceEntry,
): Promise<{ readonly monitor: MonitorModule; readonly removed: number }> {
  const file = inPackage(device.specification);
  const lines = readFileSync(file, 'utf8').split('\n');
  const isClause = (line: string): boolean => /^\s*require\b.*\bdevice\.(reads|writes|fetches)\(.*"$/.test(line);
  const text = lines.map((line) => (isClause(line) ? '' : line)).join('\n');
  const { program } = compile(text, device.specification, { load: loadFrom(file, device.specification) });
  assert.ok(program !== undefined, 'the specification still compiles');
  return { monitor: await importMonitor(emitJs(program)), removed: lines.filter(isClause).length };
}

for (const device of DEVICES) {
  describe(`${device.name}: its own driver, perturbed`, () => {
    it(`reaches no foreign memory in ${RUNS} runs, and leaves a device that works`, async (t) => {
      const subject = await loadSubject(device);
      const ends: Record<RunReport['end'], number> = { violation: 0, crashed: 0, lived: 0 };
      let perturbed = 0;
      let touches = 0;
      for (let run = 0; run < RUNS; run += 1) {
        const report = perturbedRun(subject, seed + run);
        assert.equal(report.problem, undefined, `run ${run}; ${again}`);
        ends[report.end] += 1;
        perturbed += report.perturbed;
        touches += report.touches;
      }
      t.diagnostic(
        `seed ${seed}: ${RUNS} runs, ${perturbed} operations perturbed; ${ends.violation} stopped by the specification, ` +
          `${ends.crashed} by themselves, ${ends.lived} lived; ${touches} DMA touches checked; ${again}`,
      );
      assert.ok(ends.violation > 0 && touches > 0);
    });

    it('is caught by the oracle where there is no monitor', async () => {
      const { module } = await loadDeviceSpecification(device);
      const blind = await importMonitor(allowAllSource(module.info));
      assert.ok(firstProblem(await loadSubject(device, blind)) !== undefined);
    });

    it('is caught by the oracle where the specification does not ask whether memory was granted', async (t) => {
      const { monitor, removed } = await withoutDmaClauses(device);
      const found = firstProblem(await loadSubject(device, monitor));
      assert.ok(removed > 0 && found !== undefined, again);
      t.diagnostic(`${removed} clauses taken out; found in run ${found.run}: ${found.problem}`);
    });
  });
}
