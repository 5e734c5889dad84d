import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHoldWords, hasWatchFd, isBusy, markDead, offerWatchFd, takeHold } from './hold.ts';

const gone = { code: 'DEVICE_GONE' };

test('an access is visible to the owner from its beginning to its end', () => {
  const words = createHoldWords();
  const hold = takeHold(words);
  assert.equal(isBusy(words), false);
  hold.enter();
  assert.equal(isBusy(words), true);
  hold.leave();
  assert.equal(isBusy(words), false);
});

test('no access begins once the device is dead, and a refused access does not count as one', () => {
  const words = createHoldWords();
  const hold = takeHold(words);
  markDead(words, 'died');
  assert.throws(() => hold.enter(), gone);
  assert.equal(isBusy(words), false);
  markDead(words, 'closed');
  assert.throws(() => hold.enter(), /its QEMU ended/);
  assert.throws(() => takeHold(words).enter(), gone);
});

test('a new hold shuts the old one out and clears the access in which its thread was terminated', () => {
  const words = createHoldWords();
  const old = takeHold(words);
  old.enter();
  const current = takeHold(words);
  assert.equal(isBusy(words), false);
  assert.throws(() => old.enter(), /another thread/);
  current.enter();
  old.leave();
  assert.equal(isBusy(words), true, 'the old hold must not end the new one’s access');
  current.leave();
  current.release();
  assert.throws(() => current.enter(), gone);
  assert.equal(current.isLive(), false);
});

test('the watch descriptor is handed to exactly one taker', () => {
  const words = createHoldWords();
  assert.equal(hasWatchFd(words), false);
  assert.equal(offerWatchFd(words, 7), undefined);
  assert.equal(hasWatchFd(words), true);
  const hold = takeHold(words);
  assert.equal(hold.takeWatchFd(), 7);
  assert.equal(hold.takeWatchFd(), undefined);
  assert.equal(offerWatchFd(words, 9), undefined);
  assert.equal(offerWatchFd(words, undefined), 9, 'an offer that nobody took comes back to be closed');
});
