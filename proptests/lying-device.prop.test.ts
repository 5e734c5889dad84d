/**
 * Law: a device that lies costs its driver, and nobody else.
 *
 * Every device's model is made to lie (`drivers/lying-model.ts`) to its own driver at its exercise. The driver may fail or
 * be stopped by a rule. Neither the RVM nor the monitor fails, no byte outside the grants is touched, and once the device
 * tells the truth again a fresh driver does its exercise. Inline, in virtual time; a failure prints its seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICES } from '../drivers/devices.ts';
import { InlineDevice } from '../drivers/inline/inline-device.ts';
import { InlineDomain } from '../drivers/inline/inline-domain.ts';
import { campaign } from './dsslang/random.ts';
import { liar } from './drivers/lying-model.ts';
import { brokenKernel, freshDriver, Oracle, type Subject } from './drivers/perturbed-run.ts';
import { loadSubject } from './drivers/subjects.ts';

const { seed, scale } = campaign();
const RUNS = Math.ceil(80 * scale);
const SLICE_US = 2000;
const SLICES = 60;

interface Outcome {
  readonly end: 'lived' | 'violation' | 'crashed' | 'unresponsive' | 'other';
  readonly lies: number;
  readonly problem: string | undefined;
}

function lyingRun(subject: Subject, runSeed: number): Outcome {
  const { device, program, monitor, buffers } = subject;
  const teller = liar(device.model, runSeed);
  const machine = new InlineDevice(teller.definition, { model: device.modelOptions?.(), buffers });
  const oracle = new Oracle(machine);
  // Half of the drivers have started before the first lie.
  teller.lying = runSeed % 2 === 0;
  const domain = new InlineDomain({ device: machine, program, monitor, name: device.name });
  const outcome = (problem: string | undefined): Outcome => {
    const kind = domain.fault?.kind ?? 'lived';
    const isKnown = kind === 'lived' || kind === 'violation' || kind === 'crashed' || kind === 'unresponsive';
    return { end: isKnown ? kind : 'other', lies: teller.lies, problem };
  };
  const send = (message: Parameters<InlineDomain['send']>[0]): void => domain.send(message);
  const step = device.exercise({ ends: machine.ends, messages: domain.messages, send });
  for (let slice = 0; slice < SLICES && domain.fault === undefined; slice += 1) {
    domain.wait(SLICE_US);
    const problem = oracle.look(domain.grants);
    if (problem !== undefined) return outcome(problem);
    if (slice > 0) teller.lying = true;
    step();
  }
  const broken = brokenKernel(domain);
  if (broken !== undefined) return outcome(broken);
  teller.lying = false;
  machine.pass(0);
  domain.stop();
  const last = oracle.look(domain.grants);
  if (last !== undefined) return outcome(last);
  machine.detach();
  return outcome(freshDriver(subject, machine, oracle));
}

for (const device of DEVICES) {
  const subject = await loadSubject(device);
  test(`${device.name}: a device that lies costs its driver, and nobody else`, (t) => {
    const ends = new Map<string, number>();
    let told = 0;
    for (let run = 0; run < RUNS; run += 1) {
      const { end, lies, problem } = lyingRun(subject, seed + run);
      ends.set(end, (ends.get(end) ?? 0) + 1);
      const again = `run ${run}: repeat: REFMON_SEED=${seed + run} node --test dist/proptests/lying-device.prop.test.js`;
      assert.equal(problem, undefined, again);
      assert.notEqual(end, 'other', again);
      told += lies;
    }
    t.diagnostic(
      `seed ${seed}, ${RUNS} runs, ${told} lies: ${[...ends].map(([end, count]) => `${count} ${end}`).join(', ')}`,
    );
    assert.ok(told > RUNS);
  });
}
