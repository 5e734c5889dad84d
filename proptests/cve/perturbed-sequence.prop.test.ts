/**
 * Law: whatever an honest driver's operations are turned into, QEMU lives behind the monitor. And the campaign is itself tested:
 * with nothing between, the same runs kill QEMU. `refmon verify cve` does the same on every part, and for longer.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findProgram } from '../../drivers/backing/qemu/programs.ts';
import { openBoard } from '../../drivers/cve/board.ts';
import { bugNamed } from '../../drivers/cve/catalogue.ts';
import { inPackage } from '../../drivers/devices.ts';
import { loadSpecification, type LoadedSpecification } from '../../drivers/specification.ts';
import type { MonitorModule } from '../../dsslang/index.ts';
import { allowAllSource } from '../bench/allow-all.ts';
import { campaign } from '../dsslang/random.ts';
import { perturbedSequence } from './perturbed-sequence.ts';

const { seed, scale } = campaign();
const RUNS = Math.ceil(12 * scale);
/** Without a monitor QEMU dies within so many runs. */
const HOLE_RUNS_MAX = 2000;
const bug = bugNamed('zynqmp_can-01');
const skip = findProgram(bug.board.program) === undefined ? `${bug.board.program} is not installed` : false;

/** The first run that kills QEMU. */
async function firstDeath(specification: LoadedSpecification, runs: number): Promise<number | undefined> {
  let board = await openBoard(bug.board);
  try {
    for (let run = 0; run < runs; run += 1) {
      const report = perturbedSequence(bug, board, specification, (seed + run) >>> 0);
      if (report.end === 'died' || board.hasEnded()) return run;
      if (report.isReset) continue;
      await board.close();
      board = await openBoard(bug.board);
    }
    return undefined;
  } finally {
    await board.close();
  }
}

test(
  'perturbed drivers of the CAN controller never kill QEMU, and do without a monitor',
  { skip, timeout: 120_000 },
  async (context) => {
    const specification = await loadSpecification(inPackage(bug.specification), bug.specification);
    assert.equal(await firstDeath(specification, RUNS), undefined, `REFMON_SEED=${seed}`);
    const source = allowAllSource(specification.module.createMonitor({ fetch: () => false }).info);
    const url = `data:text/javascript;base64,${Buffer.from(source).toString('base64')}`;
    const open = { ...specification, module: (await import(url)) as MonitorModule };
    const death = await firstDeath(open, HOLE_RUNS_MAX);
    assert.notEqual(death, undefined, `REFMON_SEED=${seed}`);
    context.diagnostic(`seed ${seed}: ${RUNS} runs behind the monitor; without it QEMU died in run ${death}`);
  },
);
