import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openVolume } from '../open-volume.ts';
import { refusedBy } from './shown.ts';
import { bench } from './small-volume.ts';

void test('a disk on which every sealed key is damaged is refused, and the oracle takes it as a refusal', async () => {
  const { disk, tpm, volume } = await bench();
  await volume.transaction((transaction) => transaction.create('a', { sizeBytes: 1 }));
  await volume.close();
  const store = disk.open();
  const superblock = new Uint8Array(1024);
  for (const place of [0, 1]) {
    store.read(place * 4096, superblock);
    // Inside of the private blob: it follows the fixed fields, which end before byte 400.
    superblock[450] = (superblock[450] ?? 0) ^ 1;
    store.write(place * 4096, superblock);
  }
  store.close();
  await assert.rejects(openVolume({ store: disk.open(), tpm }), (error) => {
    assert.deepEqual(refusedBy(error), { kind: 'refused', code: 'SSR_KEYS_UNAVAILABLE' });
    return true;
  });
  assert.throws(() => refusedBy(new Error('something else')), /something else/);
});
