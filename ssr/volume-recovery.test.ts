/** The recovery key: what it opens, what it says, and what is no longer accepted afterwards. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeRecoveryKey, openVolume, recoverVolume } from './index.ts';
import { MemoryDisk } from './store/memory-store.ts';
import { bench, bytes, refusal } from './testing/small-volume.ts';
import * as tpm2 from './tpm/index.ts';
import { NO_PASSWORD } from './tpm/index.ts';

void test('the recovery key opens what is left, only with consent, and what was there before is no longer accepted', async () => {
  const recoveryKey = makeRecoveryKey();
  const { disk, tpm, volume } = await bench({ recoveryKey });
  volume.create('a', { sizeBytes: 1 }).write(0, bytes(5));
  await volume.commit();
  await volume.close();
  const before = copyOf(disk);
  await tpm.run(tpm2.nvUndefineSpace(await tpm.nvEntity(volume.anchorIndices[0] ?? 0)), [NO_PASSWORD]);
  await assert.rejects(openVolume({ store: disk.open(), tpm }), refusal('SSR_ANCHOR_DESTROYED'));
  const consent = { acceptLoss: true } as const;
  await assert.rejects(
    recoverVolume({ store: disk.open(), tpm, recoveryKey: makeRecoveryKey(), ...consent }),
    refusal('SSR_KEYS_UNAVAILABLE'),
  );
  await assert.rejects(
    recoverVolume({ store: disk.open(), tpm, recoveryKey, acceptLoss: false as unknown as true }),
    TypeError,
  );
  const recovered = await recoverVolume({ store: disk.open(), tpm, recoveryKey, ...consent });
  assert.deepEqual(recovered.region('a').read(0, 1), bytes(5));
  recovered.region('a').write(0, bytes(6));
  await recovered.commit();
  await recovered.close();
  await using again = await openVolume({ store: disk.open(), tpm });
  assert.deepEqual(again.region('a').read(0, 1), bytes(6));
  await assert.rejects(openVolume({ store: before.open(), tpm }), refusal('SSR_ANCHOR_DESTROYED'));
});

void test('recovery on the same intact TPM takes the old anchor away: a copy of the disk from before is refused', async () => {
  const recoveryKey = makeRecoveryKey();
  const { disk, tpm, volume } = await bench({ recoveryKey });
  await volume.close();
  const before = copyOf(disk);
  await (await recoverVolume({ store: disk.open(), tpm, recoveryKey, acceptLoss: true })).close();
  await assert.rejects(openVolume({ store: before.open(), tpm }), refusal('SSR_ANCHOR_DESTROYED'));
});

void test('recovery on another TPM leaves alone what lies there under the same NV indices', async () => {
  const recoveryKey = makeRecoveryKey();
  const { disk, volume } = await bench({ recoveryKey });
  volume.create('a', { sizeBytes: 1 }).write(0, bytes(5));
  await volume.commit();
  await volume.close();
  for (const isTaken of [true, false]) {
    const other = await bench();
    await other.volume.close();
    if (!isTaken)
      for (const index of other.volume.anchorIndices)
        await other.tpm.run(tpm2.nvUndefineSpace(await other.tpm.nvEntity(index)), [NO_PASSWORD]);
    const moved = copyOf(disk);
    await (await recoverVolume({ store: moved.open(), tpm: other.tpm, recoveryKey, acceptLoss: true })).close();
    const again = await openVolume({ store: moved.open(), tpm: other.tpm });
    assert.deepEqual(again.region('a').read(0, 1), bytes(5));
    await again.close();
    if (isTaken) await (await openVolume({ store: other.disk.open(), tpm: other.tpm })).close();
  }
});

function copyOf(disk: MemoryDisk): MemoryDisk {
  const from = disk.open();
  const all = new Uint8Array(from.sizeBytes());
  from.read(0, all);
  from.close();
  const copy = new MemoryDisk();
  const to = copy.open();
  to.write(0, all);
  to.close();
  return copy;
}
