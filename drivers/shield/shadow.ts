/**
 * Shadowed descriptors: the device reads the RVM's copy of what the monitor judged, never the guest's memory.
 *
 * A guest shares its memory with its device, so it could rewrite a descriptor after the doorbell and before the device
 * fetches it. Therefore the machine of the device has twice the memory that the guest has: the upper half is the RVM's
 * alone, a mirror in which the descriptor at guest address A lies at A + `guestBytes`. Registers that name descriptors
 * are rewritten to the mirror (`pointers.ts`).
 *
 *   doorbell    the monitor fetches descriptors through `fetch`, which reads the guest's memory once; if it allows, the
 *               very bytes that it was shown go to the mirror (`commit`), and only then does the doorbell reach the device
 *   completion  what the device changed in the mirror is copied to the guest (`collect`), right after an interrupt, and before
 *               a register's value is delivered: a driver that is told of an interrupt and finds nothing done may not look
 *               again until the next one, so no page is ever left out
 *
 * Invariants: nothing enters the mirror that the monitor was not shown in an operation that it then allowed; `collect`
 * writes to the guest only bytes that differ from what `commit` put there, and only inside published descriptors.
 * Unpublished memory is sparse: the mirror costs the pages in use.
 */
import type { Monitor, Verdict } from '../../dsslang/index.ts';
import type { MemoryAccess } from './memory-access.ts';
import { MirrorPage, PAGE_BYTES } from './mirror-page.ts';
import type { PointerField } from './pointers.ts';

/** Descriptors are read from the guest in runs of up to this many bytes within one operation. */
const AHEAD_BYTES = 512;
/** Mirrored pages; the one published longest ago goes first. Linux's AHCI driver has 7 for each disk, two rings of 64 KiB are 10. */
export const MIRROR_PAGES_MAX = 64;

interface Piece {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** A pointer field of a copy, and where it leads. */
interface Target {
  readonly offset: number;
  readonly address: number;
  readonly lead: number;
}

/** What the guest has stored for its device, and the monitor refuses. */
export interface StoreRefused {
  readonly verdict: Verdict;
  readonly address: number;
  readonly length: number;
}

export interface Shadow {
  /** Forgets what an earlier operation fetched. */
  begin(): void;
  /** For the monitor: copies guest memory into `target`, once per operation. False outside the guest's memory. */
  fetch(address: number, length: number, target: Uint8Array, at: number): boolean;
  /** For the monitor, while it judges a store: the same as the guest leaves it. Only of devices without a doorbell. */
  stored(address: number, length: number, target: Uint8Array, at: number): boolean;
  /** Where the device looks without being told: has judged what the guest has stored, and shows the device what is allowed. */
  refresh(monitor: Monitor, nowUs: number): StoreRefused | undefined;
  /** The last `refresh` kept something back that the guest has stored: the device has the copies of before. */
  readonly isBehind: boolean;
  /** What was fetched since `begin`. */
  fetched(): readonly Piece[];
  /** The operation was allowed: what it fetched is the device's now. */
  commit(): void;
  /** Copies what the device has written into descriptors to the guest. */
  collect(): void;
  /** The device has been reset: nothing is published. */
  clear(): void;
  /** Where the device finds what lies at a guest address; of a register that names structures of a pool, with its number. */
  toMirror(address: number, pool?: number): number;
  fromMirror(address: number): number;
  /** Descriptor bytes published so far. */
  readonly publishedBytes: number;
  /** Pieces (descriptors) published so far. */
  readonly published: number;
}

/** Reads guest memory for the monitor, once per operation; keeps what was read. */
class Fetcher {
  readonly #memory: MemoryAccess;
  readonly #guestBytes: number;
  readonly #ahead = new Uint8Array(AHEAD_BYTES);
  #aheadAt = 0;
  #aheadBytes = 0;
  pieces: Piece[] = [];

  constructor(memory: MemoryAccess, guestBytes: number) {
    this.#memory = memory;
    this.#guestBytes = guestBytes;
  }

  begin(): void {
    this.#aheadBytes = 0;
    if (this.pieces.length > 0) this.pieces = [];
  }

  fetch(address: number, length: number, target: Uint8Array, at: number): boolean {
    if (address < 0 || address + length > this.#guestBytes) return false;
    const bytes = target.subarray(at, at + length);
    const known = this.pieces.find((each) => each.address === address && each.bytes.length === length);
    if (known !== undefined) {
      bytes.set(known.bytes);
      return true;
    }
    if (length > AHEAD_BYTES) this.#memory.read(address, bytes);
    else {
      if (address < this.#aheadAt || address + length > this.#aheadAt + this.#aheadBytes) {
        this.#aheadAt = address;
        this.#aheadBytes = Math.min(AHEAD_BYTES, this.#guestBytes - address);
        this.#memory.read(address, this.#ahead.subarray(0, this.#aheadBytes));
      }
      const from = address - this.#aheadAt;
      bytes.set(this.#ahead.subarray(from, from + length));
    }
    this.pieces.push({ address, bytes: bytes.slice() });
    return true;
  }
}

/** Without a mirror: the monitor sees a private copy, the device the guest's memory. */
export function createPlainMemory(memory: MemoryAccess, guestBytes: number): Shadow {
  const fetcher = new Fetcher(memory, guestBytes);
  return {
    begin: () => fetcher.begin(),
    fetch: (address, length, target, at) => fetcher.fetch(address, length, target, at),
    stored: () => false,
    refresh: () => undefined,
    isBehind: false,
    fetched: () => fetcher.pieces,
    commit: () => undefined,
    collect: () => undefined,
    clear: () => undefined,
    toMirror: (address) => address,
    fromMirror: (address) => address,
    publishedBytes: 0,
    published: 0,
  };
}

export function createShadow(memory: MemoryAccess, guestBytes: number, fields: readonly PointerField[]): Shadow {
  const fetcher = new Fetcher(memory, guestBytes);
  const pages = new Map<number, MirrorPage>();
  let publishedBytes = 0;
  let published = 0;
  let turn = 0;

  function pageOf(number: number): MirrorPage {
    let page = pages.get(number);
    if (page === undefined) {
      page = new MirrorPage();
      if (pages.size === MIRROR_PAGES_MAX) forget(oldest());
      pages.set(number, page);
    }
    turn += 1;
    page.publishedAt = turn;
    return page;
  }

  function oldest(): number {
    const [first] = [...pages].sort(([, one], [, other]) => one.publishedAt - other.publishedAt);
    return first?.[0] ?? 0;
  }

  function forget(number: number): void {
    pages.delete(number);
    memory.write(guestBytes + number * PAGE_BYTES, new Uint8Array(PAGE_BYTES));
  }

  function publish(address: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const number = Math.floor((address + done) / PAGE_BYTES);
      const into = (address + done) % PAGE_BYTES;
      const part = bytes.subarray(done, done + PAGE_BYTES - into);
      pageOf(number).publish(into, part);
      done += part.length;
    }
    memory.write(guestBytes + address, bytes);
    publishedBytes += bytes.length;
  }

  /** Where a copy leads, by its pointer fields; undefined where it has none. Addresses beyond the guest's memory lead nowhere. */
  function targetsOf({ bytes }: Piece): readonly Target[] | undefined {
    const own = fields.filter(({ structBytes }) => structBytes === bytes.length);
    if (own.length === 0) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return own.flatMap(({ offset, bytes: width, lead }) => {
      const low = view.getUint32(offset, true);
      const high = width === 8 ? view.getUint32(offset + 4, true) : 0;
      return high === 0 && low + lead <= guestBytes ? [{ offset, address: low, lead }] : [];
    });
  }

  /**
   * A descriptor that leads further goes to the mirror only together with what it leads to: one whose target was not
   * fetched was looked at in passing (another slot of the same list) and not judged. Two that lead to the same place
   * cannot be told apart, so neither goes.
   */
  function judged(targets: readonly Target[], all: ReadonlyMap<number, number>): boolean {
    return targets.every(
      ({ address, lead }) =>
        all.get(address) === 1 &&
        fetcher.pieces.some((piece) => piece.address >= address && piece.address <= address + lead),
    );
  }

  function commit(): void {
    if (fetcher.pieces.length === 0) return;
    const ready = fields.length === 0 ? fetcher.pieces : judgedPieces();
    for (const piece of ready) publish(piece.address, piece.bytes);
    published += ready.length;
  }

  /** The pieces that may be published, with their pointers into the mirror. */
  function judgedPieces(): readonly Piece[] {
    const ready: Piece[] = [];
    const leading: { readonly piece: Piece; readonly targets: readonly Target[] }[] = [];
    const claims = new Map<number, number>();
    for (const piece of fetcher.pieces) {
      const targets = targetsOf(piece);
      if (targets === undefined) ready.push(piece);
      else leading.push({ piece, targets });
      for (const { address } of targets ?? []) claims.set(address, (claims.get(address) ?? 0) + 1);
    }
    for (const { piece, targets } of leading) {
      if (targets.length === 0 || !judged(targets, claims)) continue;
      const view = new DataView(piece.bytes.buffer, piece.bytes.byteOffset, piece.bytes.length);
      for (const { offset, address, lead } of targets) {
        view.setUint32(offset, address + guestBytes, true);
        if (lead === 0) continue;
        // Read by the device, not by the specification. Before the pieces, so that it cannot replace what was judged.
        const before = new Uint8Array(lead);
        memory.read(address, before);
        publish(address, before);
      }
      ready.push(piece);
    }
    return ready;
  }

  return {
    begin: () => fetcher.begin(),
    fetch: (address, length, target, at) => fetcher.fetch(address, length, target, at),
    stored: () => false,
    refresh: () => undefined,
    isBehind: false,
    fetched: () => fetcher.pieces,
    commit,
    collect: () => {
      for (const [number, page] of pages) page.collect(memory, guestBytes + number * PAGE_BYTES, number * PAGE_BYTES);
    },
    clear: () => {
      for (const number of [...pages.keys()]) forget(number);
    },
    toMirror: (address) => (address < guestBytes ? address + guestBytes : address),
    fromMirror: (address) => (address >= guestBytes && address < 2 * guestBytes ? address - guestBytes : address),
    get publishedBytes() {
      return publishedBytes;
    },
    get published() {
      return published;
    },
  };
}
