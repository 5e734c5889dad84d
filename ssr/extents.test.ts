/** Where the blocks of a transaction go: together if there is room, and never far off. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVolume, openVolume } from './index.ts';
import { MemoryDisk } from './store/memory-store.ts';
import type { Write } from './store/watch-writes.ts';
import { watchWrites } from './store/watch-writes.ts';
import { rewindableSimulated } from './testing/rewindable-tpm.ts';

const BLOCK = 512;
/** Two levels of nodes at arity 8. */
const BLOCKS = 64;

void test('a commit of one block is three writes: the block, its nodes in a row, the superblock; now and then one more for the own trees', async () => {
  const disk = new MemoryDisk();
  const tpm = await rewindableSimulated().powerOn();
  const writes: Write[] = [];
  const store = watchWrites(disk.open(), writes);
  const volume = await createVolume({ store, tpm, blockSizeBytes: BLOCK, arity: 8 });
  const region = volume.create('a', { sizeBytes: BLOCKS * BLOCK });
  await volume.commit();
  const content = (turn: number): Uint8Array => new Uint8Array(BLOCK).fill(1 + (turn % 200));
  let sizeBytes = 0;
  let withTrees = 0;
  for (let turn = 0; turn < 6 * BLOCKS; turn += 1) {
    // Not in order, so that holes come and go.
    region.write(((turn * 29) % BLOCKS) * BLOCK, content(turn));
    writes.length = 0;
    await volume.commit();
    if (turn === 2 * BLOCKS) sizeBytes = store.sizeBytes();
    if (turn < 2 * BLOCKS) continue;
    const sizeBytesOfAll = writes.reduce((sum, write) => sum + write.sizeBytes, 0);
    // A block, two nodes, the superblock; now and then a block of the directory and one of the free map.
    const isWithTrees = sizeBytesOfAll > 3 * BLOCK + 1024;
    if (isWithTrees) withTrees += 1;
    assert.equal(sizeBytesOfAll, (isWithTrees ? 5 : 3) * BLOCK + 1024, `commit ${turn}`);
    assert.ok(writes.length <= (isWithTrees ? 4 : 3), `commit ${turn}: ${writes.length} writes`);
  }
  assert.ok(withTrees <= (4 * BLOCKS) / 8, `${withTrees} of ${4 * BLOCKS}`);
  assert.equal(store.sizeBytes(), sizeBytes, 'the store grows no more');
  assert.ok(sizeBytes <= 2 * (BLOCKS + 16) * BLOCK + 16_384);
  await volume.close();
  await using again = await openVolume({ store: disk.open(), tpm });
  for (let turn = 5 * BLOCKS; turn < 6 * BLOCKS; turn += 1)
    assert.deepEqual(again.region('a').read(((turn * 29) % BLOCKS) * BLOCK, BLOCK), content(turn));
});

void test('a volume that is all but full commits from whatever holes there are', async () => {
  const tpm = await rewindableSimulated().powerOn();
  const writes: Write[] = [];
  const store = watchWrites(new MemoryDisk().open(), writes);
  // Superblocks, the region with its nodes, directory and free map; and room for the next five blocks.
  const capacityBytes = (32 + BLOCKS + 9 + 2 + 5) * BLOCK;
  const volume = await createVolume({ store, tpm, blockSizeBytes: BLOCK, arity: 8, capacityBytes });
  const region = volume.create('a', { sizeBytes: BLOCKS * BLOCK });
  region.write(0, new Uint8Array(BLOCKS * BLOCK).fill(1));
  await volume.commit();
  let scattered = 0;
  for (let turn = 0; turn < 4 * BLOCKS; turn += 1) {
    writes.length = 0;
    region.write(((turn * 29) % BLOCKS) * BLOCK, new Uint8Array(BLOCK).fill(3));
    await volume.commit();
    if (writes.length > 3) scattered += 1;
  }
  assert.ok(scattered > 0);
  assert.deepEqual(region.read(0, BLOCKS * BLOCK), new Uint8Array(BLOCKS * BLOCK).fill(3));
  await volume.close();
});
