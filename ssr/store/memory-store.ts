/** A volume in memory: for tests, for benches without a disk, and where a volume is only a format. Nothing is durable. */
import { SsrError } from '../errors.ts';
import type { Store } from './store.ts';
import { checkAccess } from './store.ts';

/** Bytes that outlive their opener, as a disk does. One opener at a time. */
export class MemoryDisk {
  readonly #sizeMaxBytes: number;
  #bytes = new Uint8Array(0);
  #sizeBytes = 0;
  #isOpen = false;

  constructor(sizeMaxBytes = 2 ** 30) {
    this.#sizeMaxBytes = sizeMaxBytes;
  }

  /** @throws SsrError `SSR_STORE_LOCKED` */
  open(): Store {
    if (this.#isOpen) {
      throw new SsrError('SSR_STORE_LOCKED', 'the memory disk is open', { help: 'close the other opener first' });
    }
    this.#isOpen = true;
    let isClosed = false;
    return {
      name: 'memory',
      sizeBytes: () => this.#sizeBytes,
      read: (offset, into) => {
        checkAccess(offset, into.length);
        const count = Math.max(0, Math.min(into.length, this.#sizeBytes - offset));
        into.set(this.#bytes.subarray(offset, offset + count));
        return count;
      },
      write: (offset, bytes) => {
        checkAccess(offset, bytes.length);
        this.#grow(offset + bytes.length);
        this.#bytes.set(bytes, offset);
      },
      flush: () => undefined,
      close: () => {
        if (!isClosed) this.#isOpen = false;
        isClosed = true;
      },
    };
  }

  #grow(sizeBytes: number): void {
    if (sizeBytes > this.#sizeMaxBytes) {
      throw new SsrError('SSR_NO_SPACE', `a memory disk of ${this.#sizeMaxBytes} bytes is full`, {
        help: 'make a larger one',
      });
    }
    if (sizeBytes > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(this.#sizeMaxBytes, Math.max(sizeBytes, this.#bytes.length * 2)));
      grown.set(this.#bytes.subarray(0, this.#sizeBytes));
      this.#bytes = grown;
    }
    this.#sizeBytes = Math.max(this.#sizeBytes, sizeBytes);
  }
}
