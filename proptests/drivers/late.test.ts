import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fault, Operation } from '../../kernel/index.ts';
import { isLate, LATE_RETRIES_MAX, untilInTime } from './late.ts';
import type { RunReport } from './perturbed-run.ts';

const good: RunReport = { end: 'violation', perturbed: 1, operations: 9, touches: 0, problem: undefined };
const broken: RunReport = { ...good, problem: 'a canary is dead' };
const late: RunReport = { ...good, problem: 'a fresh driver could not do its exercise', late: true };

/** A case whose tries end so; and for each try, whether the device was started anew for it. */
async function tried(...ends: readonly RunReport[]): Promise<{ report: RunReport; again: readonly boolean[] }> {
  const again: boolean[] = [];
  const report = await untilInTime((isAgain) => {
    again.push(isAgain);
    return ends[again.length - 1] ?? assert.fail('one try too many');
  });
  return { report, again };
}

test('a case in which the fresh driver was only late is tried again on a fresh device, and counted', async () => {
  assert.deepEqual(await tried(late, late, good), { report: { ...good, retries: 2 }, again: [false, true, true] });
  assert.deepEqual(await tried(good), { report: { ...good, retries: 0 }, again: [false] });
});

test('one that is late every time has failed, and so has one that is broken in any try', async () => {
  const everyTime = new Array<RunReport>(1 + LATE_RETRIES_MAX).fill(late);
  assert.deepEqual((await tried(...everyTime)).report, { ...late, retries: LATE_RETRIES_MAX });
  assert.deepEqual((await tried(broken)).report, { ...broken, retries: 0 });
  assert.deepEqual((await tried(late, broken)).report, { ...broken, retries: 1 });
});

test('late is who is stopped for the time that it took, and nobody else', () => {
  const base = { ipd: 1, driver: 'd', operation: 1, states: '', blame: 'driver', reset: { done: 'reset' } } as const;
  const rule = { reason: 'r', file: 'f', line: 1, column: 1, text: '', action: 'fault' } as const;
  const refused = (operation: Operation): Fault => ({ ...base, kind: 'violation', refused: operation, rule });
  assert.ok(isLate(refused({ kind: 'check' })));
  assert.ok(isLate({ ...base, kind: 'unresponsive', entry: 'init', limitMs: 1 }));
  assert.ok(!isLate(refused({ kind: 'interrupt' })));
  assert.ok(!isLate(refused({ kind: 'store', address: 0, length: 4 })));
  assert.ok(!isLate({ ...base, kind: 'crashed', entry: 'init', message: '' }));
  assert.ok(!isLate({ ...base, kind: 'device-failed', code: 'DEVICE_GONE', message: '' }));
});
