/**
 * The worker thread of one IPD, from outside: its birth, its messages and its bounded death.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { Control } from './control.ts';
import { KernelError } from './errors.ts';
import type { FromIpd, IpdSetup, ToIpd } from './ipd-messages.ts';
import type { IpdLimits } from './limits.ts';

/**
 * V8's own limit, far above ours: reaching it with one large allocation kills the process, so the watchdog and the memory
 * guard must be there long before (see `memory-guard.ts`).
 */
const V8_HEAP_MB = 4096;
const V8_YOUNG_MB = 16;
const STACK_MB = 4;
/** How long `terminate` waits for a thread that is inside a built-in function which does not look up. */
export const TERMINATE_MS = 2000;

export interface ThreadEnd {
  readonly outOfMemory: boolean;
  readonly message: string;
}

export interface ThreadHooks {
  readonly hear: (message: FromIpd) => void;
  /** The thread ended without being asked to. */
  readonly ended: (end: ThreadEnd) => void;
}

/** The bundle starts faster than the module graph behind it; a bundled kernel lies in another folder. */
function workerFile(): URL {
  const places = ['./ipd-worker.bundle.js', '../kernel/ipd-worker.bundle.js', './ipd-worker.js'];
  const found = places.map((place) => new URL(place, import.meta.url)).find((url) => existsSync(fileURLToPath(url)));
  if (found === undefined) throw new KernelError('IPD_START_FAILED', 'ipd-worker.js is missing; run the build');
  return found;
}

export class DomainThread {
  readonly control: Control;
  readonly limits: IpdLimits;
  readonly #worker: Worker;
  #terminating = false;

  constructor(setup: Omit<IpdSetup, 'control'>, hooks: ThreadHooks) {
    this.control = new Control();
    this.limits = setup.limits;
    const workerData: IpdSetup = { ...setup, control: this.control.buffer };
    this.#worker = new Worker(workerFile(), {
      name: `ipd ${setup.ipd} ${setup.driver}`,
      workerData,
      // Nothing of the kernel's environment, and nothing that the thread could write on the terminal.
      env: {},
      execArgv: [],
      stdin: false,
      stdout: true,
      stderr: true,
      resourceLimits: {
        maxOldGenerationSizeMb: V8_HEAP_MB,
        maxYoungGenerationSizeMb: V8_YOUNG_MB,
        stackSizeMb: STACK_MB,
      },
    });
    this.#worker.stdout.resume();
    this.#worker.stderr.resume();
    this.#worker.on('message', (message: FromIpd) => {
      if (message.type === 'message' || message.type === 'log') this.control.taken();
      hooks.hear(message);
    });
    let failure: ThreadEnd | undefined;
    this.#worker.on('error', (error: Error & { code?: string }) => {
      failure = { outOfMemory: error.code === 'ERR_WORKER_OUT_OF_MEMORY', message: error.message };
    });
    this.#worker.on('exit', () => {
      if (!this.#terminating)
        hooks.ended(failure ?? { outOfMemory: false, message: 'the driver’s thread ended by itself' });
    });
  }

  post(message: ToIpd): void {
    this.#worker.postMessage(message);
  }

  /** Kills the thread. False: it did not end in time; it can reach the device no more, but burns a processor. */
  async terminate(): Promise<boolean> {
    this.#terminating = true;
    this.control.kill();
    const ended = this.#worker.terminate().then(() => true);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), TERMINATE_MS);
    });
    const gone = await Promise.race([ended, late]);
    clearTimeout(timer);
    if (!gone) this.#worker.unref();
    return gone;
  }
}
