/** What the superblock says in place of directory and free map: up to its limits, and when it is opened again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVolume, openVolume } from './index.ts';
import { flip, FLIPS_MAX, RECENT_ROOTS_MAX, withRoot } from './recent-changes.ts';
import type { RecentRoot } from './recent-changes.ts';
import { MemoryDisk } from './store/memory-store.ts';
import type { Store } from './store/store.ts';
import { readSuperblocks } from './superblock.ts';
import { rewindableSimulated } from './testing/rewindable-tpm.ts';

const BLOCK = 512;
const NAMES = ['a', 'b', 'c', 'd'];

function newest(store: Store) {
  return readSuperblocks(store).reduce((best, one) => (one.superblock.version > best.superblock.version ? one : best))
    .superblock;
}

void test('a bit that is turned twice is as it was; there are so many turned bits and no more', () => {
  const flips: number[] = [];
  for (let address = 1; address <= FLIPS_MAX; address += 1) assert.ok(flip(flips, address));
  assert.ok(flip(flips, 7));
  assert.equal(flips.length, FLIPS_MAX - 1);
  assert.ok(flip(flips, 7));
  assert.ok(!flip(flips, FLIPS_MAX + 1));
});

void test('the newest root of a region counts; there are so many regions and no more', () => {
  const rootOf = (slot: number, height: number): RecentRoot => ({
    slot,
    root: { height, entry: new Uint8Array(48).fill(height) },
    sealedBlocks: height,
  });
  let roots: readonly RecentRoot[] = [];
  for (let slot = 0; slot < RECENT_ROOTS_MAX; slot += 1) roots = withRoot(roots, rootOf(slot, 1)) ?? assert.fail();
  assert.equal(withRoot(roots, rootOf(RECENT_ROOTS_MAX, 1)), undefined);
  roots = withRoot(roots, rootOf(0, 2)) ?? assert.fail();
  assert.deepEqual(
    roots.map(({ slot, root }) => `${slot}:${root.height}`),
    ['1:1', '2:1', '0:2'],
  );
});

void test('opened after each commit, a volume is what was written, whether or not its trees say so', async () => {
  const disk = new MemoryDisk();
  const tpm = await rewindableSimulated().powerOn();
  const first = await createVolume({ store: disk.open(), tpm, blockSizeBytes: BLOCK, arity: 4 });
  for (const name of NAMES) first.create(name, { sizeBytes: 16 * BLOCK });
  await first.commit();
  await first.close();
  const contents = new Map(NAMES.map((name) => [name, new Uint8Array(16 * BLOCK)]));
  const seen = { kept: 0, written: 0 };
  for (let turn = 0; turn < 120; turn += 1) {
    const store = disk.open();
    await using volume = await openVolume({ store, tpm });
    // Mostly one region, sometimes as many as the superblock takes, sometimes one more.
    const names = NAMES.slice(0, turn % 10 === 8 ? RECENT_ROOTS_MAX : turn % 40 === 39 ? RECENT_ROOTS_MAX + 1 : 1);
    const at = ((turn * 7) % 16) * BLOCK;
    for (const name of names) {
      contents.get(name)?.fill(1 + turn, at, at + BLOCK);
      volume.region(name).write(at, new Uint8Array(BLOCK).fill(1 + turn));
    }
    await volume.commit();
    const { changes } = newest(store);
    assert.ok(changes.roots.length <= RECENT_ROOTS_MAX && changes.flips.length <= FLIPS_MAX);
    if (changes.roots.length === 0) seen.written += 1;
    else seen.kept += 1;
    if (names.length > RECENT_ROOTS_MAX) assert.equal(changes.roots.length, 0);
    for (const [name, bytes] of contents) assert.deepEqual(volume.region(name).read(0, bytes.length), bytes, name);
    assert.deepEqual((await volume.scrub()).damage, []);
  }
  assert.ok(seen.kept > 60 && seen.written > 3, JSON.stringify(seen));
});

void test('a transaction that fails leaves what the superblock says as it was', async () => {
  const store = new MemoryDisk().open();
  const tpm = await rewindableSimulated().powerOn();
  const volume = await createVolume({ store, tpm, blockSizeBytes: BLOCK });
  const region = volume.create('a', { sizeBytes: 4 * BLOCK });
  await volume.commit();
  region.write(0, new Uint8Array(BLOCK).fill(1));
  await volume.commit();
  const before = newest(store).changes;
  const failure = new Error('the caller has second thoughts');
  await assert.rejects(
    volume.transaction((transaction) => {
      transaction.region('a').write(0, new Uint8Array(4 * BLOCK).fill(2));
      throw failure;
    }),
    failure,
  );
  region.write(0, new Uint8Array(BLOCK).fill(3));
  await volume.commit();
  // One block and its root moved on, and nothing else.
  assert.equal(newest(store).changes.flips.length, before.flips.length);
  assert.deepEqual(region.read(0, BLOCK), new Uint8Array(BLOCK).fill(3));
  await volume.close();
});
