/**
 * The copies that a device without a doorbell walks: where they lie, how they are written, and when they go.
 *
 * Invariants: every link in a copy leads to a copy of the right pool, or nowhere; what is new is complete before anything
 * leads to it; of a structure, the word that says whose it is is written last; a slot is used again only `LINGER_US` after
 * the last walk that came to it.
 */
import { STRUCTURES_MAX, tooMany, type PoolLayout } from './pool-layout.ts';
import { shapeOf, type PoolPlan, type PoolShape } from './pool-plan.ts';
import { bytesOf, keyOf, sameWords, Structure } from './pool-structure.ts';
import type { Draft, Walked } from './pool-walk.ts';
import { CopyPage, PAGE_BYTES } from './shadow-pages.ts';
import type { MemoryAccess } from './memory-access.ts';

/** A device may hold an address from its last look at a link: many times the millisecond of a USB frame. */
export const LINGER_US = 100_000;

export class PoolCopies {
  readonly plan: PoolPlan;
  /** By `keyOf`. */
  readonly known = new Map<number, Structure>();
  readonly #memory: MemoryAccess;
  readonly #layout: PoolLayout;
  /** By the number of the page in the device's memory. */
  readonly #pages = new Map<number, CopyPage<Structure>>();
  /** Left by the last walk, or replaced; still the device's for a while. */
  readonly #leaving = new Set<Structure>();
  readonly #slots: { used: number; readonly free: number[] }[];

  constructor(memory: MemoryAccess, layout: PoolLayout, plan: PoolPlan) {
    this.#memory = memory;
    this.#layout = layout;
    this.plan = plan;
    this.#slots = plan.pools.map(() => ({ used: 0, free: [] }));
  }

  pages(): Iterable<CopyPage<Structure>> {
    return this.#pages.values();
  }

  /** The structure whose copy lies there. */
  at(place: number): Structure | undefined {
    return this.#pages.get(Math.floor(place / PAGE_BYTES))?.ownerAt(place);
  }

  /** Everything that a walk came to was allowed. @throws ShieldError GUEST_FLOOD */
  publish({ number, drafts, reached }: Walked, nowUs: number): void {
    const fresh: Structure[] = [];
    const changed = new Set<Structure>();
    for (const [key, draft] of drafts) {
      const { into, words, links } = draft;
      const structure = into ?? this.#make(draft);
      structure.held.set(words);
      structure.links = links;
      structure.walk = number;
      if (into === undefined) {
        const before = this.known.get(key);
        if (before !== undefined) this.#leave(before, nowUs);
        this.known.set(key, structure);
        fresh.push(structure);
      } else changed.add(into);
    }
    for (const structure of fresh) this.#give(structure, number, true);
    for (const structure of reached) this.#give(structure, number, false);
    for (const structure of changed) this.#give(structure, number, false);
    for (const structure of this.known.values()) {
      if (structure.walk === number) {
        if (structure.leftAtUs !== Infinity) this.#leaving.delete(structure);
        structure.leftAtUs = Infinity;
      } else if (structure.leftAtUs === Infinity) this.#leave(structure, nowUs);
    }
  }

  #make({ pool, address, inPlane, words }: Draft): Structure {
    const shape = shapeOf(this.plan, pool);
    const place = inPlane ? address + this.#layout.plane(pool) : this.#takeSlot(pool, shape);
    const structure = new Structure(pool, address, place, inPlane, words.length);
    this.#pageOf(place, shape).setOwner(place, structure);
    return structure;
  }

  /** Writes what differs from what the device has, in its own addresses. Links lead to what the walk came to. */
  #give(structure: Structure, walk: number, whole: boolean): void {
    const { pool, held, given, links } = structure;
    const { owner, filled } = shapeOf(this.plan, pool);
    if (!whole && links.length === 0 && sameWords(held, given)) return;
    const wanted = held.slice();
    for (const { pool: to, address, field } of links) {
      if (field === undefined) continue;
      const target = this.known.get(keyOf(to, address));
      wanted[field.word] =
        target?.walk === walk ? ((held[field.word] ?? 0) & ~field.mask) | (target.place & field.mask) : filled;
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

  // ---- Copies that are no longer needed ------------------------------------------------------------------------------

  #leave(structure: Structure, nowUs: number): void {
    structure.leftAtUs = nowUs;
    this.#leaving.delete(structure);
    this.#leaving.add(structure);
  }

  /** Drops what was left long enough ago. */
  retire(nowUs: number): void {
    for (const structure of this.#leaving) {
      // In order of leaving.
      if (nowUs - structure.leftAtUs < LINGER_US) return;
      this.#drop(structure);
    }
  }

  /** The device begins anew, so nothing of this pool's plane is its any more but what another root leads to. */
  dropPlane(pool: number): void {
    for (const structure of [...this.#leaving]) {
      if (structure.inPlane && structure.pool === pool) this.#drop(structure);
    }
  }

  #drop(structure: Structure): void {
    const { pool, address, place, inPlane, given } = structure;
    const shape = shapeOf(this.plan, pool);
    this.#leaving.delete(structure);
    if (this.known.get(keyOf(pool, address)) === structure) this.known.delete(keyOf(pool, address));
    const { owner } = shape;
    if (owner !== undefined) this.#write(structure, owner.word, shape.filled);
    this.#writeAll(structure, new Uint32Array(given.length).fill(shape.filled));
    this.#pageOf(place, shape).setOwner(place, undefined);
    if (!inPlane) this.#slots[pool]?.free.push(place);
  }

  clear(): void {
    for (const page of this.#pages.values()) this.#memory.write(page.address, page.empty());
    this.#pages.clear();
    this.known.clear();
    this.#leaving.clear();
    for (const slots of this.#slots) {
      slots.used = 0;
      slots.free.length = 0;
    }
  }

  // ---- Places ----------------------------------------------------------------------------------------------------------

  #write(structure: Structure, word: number, value: number): void {
    const at = structure.place + 4 * word;
    const page = this.#pageOf(at, shapeOf(this.plan, structure.pool));
    structure.given[word] = value;
    page.seen[page.wordAt(at)] = value;
    this.#memory.write(at, bytesOf(value));
  }

  #writeAll(structure: Structure, words: Uint32Array): void {
    const { place, given, pool } = structure;
    const page = this.#pageOf(place, shapeOf(this.plan, pool));
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
