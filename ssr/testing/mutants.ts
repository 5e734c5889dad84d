/**
 * Protocols that look right and are not, each run through the same crash and attack world as the real one.
 *
 * Every one of them has been proposed, shipped or nearly written. A mutant that survives means that the world is too small
 * or the oracle too weak: the test fails. tpm.md's table of protocols is the source of the counter variants.
 */
import type { AnchorPoint, AnchorReading } from '../anchor-slots.ts';
import { encodeSlot, formatSlots, judgeSlots, slotOf } from '../anchor-slots.ts';
import { encryptingSealer } from '../block-cipher.ts';
import type { BlockSealer } from '../block-cipher.ts';
import { SsrError } from '../errors.ts';
import { FreeMap } from '../extents.ts';
import { blockKey } from '../keys.ts';
import { createVolume } from '../create-volume.ts';
import { openVolume } from '../open-volume.ts';
import type { decideMount, GenuineSuperblock, MountDecision } from '../recovery.ts';
import { SimulatedDisk } from '../store/simulated-disk.ts';
import { COMMIT_ORDER, safeProtocol } from '../protocol.ts';
import type { CommitStep, Protocol } from '../protocol.ts';
import { exploreCrashes } from './crash-world.ts';
import type { ModelAnchor, Violation, WorldOptions } from './crash-options.ts';
import { exploreLife } from './life-world.ts';
import { OPERATIONS } from './operations.ts';
import { rewindableSimulated } from './rewindable-tpm.ts';
import type { RewindableTpm } from './rewindable-tpm.ts';
import { Tpm } from '../tpm/client.ts';

export interface MutantResult {
  readonly cases: number;
  readonly violation: Pick<Violation, 'what' | 'history'> | undefined;
}

export interface Mutant {
  readonly name: string;
  readonly run: (tpm: RewindableTpm) => Promise<MutantResult>;
}

type Decide = typeof decideMount;

function world(overrides: Partial<WorldOptions> & { readonly around?: () => () => void }): Mutant['run'] {
  return async (tpm) => {
    const undo = overrides.around?.();
    try {
      const report = await exploreCrashes({
        tpm,
        operations: OPERATIONS.slice(0, 4),
        depth: 3,
        attacksPerOperation: 120,
        imagesPerMoment: 70,
        violationsMax: 1,
        ...overrides,
      });
      return { cases: report.crashCases + report.attackCases, violation: report.violations[0] };
    } finally {
      undo?.();
    }
  };
}

function refuse(): never {
  throw new SsrError('SSR_ROLLBACK_DETECTED', 'refused by the mutant', { help: 'none' });
}

function epochOf(reading: AnchorReading): number {
  return reading.kind === 'valid' ? reading.point.epoch : -1;
}

const PLACE = { firstIndex: 0x01810000, slotCount: 2 };

/** A number that only goes up, as a TPM's NV counter. It says which epoch counts and nothing about contents. */
function counter(): ModelAnchor {
  let value = 2;
  return {
    open: () => ({
      place: PLACE,
      read: () =>
        Promise.resolve({ kind: 'valid', point: { epoch: value, digest: new Uint8Array(32) }, tornSlot: undefined }),
      advance: () => {
        value += 1;
        return Promise.resolve();
      },
    }),
    remember: () => {
      const then = value;
      return () => {
        value = then;
      };
    },
    tornReadings: () => [],
  };
}

const atEpoch = (genuine: readonly GenuineSuperblock[], epoch: number): GenuineSuperblock | undefined =>
  genuine.find(({ superblock }) => superblock.epoch === epoch && !superblock.isTentative);

const acceptEqual: Decide = (reading, genuine): MountDecision => {
  const mount = atEpoch(genuine, epochOf(reading)) ?? refuse();
  return { mount, rollForward: undefined, tornSlot: undefined };
};

const rollForward: Decide = (reading, genuine): MountDecision => {
  const next = atEpoch(genuine, epochOf(reading) + 1);
  const mount = atEpoch(genuine, epochOf(reading)) ?? next ?? refuse();
  return { mount, rollForward: next, tornSlot: undefined };
};

/** Recovery burns one counter value and publishes what it found under the new one. */
const burnOne: Decide = (reading, genuine): MountDecision => {
  const mount = atEpoch(genuine, epochOf(reading)) ?? refuse();
  return { mount, rollForward: mount, tornSlot: undefined };
};

interface WithOlder {
  readonly older?: AnchorPoint;
}

/** The product's slots, but the reading remembers the older slot too. */
function slots(): ModelAnchor {
  let points: AnchorPoint[] = [];
  let bytes: Uint8Array[] = [];
  const start = (point: AnchorPoint): void => {
    for (const { slot, bytes: content } of formatSlots(2, point)) bytes[slot] = content;
    points = [point];
  };
  start({ epoch: 2, digest: new Uint8Array(32) });
  let isFirst = true;
  return {
    open: () => ({
      place: PLACE,
      read: () => Promise.resolve({ ...judgeSlots(bytes), older: points.at(-2) }),
      advance: (point) => {
        if (isFirst) start({ epoch: point.epoch - 1, digest: new Uint8Array(32) });
        isFirst = false;
        bytes = [...bytes];
        bytes[slotOf(point.epoch, 2)] = encodeSlot(point);
        points = [...points, point];
        return Promise.resolve();
      },
    }),
    remember: () => {
      const then = { points, bytes, isFirst };
      return () => {
        ({ points, bytes, isFirst } = then);
      };
    },
    tornReadings: () => [],
  };
}

const fallBack: Decide = (reading, genuine): MountDecision => {
  const candidates = [reading.kind === 'valid' ? reading.point : undefined, (reading as WithOlder).older];
  for (const point of candidates) {
    const mount = genuine.find(({ digest }) => point !== undefined && Buffer.compare(digest, point.digest) === 0);
    if (mount !== undefined) return { mount, rollForward: undefined, tornSlot: undefined };
  }
  return refuse();
};

/** One slot: content-bound, but a torn write of it leaves nothing. */
function singleDigest(): ModelAnchor {
  let point: AnchorPoint = { epoch: 2, digest: new Uint8Array(32) };
  return {
    open: () => ({
      place: PLACE,
      read: () => Promise.resolve({ kind: 'valid', point, tornSlot: undefined }),
      advance: (next) => {
        point = next;
        return Promise.resolve();
      },
    }),
    remember: () => {
      const then = point;
      return () => {
        point = then;
      };
    },
    tornReadings: () => [{ kind: 'destroyed', reason: 'the only slot is torn' }],
  };
}

/** Content-bound mutants cannot know the first digest: they take whatever the epoch names until the first advance. */
const byDigestOnceKnown: Decide = (reading, genuine): MountDecision => {
  if (reading.kind === 'destroyed') return refuse();
  const { epoch, digest } = reading.point;
  const isKnown = digest.some((byte) => byte !== 0);
  const mount = genuine.find((one) =>
    isKnown ? Buffer.compare(one.digest, digest) === 0 : one.superblock.epoch === epoch && !one.superblock.isTentative,
  );
  return { mount: mount ?? refuse(), rollForward: undefined, tornSlot: undefined };
};

function withOrder(anchored: readonly CommitStep[], tentative = COMMIT_ORDER.tentative): Protocol {
  return { ...safeProtocol(), order: { anchored, tentative } };
}

/** Nonces that count from zero at every mount, as one does who makes them of epochs or positions. */
function countingNonces(): Protocol {
  return {
    ...safeProtocol(),
    makeSealer: (mode, keyring, tree, arity) => {
      if (mode !== 'encrypted') return safeProtocol().makeSealer(mode, keyring, tree, arity);
      const nonce = new Uint8Array(12);
      const next = (): Uint8Array => {
        nonce[0] = (nonce[0] ?? 0) + 1;
        return nonce;
      };
      return encryptingSealer(blockKey(keyring, tree.id, tree.generation), { next });
    },
  };
}

/** Decrypts and believes. */
function unverified(): Protocol {
  const safe = safeProtocol();
  return {
    ...safe,
    makeSealer: (mode, keyring, tree, arity): BlockSealer => {
      const sealer = safe.makeSealer(mode, keyring, tree, arity);
      return {
        seal: (place, plain, out) => sealer.seal(place, plain, out),
        open: (place, seal, stored) => {
          const copy = stored.slice();
          if (sealer.open(place, seal, copy)) stored.set(copy);
          // What GCM gives without its tag is the plaintext with the attacker's bits flipped; any wrong bytes will do.
          return true;
        },
      };
    },
  };
}

/** A store without a lock: two writers, each sure of itself. */
async function withoutLock(tpm: RewindableTpm): Promise<MutantResult> {
  const disk = new SimulatedDisk();
  const client = await tpm.powerOn();
  const volume = await createVolume({ store: disk.open(), tpm: client, blockSizeBytes: 512 });
  await volume.transaction((transaction) => void transaction.create('a', { sizeBytes: 8 }));
  await volume.close();
  const openUnlocked = () => openVolume({ store: lockless.open(), tpm: client });
  const lockless = new UnlockedDisk(disk);
  const [first, second] = [await openUnlocked(), await openUnlocked()];
  await first.transaction((transaction) => transaction.region('a').write(0, Uint8Array.of(1)));
  await second.transaction((transaction) => transaction.region('a').write(1, Uint8Array.of(2)));
  await first.close();
  await second.close();
  const after = await openUnlocked();
  const [one] = after.region('a').read(0, 1);
  return {
    cases: 1,
    violation:
      one === 1 ? undefined : { what: 'an acknowledged write of the other opener is lost', history: 'two openers' },
  };
}

class UnlockedDisk {
  readonly #disk: SimulatedDisk;
  readonly #store: ReturnType<SimulatedDisk['open']>;

  constructor(disk: SimulatedDisk) {
    this.#disk = disk;
    this.#store = this.#disk.open();
  }

  open(): ReturnType<SimulatedDisk['open']> {
    return { ...this.#store, close: () => undefined };
  }
}

/** The owner of the TPM deletes the newest slot; a judge that shrugs finds the older one. */
function tolerantOfMissingSlots(): Promise<MutantResult> {
  const tolerant = (read: readonly (Uint8Array | undefined)[]): AnchorReading =>
    judgeSlots(read.map((bytes, slot) => bytes ?? encodeSlot({ epoch: slot, digest: new Uint8Array(32) })));
  const [older, newest] = [5, 6].map((epoch) => encodeSlot({ epoch, digest: new Uint8Array(32).fill(epoch) }));
  const attacked: (Uint8Array | undefined)[] = [];
  attacked[1] = older;
  attacked[0] = undefined;
  const honest = judgeSlots(attacked);
  const fooled = tolerant(attacked);
  const isFooled = newest !== undefined && honest.kind === 'destroyed' && epochOf(fooled) < 6;
  return Promise.resolve({
    cases: 1,
    violation: isFooled
      ? { what: 'an older slot counts after the newest was deleted', history: 'undefine' }
      : undefined,
  });
}

/** Recovers beside an anchor that still vouches for the disk as it was. */
async function withOldAnchor(): Promise<MutantResult> {
  const report = await exploreLife({
    makeTpm: () => Promise.resolve(rewindableSimulated()),
    imagesPerMoment: 1,
    attacksPerMoment: 1,
    seams: { removeAnchor: () => Promise.resolve() },
  });
  return { cases: report.cases + report.attacks, violation: report.violations[0] };
}

/** A free map that does nothing where it should do this. */
function withoutStep(step: 'hold' | 'applyFlips'): () => void {
  const original = Object.getOwnPropertyDescriptor(FreeMap.prototype, step);
  Object.defineProperty(FreeMap.prototype, step, { configurable: true, writable: true, value: () => undefined });
  return () => {
    if (original !== undefined) Object.defineProperty(FreeMap.prototype, step, original);
  };
}

/** The NV command is sent when it is ready, whether or not the disk is. */
function withoutWaiting(): () => void {
  const original = Object.getOwnPropertyDescriptor(Tpm.prototype, 'run');
  const run = original?.value as Tpm['run'];
  Object.defineProperty(Tpm.prototype, 'run', {
    configurable: true,
    writable: true,
    value(this: Tpm, ...[command, authorizations]: Parameters<Tpm['run']>) {
      return run.call(this, command, authorizations);
    },
  });
  return () => {
    if (original !== undefined) Object.defineProperty(Tpm.prototype, 'run', original);
  };
}

/** All mutants. Model anchors hold state, so each run makes its own. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'falls back to the older slot when the newest state is not on the disk',
    run: (tpm) => world({ modelAnchor: slots(), decide: fallBackKnown })(tpm),
  },
  {
    name: 'counter: accepts the superblock whose epoch equals it',
    run: (tpm) => world({ modelAnchor: counter(), decide: acceptEqual })(tpm),
  },
  {
    name: 'counter: rolls forward to epoch counter + 1',
    run: (tpm) => world({ modelAnchor: counter(), decide: rollForward })(tpm),
  },
  {
    name: 'counter: recovery burns one value',
    run: (tpm) => world({ modelAnchor: counter(), decide: burnOne })(tpm),
  },
  {
    name: 'single digest: a torn NV write leaves nothing',
    run: (tpm) => world({ modelAnchor: singleDigest(), decide: byDigestOnceKnown })(tpm),
  },
  { name: 'a missing slot is tolerated', run: tolerantOfMissingSlots },
  {
    name: 'order: superblock, NV write, flush',
    run: world({ protocol: withOrder(['superblock', 'anchor', 'flush']) }),
  },
  {
    name: 'order: NV write, superblock, flush',
    run: world({ protocol: withOrder(['anchor', 'superblock', 'flush']) }),
  },
  { name: 'no flush at all', run: world({ protocol: withOrder(['superblock', 'anchor']) }) },
  { name: 'the NV write does not wait for the flush that runs', run: world({ around: withoutWaiting }) },
  {
    name: 'tentative superblock in one flush with its blocks',
    run: world({ protocol: withOrder(COMMIT_ORDER.anchored, ['superblock', 'flush']), isNotFresh: true }),
  },
  { name: 'freed blocks are used again at once', run: world({ around: () => withoutStep('hold') }) },
  {
    name: 'what the superblock says of the free map is not heard',
    run: world({ around: () => withoutStep('applyFlips') }),
  },
  { name: 'nonces are counted from the mount', run: world({ protocol: countingNonces(), depth: 2 }) },
  { name: 'blocks are not verified', run: world({ protocol: unverified() }) },
  { name: 'no lock', run: withoutLock },
  { name: 'recovery leaves the old anchor', run: withOldAnchor },
];

/** As `fallBack`, and by epoch until the first digest is known. */
function fallBackKnown(reading: AnchorReading, genuine: readonly GenuineSuperblock[]): MountDecision {
  const isKnown = reading.kind === 'valid' && reading.point.digest.some((byte) => byte !== 0);
  return isKnown ? fallBack(reading, genuine) : byDigestOnceKnown(reading, genuine);
}
