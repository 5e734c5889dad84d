/** A real TPM that fails, or whose answer is lost, in the middle of a commit: nobody is told more than is known. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createVolume, openVolume } from './index.ts';
import { MemoryDisk } from './store/memory-store.ts';
import { startRewindableSwtpm } from './testing/rewindable-swtpm.ts';
import { refusal } from './testing/small-volume.ts';
import { isSwtpmInstalled, nodeCrypto, startSwtpm, Tpm, TpmTransportError } from './tpm/index.ts';
import type { TpmTransport } from './tpm/index.ts';

const skip = isSwtpmInstalled() ? false : 'swtpm is not installed: sudo apt-get install swtpm';
const NV_WRITE = 0x137;

async function started(transport: TpmTransport): Promise<Tpm> {
  const tpm = new Tpm(transport, { crypto: nodeCrypto });
  await tpm.startup();
  return tpm;
}

void test(
  'a TPM that cannot write its NV memory fails for good: the commit is unknown, and after a restart it never was',
  { skip },
  async () => {
    const stateDirectory = mkdtempSync(join(tmpdir(), 'refmon-failing-tpm-'));
    const start = { stateDirectory, key: Uint8Array.from(randomBytes(32)) };
    // swtpm writes its state to this name and renames it: a directory in its place is a full disk's doing.
    const obstacle = join(stateDirectory, 'TMP2-00.permall');
    try {
      const failing = await startSwtpm(start);
      const tpm = await started(failing.transport);
      const disk = new MemoryDisk();
      const volume = await createVolume({ store: disk.open(), tpm });
      await volume.transaction((transaction) => transaction.create('a', { sizeBytes: 1 }).write(0, Uint8Array.of(1)));
      const { epoch } = volume;
      mkdirSync(obstacle);
      volume.region('a').write(0, Uint8Array.of(2));
      await assert.rejects(volume.commit(), refusal('SSR_COMMIT_UNKNOWN'));
      assert.throws(() => volume.region('a').write(0, Uint8Array.of(3)), refusal('SSR_COMMIT_UNKNOWN'));
      await volume.close();
      // Failure mode holds, also once there is room again.
      rmdirSync(obstacle);
      await assert.rejects(tpm.random(1), { code: 'TPM_RC_FAILURE' });
      await assert.rejects(openVolume({ store: disk.open(), tpm }), refusal('SSR_TPM_UNAVAILABLE'));
      await failing.stop();

      await using swtpm = await startSwtpm(start);
      const again = await openVolume({ store: disk.open(), tpm: await started(swtpm.transport) });
      assert.deepEqual([again.epoch, again.region('a').read(0, 1)], [epoch, Uint8Array.of(1)]);
      again.region('a').write(0, Uint8Array.of(4));
      await again.commit();
      assert.equal(again.epoch, epoch + 1);
      await again.close();
    } finally {
      rmSync(stateDirectory, { recursive: true, force: true });
    }
  },
);

void test(
  'an NV write whose answer is lost was carried out, one that is lost itself was not; both are unknown until the TPM is asked',
  { skip },
  async () => {
    for (const lost of ['answer', 'command'] as const) {
      await using swtpm = await startRewindableSwtpm();
      let isLosing = false;
      const wire: TpmTransport = {
        async send(command) {
          const code = new DataView(command.buffer, command.byteOffset).getUint32(6);
          if (!isLosing || code !== NV_WRITE) return swtpm.transport.send(command);
          if (lost === 'answer') await swtpm.transport.send(command);
          throw new TpmTransportError('TPM_GONE', 'the wire was cut');
        },
        close: () => swtpm.transport.close(),
      };
      const disk = new MemoryDisk();
      const volume = await createVolume({ store: disk.open(), tpm: await started(wire) });
      await volume.transaction((transaction) => transaction.create('a', { sizeBytes: 1 }).write(0, Uint8Array.of(1)));
      const { epoch } = volume;
      isLosing = true;
      volume.region('a').write(0, Uint8Array.of(2));
      await assert.rejects(volume.commit(), refusal('SSR_COMMIT_UNKNOWN'));
      await volume.close();
      isLosing = false;
      await swtpm.powerCycle();
      const again = await openVolume({ store: disk.open(), tpm: await started(wire) });
      const expected = lost === 'answer' ? [epoch + 1, Uint8Array.of(2)] : [epoch, Uint8Array.of(1)];
      assert.deepEqual([again.epoch, again.region('a').read(0, 1)], expected, lost);
      await again.close();
    }
  },
);
