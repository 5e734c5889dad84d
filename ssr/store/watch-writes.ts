/** A store that says what is written to it: for the bench and the tests, which ask where the bytes went and not what they were. */
import type { Store } from './store.ts';

export interface Write {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** The same store; each write is added to `writes`. */
export function watchWrites(store: Store, writes: Write[]): Store {
  // Absent where the store has none: the publisher knows what to do then.
  const flushSoon = store.flushSoon?.bind(store);
  return {
    name: store.name,
    sizeBytes: () => store.sizeBytes(),
    read: (offset, into) => store.read(offset, into),
    write(offset, bytes) {
      writes.push({ offset, sizeBytes: bytes.length });
      store.write(offset, bytes);
    },
    flush: () => store.flush(),
    ...(flushSoon && { flushSoon }),
    close: () => store.close(),
  };
}
