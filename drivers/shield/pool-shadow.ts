/**
 * Shadowed structures of a device without a doorbell: it walks the RVM's copies of what the monitor judged, and nothing else.
 *
 * The device looks at its structures whenever it likes, so there is no moment at which the guest publishes them. Instead
 * the RVM *refreshes* the copies: before each of the guest's writes reaches the device, and every millisecond. A refresh
 * carries back what the device has written (`pool-write-backs.ts`), goes from the roots along the links over the guest's
 * memory and has each structure judged (`pool-walk.ts`), and, if all are allowed, writes the copies (`pool-copies.ts`).
 *
 * Invariant: nothing enters the copies that the monitor was not shown and allowed, in a walk in which nothing was denied.
 * A denial is believed only if `LOOKS` walks meet it, and then only if it stays (`pool-doubt.ts`): the guest may be writing
 * while it is read. Until then the device has what was judged before. Of a device that is only beginning, nothing was, so
 * there it is believed at once, and the write that would begin it is not delivered.
 */
import type { DescriptorMemory, Monitor } from '../../dsslang/index.ts';
import { PoolCopies } from './pool-copies.ts';
import { Doubt } from './pool-doubt.ts';
import type { PoolLayout } from './pool-layout.ts';
import { shapeOf, type PoolPlan, type Root } from './pool-plan.ts';
import { PoolWalker, type Draft } from './pool-walk.ts';
import { collectWriteBacks } from './pool-write-backs.ts';
import { GuestPages } from './shadow-pages.ts';
import type { MemoryAccess } from './memory-access.ts';
import type { Shadow, StoreRefused } from './shadow.ts';

export const LOOKS = 4;

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
  readonly fetch: DescriptorMemory['fetch'];
  readonly stored: NonNullable<DescriptorMemory['stored']>;
  readonly #memory: MemoryAccess;
  readonly #layout: PoolLayout;
  readonly #plan: PoolPlan;
  readonly #onPublished: PoolShadowOptions['onPublished'];
  readonly #guest: GuestPages;
  readonly #copies: PoolCopies;
  readonly #walker: PoolWalker;
  readonly #doubt = new Doubt();
  #roots: readonly Root[] = [];
  /** What the last walk was refused, where the device was not withdrawn for it: said once. */
  #refused: StoreRefused | undefined;
  publishedBytes = 0;
  published = 0;

  constructor({ memory, layout, plan, onPublished }: PoolShadowOptions) {
    this.#memory = memory;
    this.#layout = layout;
    this.#plan = plan;
    this.#onPublished = onPublished;
    this.#guest = new GuestPages(memory);
    this.#copies = new PoolCopies(memory, layout, plan);
    this.#walker = new PoolWalker(plan, this.#guest, layout.guestBytes, this.#copies.known);
    this.fetch = this.#walker.fetch;
    this.stored = this.#walker.stored;
  }

  get isBehind(): boolean {
    return this.#doubt.isOpen;
  }

  begin(): void {
    // Each question is about one structure, and begins by itself.
  }

  commit(): void {
    // Registers publish nothing here; `refresh` does.
  }

  fetched(): readonly [] {
    return [];
  }

  toMirror(address: number, pool = 0): number {
    return address < this.#layout.guestBytes ? address + this.#layout.plane(pool) : address;
  }

  fromMirror(address: number): number {
    const { guestBytes, plane } = this.#layout;
    const planesEnd = plane(this.#plan.pools.length);
    return address >= guestBytes && address < planesEnd ? address % guestBytes : address;
  }

  refresh(monitor: Monitor, nowUs: number): StoreRefused | undefined {
    this.collect();
    this.#copies.retire(nowUs);
    const roots = this.#plan.roots(monitor.snapshot());
    const begun = roots.filter((root) => !this.#roots.some((each) => sameRoot(each, root)));
    const same = begun.length === 0 && roots.length === this.#roots.length && !this.#doubt.isOpen;
    if (same && !this.#guest.changed()) return undefined;
    for (const { pool } of begun) this.#copies.dropPlane(pool);
    const refused = this.#look(roots, monitor, nowUs);
    if (refused === undefined) {
      this.#roots = roots;
      this.#refused = undefined;
      this.#doubt.end();
      return undefined;
    }
    if (!this.#doubt.met(nowUs) && begun.length === 0) return undefined;
    const said = this.#refused?.address === refused.address && this.#refused.verdict === refused.verdict;
    this.#refused = refused;
    return said && begun.length === 0 ? undefined : refused;
  }

  /** Shows the device what is allowed; or what is refused, and was at each of several looks. */
  #look(roots: readonly Root[], monitor: Monitor, nowUs: number): StoreRefused | undefined {
    let refused: StoreRefused | undefined;
    for (let look = 0; look < LOOKS; look += 1) {
      const walked = this.#walker.walk(roots, monitor, nowUs);
      if ('drafts' in walked) {
        this.#copies.publish(walked, nowUs);
        for (const draft of walked.drafts.values()) this.#count(draft);
        return undefined;
      }
      refused = walked;
    }
    return refused;
  }

  #count({ pool, address, words }: Draft): void {
    this.published += 1;
    this.publishedBytes += words.byteLength;
    this.#onPublished?.(shapeOf(this.#plan, pool).name, address, new Uint8Array(words.slice().buffer));
  }

  collect(): void {
    collectWriteBacks(this.#copies, this.#guest, this.#memory);
  }

  clear(): void {
    this.#copies.clear();
    this.#guest.clear();
    this.#doubt.end();
    this.#refused = undefined;
    this.#roots = [];
  }
}

const sameRoot = (left: Root, right: Root): boolean =>
  left.pool === right.pool && left.address === right.address && left.bytes === right.bytes;
