/**
 * Random but meaningful work for an 82540EM: transmit and receive sequences, as plain data, for comparing two devices.
 *
 * Most of what is generated makes sense to the device, for else nothing happens; some of it is what only a broken or
 * hostile driver does: lengths of 0 and 16 KiB, null and unreachable buffers, offloads without context, tails past the ring.
 */
import fc from 'fast-check';
import * as r from '../registers.ts';

/** A descriptor of the transmit ring; `buffer` picks a place in the sequence's data area. */
export type TransmitWork =
  | {
      readonly kind: 'legacy';
      readonly buffer: BufferPlace;
      readonly length: number;
      readonly flags: number;
      readonly upper: number;
    }
  | {
      readonly kind: 'data';
      readonly buffer: BufferPlace;
      readonly length: number;
      readonly flags: number;
      readonly upper: number;
    }
  | {
      readonly kind: 'context';
      readonly offsets: readonly number[];
      readonly flags: number;
      readonly payload: number;
      readonly header: number;
      readonly segment: number;
    };

export type BufferPlace = { readonly at: number } | 'null' | 'beyond';

export interface TransmitSequence {
  readonly ringCount: number;
  /** CTRL.VME */
  readonly tagging: boolean;
  readonly vet: number;
  readonly loads: readonly TransmitWork[];
  /** How many descriptors each tail write publishes. */
  readonly batches: readonly number[];
  /** A last tail write past the ring. */
  readonly wildTail: number | undefined;
  readonly ims: number;
  readonly seed: number;
}

const place: fc.Arbitrary<BufferPlace> = fc.oneof(
  { weight: 20, arbitrary: fc.nat(0x7fff).map((at) => ({ at })) },
  { weight: 1, arbitrary: fc.constantFrom<BufferPlace>('null', 'beyond') },
);
const length = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 400 }) },
  { weight: 3, arbitrary: fc.integer({ min: 400, max: 4000 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 13, 60, 1514, 16_384) },
);
/** EOP often enough that packets end; every other command bit at random. */
const flags = fc
  .record({ ends: fc.oneof(fc.constant(true), fc.boolean()), rest: fc.nat(0xff) })
  .map(({ ends, rest }) => ((rest & 0xda) * 2 ** 24 + (ends ? r.TXD_CMD_EOP : 0)) >>> 0);
const upper = fc.nat(0xffff_ffff);

const work: fc.Arbitrary<TransmitWork> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('legacy' as const), buffer: place, length, flags, upper }) },
  {
    weight: 4,
    arbitrary: fc
      .record({ kind: fc.constant('data' as const), buffer: place, length, flags, upper, segments: fc.boolean() })
      .map(({ segments, ...rest }) => ({ ...rest, flags: segments ? (rest.flags | r.TXD_CMD_TSE) >>> 0 : rest.flags })),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('context' as const),
      offsets: fc.oneof(
        { weight: 3, arbitrary: fc.constant([14, 24, 33, 34, 50, 0]) },
        {
          weight: 1,
          arbitrary: fc.tuple(fc.nat(255), fc.nat(255), fc.nat(300), fc.nat(255), fc.nat(255), fc.nat(2000)),
        },
      ),
      // TSE, TCP, IP and RS at random.
      flags: fc.nat(15).map((bits) => (((bits & 7) + (bits & 8)) * 2 ** 24) >>> 0),
      payload: fc.nat(r.TXC_PAYLEN_MASK),
      header: fc.oneof(fc.constant(54), fc.nat(255)),
      segment: fc.oneof(fc.integer({ min: 100, max: 1460 }), fc.constantFrom(0, 16, 1460, 65_535)),
    }),
  },
);

/**
 * An end of packet that adds nothing to nothing makes QEMU send a frame of no bytes, which its socket cannot tell from a
 * broken peer; so empty descriptors never end a packet here, and headers are never empty. (Nor do lengths add up to
 * 64 KiB, where the device begins again from nothing; a test of its own does that.)
 */
function neverEmpty(load: TransmitWork): TransmitWork {
  if (load.kind === 'context') return { ...load, header: Math.max(1, load.header) };
  return load.length === 0 ? { ...load, flags: (load.flags & ~r.TXD_CMD_EOP) >>> 0 } : load;
}

/** Segmentation without any context would have headers of no bytes. */
const FIRST_CONTEXT: TransmitWork = {
  kind: 'context',
  offsets: [14, 24, 33, 34, 50, 0],
  flags: (r.TXD_CMD_TSE | r.TXC_CMD_TCP | r.TXC_CMD_IP) >>> 0,
  payload: 3000,
  header: 54,
  segment: 1000,
};

export const transmitSequence: fc.Arbitrary<TransmitSequence> = fc.record({
  ringCount: fc.constantFrom(8, 16, 32, 64),
  tagging: fc.boolean(),
  vet: fc.oneof(fc.constant(0x8100), fc.nat(0xffff_ffff)),
  loads: fc.array(work.map(neverEmpty), { minLength: 1, maxLength: 40 }).map((loads) => [FIRST_CONTEXT, ...loads]),
  batches: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 12 }),
  wildTail: fc.oneof(
    { weight: 9, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.integer({ min: 64, max: 0x1_0000 }) },
  ),
  ims: fc.constantFrom(0, 0x9d, 0xffff),
  seed: fc.nat(0xffff),
});

export interface IncomingFrame {
  readonly to: 'own' | 'broadcast' | 'multicast' | 'hashed' | 'second' | 'stranger';
  readonly length: number;
  readonly tag: number | undefined;
  readonly seed: number;
}

export interface ReceiveSequence {
  readonly ringCount: number;
  readonly rctl: number;
  readonly stripping: boolean;
  readonly secondValid: boolean;
  readonly vlansAllowed: readonly number[];
  readonly hashed: boolean;
  readonly frames: readonly IncomingFrame[];
  /** How many frames come between two looks at the ring. */
  readonly burst: number;
  readonly nullBuffers: readonly number[];
  readonly oldStatus: number;
}

const incoming: fc.Arbitrary<IncomingFrame> = fc.record({
  to: fc.constantFrom('own', 'own', 'broadcast', 'multicast', 'hashed', 'second', 'stranger'),
  length: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 14, max: 200 }) },
    { weight: 3, arbitrary: fc.integer({ min: 200, max: 1522 }) },
    { weight: 1, arbitrary: fc.constantFrom(59, 60, 61, 64, 1514, 1518, 1522, 1523, 3000, 9000, 16_384, 16_385) },
  ),
  tag: fc.oneof(fc.constant(undefined), fc.nat(0xffff)),
  seed: fc.nat(0xff),
});

/** Enabled; every filter, size and option bit at random. */
const rctl = fc.record({ bits: fc.nat(0xffff_ffff), plainSize: fc.boolean() }).map(({ bits, plainSize }) => {
  const optional = r.RCTL_SBP | r.RCTL_UPE | r.RCTL_MPE | r.RCTL_LPE | 0x3300 | r.RCTL_BAM | r.RCTL_VFE | r.RCTL_SECRC;
  const size = plainSize ? 0 : bits & (r.RCTL_BSEX | 0x3_0000);
  return (r.RCTL_EN | (bits & optional) | size) >>> 0;
});

export const receiveSequence: fc.Arbitrary<ReceiveSequence> = fc.record({
  ringCount: fc.constantFrom(8, 16, 32),
  rctl,
  stripping: fc.boolean(),
  secondValid: fc.boolean(),
  vlansAllowed: fc.array(fc.nat(0xfff), { maxLength: 20 }),
  hashed: fc.boolean(),
  frames: fc.array(incoming, { minLength: 40, maxLength: 120 }),
  burst: fc.integer({ min: 1, max: 6 }),
  nullBuffers: fc.array(fc.nat(31), { maxLength: 2 }),
  oldStatus: fc.nat(0xffff_ffff),
});
