/** One structure that a device without a doorbell has a copy of, and where it leads. */
import type { PoolShape } from './pool-plan.ts';

export interface Link {
  readonly pool: number;
  readonly address: number;
  /** The bits that hold the address; undefined: it is the neighbour's. */
  readonly field: { readonly word: number; readonly mask: number } | undefined;
}

export class Structure {
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

/** Addresses of guest memory lie far below 2^48. */
export const keyOf = (pool: number, address: number): number => address * 8 + pool;

export function linksOf({ links, bytes }: PoolShape, address: number, words: Uint32Array): readonly Link[] {
  const found: Link[] = [];
  for (const { to, field, live } of links) {
    if (!live(words)) continue;
    const target = field === undefined ? address + bytes : ((words[field.word] ?? 0) & field.mask) >>> 0;
    found.push({ pool: to, address: target, field });
  }
  return found;
}

export const sameWords = (left: Uint32Array, right: Uint32Array): boolean => {
  for (let index = 0; index < left.length; index += 1) if (left[index] !== right[index]) return false;
  return true;
};

export const bytesOf = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
