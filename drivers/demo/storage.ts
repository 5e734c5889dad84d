/**
 * The storage chapter: write a secret, let an attacker put yesterday's disk back, and be refused.
 *
 * The volume is a real file and the TPM is swtpm; without swtpm the chapter uses the simulated TPM, and says so.
 */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createVolume, openFileStore, openVolume, SsrError, tpm } from '../../ssr/index.ts';

export interface StorageResult {
  readonly tpm: 'swtpm' | 'simulated';
  /** What the refused opening said. */
  readonly refused: boolean;
  readonly code: string | undefined;
  readonly message: string;
  readonly diskEpoch: number | undefined;
  readonly anchorEpoch: number | undefined;
  /** The secret, read back from today's disk afterwards. */
  readonly secret: string;
}

const REGION = 'letter';
const YESTERDAY = 'meet at noon';
const TODAY = 'meet at nine';

interface Chip {
  readonly kind: StorageResult['tpm'];
  readonly client: tpm.Tpm;
  stop(): Promise<void>;
}

async function startChip(): Promise<Chip> {
  if (tpm.isSwtpmInstalled()) {
    const process = await tpm.startSwtpm();
    const client = new tpm.Tpm(process.transport, { crypto: tpm.nodeCrypto });
    return { kind: 'swtpm', client, stop: () => process.stop() };
  }
  const simulated = new tpm.SimulatedTpm({ acknowledgeNotPersistent: true, crypto: tpm.nodeCrypto });
  const client = new tpm.Tpm(simulated.transport(), { crypto: tpm.nodeCrypto });
  return { kind: 'simulated', client, stop: () => client.close() };
}

export async function showReplay(): Promise<StorageResult> {
  const folder = mkdtempSync(join(tmpdir(), 'refmon-demo-'));
  const disk = join(folder, 'disk');
  const copy = (from: string, to: string): void => copyFileSync(join(folder, from), join(folder, to));
  const chip = await startChip();
  try {
    await chip.client.startup();
    const volume = await createVolume({ store: openFileStore({ path: disk, open: 'new' }), tpm: chip.client });
    const write = (text: string): Promise<unknown> =>
      volume.transaction((transaction) => {
        if (!volume.list().some(({ name }) => name === REGION))
          transaction.create(REGION, { sizeBytes: YESTERDAY.length });
        transaction.region(REGION).write(0, new TextEncoder().encode(text));
      });
    await write(YESTERDAY);
    copy('disk', 'yesterday');
    await write(TODAY);
    await volume.close();
    copy('disk', 'today');

    copy('yesterday', 'disk');
    const refusal = await openRefused(disk, chip.client);
    copy('today', 'disk');
    return { tpm: chip.kind, ...refusal, secret: await readSecret(disk, chip.client) };
  } finally {
    await chip.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function openRefused(path: string, client: tpm.Tpm): Promise<Omit<StorageResult, 'tpm' | 'secret'>> {
  try {
    const volume = await openVolume({ store: openFileStore({ path, open: 'existing' }), tpm: client });
    await volume.close();
    return {
      refused: false,
      code: undefined,
      message: 'the old disk was accepted',
      diskEpoch: undefined,
      anchorEpoch: undefined,
    };
  } catch (error) {
    if (!(error instanceof SsrError)) throw error;
    const epoch = (value: bigint | number | undefined): number | undefined =>
      value === undefined ? undefined : Number(value);
    return {
      refused: error.isTamper,
      code: error.code,
      message: error.message,
      diskEpoch: epoch(error.diskEpoch),
      anchorEpoch: epoch(error.anchorEpoch),
    };
  }
}

async function readSecret(path: string, client: tpm.Tpm): Promise<string> {
  const volume = await openVolume({ store: openFileStore({ path, open: 'existing' }), tpm: client });
  const bytes = volume.region(REGION).read(0, TODAY.length);
  await volume.close();
  return new TextDecoder().decode(bytes);
}
