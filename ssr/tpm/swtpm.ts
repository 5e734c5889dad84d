/**
 * A real TPM 2.0 simulator: swtpm, started as a child process and reached over inherited socketpairs.
 *
 * File descriptor 3 carries TPM bytes and 4 swtpm's control channel, so there is no port, no path in the file system and
 * no other client; the state key comes over descriptor 5 and never touches a disk. swtpm ends when descriptor 3 closes,
 * hence also when this process is killed with SIGKILL.
 *
 * What it is not: swtpm renames its state file without fsync, so a power cut of the host may roll it back. It stands for
 * the trusted chip; its state directory must not lie on the disk that it shall protect. Without the state key one
 * flipped bit in that directory would be accepted in silence, so the key is not optional.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { SwtpmControl } from './swtpm-control.ts';
import { streamTransport } from './transport.ts';
import type { TpmTransport } from './transport.ts';

export const SWTPM_KEY_SIZE_BYTES = 32;
const START_TIMEOUT_MS = 10_000;
const EXIT_TIMEOUT_MS = 2_000;
const TEMPORARY_PREFIX = 'refmon-swtpm-';

export type SwtpmErrorCode = 'ENV_SWTPM_MISSING' | 'SWTPM_START_FAILED' | 'SWTPM_CONTROL_FAILED';

/** swtpm could not be started or did not obey its control channel. */
export class SwtpmError extends Error {
  readonly code: SwtpmErrorCode;
  constructor(code: SwtpmErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SwtpmError';
    this.code = code;
  }
}

export type SwtpmOptions = {
  /** The program; found on PATH by default. */
  readonly program?: string;
  /** Longest wait for one TPM answer. */
  readonly timeoutMs?: number;
} & (
  | {
      /** State is kept here and stays when swtpm ends. One swtpm at a time: a second one refuses to start. */
      readonly stateDirectory: string;
      /** 32 bytes; the state is unreadable without it. */
      readonly key: Uint8Array;
    }
  | { readonly stateDirectory?: undefined; readonly key?: undefined }
);

export interface Swtpm extends AsyncDisposable {
  readonly pid: number;
  /** Fresh, not started: send Startup first. */
  readonly transport: TpmTransport;
  readonly control: SwtpmControl;
  readonly stateDirectory: string;
  /** Settles when the process has ended, for whatever reason. */
  readonly exited: Promise<void>;
  /** Ends swtpm and removes a temporary state directory. Idempotent. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash of the chip would look. The state directory stays until `stop`. */
  kill(): Promise<void>;
}

/** Whether `startSwtpm` would find its program on PATH; for those who would rather skip than fail. */
export function isSwtpmInstalled(): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, 'swtpm'), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A killed process cannot remove its directory; the next one does. */
function removeAbandonedDirectories(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${TEMPORARY_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, but belongs to someone else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function argumentsFor(stateDirectory: string): string[] {
  return [
    'socket',
    '--tpm2',
    '--tpmstate',
    `dir=${stateDirectory}`,
    '--log',
    `file=${join(stateDirectory, 'swtpm.log')},level=1`,
    '--flags',
    'not-need-init,startup-none',
    '--key',
    'fd=5,format=binary,mode=aes-256-cbc',
    '--fd',
    '3',
    '--ctrl',
    'type=unixio,clientfd=4',
  ];
}

function logOf(stateDirectory: string): string {
  try {
    return readFileSync(join(stateDirectory, 'swtpm.log'), 'utf8').trim().slice(-2000);
  } catch {
    return '';
  }
}

/** Rejects if the process ends or does not answer on its control channel in time. */
async function waitUntilReady(
  child: ChildProcess,
  control: SwtpmControl,
  program: string,
  directory: string,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') {
        reject(new SwtpmError('SWTPM_START_FAILED', `cannot start ${program}: ${cause.message}`, { cause }));
        return;
      }
      const help = 'on Debian or Ubuntu: sudo apt-get install swtpm';
      reject(new SwtpmError('ENV_SWTPM_MISSING', `cannot start ${program}: program not found; ${help}`, { cause }));
    });
    child.once('exit', (code, signal) => {
      const why = signal === null ? `with exit code ${code}` : `by ${signal}`;
      reject(
        new SwtpmError('SWTPM_START_FAILED', `${program} ended ${why} before it was ready\n${logOf(directory)}`.trim()),
      );
    });
    timer = setTimeout(() => {
      reject(
        new SwtpmError(
          'SWTPM_START_FAILED',
          `${program} was not ready within ${START_TIMEOUT_MS} ms\n${logOf(directory)}`.trim(),
        ),
      );
    }, START_TIMEOUT_MS);
  });
  const ready = control.capabilities();
  // Whichever loses the race fails later and must not go unhandled.
  ready.catch(() => undefined);
  failed.catch(() => undefined);
  try {
    await Promise.race([failed, ready.catch(() => failed)]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Starts swtpm. Without a state directory the TPM is new, lives in a temporary directory and is gone after `stop`.
 * @throws SwtpmError `ENV_SWTPM_MISSING`, or `SWTPM_START_FAILED` with the end of swtpm's log; RangeError for a wrong key
 */
export async function startSwtpm(options: SwtpmOptions = {}): Promise<Swtpm> {
  const { program = 'swtpm', stateDirectory: kept } = options;
  const key = options.key ?? randomBytes(SWTPM_KEY_SIZE_BYTES);
  if (key.length !== SWTPM_KEY_SIZE_BYTES)
    throw new RangeError(`key is ${key.length} bytes long, not ${SWTPM_KEY_SIZE_BYTES}`);
  if (kept === undefined) removeAbandonedDirectories();
  const stateDirectory = kept ?? mkdtempSync(join(tmpdir(), `${TEMPORARY_PREFIX}${process.pid}-`));

  const child = spawn(program, argumentsFor(stateDirectory), {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
    child.once('error', () => {
      resolve();
    });
  });
  const pipes: readonly unknown[] = child.stdio;
  const keyPipe = pipes[5] as Duplex;
  // swtpm may end before it reads the key; the reason is reported by its exit.
  keyPipe.on('error', () => undefined);
  keyPipe.end(Buffer.from(key));
  const transport = streamTransport(
    pipes[3] as Duplex,
    options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs },
  );
  const control = new SwtpmControl(pipes[4] as Duplex, (message) => new SwtpmError('SWTPM_CONTROL_FAILED', message));

  const stop = async (): Promise<void> => {
    await transport.close();
    control.close();
    keyPipe.destroy();
    const timer = setTimeout(() => child.kill('SIGKILL'), EXIT_TIMEOUT_MS);
    child.kill('SIGTERM');
    await exited;
    clearTimeout(timer);
    if (kept === undefined) rmSync(stateDirectory, { recursive: true, force: true });
  };
  try {
    await waitUntilReady(child, control, program, stateDirectory);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    pid: child.pid ?? 0,
    transport,
    control,
    stateDirectory,
    exited,
    stop,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    [Symbol.asyncDispose]: stop,
  };
}
