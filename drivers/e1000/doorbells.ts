/**
 * Which descriptors a write to the 82540EM publishes, for recording traces: those up to a new tail while the engine runs,
 * and all between head and tail when it is switched on. Follows the ring registers in BAR 0; believes the driver.
 */
import type { Doorbells, Published } from '../trace/record.ts';
import * as r from './registers.ts';

interface Ring {
  readonly name: string;
  /** The register that names the low half of the base; the others lie at fixed distances. */
  readonly first: number;
  readonly control: number;
  base: number;
  count: number;
  head: number;
  tail: number;
  running: boolean;
}

const HIGH = r.TDBAH - r.TDBAL;
const LENGTH = r.TDLEN - r.TDBAL;
const HEAD = r.TDH - r.TDBAL;
const TAIL = r.TDT - r.TDBAL;

function newRing(name: string, first: number, control: number): Ring {
  return { name, first, control, base: 0, count: 0, head: 0, tail: 0, running: false };
}

function between(ring: Ring, from: number, to: number): Published[] {
  const published: Published[] = [];
  if (ring.count === 0 || from >= ring.count || to >= ring.count) return published;
  for (let index = from; index !== to; index = (index + 1) % ring.count) {
    const address = ring.base + index * r.DESCRIPTOR_SIZE_BYTES;
    published.push({ what: `e1000.${ring.name}[${index}]`, address, length: r.DESCRIPTOR_SIZE_BYTES });
  }
  return published;
}

function follow(ring: Ring, offset: number, value: number): readonly Published[] {
  if (offset === ring.control) {
    const starts = (value & r.TCTL_EN) !== 0 && !ring.running;
    ring.running = (value & r.TCTL_EN) !== 0;
    return starts ? between(ring, ring.head, ring.tail) : [];
  }
  switch (offset - ring.first) {
    case 0:
      ring.base = Math.floor(ring.base / 2 ** 32) * 2 ** 32 + value;
      return [];
    case HIGH:
      ring.base = value * 2 ** 32 + (ring.base % 2 ** 32);
      return [];
    case LENGTH:
      ring.count = Math.floor(value / r.DESCRIPTOR_SIZE_BYTES);
      return [];
    case HEAD:
      ring.head = value;
      return [];
    case TAIL: {
      const published = ring.running ? between(ring, ring.tail, value) : [];
      ring.tail = value;
      return published;
    }
    default:
      return [];
  }
}

/** A fresh follower, for one recording from the driver's start. */
export function e1000Doorbells(): Doorbells {
  const rings = [newRing('tx', r.TDBAL, r.TCTL), newRing('rx', r.RDBAL, r.RCTL)];
  return (space, offset, value) =>
    space === r.BAR_REGISTERS ? rings.flatMap((ring) => follow(ring, offset, value)) : [];
}
