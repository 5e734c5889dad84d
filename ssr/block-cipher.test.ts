/** Sealers: what is sealed opens at its own place only, whether or not the cipher was set up before. */
import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { encryptingSealer, randomNonces } from './block-cipher.ts';
import type { NonceSource } from './block-cipher.ts';

const place = (index: number) => ({ id: new Uint8Array(16).fill(7), level: 0, index, version: 3 });

void test('ciphers that were made ready seal like others, each one block, and no nonce comes twice', () => {
  let drawn = 0;
  const random = randomNonces();
  const nonces: NonceSource = {
    next() {
      drawn += 1;
      return random.next();
    },
  };
  const sealer = encryptingSealer(createSecretKey(randomBytes(32)), nonces);
  const seen = new Set<string>();
  const plain = Uint8Array.from(randomBytes(512));
  const sealAndOpen = (index: number): void => {
    const stored = new Uint8Array(plain.length);
    const seal = sealer.seal(place(index), plain, stored);
    assert.notDeepEqual(stored, plain);
    seen.add(Buffer.from(seal.subarray(0, 12)).toString('hex'));
    assert.ok(!sealer.open(place(index + 1), seal, stored.slice()), 'nowhere else');
    assert.ok(sealer.open(place(index), seal, stored));
    assert.deepEqual(stored, plain);
  };
  for (let round = 0; round < 20; round += 1) {
    sealer.makeReady?.(round % 7);
    for (let n = 0; n < 5; n += 1) sealAndOpen(n);
  }
  assert.equal(seen.size, 100);
  assert.ok(drawn >= 100 && drawn <= 104, 'every nonce that was drawn was used, but for those of ready ciphers');
});

void test('however many blocks were sealed, four ciphers are made ready', () => {
  let drawn = 0;
  const nonces = { next: () => new Uint8Array(12).fill((drawn += 1)) };
  const sealer = encryptingSealer(createSecretKey(randomBytes(32)), nonces);
  sealer.makeReady?.(1000);
  sealer.makeReady?.(1000);
  assert.equal(drawn, 4);
});
