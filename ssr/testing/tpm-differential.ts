/** Random command sequences for the simulated TPM and swtpm, shrunk when they disagree (`tpm/differential.ts` compares). */
import fc from 'fast-check';
import { DifferentialRun, OPERATION_KINDS } from '../tpm/differential.ts';
import type { Operation, Side } from '../tpm/differential.ts';
import { nodeCrypto, SimulatedTpm } from '../tpm/index.ts';
import { startRewindableSwtpm } from './rewindable-swtpm.ts';

const LONGEST = 80;

const small = fc.nat({ max: 19 });
const operation: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom(...OPERATION_KINDS),
  a: small,
  b: small,
  c: small,
  d: small,
  e: small,
});

export interface DifferentialReport {
  readonly sequences: number;
  /** Commands sent to both and compared. */
  readonly commands: number;
  readonly succeeded: number;
  readonly responseCodes: number;
  /** The shortest sequence found on which they disagree. */
  readonly mismatch?: { readonly what: string; readonly path: string };
  readonly isUnfinished: boolean;
}

export interface DifferentialOptions {
  readonly sequences: number;
  readonly seed: number;
  /** fast-check's name for one sequence of this seed: only that one runs. */
  readonly path?: string;
  /** Called after each sequence with the number of commands. True ends the run. */
  readonly isTimeUp?: (commands: number) => boolean;
}

export async function compareTpms(options: DifferentialOptions): Promise<DifferentialReport> {
  const { sequences, seed, path, isTimeUp } = options;
  await using swtpm = await startRewindableSwtpm();
  const simulated = new SimulatedTpm({ acknowledgeNotPersistent: true, crypto: nodeCrypto });
  const real: Side = { send: (command) => swtpm.transport.send(command), powerCycle: () => swtpm.powerCycle() };
  const model: Side = {
    send: (command) => Promise.resolve(simulated.execute(command)),
    powerCycle: () => {
      simulated.powerCycle();
      return Promise.resolve();
    },
  };
  const realStart = await swtpm.snapshot();
  const modelStart = simulated.snapshot();
  const codes = new Set<number>();
  let commands = 0;
  let succeeded = 0;
  let done = 0;
  let isUnfinished = false;
  const property = fc.asyncProperty(
    fc.array(operation, { minLength: 1, maxLength: LONGEST, size: 'max' }),
    async (operations) => {
      if (isUnfinished) return;
      await swtpm.restore(realStart);
      simulated.restore(modelStart);
      const run = new DifferentialRun(real, model);
      await run.start();
      for (const step of operations) await run.apply(step);
      done += 1;
      commands += run.commandCount;
      succeeded += run.successCount;
      for (const code of run.codes.keys()) codes.add(code);
      isUnfinished = isTimeUp?.(commands) === true;
    },
  );
  const result = await fc.check(property, {
    numRuns: path === undefined ? sequences : 1,
    seed: seed | 0,
    ...(path !== undefined && { path, endOnFailure: true }),
  });
  const counts = { sequences: done, commands, succeeded, responseCodes: codes.size, isUnfinished };
  if (!result.failed) return counts;
  const cause = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance);
  const what = `${cause}\n${JSON.stringify(result.counterexample)}`;
  return { ...counts, mismatch: { what, path: result.counterexamplePath ?? '' } };
}
