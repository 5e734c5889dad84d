/** A small volume on the simulated TPM, for tests of what a user sees. */
import assert from 'node:assert/strict';
import { createVolume } from '../create-volume.ts';
import { SsrError } from '../errors.ts';
import { MemoryDisk } from '../store/memory-store.ts';
import type { Tpm } from '../tpm/client.ts';
import type { CreateOptions } from '../volume-setup.ts';
import type { Volume } from '../volume.ts';
import { rewindableSimulated } from './rewindable-tpm.ts';

export interface Bench {
  readonly disk: MemoryDisk;
  readonly tpm: Tpm;
  readonly volume: Volume;
}

export async function bench(options: Partial<CreateOptions> = {}): Promise<Bench> {
  const disk = new MemoryDisk();
  const tpm = await rewindableSimulated().powerOn();
  return { disk, tpm, volume: await createVolume({ store: disk.open(), tpm, blockSizeBytes: 512, ...options }) };
}

/** True for an SsrError with this code. */
export function refusal(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof SsrError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
}

/** These bytes. */
export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
