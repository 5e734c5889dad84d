/** The cache of verified nodes: bounded, and never a node under another seal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NodeCache } from './node-cache.ts';

const seal = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

void test('the cache never holds more bytes than its limit and forgets what was not used longest', () => {
  const cache = new NodeCache(1000);
  for (let address = 1; address <= 50; address += 1) {
    cache.put(address, seal(address), new Uint8Array(100));
    assert.ok(cache.sizeBytes <= 1000);
    // Used all the time, hence never forgotten.
    assert.ok(cache.get(1, seal(1)) !== undefined);
  }
  assert.equal(cache.sizeBytes, 1000);
  assert.equal(cache.get(40, seal(40)), undefined);
  assert.ok(cache.get(50, seal(50)) !== undefined);
  cache.put(60, seal(60), new Uint8Array(1001));
  assert.equal(cache.get(60, seal(60)), undefined, 'one byte more than the limit');
  cache.put(61, seal(61), new Uint8Array(1000));
  assert.equal(cache.sizeBytes, 1000);
});

void test('a node is given out only to who asks for the seal it was verified against', () => {
  const cache = new NodeCache(1000);
  cache.put(5, seal(1), Uint8Array.of(1));
  assert.equal(cache.get(5, seal(2)), undefined);
  cache.put(5, seal(2), Uint8Array.of(2));
  assert.equal(cache.get(5, seal(1)), undefined);
  assert.deepEqual(cache.get(5, seal(2)), Uint8Array.of(2));
  assert.equal(cache.sizeBytes, 1);
});
