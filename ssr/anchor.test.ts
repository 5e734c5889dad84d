/** The anchor against the owner of the TPM, against power cuts inside it, and against whoever sits on its wire. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { openAnchor } from './anchor.ts';
import type { AnchorPlace } from './anchor-slots.ts';
import { encodeSlot, formatSlots, judgeSlots, SLOT_SIZE_BYTES } from './anchor-slots.ts';
import { SsrError } from './errors.ts';
import { createVolume } from './create-volume.ts';
import { openVolume } from './open-volume.ts';
import { MemoryDisk } from './store/memory-store.ts';
import { SimulatedDisk } from './store/simulated-disk.ts';
import * as tpm2 from './tpm/index.ts';
import { isSwtpmInstalled, nodeCrypto, NO_PASSWORD, SimulatedTpm, Tpm } from './tpm/index.ts';
import { rewindableSimulated, rewindableSwtpm } from './testing/rewindable-tpm.ts';
import type { RewindableTpm } from './testing/rewindable-tpm.ts';
import type { TpmTransport } from './tpm/transport.ts';

const digest = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

function refusal(code: string, epochs?: { anchorEpoch?: number; diskEpoch?: number }): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof SsrError, String(error));
    assert.equal(error.code, code, error.message);
    if (epochs?.anchorEpoch !== undefined) assert.equal(error.anchorEpoch, epochs.anchorEpoch);
    if (epochs?.diskEpoch !== undefined) assert.equal(error.diskEpoch, epochs.diskEpoch);
    return true;
  };
}

void test('of the slots only the highest epoch counts, and only the slot due next may be torn', () => {
  const slotsFor = (count: number, epoch: number): Uint8Array[] => {
    const slots: Uint8Array[] = [];
    for (const { slot, bytes } of formatSlots(count, { epoch, digest: digest(epoch) })) slots[slot] = bytes;
    return slots;
  };
  for (const count of [2, 3, 64]) {
    for (const epoch of [count, count + 1, 1000]) {
      const slots = slotsFor(count, epoch);
      const reading = judgeSlots(slots);
      assert.ok(reading.kind === 'valid' && reading.point.epoch === epoch && reading.tornSlot === undefined);
      for (let slot = 0; slot < count; slot += 1) {
        for (const at of [0, 5, SLOT_SIZE_BYTES - 1]) {
          const torn = slots.map((bytes) => bytes.slice());
          const bytes = torn[slot];
          if (bytes !== undefined) bytes[at] = (bytes[at] ?? 0) ^ 1;
          const judged = judgeSlots(torn);
          const isDue = slot === (epoch + 1) % count;
          assert.equal(judged.kind, isDue && slot !== epoch % count ? 'valid' : judged.kind);
          if (slot === epoch % count) assert.ok(judged.kind === 'destroyed' || judged.point.epoch < epoch);
          else if (!isDue) assert.equal(judged.kind, 'destroyed');
        }
        const missing: (Uint8Array | undefined)[] = [...slots];
        missing[slot] = undefined;
        assert.equal(judgeSlots(missing).kind, 'destroyed', 'a missing slot is never tolerated');
      }
      if (epoch >= 2 * count) {
        const stale = [...slots];
        stale[(epoch + 1) % count] = encodeSlot({ epoch: epoch + 1 - 2 * count, digest: digest(1) });
        assert.equal(judgeSlots(stale).kind, 'destroyed', 'too old to be ours');
      }
      const misplaced = [...slots];
      misplaced[0] = encodeSlot({ epoch: epoch * count + 1, digest: digest(1) });
      assert.equal(judgeSlots(misplaced).kind, 'destroyed');
    }
  }
});

/** Changes responses on their way. */
function tapped(inner: TpmTransport): {
  transport: TpmTransport;
  change: (response: Uint8Array, code: number) => Uint8Array;
} {
  const wire = {
    change: (response: Uint8Array, _code: number): Uint8Array => response,
    transport: {
      async send(command: Uint8Array): Promise<Uint8Array> {
        const code = new DataView(command.buffer, command.byteOffset).getUint32(6);
        return wire.change(await inner.send(command), code);
      },
      close: () => inner.close(),
    },
  };
  return wire;
}

async function withVolume(bench: RewindableTpm): Promise<{ disk: MemoryDisk; place: AnchorPlace; tpm: Tpm }> {
  const disk = new MemoryDisk();
  const tpm = await bench.powerOn();
  const volume = await createVolume({ store: disk.open(), tpm });
  await volume.transaction((transaction) =>
    transaction.create('a', { sizeBytes: 10 }).write(0, digest(1).subarray(0, 10)),
  );
  const [firstIndex = 0] = volume.anchorIndices;
  await volume.close();
  return { disk, place: { firstIndex, slotCount: 2 }, tpm };
}

function attacksOn(start: () => Promise<RewindableTpm>): void {
  void test('an index that the owner deletes, or re-creates with its old value, destroys the anchor', async () => {
    await using bench = await start();
    const { disk, place, tpm } = await withVolume(bench);
    const state = await bench.remember();
    for (let slot = 0; slot < 2; slot += 1) {
      const client = slot === 0 ? tpm : await state.restore();
      const index = place.firstIndex + slot;
      await client.run(tpm2.nvUndefineSpace(await client.nvEntity(index)), [NO_PASSWORD]);
      await assert.rejects(
        openVolume({ store: disk.open(), tpm: client }),
        refusal('SSR_ANCHOR_DESTROYED', { diskEpoch: 3 }),
      );

      const area = { index, attributes: 0x02040004, authPolicy: new Uint8Array(0), sizeBytes: 48 };
      await client.run(tpm2.nvDefineSpace({ public: area }), [NO_PASSWORD]);
      await assert.rejects(
        openVolume({ store: disk.open(), tpm: client }),
        refusal('SSR_ANCHOR_DESTROYED'),
        'unwritten',
      );

      const old = formatSlots(2, { epoch: 3, digest: digest(7) })[slot]?.bytes ?? digest(0);
      await client.run(tpm2.nvWrite({ index: tpm2.unnamed(index), data: old }), [NO_PASSWORD]);
      await assert.rejects(
        openVolume({ store: disk.open(), tpm: client }),
        refusal('SSR_ANCHOR_DESTROYED'),
        'same Name, other secret',
      );
    }
  });

  void test('a rewound disk is refused with both epochs, a cleared TPM with what to do', async () => {
    await using bench = await start();
    const { disk, tpm } = await withVolume(bench);
    const old = copyOf(disk);
    const volume = await openVolume({ store: disk.open(), tpm });
    await volume.transaction((transaction) => transaction.region('a').write(0, digest(2).subarray(0, 10)));
    await volume.close();
    await assert.rejects(
      openVolume({ store: old.open(), tpm }),
      refusal('SSR_ROLLBACK_DETECTED', { anchorEpoch: 4, diskEpoch: 3 }),
    );
    await tpm.run(tpm2.clear(tpm2.LOCKOUT), [NO_PASSWORD]);
    await assert.rejects(openVolume({ store: disk.open(), tpm }), refusal('SSR_KEYS_UNAVAILABLE'));
  });

  void test('other PCR values keep the keys sealed', async () => {
    await using bench = await start();
    const disk = new MemoryDisk();
    const tpm = await bench.powerOn();
    await (await createVolume({ store: disk.open(), tpm, pcrs: [16, 23] })).close();
    await tpm.run(tpm2.pcrExtend(23, digest(1)), [NO_PASSWORD]);
    await assert.rejects(openVolume({ store: disk.open(), tpm }), refusal('SSR_KEYS_UNAVAILABLE'));
    await tpm.run(tpm2.pcrReset(23), [NO_PASSWORD]);
    await (await openVolume({ store: disk.open(), tpm })).close();
  });
}

function copyOf(disk: MemoryDisk): MemoryDisk {
  const from = disk.open();
  const bytes = new Uint8Array(from.sizeBytes());
  from.read(0, bytes);
  from.close();
  const copy = new MemoryDisk();
  const to = copy.open();
  to.write(0, bytes);
  to.close();
  return copy;
}

describe('anchor on the simulated TPM', () => {
  attacksOn(() => Promise.resolve(rewindableSimulated()));

  const NV_WRITE = 0x137;
  const NV_READ = 0x14e;

  void test('a changed answer is never believed, and a lost or refused advance stops all further commits', async () => {
    for (const kind of ['forged', 'lost', 'failure-mode', 'nv-unavailable'] as const) {
      const simulated = new SimulatedTpm({ acknowledgeNotPersistent: true, crypto: nodeCrypto });
      const wire = tapped(simulated.transport());
      const tpm = new Tpm(wire.transport, { crypto: nodeCrypto });
      await tpm.startup();
      const disk = new MemoryDisk();
      const volume = await createVolume({ store: disk.open(), tpm });
      const region = volume.create('a', { sizeBytes: 1 });
      await volume.commit();
      region.write(0, Uint8Array.of(1));
      const flip = (response: Uint8Array, code: number): Uint8Array => {
        const changed = response.slice();
        if (code === NV_WRITE) changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
        return changed;
      };
      if (kind === 'forged') wire.change = flip;
      else if (kind === 'lost') simulated.inject({ kind: 'lost-response' }, { command: 'NV_Write' });
      else
        simulated.inject(
          { kind: 'response-code', code: kind === 'failure-mode' ? 0x101 : 0x923 },
          { command: 'NV_Write' },
        );
      await assert.rejects(volume.commit(), refusal('SSR_COMMIT_UNKNOWN', { anchorEpoch: 3, diskEpoch: 4 }), kind);
      assert.throws(() => region.write(0, Uint8Array.of(2)), refusal('SSR_COMMIT_UNKNOWN'));
      await volume.close();

      wire.change = (response) => response;
      simulated.powerCycle();
      await tpm.startup();
      const again = await openVolume({ store: disk.open(), tpm });
      const isCommitted = kind === 'forged' || kind === 'lost';
      assert.equal(again.epoch, isCommitted ? 4 : 3, kind);
      assert.equal(again.region('a').read(0, 1)[0], isCommitted ? 1 : 0);
      await again.close();
    }
  });

  void test('the NV write waits for the flush; a flush that fails sends nothing, and the next commit succeeds', async () => {
    const simulated = new SimulatedTpm({ acknowledgeNotPersistent: true, crypto: nodeCrypto });
    const inner = simulated.transport();
    const events: string[] = [];
    const send = (command: Uint8Array): Promise<Uint8Array> => {
      if (new DataView(command.buffer, command.byteOffset).getUint32(6) === NV_WRITE) events.push('NV write');
      return inner.send(command);
    };
    const tpm = new Tpm({ ...inner, send, close: () => inner.close() }, { crypto: nodeCrypto });
    await tpm.startup();
    const disk = new SimulatedDisk();
    const store = disk.open();
    let isFailing = false;
    const slow = async (): Promise<void> => {
      events.push('flush begins');
      await delay(20);
      if (isFailing) disk.inject({ kind: 'error', call: 'flush', after: 0 });
      await store.flushSoon?.().finally(() => events.push('flush ends'));
    };
    const volume = await createVolume({ store: { ...store, flushSoon: slow }, tpm });
    const region = volume.create('a', { sizeBytes: 1 });
    await volume.commit();
    events.length = 0;
    isFailing = true;
    region.write(0, Uint8Array.of(1));
    await assert.rejects(volume.commit(), refusal('SSR_STORE_FAILED'));
    assert.deepEqual(events.splice(0), ['flush begins', 'flush ends']);
    isFailing = false;
    assert.equal(region.read(0, 1)[0], 0);
    region.write(0, Uint8Array.of(2));
    // A second transaction ends while the first is being flushed, and has a commit of its own.
    const first = volume.commit();
    await delay(5);
    await Promise.all([first, volume.transaction((transaction) => transaction.create('b', { sizeBytes: 1 }))]);
    const once = ['flush begins', 'flush ends', 'NV write'];
    assert.deepEqual(events.splice(0), [...once, ...once]);
    await volume.close();
    const again = await openVolume({ store: disk.open(), tpm });
    assert.equal(again.region('a').read(0, 1)[0], 2);
    await again.close();
  });

  void test('transactions that end while a flush fails are lost with it, and told so', async () => {
    const simulated = new SimulatedTpm({ acknowledgeNotPersistent: true, crypto: nodeCrypto });
    const tpm = new Tpm(simulated.transport(), { crypto: nodeCrypto });
    await tpm.startup();
    const disk = new SimulatedDisk();
    const store = disk.open();
    let isFailing = false;
    const flushSoon = async (): Promise<void> => {
      await delay(20);
      if (isFailing) disk.inject({ kind: 'error', call: 'flush', after: 0 });
      isFailing = false;
      await store.flushSoon?.();
    };
    const volume = await createVolume({ store: { ...store, flushSoon }, tpm });
    await volume.transaction((transaction) => transaction.create('a', { sizeBytes: 1 }));
    isFailing = true;
    const write = (value: number): Promise<void> =>
      volume.transaction((transaction) => transaction.region('a').write(0, Uint8Array.of(value)));
    const first = assert.rejects(write(1), refusal('SSR_STORE_FAILED'));
    await delay(5);
    await Promise.all([first, assert.rejects(write(2), refusal('SSR_STORE_FAILED'))]);
    assert.equal(volume.region('a').read(0, 1)[0], 0);
    await write(3);
    await volume.close();
    const again = await openVolume({ store: disk.open(), tpm });
    assert.equal(again.region('a').read(0, 1)[0], 3);
    await again.close();
  });

  void test('a reading whose bytes were changed on the wire destroys the anchor; a TPM in failure mode is only unavailable', async () => {
    const simulated = new SimulatedTpm({ acknowledgeNotPersistent: true, crypto: nodeCrypto });
    const wire = tapped(simulated.transport());
    const tpm = new Tpm(wire.transport, { crypto: nodeCrypto });
    await tpm.startup();
    const disk = new MemoryDisk();
    await (await createVolume({ store: disk.open(), tpm })).close();
    wire.change = (response, code) => {
      const changed = response.slice();
      if (code === NV_READ) changed[20] = (changed[20] ?? 0) ^ 1;
      return changed;
    };
    await assert.rejects(openVolume({ store: disk.open(), tpm }), refusal('SSR_ANCHOR_DESTROYED'));
    wire.change = (response) => response;
    simulated.powerCycle();
    await tpm.startup();
    simulated.inject({ kind: 'response-code', code: 0x101 }, { command: 'NV_Read' });
    await assert.rejects(openVolume({ store: disk.open(), tpm }), refusal('SSR_TPM_UNAVAILABLE'));
    simulated.powerCycle();
    await tpm.startup();
    await (await openVolume({ store: disk.open(), tpm })).close();
  });

  void test('a torn NV write is told apart and mended by the next commit', async () => {
    for (const writtenBytes of [12, 30, 47]) {
      await using bench = rewindableSimulated();
      const { disk, tpm } = await withVolume(bench);
      const volume = await openVolume({ store: disk.open(), tpm });
      bench.tearNextWrite(writtenBytes);
      await assert.rejects(volume.transaction((transaction) => transaction.region('a').write(0, Uint8Array.of(9))));
      await volume.close();
      const again = await openVolume({ store: disk.open(), tpm: await bench.powerOn() });
      assert.deepEqual([again.opening.wasSlotTorn, again.epoch, again.region('a').read(0, 1)[0]], [true, 3, 1]);
      await again.transaction((transaction) => transaction.region('a').write(0, Uint8Array.of(8)));
      await again.close();
      const third = await openVolume({ store: disk.open(), tpm: await bench.powerOn() });
      assert.deepEqual([third.opening.wasSlotTorn, third.epoch, third.region('a').read(0, 1)[0]], [false, 4, 8]);
    }
  });

  void test('an anchor must be read before it is advanced', async () => {
    const simulated = new SimulatedTpm({ acknowledgeNotPersistent: true, crypto: nodeCrypto });
    const tpm = new Tpm(simulated.transport(), { crypto: nodeCrypto });
    await tpm.startup();
    const session = await tpm.startSession({ kind: 'hmac' });
    const anchor = openAnchor({ tpm, session, secret: digest(1) }, { firstIndex: 0x01810000, slotCount: 2 });
    await assert.rejects(anchor.advance({ epoch: 3, digest: digest(3) }, Promise.resolve()), RangeError);
    assert.equal((await anchor.read()).kind, 'destroyed');
  });
});

describe('anchor on swtpm', { skip: isSwtpmInstalled() ? false : 'swtpm is not installed' }, () => {
  attacksOn(rewindableSwtpm);
});
