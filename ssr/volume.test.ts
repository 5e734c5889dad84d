/** Volumes as their users see them: transactions, snapshots, modes, limits and keys. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVolume, makeRecoveryKey, openVolume } from './index.ts';
import { bench, bytes, refusal } from './testing/small-volume.ts';
import * as tpm2 from './tpm/index.ts';
import { NO_PASSWORD } from './tpm/index.ts';
import { refill, waitMs } from './token-bucket.ts';

void test('a failed transaction leaves nothing; one that ends well is there after reopening, over several regions', async () => {
  const { disk, tpm, volume } = await bench();
  await assert.rejects(
    volume.transaction((transaction) => {
      transaction.create('a', { sizeBytes: 10 }).write(0, bytes(1));
      throw new Error('changed my mind');
    }),
    /changed my mind/,
  );
  assert.deepEqual(volume.list(), []);
  await volume.transaction((transaction) => {
    transaction.create('a', { sizeBytes: 2000 }).write(1999, bytes(7));
    transaction.create('b', { sizeBytes: 5, mode: 'integrity-only' }).write(0, bytes(8));
  });
  const { epoch } = volume;
  await volume.close();
  await using again = await openVolume({ store: disk.open(), tpm });
  assert.equal(again.epoch, epoch);
  assert.deepEqual(again.region('a').read(1998, 2), bytes(0, 7));
  assert.deepEqual(again.region('b').read(0, 5), bytes(8, 0, 0, 0, 0));
});

void test('one NV write per commit, none per read, one for a whole group', async () => {
  const { volume } = await bench({ mode: 'grouped', groupWindowMs: 5 });
  volume.create('a', { sizeBytes: 4096 });
  await volume.commit();
  assert.equal(volume.nvWrites, 1);
  await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      volume.transaction((transaction) => transaction.region('a').write(n, bytes(n))),
    ),
  );
  assert.equal(volume.nvWrites, 2);
  volume.region('a').read(0, 4096);
  assert.equal(volume.nvWrites, 2);
  await volume.commit();
  assert.equal(volume.nvWrites, 2, 'nothing to commit');
  await volume.close();
});

void test('a snapshot shows its moment while the writer goes on, and its blocks are free again afterwards', async () => {
  const { volume } = await bench({ capacityBytes: 16384 + 512 * 60 });
  const region = volume.create('a', { sizeBytes: 512 * 8 });
  region.write(0, new Uint8Array(512 * 8).fill(1));
  await volume.commit();
  const snapshot = volume.snapshot();
  for (let round = 2; round < 5; round += 1) {
    region.write(0, new Uint8Array(512 * 8).fill(round));
    await volume.commit();
    assert.deepEqual(snapshot.read('a', 0, 512 * 8), new Uint8Array(512 * 8).fill(1));
  }
  assert.deepEqual(snapshot.names(), ['a']);
  snapshot.close();
  for (let round = 0; round < 20; round += 1) {
    region.write(0, new Uint8Array(512 * 8).fill(round));
    await volume.commit();
  }
  assert.equal((await volume.scrub()).damage.length, 0);
  await volume.close();
});

void test('a full volume refuses, keeps what it has, and goes on after a deletion', async () => {
  const { volume } = await bench({ capacityBytes: 16384 + 512 * 40 });
  volume.create('a', { sizeBytes: 512 * 10 }).write(0, new Uint8Array(512 * 10).fill(1));
  await volume.commit();
  await assert.rejects(
    volume.transaction((transaction) =>
      transaction.create('b', { sizeBytes: 512 * 100 }).write(0, new Uint8Array(512 * 100)),
    ),
    refusal('SSR_NO_SPACE'),
  );
  assert.deepEqual(volume.region('a').read(0, 3), bytes(1, 1, 1));
  volume.delete('a');
  await volume.commit();
  volume.create('c', { sizeBytes: 512 * 12 }).write(0, new Uint8Array(512 * 12).fill(3));
  await volume.commit();
  assert.equal((await volume.scrub()).damage.length, 0);
  await volume.close();
});

void test('names, sizes and accesses are checked at the limit and one past it', async () => {
  const { volume } = await bench();
  const long = 'n'.repeat(100);
  assert.equal(volume.create(long, { sizeBytes: 3 }).sizeBytes, 3);
  for (const name of ['', `${long}n`, 'a\nb', '\ud800'])
    assert.throws(() => volume.create(name, { sizeBytes: 1 }), RangeError);
  for (const sizeBytes of [-1, 1.5, 2 ** 46 + 1]) assert.throws(() => volume.create('x', { sizeBytes }), RangeError);
  assert.throws(() => volume.create(long, { sizeBytes: 1 }), refusal('SSR_EXISTS'));
  const region = volume.region(long);
  region.write(0, bytes(1, 2, 3));
  assert.throws(() => region.write(1, bytes(1, 2, 3)), RangeError);
  assert.throws(() => region.read(3, 1), RangeError);
  assert.deepEqual(region.read(3, 0), bytes());
  assert.throws(() => volume.region('none'), refusal('SSR_NO_REGION'));
  await assert.rejects(
    volume.transaction(() => undefined),
    refusal('SSR_TRANSACTION_OPEN'),
  );
  volume.rollback();
  await volume.transaction((transaction) => {
    for (let n = 0; n < 1024; n += 1) transaction.create(`r${n}`, { sizeBytes: 1 });
    assert.throws(() => transaction.create('one more', { sizeBytes: 1 }), refusal('SSR_LIMIT'));
  });
  assert.equal(volume.list().length, 1024);
  await volume.close();
  await assert.rejects(volume.commit(), refusal('SSR_CLOSED'));
});

void test('closing finishes what was begun and takes nothing new', async () => {
  const { disk, tpm, volume } = await bench();
  await volume.transaction((transaction) => void transaction.create('a', { sizeBytes: 1 }));
  const begun = volume.transaction(async (transaction) => {
    await new Promise((resolve) => setTimeout(resolve, 10));
    transaction.region('a').write(0, bytes(4));
  });
  // The transaction begins in the next turn.
  await Promise.resolve();
  const closed = volume.close();
  await assert.rejects(
    volume.transaction(() => undefined),
    refusal('SSR_CLOSED'),
  );
  await Promise.all([begun, closed]);
  await using again = await openVolume({ store: disk.open(), tpm });
  assert.deepEqual(again.region('a').read(0, 1), bytes(4));
});

void test('a second opener is refused, and so is a volume on top of a volume', async () => {
  const { disk, tpm, volume } = await bench();
  assert.throws(() => disk.open(), refusal('SSR_STORE_LOCKED'));
  await volume.close();
  await assert.rejects(createVolume({ store: disk.open(), tpm }), refusal('SSR_EXISTS'));
  const other = makeRecoveryKey().subarray(0, 16);
  await assert.rejects(openVolume({ store: disk.open(), tpm, expectVolumeId: other }), refusal('SSR_NOT_A_VOLUME'));
  await (await openVolume({ store: disk.open(), tpm, expectVolumeId: volume.volumeId })).close();
});

void test('a rotated key seals everything anew, and integrity-only regions can be read on the disk', async () => {
  const { disk, volume } = await bench();
  const secret = new TextEncoder().encode('attack at dawn, at the old mill');
  volume.create('hidden', { sizeBytes: 3000 }).write(100, secret);
  volume.create('public', { sizeBytes: 3000, mode: 'integrity-only' }).write(100, secret.toReversed());
  await volume.commit();
  await volume.rotateKey('hidden');
  assert.deepEqual(volume.region('hidden').read(100, secret.length), secret);
  assert.equal(volume.list()[0]?.keyGeneration, 1);
  await volume.close();
  const store = disk.open();
  const raw = Buffer.alloc(store.sizeBytes());
  store.read(0, raw);
  store.close();
  assert.ok(!raw.includes(Buffer.from(secret)), 'the secret lies on the disk');
  assert.ok(raw.includes(Buffer.from(secret).reverse()));
});

void test('keys can be sealed to other PCRs before an upgrade', async () => {
  const { disk, tpm, volume } = await bench({ pcrs: [16] });
  volume.create('a', { sizeBytes: 1 }).write(0, bytes(5));
  await volume.commit();
  await volume.reseal([23]);
  await volume.close();
  await tpm.run(tpm2.pcrExtend(16, new Uint8Array(32).fill(1)), [NO_PASSWORD]);
  await using again = await openVolume({ store: disk.open(), tpm });
  assert.deepEqual(again.region('a').read(0, 1), bytes(5));
});

void test('durable-not-fresh needs the creator’s permission, spares NV writes, and is anchored on demand and at close', async () => {
  const strict = await bench();
  await strict.volume.close();
  await assert.rejects(
    openVolume({ store: strict.disk.open(), tpm: strict.tpm, mode: 'durable-not-fresh' }),
    refusal('SSR_LIMIT'),
  );
  let nowMs = 0;
  const tokenBucket = { burst: 1, refillMs: 60_000 };
  const { volume } = await bench({ allowNotFresh: true, mode: 'durable-not-fresh', tokenBucket, now: () => nowMs });
  volume.create('a', { sizeBytes: 100 });
  await volume.commit();
  for (let n = 0; n < 20; n += 1) {
    volume.region('a').write(n, bytes(n));
    await volume.commit();
  }
  assert.ok(volume.nvWrites <= 1, `${volume.nvWrites} NV writes with one token`);
  nowMs += 60_000;
  await volume.makeFresh();
  assert.ok(volume.nvWrites <= 2);
  await volume.close();
});

void test('tokens come at their rate, never above the burst, and a clock that goes back gives none', () => {
  const bucket = { burst: 3, refillMs: 100 };
  assert.deepEqual(refill(bucket, { tokens: 0, atMs: 0 }, 250), { tokens: 2, atMs: 200 });
  assert.deepEqual(refill(bucket, { tokens: 0, atMs: 0 }, 300), { tokens: 3, atMs: 300 });
  assert.deepEqual(refill(bucket, { tokens: 3, atMs: 0 }, 9999), { tokens: 3, atMs: 9999 });
  assert.deepEqual(refill(bucket, { tokens: 1, atMs: 500 }, 100), { tokens: 1, atMs: 100 });
  assert.equal(waitMs(bucket, { tokens: 0, atMs: 0 }, 40), 60);
  assert.equal(waitMs(bucket, { tokens: 1, atMs: 0 }, 0), 0);
});
