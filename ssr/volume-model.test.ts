/** Volumes against a map, and against disks that lie: whatever is done, never other bytes than were written. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SsrError } from './errors.ts';
import { createVolume, openVolume } from './index.ts';
import { MemoryDisk } from './store/memory-store.ts';
import { SimulatedDisk } from './store/simulated-disk.ts';
import { rewindableSimulated } from './testing/rewindable-tpm.ts';
import { refusal } from './testing/small-volume.ts';

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
