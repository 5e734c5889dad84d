/**
 * Where a volume's bytes lie: something that reads, writes, flushes and can be had by one opener at a time.
 *
 * A store is not trusted with anything: it may lose what was not flushed, return old bytes or other bytes, or fail. The
 * volume above notices. All a store owes is to try: a write that returned is visible to later reads, and a flush that
 * returned has made earlier writes durable.
 * Calls are synchronous, for a block takes microseconds; only a flush is worth waiting for elsewhere.
 */

export interface Store {
  /** For messages: a path, or what the store is. */
  readonly name: string;
  /** Bytes up to the last one ever written; more than that reads short. */
  sizeBytes(): number;
  /**
   * Reads into `into` from `offset` on. @returns the bytes read, fewer at the end of the store
   * @throws SsrError `SSR_STORE_FAILED`
   */
  read(offset: number, into: Uint8Array): number;
  /** @throws SsrError `SSR_STORE_FAILED`, `SSR_NO_SPACE`; part of the write may then have happened */
  write(offset: number, bytes: Uint8Array): void;
  /** Everything written before is durable when this returns. @throws SsrError `SSR_STORE_FAILED` */
  flush(): void;
  /**
   * As `flush`, but the caller goes on meanwhile: what was written before this call is durable when it resolves. Nothing is
   * promised of what is written later. Absent where a flush takes no time.
   */
  flushSoon?(): Promise<void>;
  /** Frees the store for the next opener. Idempotent. */
  close(): void;
}

/** Larger than any disk we know, and small enough that an offset plus a length is exact. */
export const STORE_SIZE_MAX_BYTES = 2 ** 50;

/** @throws RangeError unless the access lies within what a store can have */
export function checkAccess(offset: number, sizeBytes: number): void {
  if (!Number.isInteger(offset) || offset < 0 || offset + sizeBytes > STORE_SIZE_MAX_BYTES) {
    throw new RangeError(`a store has offsets from 0 to 2^50, not ${offset} for ${sizeBytes} bytes`);
  }
}
