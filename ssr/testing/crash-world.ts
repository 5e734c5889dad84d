/**
 * Every crash of every short history, and what an attacker can make of it.
 *
 * A history is a sequence of operations on a tiny volume. Each is carried out for real: the volume is opened through the
 * TPM, changed and committed, while every moment at which power may fail is recorded: before and after each flush with
 * every subset of unsynced sectors, and before, inside and after each NV write. Each such (disk, TPM) pair is a *case*: it
 * is recovered and judged. Crashes are operations too, so what follows a recovery is explored as well; and since the
 * recording covers the opening, crashes during recovery are among the cases.
 *
 * The oracle. Without an attack, recovery succeeds and shows the last acknowledged state or the one in flight. With any mix
 * of past sectors it refuses, or shows just that. For one state of the TPM no two disks ever show two different contents
 * (no fork). Damaged regions may fail to read; what reads must be right. No nonce is used twice for different bytes.
 *
 * The oracle is `crash-judge.ts`.
 */
import type { Anchor } from '../anchor.ts';
import { openAnchor } from '../anchor.ts';
import { encodeSlot, formatSlots, judgeSlots, slotOf } from '../anchor-slots.ts';
import type { AnchorPoint, AnchorReading } from '../anchor-slots.ts';
import type { BlockSealer } from '../block-cipher.ts';
import { createVolume } from '../create-volume.ts';
import { openVolume } from '../open-volume.ts';
import { safeProtocol } from '../protocol.ts';
import type { Protocol } from '../protocol.ts';
import { decideMount } from '../recovery.ts';
import { SimulatedDisk } from '../store/simulated-disk.ts';
import type { DiskImage } from '../store/simulated-disk.ts';
import { readSuperblocks } from '../superblock.ts';
import type { Seams } from '../volume-setup.ts';
import { CrashJudge } from './crash-judge.ts';
import { BLOCK } from './crash-options.ts';
import type { History, Moment, Node, WorldOptions, WorldReport } from './crash-options.ts';
import { numbers } from './disk-attacks.ts';
import { FILLING_REGION, fillChanges } from './fill-changes.ts';
import { KnownKeys } from './known-keys.ts';
import { NonceMonitor } from './nonce-monitor.ts';
import type { TpmMemory } from './rewindable-tpm.ts';
import { keyOf } from './shown.ts';
import type { Model } from './shown.ts';

const SLOTS = 2;
const PAST_KEPT = 14;

export async function exploreCrashes(options: WorldOptions): Promise<WorldReport> {
  const world = new World(options);
  await world.run();
  return world.report;
}

class World {
  readonly #options: WorldOptions;
  readonly #judge: CrashJudge;
  readonly #nonces = new NonceMonitor();
  readonly #protocol: Protocol;
  readonly #keys = new KnownKeys();
  #expansions = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    const protocol = options.protocol ?? safeProtocol();
    // Deriving keys anew for every case would take most of the time.
    const sealers = options.protocol === undefined ? new Map<string, BlockSealer>() : undefined;
    this.#protocol = {
      order: protocol.order,
      makeSealer: (mode, keyring, tree, arity) => {
        const name = `${this.#keys.learn(keyring)}/${Buffer.from(tree.id).toString('hex')}/${tree.generation}`;
        const known = sealers?.get(name);
        if (known !== undefined) return known;
        const made = protocol.makeSealer(mode, keyring, tree, arity);
        const sealer = mode === 'encrypted' ? this.#nonces.watch(made, name) : made;
        sealers?.set(name, sealer);
        return sealer;
      },
    };
    const parts = { keys: this.#keys, protocol: this.#protocol, decide: options.decide ?? decideMount };
    this.#judge = new CrashJudge(options, { ...parts, seams: this.#seams() });
  }

  get report(): WorldReport {
    return this.#judge.report;
  }

  get #isDone(): boolean {
    return this.#judge.isDone;
  }

  #seams(onAdvance?: (anchor: Anchor, when: 'entry' | 'exit', point: AnchorPoint) => Promise<void>): Seams {
    const { modelAnchor } = this.#options;
    return {
      protocol: this.#protocol,
      decide: this.#options.decide ?? decideMount,
      openAnchor: (access, place) => {
        const inner = modelAnchor?.open() ?? openAnchor(access, place);
        if (onAdvance === undefined) return inner;
        return {
          place,
          read: () => inner.read(),
          advance: async (point, durable) => {
            const ready = durable.then(() => onAdvance(inner, 'entry', point));
            // A model's anchor has no command to make ready meanwhile.
            if (modelAnchor !== undefined) await ready;
            await inner.advance(point, ready);
            await onAdvance(inner, 'exit', point);
          },
        };
      },
    };
  }

  async run(): Promise<void> {
    const start = await this.#create();
    const { walks, replay } = this.#options;
    if (replay !== undefined) await this.#follow(start, replay);
    else if (walks !== undefined) await this.#walk(start, walks);
    else await this.#explore(start, 0);
    if (this.#nonces.reused > 0) this.#judge.violate(`a nonce was used ${this.#nonces.reused} times again`, []);
  }

  async #create(): Promise<Node> {
    const { tpm, modelAnchor, isNotFresh, isChangesFull } = this.#options;
    const disk = new SimulatedDisk();
    const seams = this.#seams();
    const volume = await createVolume(
      {
        store: disk.open(),
        tpm: await tpm.powerOn(),
        blockSizeBytes: BLOCK,
        arity: 2,
        capacityBytes: 128 * BLOCK,
        allowNotFresh: isNotFresh ?? false,
      },
      seams,
    );
    await volume.transaction((transaction) => {
      transaction.create('a', { sizeBytes: 2 * BLOCK }).write(0, new Uint8Array(BLOCK).fill(1));
    });
    const model = new Map<string, Uint8Array>([['a', new Uint8Array(2 * BLOCK).fill(1, 0, BLOCK)]]);
    if (isChangesFull === true) model.set(FILLING_REGION, await fillChanges(volume, disk));
    await volume.close();
    const image = disk.durableImage();
    const memory = await tpm.remember();
    const genuine = this.#keys
      .genuineOn(readSuperblocks(new SimulatedDisk(image).open()))
      .flatMap((one) => one.genuine);
    const newest = genuine.reduce((best, one) => (one.superblock.epoch > best.superblock.epoch ? one : best));
    const point = { epoch: newest.superblock.epoch, digest: newest.digest };
    const slots: Uint8Array[] = [];
    for (const { slot, bytes } of formatSlots(SLOTS, point)) slots[slot] = bytes;
    const anchor = modelAnchor?.remember();
    const reading = await modelAnchor?.open().read();
    return {
      image,
      tpm: memory,
      anchor,
      reading: reading ?? { kind: 'valid', point, tornSlot: undefined },
      slots,
      model,
      showable: [model],
      past: [],
      history: [],
    };
  }

  async #explore(node: Node, depth: number): Promise<void> {
    if (depth === this.#options.depth) return;
    for (const index of this.#options.operations.keys()) {
      if (this.#isDone || this.#isSkipped(depth)) continue;
      const child = await this.#carryOut(node, index);
      if (child !== undefined) await this.#explore(child, depth + 1);
    }
  }

  /** One history, as far as it goes. */
  async #follow(start: Node, path: History): Promise<void> {
    let node: Node | undefined = start;
    for (const index of path) {
      if (node !== undefined && !this.#isDone) node = await this.#carryOut(node, index);
    }
  }

  async #walk(start: Node, walks: NonNullable<WorldOptions['walks']>): Promise<void> {
    const { operations } = this.#options;
    const random = numbers(walks.seed);
    for (let walk = 0; walk < walks.count && !this.#isDone; walk += 1) {
      await this.#follow(
        start,
        Array.from({ length: walks.length }, () => random(operations.length)),
      );
    }
  }

  /** With a limit, only some of the longest sequences are explored. */
  #isSkipped(depth: number): boolean {
    const { operations, sequencesMax, depth: longest } = this.#options;
    if (sequencesMax === undefined || depth < longest - 1) return false;
    this.#expansions += 1;
    const step = Math.max(1, Math.ceil(operations.length ** longest / sequencesMax));
    return this.#expansions % step !== 0;
  }

  /** One operation from a node: collects its moments, judges them, and gives the node after it. */
  async #carryOut(node: Node, index: number): Promise<Node | undefined> {
    const { tpm, isNotFresh, imagesPerMoment, operations } = this.#options;
    const operation = operations[index];
    if (operation === undefined) throw new RangeError(`there is no operation ${index}`);
    const history = [...node.history, index];
    // Contents differ between operations of one history.
    const stamp = (16 * history.length + index) % 255;
    const next = operation.model(node.model, stamp);
    const disk = new SimulatedDisk(node.image);
    const moments: Moment[] = [];
    const slots = [...node.slots];
    let { reading } = node;
    let memory = node.tpm;
    let anchorMemory = node.anchor;
    let advances = 0;
    let honest: readonly Model[] = [node.model];
    let showable = node.showable;
    let phase: 'opening' | 'changing' = 'opening';
    let firstFlush: readonly DiskImage[] | undefined;
    let beforeAdvance = { memory, anchorMemory, reading, slots: node.slots };

    const record = (state: string, seen: AnchorReading): void => {
      const images = [...disk.crashImages(imagesPerMoment)];
      moments.push({
        images,
        reading: seen,
        tpmState: state,
        tpm: state.startsWith('torn') ? undefined : memory,
        honest,
        showable,
      });
    };
    const onAdvance = async (anchor: Anchor, when: 'entry' | 'exit', point: AnchorPoint): Promise<void> => {
      const slot = slotOf(point.epoch, SLOTS);
      if (when === 'entry') {
        beforeAdvance = { memory, anchorMemory, reading, slots: [...slots] };
        record(`${advances}`, reading);
        for (const torn of this.#options.modelAnchor?.tornReadings(point) ?? []) record(`torn ${advances}`, torn);
        if (this.#options.modelAnchor === undefined) {
          for (const count of [1, 11, 30, 47]) {
            const torn = [...slots];
            const bytes = (slots[slot] ?? new Uint8Array(48)).slice();
            bytes.set(encodeSlot(point).subarray(0, count));
            torn[slot] = bytes;
            // A tear may happen to leave the whole new slot: each tear is a TPM state of its own.
            record(`torn ${advances} at ${count}`, judgeSlots(torn));
          }
        }
        return;
      }
      advances += 1;
      slots[slot] = encodeSlot(point);
      reading = await anchor.read();
      memory = await tpm.remember();
      anchorMemory = this.#options.modelAnchor?.remember();
      if (phase === 'opening') showable = [node.model];
      else {
        honest = [next];
        showable = [next];
      }
      record(`${advances}`, reading);
    };

    const client = await node.tpm.restore();
    node.anchor?.();
    const store = disk.openWatched((when) => {
      record(`${advances}`, reading);
      if (when === 'before flush' && phase === 'changing') firstFlush ??= moments.at(-1)?.images;
    });
    try {
      const volume = await openVolume(
        {
          store,
          tpm: client,
          ...(isNotFresh === true && { mode: 'durable-not-fresh', tokenBucket: { burst: 0, refillMs: 1e15 } }),
        },
        this.#seams(onAdvance),
      );
      record(`${advances}`, reading);
      phase = 'changing';
      beforeAdvance = { memory, anchorMemory, reading, slots: [...slots] };
      honest = [node.model, next];
      showable = isNotFresh === true ? [...showable, next] : honest;
      if (operation.crash === 'torn-nv-write') tpm.tearNextWrite(20);
      try {
        if (operation.perform !== undefined) await operation.perform(volume);
        else await volume.transaction((transaction) => operation.change?.(transaction, node.model, stamp));
        honest = [next];
        if (isNotFresh !== true) showable = [next];
        record(`${advances}`, reading);
      } catch (error) {
        if (operation.crash !== 'torn-nv-write') throw error;
      }
    } catch (error) {
      this.#judge.violate(`${operation.name} failed: ${(error as Error).message}`, history);
      return undefined;
    }
    this.report.sequences += 1;
    await this.#judge.judge(moments, node, history);
    if (this.#options.isTimeUp?.(this.report) === true) this.report.isUnfinished = true;
    const past = [...node.past, node.image, ...(firstFlush?.slice(1, 2) ?? []), disk.currentImage()].slice(-PAST_KEPT);
    const crashed = { ...beforeAdvance, showable: node.showable };
    switch (operation.crash) {
      case undefined: {
        const common = { image: disk.currentImage(), tpm: memory, anchor: anchorMemory, reading, slots, past, history };
        return { ...common, model: next, showable };
      }
      case 'none-survives':
      case 'all-survives': {
        const image = firstFlush?.[operation.crash === 'none-survives' ? 0 : 1] ?? disk.durableImage();
        const state = { ...crashed, image, past, history, tpm: crashed.memory, anchor: crashed.anchorMemory };
        return this.#afterCrash(state, [node.model, next], isNotFresh === true ? showable : undefined);
      }
      case 'torn-nv-write': {
        const state = { ...crashed, image: disk.durableImage(), past, history, anchor: undefined };
        const torn = [...beforeAdvance.slots];
        const judged = await this.#readTorn(torn);
        return this.#afterCrash({ ...state, ...judged }, [node.model, next], undefined);
      }
    }
  }

  /** What the torn TPM says through its sessions. */
  async #readTorn(
    slots: readonly Uint8Array[],
  ): Promise<{ tpm: TpmMemory; reading: AnchorReading; slots: readonly Uint8Array[] }> {
    const { tpm } = this.#options;
    const memory = await tpm.remember();
    return { tpm: memory, reading: { kind: 'valid', point: highest(slots), tornSlot: undefined }, slots };
  }

  /** Which state the crash left is what recovery says; that it may say it was judged with the moments. */
  #afterCrash(
    node: Omit<Node, 'model'>,
    candidates: readonly Model[],
    showable: readonly Model[] | undefined,
  ): Node | undefined {
    const shown = this.#judge.show(node.image, node.reading);
    const model = candidates.find((candidate) => shown.kind === 'mounted' && keyOf(candidate) === shown.key);
    if (model === undefined) return undefined;
    return { ...node, model, showable: showable ?? [model] };
  }
}

function highest(slots: readonly Uint8Array[]): AnchorPoint {
  const reading = judgeSlots(slots);
  if (reading.kind === 'destroyed') throw new RangeError(reading.reason);
  return reading.point;
}
