/**
 * A volume in a file: pread, pwrite, fdatasync, and a lock file beside it. A block device is opened as an existing file (tried on a
 * loop device); its size is then unknown, and its end is a full disk.
 *
 * Short reads and writes are continued; the end of the file is a short read. Errors of the system become typed errors
 * with the system's error as cause. `flush` is fdatasync: it covers the size of the file as well as its bytes.
 */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  realpathSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { SsrError } from '../errors.ts';
import type { Store } from './store.ts';
import { checkAccess } from './store.ts';
import { takeLock } from './lock-file.ts';

export interface FileStoreOptions {
  readonly path: string;
  /** `new` refuses a file that exists; `existing`, the default, one that does not. */
  readonly open?: 'existing' | 'new';
}

function failed(path: string, what: string, cause: unknown): SsrError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SsrError('SSR_NO_SPACE', `the disk that holds ${path} is full`, {
      help: 'make room and try again; what was committed is not affected',
      cause,
    });
  }
  return new SsrError('SSR_STORE_FAILED', `cannot ${what} ${path} (${code ?? String(cause)})`, {
    help: 'look at the disk; what was committed before is verified when it is read',
    cause,
  });
}

function openFile(path: string, flags: string): number {
  try {
    return openSync(path, flags, 0o600);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') {
      throw new SsrError('SSR_EXISTS', `${path} exists`, { help: 'choose another place, or remove it first', cause });
    }
    if (code === 'ENOENT') {
      throw new SsrError('SSR_NOT_A_VOLUME', `there is no store at ${path}`, {
        help: 'create one with `refmon ssr create`, or correct the path',
        cause,
      });
    }
    throw failed(path, 'open', cause);
  }
}

const fdatasyncSoon = promisify(fdatasync);

class FileStore implements Store {
  readonly name: string;
  readonly #descriptor: number;
  readonly #unlock: () => void;
  #isClosed = false;

  constructor(name: string, descriptor: number, unlock: () => void) {
    this.name = name;
    this.#descriptor = descriptor;
    this.#unlock = unlock;
  }

  /** A descriptor that was closed may by now be another file's. */
  #open(): number {
    if (!this.#isClosed) return this.#descriptor;
    throw new SsrError('SSR_CLOSED', `the store ${this.name} is closed`, { help: 'open it again' });
  }

  sizeBytes(): number {
    return fstatSync(this.#open()).size;
  }

  read(offset: number, into: Uint8Array): number {
    checkAccess(offset, into.length);
    const descriptor = this.#open();
    let done = 0;
    try {
      while (done < into.length) {
        const count = readSync(descriptor, into, done, into.length - done, offset + done);
        if (count === 0) break;
        done += count;
      }
    } catch (cause) {
      throw failed(this.name, 'read', cause);
    }
    return done;
  }

  write(offset: number, bytes: Uint8Array): void {
    checkAccess(offset, bytes.length);
    const descriptor = this.#open();
    try {
      for (let done = 0; done < bytes.length;) {
        done += writeSync(descriptor, bytes, done, bytes.length - done, offset + done);
      }
    } catch (cause) {
      throw failed(this.name, 'write', cause);
    }
  }

  flush(): void {
    const descriptor = this.#open();
    try {
      fdatasyncSync(descriptor);
    } catch (cause) {
      throw failed(this.name, 'flush', cause);
    }
  }

  async flushSoon(): Promise<void> {
    try {
      await fdatasyncSoon(this.#open());
    } catch (cause) {
      throw cause instanceof SsrError ? cause : failed(this.name, 'flush', cause);
    }
    // The descriptor of a store that was closed meanwhile may have become another file's: nothing is known then.
    this.#open();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#descriptor);
    this.#unlock();
  }
}

/** A new file is there after a power cut only once its directory is flushed. */
function flushDirectoryOf(path: string): void {
  const directory = openSync(dirname(path), 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/**
 * Opens a file as a store and locks it. Paths that lead to the same place share the lock.
 * @throws SsrError `SSR_STORE_LOCKED`, `SSR_EXISTS`, `SSR_NOT_A_VOLUME`, `SSR_STORE_FAILED`
 */
export function openFileStore(options: FileStoreOptions): Store {
  const { path } = options;
  // Opened before it is locked: a mistyped path must not leave a lock file about. Opening changes nothing.
  const descriptor = openFile(path, options.open === 'new' ? 'wx+' : 'r+');
  try {
    const place = realpathSync(path);
    if (options.open === 'new') flushDirectoryOf(place);
    return new FileStore(path, descriptor, takeLock(`${place}.lock`));
  } catch (error) {
    closeSync(descriptor);
    throw error instanceof SsrError ? error : failed(path, 'lock', error);
  }
}
