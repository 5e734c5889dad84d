/** Both engines compute the same, and the portable cipher agrees with OpenSSL. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { kdfa } from './crypto.ts';
import { nodeCrypto, portableCrypto } from './index.ts';

const portable = portableCrypto();
const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const some = fc.uint8Array({ maxLength: 200 });

test('AES-128-CFB of the portable engine is that of OpenSSL, both directions', () => {
  fc.assert(
    fc.property(bytes(16), bytes(16), some, (key, iv, data) => {
      const sealed = portable.aes128Cfb('encrypt', key, iv, data);
      assert.deepEqual(sealed, nodeCrypto.aes128Cfb('encrypt', key, iv, data));
      assert.deepEqual(portable.aes128Cfb('decrypt', key, iv, sealed), data);
    }),
  );
});

test('SHA-256, HMAC and KDFa are the same on both engines', () => {
  fc.assert(
    fc.property(some, some, some, fc.constantFrom(128, 256, 512), (key, u, v, bits) => {
      assert.deepEqual(portable.sha256(u, v), nodeCrypto.sha256(u, v));
      assert.deepEqual(portable.hmacSha256(key, u, v), nodeCrypto.hmacSha256(key, u, v));
      const derived = kdfa(portable, key, 'LABEL', u, v, bits);
      assert.equal(derived.length, bits / 8);
      assert.deepEqual(derived, kdfa(nodeCrypto, key, 'LABEL', u, v, bits));
    }),
  );
});

test('P-256: both parties of an ECDH get the same x; a point off the curve gives nothing', () => {
  const { ecc } = nodeCrypto;
  assert.ok(ecc);
  const [a, b] = [ecc.generate(), ecc.generate()];
  assert.deepEqual(ecc.sharedX(a.scalar, b.point), ecc.sharedX(b.scalar, a.point));
  assert.deepEqual(ecc.publicPoint(a.scalar), a.point);
  assert.equal(ecc.sharedX(a.scalar, { x: b.point.x, y: a.point.y }), undefined);
  assert.equal(ecc.publicPoint(new Uint8Array(32)), undefined);
  assert.equal(ecc.publicPoint(new Uint8Array(32).fill(0xff)), undefined);
});
