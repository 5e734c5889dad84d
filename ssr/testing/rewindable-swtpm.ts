/**
 * A swtpm that may be rewound and power-cut any number of times.
 *
 * swtpm (0.7.1, measured) opens the lock of its state directory anew at each power-on and never closes it: each power cycle
 * costs it one file descriptor and each rewinding two, until it refuses INIT with "Too many open files". So after a while the
 * next power cycle is that of another process, with the same state directory and key: to a client the two look alike.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSwtpm, SWTPM_KEY_SIZE_BYTES } from '../tpm/swtpm.ts';
import type { SwtpmState } from '../tpm/swtpm-control.ts';
import type { TpmTransport } from '../tpm/transport.ts';

/** Of one process. Many systems give a process no more than 1024 descriptors. */
const POWER_CYCLES_MAX = 300;

export interface RewindableSwtpm extends AsyncDisposable {
  readonly pid: number;
  /** Of the process that runs now: ask again after each power cycle. */
  readonly transport: TpmTransport;
  /** Power off and on; the TPM then waits for Startup. */
  powerCycle(): Promise<void>;
  /** The permanent state, as after a power cut right now. */
  snapshot(): Promise<SwtpmState>;
  /** Back to a snapshot of this TPM, power cycle included. */
  restore(state: SwtpmState): Promise<void>;
}

export async function startRewindableSwtpm(): Promise<RewindableSwtpm> {
  // Named as those of `startSwtpm`: what a killed test leaves behind is removed by the next one.
  const stateDirectory = mkdtempSync(join(tmpdir(), `refmon-swtpm-${process.pid}-`));
  const start = { stateDirectory, key: Uint8Array.from(randomBytes(SWTPM_KEY_SIZE_BYTES)) };
  let swtpm = await startSwtpm(start);
  let cycles = 0;
  /** @returns true if there is a fresh process, just powered on */
  const renew = async (): Promise<boolean> => {
    cycles += 1;
    if (cycles < POWER_CYCLES_MAX) return false;
    cycles = 0;
    await swtpm.stop();
    swtpm = await startSwtpm(start);
    return true;
  };
  return {
    get pid() {
      return swtpm.pid;
    },
    get transport() {
      return swtpm.transport;
    },
    async powerCycle() {
      if (!(await renew())) await swtpm.control.powerCycle();
    },
    snapshot: () => swtpm.control.snapshot(),
    async restore(state) {
      await renew();
      await swtpm.control.restore(state);
    },
    async [Symbol.asyncDispose]() {
      await swtpm.stop();
      rmSync(stateDirectory, { recursive: true, force: true });
    },
  };
}
