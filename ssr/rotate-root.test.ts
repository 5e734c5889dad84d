/** Rotation of the root key: everything is there afterwards, nothing is left under the old key, and every crash of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SsrError } from './errors.ts';
import { createVolume, makeRecoveryKey, openVolume, recoverVolume } from './index.ts';
import type { CreateOptions } from './index.ts';
import { KeyEras } from './key-eras.ts';
import { SimulatedDisk } from './store/simulated-disk.ts';
import { parseSuperblock, SUPERBLOCK_PLACE_SIZE_BYTES, SUPERBLOCK_SIZE_BYTES } from './superblock.ts';
import { exploreCrashes } from './testing/crash-world.ts';
import { OPERATIONS, ROTATE_ROOT, TORN_WRITE } from './testing/operations.ts';
import { rewindableSimulated } from './testing/rewindable-tpm.ts';

const secret = new TextEncoder().encode('the secret of all secrets');

async function filled(options: Partial<CreateOptions> = {}) {
  const disk = new SimulatedDisk();
  const tpm = await rewindableSimulated().powerOn();
  const volume = await createVolume({ store: disk.open(), tpm, blockSizeBytes: 512, arity: 2, ...options });
  await volume.transaction((transaction) => {
    transaction.create('a', { sizeBytes: 20_000 }).write(5000, secret);
    transaction.create('public', { sizeBytes: 700, mode: 'integrity-only' }).write(0, secret);
    transaction.create('sparse', { sizeBytes: 1 << 20 }).write(1_000_000, secret);
  });
  return { disk, tpm, volume };
}

function sealedKeysOn(disk: SimulatedDisk): string[] {
  const store = new SimulatedDisk(disk.durableImage()).open();
  return [0, 1, 2, 3].flatMap((place) => {
    const bytes = new Uint8Array(SUPERBLOCK_SIZE_BYTES);
    store.read(place * SUPERBLOCK_PLACE_SIZE_BYTES, bytes);
    const alleged = parseSuperblock(bytes);
    return alleged === undefined ? [] : [Buffer.from(alleged.superblock.sealedKeys.private).toString('hex')];
  });
}

const refusal = (code: string) => (error: unknown) => error instanceof SsrError && error.code === code;

void test('a volume under a new root key has all its contents, and no superblock with the old sealed key', async () => {
  const { disk, tpm, volume } = await filled();
  const [old] = sealedKeysOn(disk);
  using before = volume.snapshot();
  await volume.rotateRootKey();
  assert.deepEqual(before.read('a', 5000, secret.length), secret, 'a snapshot reads under the old key');
  assert.equal(sealedKeysOn(disk).length, 1);
  assert.ok(!sealedKeysOn(disk).includes(old ?? ''));
  await volume.transaction((transaction) => transaction.region('a').write(0, secret));
  await volume.rotateRootKey();
  await volume.transaction((transaction) => void transaction.create('b', { sizeBytes: 30 }).write(1, secret));
  await volume.close();
  await using again = await openVolume({ store: disk.open(), tpm });
  for (const [name, offset] of [
    ['a', 0],
    ['a', 5000],
    ['public', 0],
    ['sparse', 1_000_000],
    ['b', 1],
  ] as const)
    // prettier-ignore
    assert.deepEqual(again.region(name).read(offset, secret.length), secret, name);
  assert.deepEqual((await again.scrub()).damage, []);
});

void test('a volume with a recovery key is rotated only with it, and it opens the new root key', async () => {
  const recoveryKey = makeRecoveryKey();
  const { disk, tpm, volume } = await filled({ recoveryKey });
  await assert.rejects(volume.rotateRootKey(), refusal('SSR_KEYS_UNAVAILABLE'));
  await assert.rejects(volume.rotateRootKey(makeRecoveryKey()), refusal('SSR_KEYS_UNAVAILABLE'));
  await volume.rotateRootKey(recoveryKey);
  await volume.close();
  await using recovered = await recoverVolume({ store: disk.open(), tpm, recoveryKey, acceptLoss: true });
  assert.deepEqual(recovered.region('a').read(5000, secret.length), secret);
});

void test('a rotation that finds no room, or a disk that fails, leaves the volume as it was, and usable', async () => {
  const { disk, tpm, volume } = await filled({ capacityBytes: 16_384 + 512 * 130 });
  await volume.transaction((transaction) => transaction.region('a').write(0, new Uint8Array(18_000).fill(1)));
  const { epoch } = volume;
  await assert.rejects(volume.rotateRootKey(), refusal('SSR_NO_SPACE'));
  await volume.transaction((transaction) => transaction.region('a').resize(512));
  for (const after of [0, 1]) {
    disk.inject({ kind: 'error', call: after === 0 ? 'write' : 'flush', after: 0 });
    await assert.rejects(volume.rotateRootKey(), refusal('SSR_STORE_FAILED'));
    assert.deepEqual(volume.region('sparse').read(1_000_000, secret.length), secret);
  }
  assert.equal(volume.epoch, epoch + 1);
  await volume.rotateRootKey();
  await volume.close();
  await using again = await openVolume({ store: disk.open(), tpm });
  assert.deepEqual(again.region('sparse').read(1_000_000, secret.length), secret);
});

void test('every crash of a rotation, and of what comes before and after it, keeps one key with its state', async (context) => {
  const [write, crashed, durable, , , create] = OPERATIONS;
  assert.ok(write && crashed && durable && create);
  for (const isNotFresh of [false, true]) {
    await using tpm = rewindableSimulated();
    const operations = [ROTATE_ROOT, write, crashed, durable, create, ...(isNotFresh ? [] : [TORN_WRITE])];
    const report = await exploreCrashes({ tpm, operations, depth: 2, attacksPerOperation: 60, imagesPerMoment: 80, isNotFresh }); // prettier-ignore
    const cases = report.crashCases + report.attackCases;
    context.diagnostic(`root key rotation: ${cases} cases, violations ${report.violations.length}`);
    assert.deepEqual(report.violations, []);
    assert.ok(cases > 2000);
  }
});

void test('an era knows the generations that it sealed, and is forgotten when it never came to be', () => {
  const keyring = (byte: number) => ({ root: new Uint8Array(32).fill(byte), anchorSecret: new Uint8Array(32) });
  const [old, next] = [keyring(1), keyring(2)];
  const id = new Uint8Array(16);
  const eras = new KeyEras(old);
  eras.begin(next, new Map([[Buffer.from(id).toString('latin1'), 3]]));
  assert.equal(eras.keyringOf(id, 2), old);
  assert.equal(eras.keyringOf(id, 3), next);
  assert.equal(eras.keyringOf(new Uint8Array(16).fill(9), 0), next, 'a tree that is made in the new era');
  eras.undo();
  assert.equal(eras.current, old);
  assert.equal(eras.keyringOf(id, 3), old);
});
