/** Digests and HMACs of parts are those of OpenSSL's objects, at every length where the way changes. */
import assert from 'node:assert/strict';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { hmacSha256Of, sha256Of } from './hmac.ts';

const LENGTHS = [0, 1, 55, 56, 63, 64, 65, 100, 1000, 2047, 2048, 2049, 5000];

void test('a hash of parts is the hash of what they make together', () => {
  for (const length of LENGTHS) {
    const message = randomBytes(length);
    const expected = new Uint8Array(createHash('sha256').update(message).digest());
    const half = length >> 1;
    assert.deepEqual(sha256Of(message), expected, `${length} bytes`);
    assert.deepEqual(sha256Of(message.subarray(0, half), new Uint8Array(0), message.subarray(half)), expected);
  }
});

void test('an HMAC is that of RFC 2104, with keys below, at and above a block', () => {
  for (const keyLength of [0, 1, 32, 63, 64, 65, 200]) {
    for (const length of LENGTHS) {
      const [key, message] = [randomBytes(keyLength), randomBytes(length)];
      const expected = new Uint8Array(createHmac('sha256', key).update(message).digest());
      assert.deepEqual(
        hmacSha256Of(key, message.subarray(0, 7), message.subarray(7)),
        expected,
        `${keyLength}, ${length}`,
      );
    }
  }
});

void test("results are the caller's own: a later hash does not change an earlier one", () => {
  const first = sha256Of(Uint8Array.of(1));
  const copy = first.slice();
  sha256Of(Uint8Array.of(2));
  hmacSha256Of(new Uint8Array(32), Uint8Array.of(3));
  assert.deepEqual(first, copy);
});
