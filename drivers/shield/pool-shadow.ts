/**
 * Shadowed structures of a device without a doorbell: it walks the RVM's copies of what the monitor judged, and nothing else.
 *
 * The device looks at its structures whenever it likes, so there is no moment at which the guest publishes them. Instead
 * the RVM *refreshes* the copies: before each of the guest's writes reaches the device, and every millisecond. A refresh
 * goes from the roots along the links (`pool-plan.ts`) over the guest's memory; each structure that is new or differs from
 * the device's copy is judged as the store that it is: `was` is what the device has, `is` what the guest has. If all are
 * allowed, copies are written, those that are new before those that lead to them. What the device has written into its
 * copies is carried back to the guest (`collect`) before an interrupt or a register's value is delivered.
 *
 *   guest   | structures as the guest has them
 *   planes  | one for each pool that registers name: the copy of what lies at A is at A + a constant
 *   slots   | one area for each pool: copies of structures that links lead to, wherever there was room
 *
 * A structure that the device owns cannot be changed in place. In a slot it need not be: the changed one becomes a new copy,
 * judged as new memory, and the links are moved to it (read-copy-update). So a guest may reuse at once what its device
 * cannot reach any more, as Linux does after a short packet, and the device sees old or new and never a mixture.
 *
 * Invariants: nothing enters the copies that the monitor was not shown and allowed; every link in a copy leads to a copy of
 * the right pool, or nowhere; a slot is used again only `LINGER_US` after the last walk that came to it; of a structure,
 * the word that says whose it is is written last. Where guest and device change the same word, the guest's is kept.
 * A denial is believed only if it is met `LOOKS` times from the roots: the guest may be writing while it is read.
 */
import { ALLOWED, type DescriptorMemory, type Monitor, type Verdict } from '../../dsslang/index.ts';
import { ShieldError } from './errors.ts';
import type { PoolPlan, PoolShape, Root } from './pool-plan.ts';
import { CopyPage, GuestPages, PAGE_BYTES, readSettled } from './shadow-pages.ts';
import type { MemoryAccess, Shadow, StoreRefused } from './shadow.ts';

/** Structures of one pool, copies that linger included. A USB disk's request of 120 KiB has 1920. */
export const STRUCTURES_MAX = 16_384;
/** A device may hold an address from its last look at a link: many times the millisecond of a USB frame. */
export const LINGER_US = 100_000;
export const LOOKS = 4;

/** The device's memory above the guest's. */
export interface PoolLayout {
  readonly guestBytes: number;
  /** Of a pool: what is added to an address for its plane. */
  readonly plane: (pool: number) => number;
  readonly slots: (pool: number) => number;
  readonly totalBytes: number;
}

/** @param guestBytes a multiple of a page */
export function poolLayout({ pools }: PoolPlan, guestBytes: number): PoolLayout {
  const plane = (pool: number): number => guestBytes * (1 + pool);
  const starts: number[] = [];
  let end = plane(pools.length);
  for (const { bytes } of pools) {
    starts.push(end);
    end += STRUCTURES_MAX * bytes;
  }
  // Whole MiB: a machine has no less.
  const totalBytes = Math.ceil(end / (1 << 20)) * (1 << 20);
  return { guestBytes, plane, slots: (pool) => starts[pool] ?? end, totalBytes };
}

interface Link {
  readonly pool: number;
  readonly address: number;
  readonly field: { readonly word: number; readonly mask: number } | undefined;
}

/** A structure that the device has a copy of. */
class Structure {
  readonly pool: number;
  readonly address: number;
  /** Where the device finds it. */
  readonly place: number;
  /** Whether it lies in the plane, among its neighbours. */
  readonly inPlane: boolean;
  /** What the copy says, in the guest's addresses; and as it is written there, in the device's. */
  readonly held: Uint32Array;
  readonly given: Uint32Array;
  links: readonly Link[] = [];
  /** The last walk that came here. */
  walk = 0;
  leftAtUs = Infinity;

  constructor(pool: number, address: number, place: number, inPlane: boolean, words: number) {
    this.pool = pool;
    this.address = address;
    this.place = place;
    this.inPlane = inPlane;
    this.held = new Uint32Array(words);
    this.given = new Uint32Array(words);
  }
}

/** A structure that a walk has found new or changed. */
interface Draft {
  readonly pool: number;
  readonly address: number;
  readonly inPlane: boolean;
  readonly words: Uint32Array;
  readonly links: readonly Link[];
  /** The copy to change; undefined: a new one. */
  readonly into: Structure | undefined;
}

interface Walked {
  readonly drafts: Map<number, Draft>;
  readonly reached: Structure[];
}

export interface PoolShadowOptions {
  readonly memory: MemoryAccess;
  readonly layout: PoolLayout;
  readonly plan: PoolPlan;
  /** A structure was judged and is the device's now. */
  readonly onPublished?: (pool: string, address: number, bytes: Uint8Array) => void;
}

export function createPoolShadow(options: PoolShadowOptions): Shadow {
  return new PoolShadow(options);
}

class PoolShadow implements Shadow {
  readonly #memory: MemoryAccess;
  readonly #layout: PoolLayout;
  readonly #plan: PoolPlan;
  readonly #onPublished: PoolShadowOptions['onPublished'];
  readonly #guest: GuestPages;
  /** By `keyOf`. */
  readonly #known = new Map<number, Structure>();
  /** By the number of the page in the device's memory. */
  readonly #pages = new Map<number, CopyPage<Structure>>();
  /** Left by the last walk, or replaced; still the device's for a while. */
  readonly #leaving = new Set<Structure>();
  readonly #slots: { used: number; readonly free: number[] }[];
  #roots: readonly Root[] = [];
  readonly #scratch = new Uint32Array(PAGE_BYTES / 4);
  #walk = 0;
  /** What the last walk was refused, where the device was not withdrawn for it: said once. */
  #refused: StoreRefused | undefined;
  /** The store that is being judged. */
  #question: { was: Uint32Array; is: Uint32Array } | undefined;
  publishedBytes = 0;
  published = 0;

  constructor({ memory, layout, plan, onPublished }: PoolShadowOptions) {
    this.#memory = memory;
    this.#layout = layout;
    this.#plan = plan;
    this.#onPublished = onPublished;
    this.#guest = new GuestPages(memory);
    this.#slots = plan.pools.map(() => ({ used: 0, free: [] }));
  }

  // ---- What the monitor is shown -------------------------------------------------------------------------------------

  begin(): void {
    // Each question is about one structure, and begins by itself.
  }

  commit(): void {
    // Registers publish nothing here; `refresh` does.
  }

  fetched(): readonly [] {
    return [];
  }

  readonly fetch: DescriptorMemory['fetch'] = (_address, length, target, at) =>
    show(this.#question?.was, length, target, at);

  readonly stored: NonNullable<DescriptorMemory['stored']> = (_address, length, target, at) =>
    show(this.#question?.is, length, target, at);

  toMirror(address: number, pool = 0): number {
    return address < this.#layout.guestBytes ? address + this.#layout.plane(pool) : address;
  }

  fromMirror(address: number): number {
    const { guestBytes, plane } = this.#layout;
    const planesEnd = plane(this.#plan.pools.length);
    return address >= guestBytes && address < planesEnd ? address % guestBytes : address;
  }

  // ---- From the guest to the device ----------------------------------------------------------------------------------

  refresh(monitor: Monitor, nowUs: number): StoreRefused | undefined {
    this.collect();
    this.#retire(nowUs);
    const roots = this.#plan.roots(monitor.snapshot());
    const begun = roots.filter((root) => !this.#roots.some((each) => sameRoot(each, root)));
    const same = begun.length === 0 && roots.length === this.#roots.length && this.#refused === undefined;
    if (same && !this.#guest.changed()) return undefined;
    for (const { pool } of begun) this.#dropPlane(pool);
    let refused: StoreRefused | undefined;
    for (let look = 0; look < LOOKS; look += 1) {
      const walked = this.#goFrom(roots, monitor, nowUs);
      if ('drafts' in walked) {
        this.#roots = roots;
        this.#refused = undefined;
        this.#publish(walked, nowUs);
        return undefined;
      }
      refused = walked;
    }
    const known = this.#refused?.address === refused?.address && this.#refused?.verdict === refused?.verdict;
    this.#refused = refused;
    return known ? undefined : refused;
  }

  /** Changes nothing but what is known of the guest's pages, so that it can be repeated. */
  #goFrom(roots: readonly Root[], monitor: Monitor, nowUs: number): Walked | StoreRefused {
    this.#guest.begin();
    this.#walk += 1;
    const drafts = new Map<number, Draft>();
    const reached: Structure[] = [];
    const ahead: { readonly pool: number; readonly address: number; readonly inPlane: boolean }[] = [];
    for (const { pool, address, bytes } of roots) {
      const size = this.#shape(pool).bytes;
      for (let at = address; at < address + bytes; at += size) ahead.push({ pool, address: at, inPlane: true });
    }
    for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
      const { pool, address, inPlane } = next;
      const key = keyOf(pool, address);
      const known = this.#known.get(key);
      if (known?.walk === this.#walk || drafts.has(key)) continue;
      const shape = this.#shape(pool);
      // The rules see to it that a link leads to granted memory; this is for a specification that does not.
      if (address + shape.bytes > this.#layout.guestBytes) continue;
      let words = this.#scratch.subarray(0, shape.bytes / 4);
      this.#guest.read(address, words, known === undefined);
      let links: readonly Link[];
      if (known !== undefined && sameWords(words, known.held)) {
        known.walk = this.#walk;
        reached.push(known);
        links = known.links;
      } else {
        words = words.slice();
        const judged = this.#judge(monitor, shape, address, words, known, nowUs);
        if (judged.verdict > 0) return { verdict: judged.verdict, address, length: shape.bytes };
        links = linksOf(shape, address, words);
        drafts.set(key, { pool, address, inPlane, words, links, into: judged.into });
      }
      if (drafts.size + reached.length > STRUCTURES_MAX) throw tooMany(shape);
      const owns = shape.owner === undefined || shape.owner.owns(words);
      for (const link of links) {
        // A link from what is not the device's is not gone: it is cut, unless something else leads there.
        if (!owns && link.field !== undefined) continue;
        ahead.push({ pool: link.pool, address: link.address, inPlane: inPlane && link.field === undefined });
      }
    }
    this.#guest.end();
    return { drafts, reached };
  }

  /** In place, or, where the device's copy cannot be changed, as a new copy. */
  #judge(
    monitor: Monitor,
    shape: PoolShape,
    address: number,
    is: Uint32Array,
    known: Structure | undefined,
    nowUs: number,
  ): { readonly verdict: Verdict; readonly into: Structure | undefined } {
    const asked = (was: Uint32Array): Verdict => {
      this.#question = { was, is };
      const verdict = monitor.store(address, shape.bytes, nowUs, shape.purpose);
      this.#question = undefined;
      return verdict;
    };
    if (known !== undefined) {
      const verdict = asked(known.held);
      if (verdict <= ALLOWED || known.inPlane) return { verdict, into: known };
    }
    return { verdict: asked(new Uint32Array(is.length).fill(shape.filled)), into: undefined };
  }

  #publish({ drafts, reached }: Walked, nowUs: number): void {
    const fresh: Structure[] = [];
    const changed = new Set<Structure>();
    for (const [key, draft] of drafts) {
      const { into, words, links, pool, address } = draft;
      const structure = into ?? this.#make(draft);
      structure.held.set(words);
      structure.links = links;
      structure.walk = this.#walk;
      if (into === undefined) {
        const before = this.#known.get(key);
        if (before !== undefined) this.#leave(before, nowUs);
        this.#known.set(key, structure);
        fresh.push(structure);
      } else changed.add(into);
      this.published += 1;
      this.publishedBytes += words.byteLength;
      this.#onPublished?.(this.#shape(pool).name, address, new Uint8Array(words.slice().buffer));
    }
    // What is new is complete before anything leads to it.
    for (const structure of fresh) this.#give(structure, true);
    for (const structure of reached) this.#give(structure, false);
    for (const structure of changed) this.#give(structure, false);
    for (const structure of this.#known.values()) {
      if (structure.walk === this.#walk) {
        if (structure.leftAtUs !== Infinity) this.#leaving.delete(structure);
        structure.leftAtUs = Infinity;
      } else if (structure.leftAtUs === Infinity) this.#leave(structure, nowUs);
    }
  }

  #make({ pool, address, inPlane, words }: Draft): Structure {
    const shape = this.#shape(pool);
    const place = inPlane ? address + this.#layout.plane(pool) : this.#takeSlot(pool, shape);
    const structure = new Structure(pool, address, place, inPlane, words.length);
    this.#pageOf(place, shape).setOwner(place, structure);
    return structure;
  }

  /** Writes what differs from what the device has, in its own addresses; the word that tells whose it is last. */
  #give(structure: Structure, whole: boolean): void {
    const { pool, held, given, links } = structure;
    const { owner, filled } = this.#shape(pool);
    if (!whole && links.length === 0 && sameWords(held, given)) return;
    const wanted = held.slice();
    for (const { pool: to, address, field } of links) {
      if (field === undefined) continue;
      const target = this.#known.get(keyOf(to, address));
      wanted[field.word] =
        target?.walk === this.#walk ? ((held[field.word] ?? 0) & ~field.mask) | (target.place & field.mask) : filled;
    }
    if (whole && !structure.inPlane) {
      // Nothing leads to it yet, so the order of its words is nobody's business.
      this.#writeAll(structure, wanted);
      return;
    }
    const write = (word: number): void => {
      if (!whole && given[word] === wanted[word]) return;
      this.#write(structure, word, wanted[word] ?? 0);
    };
    for (let word = 0; word < wanted.length; word += 1) if (word !== owner?.word) write(word);
    if (owner !== undefined) write(owner.word);
  }

  // ---- From the device to the guest ----------------------------------------------------------------------------------

  collect(): void {
    for (const page of this.#pages.values()) {
      const now = readSettled(this.#memory, page.address, page.seen);
      if (now === undefined) continue;
      const changed = new Map<Structure, number[]>();
      for (let index = 0; index < now.length; index += 1) {
        if (now[index] === page.seen[index]) continue;
        const value = now[index] ?? 0;
        page.seen[index] = value;
        const at = page.address + 4 * index;
        const structure = page.ownerAt(at);
        if (structure === undefined) continue;
        const word = (at - structure.place) / 4;
        structure.given[word] = value;
        const words = changed.get(structure);
        if (words === undefined) changed.set(structure, [word]);
        else words.push(word);
      }
      for (const [structure, words] of changed) this.#deliver(structure, words);
    }
  }

  /** What the device wrote into its copy goes to the guest, unless the guest has written there itself. */
  #deliver(structure: Structure, words: readonly number[]): void {
    const { pool, address, held, given } = structure;
    const shape = this.#shape(pool);
    // Replaced: what lies there now is another structure.
    if (this.#known.get(keyOf(pool, address)) !== structure) return;
    const before = held.slice();
    for (const word of words) held[word] = given[word] ?? 0;
    // Only now, with all words: whether one is an address may depend on another.
    for (const word of words) held[word] = this.#toGuest(shape, given[word] ?? 0, word, held);
    structure.links = linksOf(shape, address, held);
    const now = new Uint32Array(held.length);
    this.#memory.read(address, new Uint8Array(now.buffer));
    const last = (word: number): number => (word === shape.owner?.word ? 1 : 0);
    for (const word of [...words].sort((left, right) => last(left) - last(right))) {
      if (now[word] !== before[word]) continue;
      const value = held[word] ?? 0;
      this.#memory.write(address + 4 * word, bytesOf(value));
      this.#guest.wrote(address + 4 * word, value);
    }
  }

  #toGuest(shape: PoolShape, value: number, word: number, words: Uint32Array): number {
    for (const { field, live } of shape.links) {
      if (field?.word !== word || !live(words)) continue;
      const place = (value & field.mask) >>> 0;
      const target = this.#pages.get(Math.floor(place / PAGE_BYTES))?.ownerAt(place);
      if (target !== undefined) return ((value & ~field.mask) | target.address) >>> 0;
    }
    return value;
  }

  // ---- Copies that are no longer needed ------------------------------------------------------------------------------

  #leave(structure: Structure, nowUs: number): void {
    structure.leftAtUs = nowUs;
    this.#leaving.delete(structure);
    this.#leaving.add(structure);
  }

  #retire(nowUs: number): void {
    for (const structure of this.#leaving) {
      // In order of leaving.
      if (nowUs - structure.leftAtUs < LINGER_US) return;
      this.#drop(structure);
    }
  }

  /** The device begins anew, so nothing of this pool's plane is its any more but what another root leads to. */
  #dropPlane(pool: number): void {
    for (const structure of [...this.#leaving]) {
      if (structure.inPlane && structure.pool === pool) this.#drop(structure);
    }
  }

  #drop(structure: Structure): void {
    const { pool, address, place, inPlane, given } = structure;
    const shape = this.#shape(pool);
    this.#leaving.delete(structure);
    if (this.#known.get(keyOf(pool, address)) === structure) this.#known.delete(keyOf(pool, address));
    const { owner } = shape;
    if (owner !== undefined) this.#write(structure, owner.word, shape.filled);
    this.#writeAll(structure, new Uint32Array(given.length).fill(shape.filled));
    this.#pageOf(place, shape).setOwner(place, undefined);
    if (!inPlane) this.#slots[pool]?.free.push(place);
  }

  clear(): void {
    for (const page of this.#pages.values()) this.#memory.write(page.address, page.empty());
    this.#pages.clear();
    this.#known.clear();
    this.#leaving.clear();
    this.#guest.clear();
    this.#refused = undefined;
    this.#roots = [];
    for (const slots of this.#slots) {
      slots.used = 0;
      slots.free.length = 0;
    }
  }

  // --------------------------------------------------------------------------------------------------------------------

  #shape(pool: number): PoolShape {
    const shape = this.#plan.pools[pool];
    if (shape === undefined) throw new RangeError(`there is no pool ${pool}`);
    return shape;
  }

  #write(structure: Structure, word: number, value: number): void {
    const at = structure.place + 4 * word;
    const page = this.#pageOf(at, this.#shape(structure.pool));
    structure.given[word] = value;
    page.seen[page.wordAt(at)] = value;
    this.#memory.write(at, bytesOf(value));
  }

  #writeAll(structure: Structure, words: Uint32Array): void {
    const { place, given, pool } = structure;
    const page = this.#pageOf(place, this.#shape(pool));
    given.set(words);
    page.seen.set(words, page.wordAt(place));
    this.#memory.write(place, new Uint8Array(words.buffer));
  }

  #pageOf(place: number, { bytes, filled }: PoolShape): CopyPage<Structure> {
    const number = Math.floor(place / PAGE_BYTES);
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = new CopyPage(number * PAGE_BYTES, bytes, filled);
      this.#memory.write(page.address, page.empty());
      this.#pages.set(number, page);
    }
    return page;
  }

  #takeSlot(pool: number, shape: PoolShape): number {
    const slots = this.#slots[pool];
    const free = slots?.free.pop();
    if (free !== undefined) return free;
    if (slots === undefined || slots.used === STRUCTURES_MAX) throw tooMany(shape);
    slots.used += 1;
    return this.#layout.slots(pool) + (slots.used - 1) * shape.bytes;
  }
}

function tooMany({ name }: PoolShape): ShieldError {
  return new ShieldError(
    'GUEST_FLOOD',
    `the guest gives its device more than ${STRUCTURES_MAX} structures (\`${name}\`)`,
  );
}

/** Addresses of guest memory lie far below 2^48. */
const keyOf = (pool: number, address: number): number => address * 8 + pool;

function linksOf({ links, bytes }: PoolShape, address: number, words: Uint32Array): readonly Link[] {
  const found: Link[] = [];
  for (const { to, field, live } of links) {
    if (!live(words)) continue;
    const target = field === undefined ? address + bytes : ((words[field.word] ?? 0) & field.mask) >>> 0;
    found.push({ pool: to, address: target, field });
  }
  return found;
}

function show(words: Uint32Array | undefined, length: number, target: Uint8Array, at: number): boolean {
  if (words?.byteLength !== length) return false;
  target.set(new Uint8Array(words.buffer, words.byteOffset, length), at);
  return true;
}

const sameRoot = (left: Root, right: Root): boolean =>
  left.pool === right.pool && left.address === right.address && left.bytes === right.bytes;

const sameWords = (left: Uint32Array, right: Uint32Array): boolean => {
  for (let index = 0; index < left.length; index += 1) if (left[index] !== right[index]) return false;
  return true;
};

const bytesOf = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
