import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openEngine } from '../hash/open.ts';
import { calibratedHashCost, calibrateEngine, fastQuantile, fitLine } from './calibrate.ts';

function samples(
  fixedUs: number,
  perByteUs: number,
  noise: readonly number[],
): { bodySizeBytes: number; steppedBytes: number; us: number }[] {
  return [64, 128, 256, 1024, 4096].map((bytes, k) => ({
    bodySizeBytes: bytes,
    steppedBytes: bytes,
    us: (fixedUs + perByteUs * bytes) * (1 + (noise[k] ?? 0)),
  }));
}

test('the fit finds an exact line, without error', () => {
  const fit = fitLine(samples(0.4, 0.0006, []));
  assert.ok(Math.abs(fit.fixedUs - 0.4) < 1e-9 && Math.abs(fit.perByteUs - 0.0006) < 1e-12);
  assert.ok(fit.fixedErrorUs < 1e-6 && fit.r2 > 0.999999);
});

test('noise shows in the errors, and the truth lies within a few of them', () => {
  const fit = fitLine(samples(0.4, 0.0006, [0.05, -0.05, 0.03, -0.04, 0.05]));
  assert.ok(fit.fixedErrorUs > 0.001);
  assert.ok(
    Math.abs(fit.fixedUs - 0.4) < 4 * fit.fixedErrorUs && Math.abs(fit.perByteUs - 0.0006) < 4 * fit.perByteErrorUs,
  );
  assert.ok(fit.r2 > 0.9 && fit.r2 < 1);
});

test('a price below zero becomes zero', () => {
  const falling = [64, 128, 256].map((bytes) => ({ bodySizeBytes: bytes, steppedBytes: bytes, us: 1 - bytes / 1000 }));
  const fit = fitLine(falling);
  assert.equal(fit.perByteUs, 0);
  assert.ok(fit.fixedUs > 0.7);
  const steep = [64, 128, 256].map((bytes) => ({ bodySizeBytes: bytes, steppedBytes: bytes, us: bytes - 60 }));
  assert.equal(fitLine(steep).fixedUs, 0);
});

test('the fast quantile ignores what other programs add', () => {
  assert.equal(fastQuantile([5, 1, 2, 3, 1000, 900]), 2);
});

test('calibrating a real engine gives a positive price that grows with the message, well fitted', () => {
  const calibration = calibrateEngine(openEngine('noble'), { budgetMs: 60 });
  assert.ok(calibration.fixedUs >= 0 && calibration.perByteUs > 0 && calibration.coldUs >= 0);
  assert.ok(calibration.r2 > 0.8, `R2 ${calibration.r2}`);
  const cost = calibratedHashCost(calibration);
  assert.ok(cost.levelUs(10, 4096, 0) > 5 * cost.levelUs(10, 64, 0));
  assert.ok(cost.levelUs(10, 64, 2 ** 25) >= cost.levelUs(10, 64, 2 ** 20));
});

test('calibration refuses too few sizes to tell an error', () => {
  assert.throws(() => calibrateEngine(openEngine('noble'), { bodySizesBytes: [32, 33, 64] }), RangeError);
});
