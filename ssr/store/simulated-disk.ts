/**
 * A disk that crashes, lies and is tampered with, for tests: a volatile cache over durable 512-byte sectors.
 *
 * Until a flush each written sector has several possible fates: at a crash any of its unsynced versions may be what
 * survives, or none, independently of all other sectors; the sector in flight may be torn at a byte. That is every
 * subset of the writes since the last flush, with the order kept within a sector only, as disks promise.
 * Bytes are kept by sector, so that an image is cheap to copy: sectors are never changed in place.
 */
import { setImmediate as aMoment } from 'node:timers/promises';
import { SsrError } from '../errors.ts';
import type { Store } from './store.ts';
import { checkAccess } from './store.ts';

export const SECTOR_SIZE_BYTES = 512;

/** What lies on a disk, by sector number. Images share sectors: treat them as constants. */
export type DiskImage = ReadonlyMap<number, Uint8Array>;

/** Something that goes wrong once, at a chosen call. */
export type DiskFault =
  /** Writes report that the disk is full. */
  | { readonly kind: 'full'; readonly afterWrites: number }
  /** One write, read or flush fails. */
  | { readonly kind: 'error'; readonly call: 'write' | 'read' | 'flush'; readonly after: number }
  /** A flush returns without having done anything: a lying disk. */
  | { readonly kind: 'dropped-flush'; readonly after: number }
  /** One write lands elsewhere, by so many sectors. */
  | { readonly kind: 'misdirected'; readonly afterWrites: number; readonly sectors: number }
  /** One read gives fewer bytes than there are. */
  | { readonly kind: 'short-read'; readonly afterReads: number };

const ZERO_SECTOR = new Uint8Array(SECTOR_SIZE_BYTES);

function equalSectors(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || Buffer.compare(a, b) === 0;
}

export class SimulatedDisk {
  #durable: Map<number, Uint8Array>;
  /** Unsynced versions of each sector, oldest first. */
  #volatile = new Map<number, Uint8Array[]>();
  #isOpen = false;
  #fault: DiskFault | undefined;
  readonly #calls = { write: 0, read: 0, flush: 0 };
  #flushCount = 0;
  #writeCount = 0;

  constructor(image: DiskImage = new Map()) {
    this.#durable = new Map(image);
  }

  get flushCount(): number {
    return this.#flushCount;
  }

  get writeCount(): number {
    return this.#writeCount;
  }

  /** What is surely there after a crash. */
  durableImage(): DiskImage {
    return new Map(this.#durable);
  }

  /** What would be there if all were flushed now. */
  currentImage(): DiskImage {
    const image = new Map(this.#durable);
    for (const [sector, versions] of this.#volatile) image.set(sector, versions.at(-1) ?? ZERO_SECTOR);
    return image;
  }

  inject(fault: DiskFault | undefined): void {
    this.#fault = fault;
    this.#calls.write = 0;
    this.#calls.read = 0;
    this.#calls.flush = 0;
  }

  #strikes(call: 'write' | 'read' | 'flush', after: number): boolean {
    if (this.#calls[call] <= after) return false;
    this.#fault = undefined;
    return true;
  }

  /**
   * Every image that a crash at this moment may leave, up to `limit` of them, torn sectors included. The first is the
   * durable image, the second the current one; the rest follow in an order that does not depend on chance.
   */
  *crashImages(limit = Number.POSITIVE_INFINITY): Generator<DiskImage> {
    const durable = this.#durable;
    const open = [...this.#volatile].map(([sector, versions]) => ({
      sector,
      fates: distinct([durable.get(sector) ?? ZERO_SECTOR, ...versions]),
    }));
    const changing = open.filter(({ fates }) => fates.length > 1);
    let count = 0;
    const total = changing.reduce((product, { fates }) => product * fates.length, 1);
    const last = total - 1;
    for (let n = 0; n < total && count < limit; n += 1) {
      // 0, last, 1, 2, ...: both extremes come first, whatever the limit.
      const combination = n === 0 ? 0 : n === 1 ? last : n - 1;
      count += 1;
      yield combine(durable, changing, combination);
    }
    for (const { sector, fates } of changing) {
      for (const tearAt of [1, SECTOR_SIZE_BYTES / 2, SECTOR_SIZE_BYTES - 1]) {
        if (count >= limit) return;
        count += 1;
        const torn = (fates[0] ?? ZERO_SECTOR).slice();
        torn.set((fates.at(-1) ?? ZERO_SECTOR).subarray(0, tearAt));
        yield new Map(combine(durable, changing, last)).set(sector, torn);
      }
    }
  }

  /** @throws SsrError `SSR_STORE_LOCKED` */
  open(): Store {
    if (this.#isOpen) {
      throw new SsrError('SSR_STORE_LOCKED', 'the simulated disk is open', { help: 'close the other opener first' });
    }
    this.#isOpen = true;
    return {
      name: 'simulated disk',
      sizeBytes: () => {
        let highest = -1;
        for (const sector of this.#durable.keys()) highest = Math.max(highest, sector);
        for (const sector of this.#volatile.keys()) highest = Math.max(highest, sector);
        return (highest + 1) * SECTOR_SIZE_BYTES;
      },
      read: (offset, into) => this.#read(offset, into),
      write: (offset, bytes) => {
        this.#write(offset, bytes);
      },
      flush: () => {
        this.#flush();
      },
      // Takes effect late, so that whoever does not wait for it is found out.
      flushSoon: async () => {
        await aMoment();
        this.#flush();
      },
      close: () => {
        this.#isOpen = false;
      },
    };
  }

  /** As `open`; `watch` is called at the moments of each flush. */
  openWatched(watch: (when: 'before flush' | 'after flush') => void): Store {
    const store = this.open();
    const flush = (): void => {
      watch('before flush');
      store.flush();
      watch('after flush');
    };
    const flushSoon = async (): Promise<void> => {
      watch('before flush');
      await store.flushSoon?.();
      watch('after flush');
    };
    return { ...store, flush, flushSoon };
  }

  #sector(sector: number): Uint8Array {
    return this.#volatile.get(sector)?.at(-1) ?? this.#durable.get(sector) ?? ZERO_SECTOR;
  }

  #read(offset: number, into: Uint8Array): number {
    checkAccess(offset, into.length);
    this.#calls.read += 1;
    const fault = this.#fault;
    if (fault?.kind === 'error' && fault.call === 'read' && this.#strikes('read', fault.after)) throw failure('read');
    for (let done = 0; done < into.length;) {
      const at = offset + done;
      const within = at % SECTOR_SIZE_BYTES;
      const count = Math.min(SECTOR_SIZE_BYTES - within, into.length - done);
      into.set(this.#sector((at - within) / SECTOR_SIZE_BYTES).subarray(within, within + count), done);
      done += count;
    }
    if (fault?.kind === 'short-read' && this.#strikes('read', fault.afterReads)) return Math.floor(into.length / 2);
    return into.length;
  }

  #write(offset: number, bytes: Uint8Array): void {
    checkAccess(offset, bytes.length);
    this.#calls.write += 1;
    this.#writeCount += 1;
    const fault = this.#fault;
    let target = offset;
    if (fault?.kind === 'full' && this.#calls.write > fault.afterWrites) {
      throw new SsrError('SSR_NO_SPACE', 'the simulated disk is full', { help: 'make room' });
    }
    if (fault?.kind === 'error' && fault.call === 'write' && this.#strikes('write', fault.after))
      throw failure('write');
    if (fault?.kind === 'misdirected' && this.#strikes('write', fault.afterWrites)) {
      target = Math.max(0, offset + fault.sectors * SECTOR_SIZE_BYTES);
    }
    for (let done = 0; done < bytes.length;) {
      const at = target + done;
      const within = at % SECTOR_SIZE_BYTES;
      const count = Math.min(SECTOR_SIZE_BYTES - within, bytes.length - done);
      const number = (at - within) / SECTOR_SIZE_BYTES;
      const sector = this.#sector(number).slice();
      sector.set(bytes.subarray(done, done + count), within);
      const versions = this.#volatile.get(number);
      if (versions === undefined) this.#volatile.set(number, [sector]);
      else versions.push(sector);
      done += count;
    }
  }

  #flush(): void {
    this.#calls.flush += 1;
    this.#flushCount += 1;
    const fault = this.#fault;
    if (fault?.kind === 'error' && fault.call === 'flush' && this.#strikes('flush', fault.after))
      throw failure('flush');
    if (fault?.kind === 'dropped-flush' && this.#strikes('flush', fault.after)) return;
    for (const [sector, versions] of this.#volatile) this.#durable.set(sector, versions.at(-1) ?? ZERO_SECTOR);
    this.#volatile = new Map();
  }
}

function failure(call: string): SsrError {
  return new SsrError('SSR_STORE_FAILED', `the simulated disk cannot ${call} (EIO)`, { help: 'look at the disk' });
}

function distinct(versions: readonly Uint8Array[]): Uint8Array[] {
  const kept: Uint8Array[] = [];
  for (const version of versions) if (!kept.some((other) => equalSectors(other, version))) kept.push(version);
  return kept;
}

function combine(
  durable: DiskImage,
  changing: readonly { readonly sector: number; readonly fates: readonly Uint8Array[] }[],
  combination: number,
): DiskImage {
  const image = new Map(durable);
  let rest = combination;
  for (const { sector, fates } of changing) {
    const fate = fates[rest % fates.length];
    rest = Math.floor(rest / fates.length);
    if (fate !== undefined) image.set(sector, fate);
  }
  return image;
}
