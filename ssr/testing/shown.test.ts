import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openVolume } from '../open-volume.ts';
import { parseSuperblock } from '../superblock.ts';
import { refusedBy } from './shown.ts';
import { bench } from './small-volume.ts';

void test('a disk on which every sealed key is damaged is refused, and the oracle takes it as a refusal', async () => {
  const { disk, tpm, volume } = await bench();
  await volume.transaction((transaction) => transaction.create('a', { sizeBytes: 1 }));
  await volume.close();
  const store = disk.open();
  const [superblock, found] = [new Uint8Array(1024), new Uint8Array(1024)];
  store.read(0, superblock);
  const { sealedKeys } = parseSuperblock(superblock)?.superblock ?? assert.fail('no superblock');
  const privateAt = Buffer.from(superblock).indexOf(sealedKeys.private);
  const publicAt = Buffer.from(superblock).indexOf(sealedKeys.public);
  store.close();
  // In the ciphertext; in the attributes of the public area, where a TPM finds reserved bits; in its type.
  for (const at of [privateAt + 80, publicAt + 4, publicAt]) {
    const writing = disk.open();
    for (const place of [0, 1]) {
      writing.read(place * 4096, found);
      found[at] = (found[at] ?? 0) ^ 0x80;
      writing.write(place * 4096, found);
    }
    writing.close();
    await assert.rejects(openVolume({ store: disk.open(), tpm }), (error) => {
      assert.deepEqual(refusedBy(error), { kind: 'refused', code: 'SSR_KEYS_UNAVAILABLE' });
      return true;
    });
  }
  assert.throws(() => refusedBy(new Error('something else')), /something else/);
});
