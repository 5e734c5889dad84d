/** The superblock as bytes: what goes in comes out, and nobody without the key makes or changes one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EMPTY_ROOT } from './block-io.ts';
import { encodeSuperblock, isGenuine, parseSuperblock, superblockOffset, SUPERBLOCK_SIZE_BYTES } from './superblock.ts';
import { FLIPS_MAX, RECENT_ROOTS_MAX } from './recent-changes.ts';
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
  changes: {
    roots: [{ slot: 1023, root: { height: 2, entry: new Uint8Array(48).fill(7) }, sealedBlocks: 2 ** 33 }],
    flips: [2 ** 33 - 1, 16],
  },
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

void test('changes that cannot be are not parsed, up to the limits and one past them', () => {
  const root = sample.changes.roots[0] ?? assert.fail();
  const withChanges = (roots: number, flips: number, address: number) =>
    parseSuperblock(
      encodeSuperblock(
        {
          ...sample,
          sealedKeys: { private: new Uint8Array(1), public: new Uint8Array(1) },
          changes: {
            roots: Array.from({ length: roots }, () => root),
            flips: Array.from({ length: flips }, () => address),
          },
        },
        KEY,
      ),
    );
  const last = sample.capacityBlocks - 1;
  assert.ok(withChanges(RECENT_ROOTS_MAX, FLIPS_MAX, last) !== undefined);
  assert.equal(withChanges(RECENT_ROOTS_MAX + 1, FLIPS_MAX, last), undefined);
  assert.equal(withChanges(RECENT_ROOTS_MAX, FLIPS_MAX + 1, last), undefined);
  assert.equal(withChanges(RECENT_ROOTS_MAX, FLIPS_MAX, last + 1), undefined);
});

void test('a superblock has room for sealed keys up to a limit, however much has changed', () => {
  const root = sample.changes.roots[0] ?? assert.fail();
  const full = (privateSizeBytes: number): Superblock => ({
    ...sample,
    changes: {
      roots: Array.from({ length: RECENT_ROOTS_MAX }, () => root),
      flips: Array.from({ length: FLIPS_MAX }, (_, at) => at),
    },
    sealedKeys: { private: new Uint8Array(privateSizeBytes).fill(4), public: new Uint8Array(78).fill(5) },
  });
  const bytes = encodeSuperblock(full(308 - 78), KEY);
  assert.equal(bytes.length, SUPERBLOCK_SIZE_BYTES);
  assert.equal(bytes[SUPERBLOCK_SIZE_BYTES - 33], 5, 'the last field ends right before the HMAC');
  assert.deepEqual(parseSuperblock(bytes)?.superblock, full(308 - 78));
  assert.throws(() => encodeSuperblock(full(309 - 78), KEY), /has 308 bytes for sealed keys, not 309/);
});
