/** The simulated TPM against swtpm, over random command sequences. Size: REFMON_TPM_SEQUENCES (default 200). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DifferentialRun, OPERATION_KINDS } from './differential.ts';
import type { Operation, Side } from './differential.ts';
import { isSwtpmInstalled, nodeCrypto, SimulatedTpm, startSwtpm } from './index.ts';

const SEQUENCES = Number(process.env['REFMON_TPM_SEQUENCES'] ?? 200);
const SEED = Number(process.env['REFMON_TPM_SEED'] ?? 20260);

const skip = isSwtpmInstalled() ? false : 'swtpm is not installed: sudo apt-get install swtpm';

const small = fc.nat({ max: 19 });
const operation: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom(...OPERATION_KINDS),
  a: small,
  b: small,
  c: small,
  d: small,
  e: small,
});

test('random command sequences: the simulated TPM answers as swtpm does', { skip }, async (t) => {
  await using swtpm = await startSwtpm();
  const simulated = new SimulatedTpm({ acknowledgeNotPersistent: true, crypto: nodeCrypto });
  const real: Side = { send: (command) => swtpm.transport.send(command), powerCycle: () => swtpm.control.powerCycle() };
  const model: Side = {
    send: (command) => Promise.resolve(simulated.execute(command)),
    powerCycle: () => {
      simulated.powerCycle();
      return Promise.resolve();
    },
  };
  const realStart = await swtpm.control.snapshot();
  const modelStart = simulated.snapshot();
  let commandCount = 0;
  let successCount = 0;
  const codes = new Map<number, number>();
  const property = fc.asyncProperty(
    fc.array(operation, { minLength: 1, maxLength: 80, size: 'max' }),
    async (operations) => {
      await swtpm.control.restore(realStart);
      simulated.restore(modelStart);
      const run = new DifferentialRun(real, model);
      await run.start();
      for (const step of operations) await run.apply(step);
      commandCount += run.commandCount;
      successCount += run.successCount;
      for (const [code, count] of run.codes) codes.set(code, (codes.get(code) ?? 0) + count);
    },
  );
  await fc.assert(property, { numRuns: SEQUENCES, seed: SEED, includeErrorInReport: true });
  t.diagnostic(
    `TPM commands compared: ${commandCount} (${successCount} succeeded), ${codes.size} different response codes, seed ${SEED}`,
  );
  assert.ok(commandCount > SEQUENCES * 20);
  assert.ok(successCount > commandCount / 4, 'most sequences must reach past the checks');
});
