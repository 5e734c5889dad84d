/**
 * Laws of every specification with state, time and engines, over random operations: nothing exceeds its declared range, and
 * a refusal changes nothing.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { InterpretedMonitor } from './interpreter/monitor.ts';
import type { Monitor } from './runtime.ts';
import * as bench from './testing/feature-bench.ts';

const bodies = {
  arrays: bench.arrays,
  programmed: bench.programmedBody,
  freeze: bench.freezeBody,
  actions: bench.actionsBody,
  engines: bench.enginesBody,
  floppy: bench.floppy,
};

const interesting = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 16 }) },
  { weight: 3, arbitrary: fc.constantFrom(0x4a, 0x8e, 0xe6, 199, 200, 201, 254, 255, 0x1000, 0x1001) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff_ffff }) },
);

interface Step {
  readonly kind: 'read' | 'report' | 'write' | 'tick' | 'reset';
  readonly register: number;
  readonly element: number;
  readonly value: number;
  readonly later: number;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('write', 'write', 'write', 'write', 'report', 'report', 'read', 'tick', 'reset' as const),
    register: fc.nat({ max: 7 }),
    element: fc.nat({ max: 3 }),
    value: interesting,
    later: fc.constantFrom(0, 0, 1, 5, 1000, 20_000, 400_000),
  }),
  { minLength: 1, maxLength: 120 },
);

/** One step, on the register that its numbers name. */
function take(monitor: Monitor, { kind, register, element, value }: Step, now: number): number {
  const { registers } = monitor.info;
  const at = registers[register % registers.length];
  assert.ok(at !== undefined);
  const offset = at.offset + (element % at.count) * at.stride;
  const low = at.width === 4 ? value >>> 0 : (value & (2 ** (8 * at.width) - 1)) >>> 0;
  switch (kind) {
    case 'read':
      return monitor.read(at.space, offset, at.width, now);
    case 'report':
    case 'write':
      return monitor[kind](at.space, offset, at.width, low, 0, now);
    case 'tick':
      return monitor.tick(now);
    case 'reset':
      monitor.reset();
      return 0;
  }
}

const nothing = { fetch: () => false };

for (const [name, body] of Object.entries(bodies)) {
  test(`${name}: ranges hold, refusals change nothing`, () => {
    const compiled = bench.program(body);
    const most = [
      ...compiled.scalars.map((each) => each.max),
      ...compiled.arrays.flatMap(({ count, max }) => Array.from({ length: count }, () => max)),
    ];
    const verdicts = new Set<number>();
    fc.assert(
      fc.property(steps, (sequence) => {
        const interpreted = new InterpretedMonitor(compiled, nothing);
        let now = 1000;
        for (const step of sequence) {
          now += step.later;
          const before = interpreted.snapshot();
          const verdict = take(interpreted, step, now);
          verdicts.add(verdict);
          const after = interpreted.snapshot();
          if (verdict > 0) assert.deepEqual(after, before);
          assert.ok(after.every((value, index) => value >= 0n && value <= (most[index] ?? 0n)));
        }
      }),
      { numRuns: 150 },
    );
    // The sequences reach the rules: otherwise the laws above would hold of nothing.
    assert.ok([...verdicts].filter((each) => each !== 0).length >= 2, `${name}: only ${verdicts.size} verdicts`);
  });
}
