/**
 * One walk of a device without a doorbell through the guest's memory: from the roots along the links, each structure that is
 * new or differs from the device's copy judged as the store that it is. `was` is what the device has, `is` what the guest has.
 *
 * A structure that the device owns cannot be changed in place. In a slot it need not be: the changed one becomes a new copy,
 * judged as new memory, and the links are moved to it (read-copy-update). So a guest may reuse at once what its device
 * cannot reach any more, as Linux does after a short packet, and the device sees old or new and never a mixture.
 *
 * A walk changes no copy, so it can be repeated.
 */
import { ALLOWED, type DescriptorMemory, type Monitor, type Verdict } from '../../dsslang/index.ts';
import { STRUCTURES_MAX, tooMany } from './pool-layout.ts';
import { shapeOf, type PoolPlan, type PoolShape, type Root } from './pool-plan.ts';
import { keyOf, linksOf, sameWords, type Link, type Structure } from './pool-structure.ts';
import { PAGE_BYTES, type GuestPages } from './shadow-pages.ts';
import type { StoreRefused } from './shadow.ts';

/** A structure that a walk has found new or changed. */
export interface Draft {
  readonly pool: number;
  readonly address: number;
  readonly inPlane: boolean;
  readonly words: Uint32Array;
  readonly links: readonly Link[];
  /** The copy to change; undefined: a new one. */
  readonly into: Structure | undefined;
}

export interface Walked {
  /** Of the walk; every structure that it came to has it. */
  readonly number: number;
  readonly drafts: ReadonlyMap<number, Draft>;
  readonly reached: readonly Structure[];
}

export class PoolWalker {
  readonly #plan: PoolPlan;
  readonly #guest: GuestPages;
  readonly #guestBytes: number;
  /** By `keyOf`: what the device has copies of. */
  readonly #known: ReadonlyMap<number, Structure>;
  readonly #scratch = new Uint32Array(PAGE_BYTES / 4);
  #number = 0;
  /** The store that is being judged. */
  #question: { was: Uint32Array; is: Uint32Array } | undefined;

  constructor(plan: PoolPlan, guest: GuestPages, guestBytes: number, known: ReadonlyMap<number, Structure>) {
    this.#plan = plan;
    this.#guest = guest;
    this.#guestBytes = guestBytes;
    this.#known = known;
  }

  /** For the monitor: the structure that is being judged, as the device has it. */
  readonly fetch: DescriptorMemory['fetch'] = (_address, length, target, at) =>
    show(this.#question?.was, length, target, at);

  /** And as the guest has it. */
  readonly stored: NonNullable<DescriptorMemory['stored']> = (_address, length, target, at) =>
    show(this.#question?.is, length, target, at);

  /** @throws ShieldError GUEST_FLOOD */
  walk(roots: readonly Root[], monitor: Monitor, nowUs: number): Walked | StoreRefused {
    this.#guest.begin();
    this.#number += 1;
    const walked = this.#goFrom(roots, monitor, nowUs);
    this.#guest.end();
    return walked;
  }

  #goFrom(roots: readonly Root[], monitor: Monitor, nowUs: number): Walked | StoreRefused {
    const number = this.#number;
    const drafts = new Map<number, Draft>();
    const reached: Structure[] = [];
    const ahead: { readonly pool: number; readonly address: number; readonly inPlane: boolean }[] = [];
    for (const { pool, address, bytes } of roots) {
      const size = shapeOf(this.#plan, pool).bytes;
      for (let at = address; at < address + bytes; at += size) ahead.push({ pool, address: at, inPlane: true });
    }
    for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
      const { pool, address, inPlane } = next;
      const key = keyOf(pool, address);
      const known = this.#known.get(key);
      if (known?.walk === number || drafts.has(key)) continue;
      const shape = shapeOf(this.#plan, pool);
      // The rules see to it that a link leads to granted memory; this is for a specification that does not.
      if (address + shape.bytes > this.#guestBytes) continue;
      let words = this.#scratch.subarray(0, shape.bytes / 4);
      this.#guest.read(address, words, known === undefined);
      let links: readonly Link[];
      if (known !== undefined && sameWords(words, known.held)) {
        known.walk = number;
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
    return { number, drafts, reached };
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
}

function show(words: Uint32Array | undefined, length: number, target: Uint8Array, at: number): boolean {
  if (words?.byteLength !== length) return false;
  target.set(new Uint8Array(words.buffer, words.byteOffset, length), at);
  return true;
}
