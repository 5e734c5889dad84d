import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openEngine } from '../hash/open.ts';
import { PREFIX_SIZE_BYTES } from '../hash-engine.ts';
import { shaSteppedBytes } from './cost.ts';
import { PriceMeter } from './prices.ts';
import { calibratedHashCost, Calibrator, HOT_SIZE_BYTES } from './calibrate.ts';
import { fastQuantile, fitLine } from './line-fit.ts';

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
  const calibrator = new Calibrator(openEngine('noble'), 'leaves');
  const calibration = calibrator.calibration(Array.from({ length: 5 }, () => calibrator.pass()));
  assert.ok(calibration.fixedUs >= 0 && calibration.perByteUs > 0);
  assert.ok(calibration.memory.length === 2 && calibration.memory.every(({ moreUs }) => moreUs >= 0));
  assert.ok(calibration.r2 > 0.8, `R2 ${calibration.r2}`);
  const cost = calibratedHashCost(calibration, calibration);
  assert.ok(cost.levelUs(10, 4096, 0) > 5 * cost.levelUs(10, 64, 0));
  assert.ok(cost.levelUs(10, 64, 2 ** 25) >= cost.levelUs(10, 64, 2 ** 20));
});

test('a price follows the samples where they lie off the line, a level pays for its call once, and a large one for memory', () => {
  const samples = [32, 112, 240, 1008].map((bodySizeBytes, k) => ({
    bodySizeBytes,
    steppedBytes: shaSteppedBytes(bodySizeBytes + PREFIX_SIZE_BYTES),
    us: [0.4, 0.9, 0.8, 2][k] ?? 0,
  }));
  const calibration = {
    engine: 'node',
    of: 'nodes',
    ...fitLine(samples),
    memory: [{ levelSizeBytes: 2 ** 22, moreUs: 0.2 }],
    callUs: 0.5,
    samples,
  } as const;
  const cost = calibratedHashCost(calibration, calibration);
  const near = (a: number, b: number): void => assert.ok(Math.abs(a - b) < 1e-9, `${a} ${b}`);
  for (const { bodySizeBytes, us } of samples) {
    near(cost.levelUs(10, bodySizeBytes, 0), 10 * us + 0.5);
    near(cost.levelUs(10, bodySizeBytes, Math.sqrt(HOT_SIZE_BYTES * 2 ** 22)), 10 * (us + 0.1) + 0.5);
    near(cost.levelUs(10, bodySizeBytes, 2 ** 30), 10 * (us + 0.2) + 0.5);
    near(cost.nodeLevelUs?.(0.1, bodySizeBytes, 0) ?? 0, 0.1 * us + 0.05);
  }
});

test('the price of `fastest` is that of the engine which it will choose', () => {
  const meter = new PriceMeter('fastest');
  const { hash, calibrations, bookkeeping } = meter.prices([meter.pass()]);
  const of = (engine: string, kind: string) => calibrations.find((c) => c.engine === engine && c.of === kind);
  const [node, nodes] = [of('node', 'leaves'), of('node', 'nodes')];
  assert.ok(node && nodes, 'there is always node:crypto');
  const [kernel, kernelNodes] = [of('wasm', 'leaves') ?? node, of('wasm', 'nodes') ?? nodes];
  const [slow, quick] = [calibratedHashCost(node, nodes), calibratedHashCost(kernel, kernelNodes)];
  assert.equal(hash.levelUs(100, 4096, 0), slow.levelUs(100, 4096, 0), 'large leaves go to OpenSSL');
  assert.equal(hash.nodeLevelUs?.(1, 64, 0), slow.nodeLevelUs?.(1, 64, 0), 'and so does a lone node');
  assert.equal(hash.nodeLevelUs?.(100, 64, 0), quick.nodeLevelUs?.(100, 64, 0), 'many nodes go to the kernel');
  assert.ok(Object.values(bookkeeping).every((us) => us >= 0) && bookkeeping.perLeafUs + bookkeeping.perNodeUs > 0);
});

test('calibration refuses too few sizes to tell an error', () => {
  assert.throws(() => new Calibrator(openEngine('noble'), 'nodes', [32, 33, 64]), RangeError);
});
