import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DriverMessage } from './abi.ts';
import { MESSAGE_BYTES_MAX, MESSAGE_DEPTH_MAX, MESSAGE_VALUES_MAX } from './limits.ts';
import { copyMessage } from './plain-data.ts';

const leaf = fc.oneof(
  fc.constant(undefined),
  fc.constant(null),
  fc.boolean(),
  fc.double(),
  fc.string(),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.uint8Array(),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, tie('list'), tie('record')),
  list: fc.array(tie('value'), { maxLength: 5 }),
  record: fc.dictionary(
    fc.string().filter((key) => key !== '__proto__'),
    tie('value'),
    { maxKeys: 5, noNullPrototype: true },
  ),
}));

test('every message of plain data is copied exactly, and shares nothing with its original', () => {
  fc.assert(
    fc.property(value, (payload) => {
      const message = { kind: 'x', payload, bytes: new Uint8Array([1]) };
      const copy = copyMessage(message);
      assert.deepEqual(copy, message);
      assert.deepEqual(structuredClone(copy), message);
      message.bytes[0] = 2;
      assert.deepEqual(copy['bytes'], new Uint8Array([1]));
    }),
    { numRuns: 300 },
  );
});

function nested(depth: number): DriverMessage {
  let inner: Record<string, unknown> = {};
  for (let index = 1; index < depth; index += 1) inner = { inner };
  return { kind: 'x', inner };
}

test('depth, number and bytes are taken at their limits and refused one past', () => {
  copyMessage(nested(MESSAGE_DEPTH_MAX - 1));
  assert.throws(() => copyMessage(nested(MESSAGE_DEPTH_MAX)), RangeError);
  // The message itself, `kind` (key and value), `list` (key) and the list are 5 of the values.
  const list = (length: number): DriverMessage => ({ kind: 'x', list: Array.from({ length }, () => 0) });
  copyMessage(list(MESSAGE_VALUES_MAX - 5));
  assert.throws(() => copyMessage(list(MESSAGE_VALUES_MAX - 4)), RangeError);
  const overhead = 8 + 'kind'.length * 2 + 'x'.length * 2 + 'bytes'.length * 2 + 8;
  copyMessage({ kind: 'x', bytes: new Uint8Array(MESSAGE_BYTES_MAX - overhead) });
  assert.throws(() => copyMessage({ kind: 'x', bytes: new Uint8Array(MESSAGE_BYTES_MAX - overhead + 1) }), RangeError);
});

test('a Buffer becomes a plain Uint8Array', () => {
  const copy = copyMessage({ kind: 'x', bytes: Buffer.from('abc') });
  assert.equal(Object.getPrototypeOf(copy['bytes']), Uint8Array.prototype);
});
