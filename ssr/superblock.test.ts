/** The superblock as bytes: what goes in comes out, and nobody without the key makes or changes one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EMPTY_ROOT } from './block-io.ts';
import { encodeSuperblock, isGenuine, parseSuperblock, superblockOffset, SUPERBLOCK_SIZE_BYTES } from './superblock.ts';
import type { Superblock } from './superblock.ts';

const KEY = new Uint8Array(32).fill(9);

const sample: Superblock = {
  isTentative: false,
  epoch: 77,
  version: 2 ** 40 + 3,
  volumeId: new Uint8Array(16).fill(1),
  blockSizeBytes: 4096,
  arity: 32,
  capacityBlocks: 2 ** 33,
  allowsNotFresh: true,
  directory: { height: 3, entry: new Uint8Array(48).fill(2) },
  directorySlots: 1024,
  freeMap: EMPTY_ROOT,
  sealedBlocks: 12345,
  previousDigest: new Uint8Array(32).fill(3),
  anchor: { firstIndex: 0x01810000, slotCount: 64 },
  pcrs: [0, 7, 23],
  sealedKeys: { private: new Uint8Array(126).fill(4), public: new Uint8Array(78).fill(5) },
  wrappedKeys: new Uint8Array(92).fill(6),
  tokens: { tokens: 20, atMs: 1_700_000_000_000 },
};

void test('a superblock comes back as it was written, at the place of its parity', () => {
  for (const superblock of [sample, { ...sample, wrappedKeys: undefined, isTentative: true, epoch: 78 }]) {
    const alleged = parseSuperblock(encodeSuperblock(superblock, KEY));
    assert.deepEqual(alleged?.superblock, superblock);
    assert.ok(alleged !== undefined && isGenuine(alleged, KEY) && !isGenuine(alleged, new Uint8Array(32)));
  }
  const places = [76, 77].map((epoch) => superblockOffset({ ...sample, epoch }) / 4096);
  const tentative = [2, 3].map((version) => superblockOffset({ ...sample, isTentative: true, version }) / 4096);
  assert.deepEqual([...places, ...tentative], [0, 1, 2, 3]);
});

void test('any bytes parse or do not, and no changed bit passes for genuine', () => {
  const bytes = encodeSuperblock(sample, KEY);
  for (let bit = 0; bit < SUPERBLOCK_SIZE_BYTES * 8; bit += 1) {
    const changed = bytes.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const alleged = parseSuperblock(changed);
    assert.ok(alleged === undefined || !isGenuine(alleged, KEY), `bit ${bit}`);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: SUPERBLOCK_SIZE_BYTES + 1 }), fc.nat(8), (noise, kept) => {
      const forged = bytes.slice();
      forged.set(noise.subarray(0, SUPERBLOCK_SIZE_BYTES - kept), kept);
      for (const alleged of [parseSuperblock(noise), parseSuperblock(forged)]) {
        if (alleged === undefined) continue;
        const { blockSizeBytes, arity, anchor } = alleged.superblock;
        assert.ok(
          blockSizeBytes >= 512 && blockSizeBytes <= 65536 && arity * 48 <= blockSizeBytes && anchor.slotCount <= 64,
        );
      }
    }),
    { numRuns: 300 },
  );
  assert.throws(
    () => encodeSuperblock({ ...sample, sealedKeys: { private: new Uint8Array(900), public: new Uint8Array(0) } }, KEY),
    RangeError,
  );
});

void test('fields may fill the superblock up to its HMAC, and no byte more', () => {
  const withKeys = (sizeBytes: number): Superblock => ({
    ...sample,
    sealedKeys: { ...sample.sealedKeys, private: new Uint8Array(sizeBytes).fill(4) },
  });
  // Grown until the fields end where the HMAC begins.
  let sizeBytes = 126;
  const fits = (): boolean => {
    try {
      encodeSuperblock(withKeys(sizeBytes + 1), KEY);
      return true;
    } catch {
      return false;
    }
  };
  while (fits()) sizeBytes += 1;
  const bytes = encodeSuperblock(withKeys(sizeBytes), KEY);
  assert.equal(bytes.length, SUPERBLOCK_SIZE_BYTES);
  assert.equal(bytes[SUPERBLOCK_SIZE_BYTES - 33], 5, 'the last field ends right before the HMAC');
  assert.deepEqual(parseSuperblock(bytes)?.superblock, withKeys(sizeBytes));
  assert.throws(() => encodeSuperblock(withKeys(sizeBytes + 1), KEY), /has 992 bytes for its fields, not 993/);
});
