import assert from 'node:assert/strict';
import { test } from 'node:test';
import { summarizeLegs } from './paired-legs.ts';

/** Rounds of two devices, of which one is three times as fast, and a monitor that costs a tenth of the throughput. */
const leg = (monitorIsOnTheFastOne: boolean): { withMonitorNs: number; passThroughNs: number }[] => {
  const [withMonitorNs, passThroughNs] = monitorIsOnTheFastOne ? [100 / 0.9, 300] : [300 / 0.9, 100];
  const pair = { withMonitorNs, passThroughNs };
  return [pair, pair, pair, { ...pair, withMonitorNs: 90 * withMonitorNs }, pair, pair];
};

test('neither a faster device nor a disturbed round is taken for the monitor’s cost', () => {
  const { throughputRatio, lowestRatio, highestRatio } = summarizeLegs([leg(true), leg(false)]);
  assert.equal(throughputRatio.toFixed(6), '0.900000');
  assert.equal(lowestRatio.toFixed(6), '0.300000');
  assert.equal(highestRatio.toFixed(6), '2.700000');
});

test('a leg in which a stranger held one side back does not move the answer', () => {
  const fair = [{ withMonitorNs: 102, passThroughNs: 100 }];
  const spoilt = [{ withMonitorNs: 300, passThroughNs: 100 }];
  const { throughputRatio, lowestRatio } = summarizeLegs([fair, spoilt, fair, fair]);
  assert.equal(throughputRatio.toFixed(6), (100 / 102).toFixed(6));
  assert.equal(lowestRatio.toFixed(6), (1 / 3).toFixed(6));
});

test('who comes second in a pair is not taken for the monitor’s cost, if every second pair goes the other way round', () => {
  const cold = 1.1;
  const pairs = [
    { withMonitorNs: 100, passThroughNs: 100 * cold },
    { withMonitorNs: 100 * cold, passThroughNs: 100 },
  ];
  const { throughputRatio } = summarizeLegs([[...pairs, ...pairs, ...pairs]]);
  assert.equal(throughputRatio.toFixed(6), '1.000000');
});

test('a last pair without a partner counts by itself', () => {
  const same = { withMonitorNs: 100, passThroughNs: 100 };
  const { throughputRatio } = summarizeLegs([[same, same, { withMonitorNs: 200, passThroughNs: 100 }]]);
  assert.equal(throughputRatio, Math.exp(Math.log(0.75)));
});

test('nothing measured is no result', () => {
  assert.throws(() => summarizeLegs([]), RangeError);
  assert.throws(() => summarizeLegs([[]]), RangeError);
});
