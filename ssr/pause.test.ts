import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as aMoment } from 'node:timers/promises';
import { pause } from './pause.ts';

void test('a pause longer than a timer can be is as long as it says: a token that comes next month is not there now', async (context) => {
  const after = 2 ** 31 + 10;
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let isOver = false;
  const over = pause(after).then(() => {
    isOver = true;
  });
  const tick = async (ms: number): Promise<void> => {
    context.mock.timers.tick(ms);
    await aMoment();
  };
  await tick(1);
  assert.ok(!isOver);
  await tick(2 ** 31 - 2);
  assert.ok(!isOver);
  await tick(10);
  assert.ok(!isOver);
  await tick(1);
  await over;
  await pause(0);
  await pause(-1);
});
