/** Volumes as their users see them: transactions, snapshots, modes, limits, keys, recovery; and any program against a map. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SsrError } from './errors.ts';
import { createVolume, makeRecoveryKey, openVolume, recoverVolume } from './index.ts';
import type { CreateOptions, Volume } from './index.ts';
import { MemoryDisk } from './store/memory-store.ts';
import { SimulatedDisk } from './store/simulated-disk.ts';
import { rewindableSimulated } from './testing/rewindable-tpm.ts';
import * as tpm2 from './tpm/index.ts';
import { NO_PASSWORD } from './tpm/index.ts';
import type { Tpm } from './tpm/index.ts';
import { refill, waitMs } from './token-bucket.ts';

interface Bench {
  readonly disk: MemoryDisk;
  readonly tpm: Tpm;
  readonly volume: Volume;
}

async function bench(options: Partial<CreateOptions> = {}): Promise<Bench> {
  const disk = new MemoryDisk();
  const tpm = await rewindableSimulated().powerOn();
  return { disk, tpm, volume: await createVolume({ store: disk.open(), tpm, blockSizeBytes: 512, ...options }) };
}

function refusal(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof SsrError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

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

void test('a disk that lies, fails, fills up or misplaces never makes a volume show wrong bytes', async () => {
  const faults = [
    { kind: 'dropped-flush', after: 0 },
    { kind: 'error', call: 'write', after: 2 },
    { kind: 'error', call: 'flush', after: 0 },
    { kind: 'error', call: 'read', after: 1 },
    { kind: 'full', afterWrites: 1 },
    { kind: 'misdirected', afterWrites: 0, sectors: 1 },
    { kind: 'misdirected', afterWrites: 1, sectors: -30 },
    { kind: 'short-read', afterReads: 0 },
  ] as const;
  for (const fault of faults) {
    const rewindable = rewindableSimulated();
    const disk = new SimulatedDisk();
    const volume = await createVolume({ store: disk.open(), tpm: await rewindable.powerOn(), blockSizeBytes: 512 });
    volume.create('a', { sizeBytes: 2048 }).write(0, new Uint8Array(2048).fill(1));
    await volume.commit();
    disk.inject(fault);
    let isAcknowledged = true;
    try {
      volume.region('a').write(100, new Uint8Array(1000).fill(2));
      await volume.commit();
    } catch (error) {
      assert.ok(error instanceof SsrError, String(error));
      isAcknowledged = false;
    }
    disk.inject(undefined);
    if (!isAcknowledged) {
      // The volume lives on: the same again, without the fault.
      volume.rollback();
      assert.deepEqual(volume.region('a').read(0, 2048), new Uint8Array(2048).fill(1));
      volume.region('a').write(100, new Uint8Array(1000).fill(2));
      await volume.commit();
    }
    const expected = new Uint8Array(2048).fill(1).fill(2, 100, 1100);
    for (const image of [disk.durableImage(), disk.currentImage()]) {
      try {
        const again = await openVolume({ store: new SimulatedDisk(image).open(), tpm: await rewindable.powerOn() });
        assert.deepEqual(again.region('a').read(0, 2048), expected, fault.kind);
      } catch (error) {
        assert.ok(error instanceof SsrError && error.isTamper, String(error));
        assert.ok(
          ['dropped-flush', 'misdirected'].includes(fault.kind),
          `${fault.kind} on an honest disk: ${error.message}`,
        );
      }
    }
  }
});

type Step =
  | {
      readonly kind: 'write';
      readonly region: number;
      readonly offset: number;
      readonly length: number;
      readonly fill: number;
    }
  | { readonly kind: 'resize'; readonly region: number; readonly size: number }
  | { readonly kind: 'toggle'; readonly region: number }
  | { readonly kind: 'rotate'; readonly region: number }
  | { readonly kind: 'commit'; readonly region?: undefined }
  | { readonly kind: 'rollback'; readonly region?: undefined }
  | { readonly kind: 'reopen'; readonly region?: undefined };

const region = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      region,
      offset: fc.nat(9000),
      length: fc.nat(3000),
      fill: fc.integer({ min: 1, max: 255 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('resize' as const), region, size: fc.nat(9000) }) },
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.record({ kind: fc.constant('toggle' as const), region }),
      fc.record({ kind: fc.constant('rotate' as const), region }),
    ),
  },
  { weight: 3, arbitrary: fc.constantFrom<Step>({ kind: 'commit' }, { kind: 'rollback' }, { kind: 'reopen' }) },
);

void test('any program of writes, resizes, deletions, rotations, commits, rollbacks and reopenings agrees with a map', async () => {
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 25 }),
    fc.constantFrom(2, 3, 10),
    fc.integer({ min: 2, max: 5 }),
    async (steps, arity, slotCount) => {
      const disk = new MemoryDisk();
      const tpm = await rewindableSimulated().powerOn();
      let volume = await createVolume({
        store: disk.open(),
        tpm,
        blockSizeBytes: 512,
        arity,
        slotCount,
        cacheSizeBytes: 700,
      });
      let committed = new Map<string, Uint8Array>();
      let working = new Map<string, Uint8Array>();
      for (const one of steps) {
        const name = one.region !== undefined ? `r${one.region}` : '';
        const now = working.get(name);
        if (one.kind === 'toggle') {
          if (now === undefined) {
            volume.create(name, { sizeBytes: 1500, mode: one.region === 1 ? 'integrity-only' : 'encrypted' });
            working.set(name, new Uint8Array(1500));
          } else {
            volume.delete(name);
            working.delete(name);
          }
        } else if (one.kind === 'commit') {
          await volume.commit();
          committed = new Map(working);
        } else if (one.kind === 'rollback' || one.kind === 'reopen') {
          volume.rollback();
          working = new Map(committed);
          if (one.kind === 'reopen') {
            await volume.close();
            volume = await openVolume({ store: disk.open(), tpm, cacheSizeBytes: 700 });
          }
        } else if (now === undefined) assert.throws(() => volume.region(name), refusal('SSR_NO_REGION'));
        else if (one.kind === 'rotate') volume.region(name).rotateKey();
        else if (one.kind === 'resize') {
          volume.region(name).resize(one.size);
          const resized = new Uint8Array(one.size);
          resized.set(now.subarray(0, one.size));
          working.set(name, resized);
        } else if (one.offset + one.length > now.length) {
          assert.throws(() => volume.region(name).write(one.offset, new Uint8Array(one.length)), RangeError);
        } else {
          volume.region(name).write(one.offset, new Uint8Array(one.length).fill(one.fill));
          working.set(name, now.slice().fill(one.fill, one.offset, one.offset + one.length));
        }
        for (const [existing, expected] of working) {
          assert.ok(Buffer.compare(volume.region(existing).read(0, expected.length), expected) === 0, existing);
        }
      }
      volume.rollback();
      assert.deepEqual(
        volume.list().map((info) => info.name),
        [...committed.keys()].sort(),
      );
      assert.deepEqual((await volume.scrub()).damage, []);
      await volume.close();
    },
  );
  await fc.assert(property, { numRuns: Number(process.env['SSR_PROGRAMS'] ?? 150) });
});
