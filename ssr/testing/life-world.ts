/**
 * Power cuts inside creating and recovering a volume: every moment of them, each opened again through the rewound TPM.
 *
 * A moment is a flush, or an NV command that defines, writes or deletes an index; before and after it, with every subset of unsynced
 * sectors. Inside an NV write the simulated TPM tears it, in a run of its own. What is judged:
 *
 * - creating: opening shows the empty volume or refuses; once it was acknowledged, it opens. A half-made volume never keeps
 *   the same TPM from making another one.
 * - recovering: opening shows the contents, or refuses and recovering once more shows them; once acknowledged, it opens. No mix of
 *   past sectors ever shows what the volume held before.
 *
 * The world of commits is `crash-world.ts`; here the anchor itself comes and goes, so that no reading of it can be shared.
 */
import { createVolume } from '../create-volume.ts';
import { SsrError } from '../errors.ts';
import { makeRecoveryKey } from '../keys.ts';
import { openVolume } from '../open-volume.ts';
import { recoverVolume } from '../recover-volume.ts';
import { SimulatedDisk } from '../store/simulated-disk.ts';
import type { DiskImage } from '../store/simulated-disk.ts';
import type { Store } from '../store/store.ts';
import type { Tpm } from '../tpm/client.ts';
import { nvUndefineSpace, OWNER } from '../tpm/commands.ts';
import { NO_PASSWORD } from '../tpm/session.ts';
import type { Seams } from '../volume-setup.ts';
import type { Volume } from '../volume.ts';
import { attackedImages } from './disk-attacks.ts';
import type { RewindableTpm, TpmMemory } from './rewindable-tpm.ts';

const GEOMETRY = { blockSizeBytes: 512, arity: 2, capacityBytes: 128 * 512 } as const;
const NV_CHANGES: ReadonlySet<string> = new Set(['NV_DefineSpace', 'NV_Write', 'NV_UndefineSpace']);
/** Bytes of a slot that a torn write may leave. */
const TEARS = [1, 11, 30, 47];
const REGION = 'a';

export interface LifeOptions {
  readonly makeTpm: () => Promise<RewindableTpm>;
  /** Crash images judged at one moment. */
  readonly imagesPerMoment: number;
  /** Attacked disks judged at one moment. */
  readonly attacksPerMoment: number;
  readonly seed?: number;
  /** What the mutants put in place of a part of recovering. */
  readonly seams?: Seams;
  /** Called after each moment. True ends the world. */
  readonly isTimeUp?: (report: LifeReport) => boolean;
}

export interface LifeReport {
  cases: number;
  attacks: number;
  moments: number;
  mounted: number;
  refused: number;
  /** Cases that only the recovery key opened. */
  recoveredAgain: number;
  isUnfinished: boolean;
  readonly violations: { readonly what: string; readonly history: string }[];
}

interface Moment {
  readonly label: string;
  readonly images: readonly DiskImage[];
  readonly tpm: TpmMemory;
  readonly isAcknowledged: boolean;
}

/** What a disk shows beside a TPM: the first bytes of the region, nothing for an empty volume, or the code of a refusal. */
type Shown = { readonly bytes: string } | { readonly refused: string };

async function shownBy(opening: Promise<Volume>): Promise<Shown> {
  try {
    await using volume = await opening;
    const isThere = volume.list().some(({ name }) => name === REGION);
    return { bytes: isThere ? Buffer.from(volume.region(REGION).read(0, 600)).toString('latin1') : '' };
  } catch (error) {
    if (error instanceof SsrError && (error.isTamper || REFUSALS.has(error.code))) return { refused: error.code };
    throw error;
  }
}

const REFUSALS: ReadonlySet<string> = new Set(['SSR_NOT_A_VOLUME', 'SSR_KEYS_UNAVAILABLE']);

/** Carries `act` out and keeps the moments. With `tear`, the NV write of that number is torn and the only moment is after it. */
async function momentsOf(
  tpm: RewindableTpm,
  start: { readonly image: DiskImage; readonly tpm: TpmMemory },
  options: { readonly imagesPerMoment: number; readonly tear?: { readonly write: number; readonly bytes: number } },
  act: (store: Store, client: Tpm) => Promise<Volume>,
): Promise<{ moments: Moment[]; nvWrites: number; image: DiskImage }> {
  const { tear, imagesPerMoment } = options;
  const disk = new SimulatedDisk(start.image);
  const client = await start.tpm.restore();
  const moments: Moment[] = [];
  let memory = start.tpm;
  let nvWrites = 0;
  const record = (label: string, isAcknowledged = false): void => {
    moments.push({ label, images: [...disk.crashImages(imagesPerMoment)], tpm: memory, isAcknowledged });
  };
  const run = client.run.bind(client);
  client.run = async (command, authorizations, ready) => {
    if (!NV_CHANGES.has(command.name)) return run(command, authorizations, ready);
    const sending = (): void => {
      record(`before ${command.name}`);
      if (command.name !== 'NV_Write') return;
      if (nvWrites === tear?.write) tpm.tearNextWrite(tear.bytes);
      nvWrites += 1;
    };
    if (ready === undefined) sending();
    const result = await run(command, authorizations, ready?.then(sending));
    memory = await tpm.remember();
    record(`after ${command.name}`);
    return result;
  };
  const store = disk.openWatched((when) => {
    record(when);
  });
  try {
    const volume = await act(store, client);
    record('acknowledged', true);
    await volume.close();
  } catch (error) {
    if (tear === undefined) throw error;
    const torn = { label: `NV write ${tear.write} torn after ${tear.bytes} bytes`, isAcknowledged: false };
    return {
      moments: [{ ...torn, images: [disk.durableImage()], tpm: await tpm.remember() }],
      nvWrites,
      image: disk.durableImage(),
    };
  }
  return { moments, nvWrites, image: disk.durableImage() };
}

/** All moments of `act`, torn NV writes included where the TPM can tear. */
async function allMoments(
  tpm: RewindableTpm,
  start: { readonly image: DiskImage; readonly tpm: TpmMemory },
  imagesPerMoment: number,
  act: (store: Store, client: Tpm) => Promise<Volume>,
): Promise<{ moments: Moment[]; image: DiskImage }> {
  const whole = await momentsOf(tpm, start, { imagesPerMoment }, act);
  const moments = [...whole.moments];
  if (tpm.kind === 'simulated') {
    for (let write = 0; write < whole.nvWrites; write += 1) {
      for (const bytes of TEARS) {
        moments.push(...(await momentsOf(tpm, start, { imagesPerMoment, tear: { write, bytes } }, act)).moments);
      }
    }
  }
  return { moments, image: whole.image };
}

class LifeWorld {
  readonly report: LifeReport = { cases: 0, attacks: 0, moments: 0, mounted: 0, refused: 0, recoveredAgain: 0, isUnfinished: false, violations: [] }; // prettier-ignore
  readonly #options: LifeOptions;

  constructor(options: LifeOptions) {
    this.#options = options;
  }

  get #isDone(): boolean {
    return this.report.isUnfinished || this.report.violations.length >= 5;
  }

  #violate(what: string, history: string): void {
    this.report.violations.push({ what, history });
  }

  #endMoment(): void {
    this.report.moments += 1;
    if (this.#options.isTimeUp?.(this.report) === true) this.report.isUnfinished = true;
  }

  async #open(image: DiskImage, memory: TpmMemory): Promise<Shown> {
    const client = await memory.restore();
    const shown = await shownBy(openVolume({ store: new SimulatedDisk(image).open(), tpm: client }));
    if ('bytes' in shown) this.report.mounted += 1;
    else this.report.refused += 1;
    return shown;
  }

  async create(): Promise<void> {
    await using tpm = await this.#options.makeTpm();
    await tpm.powerOn();
    const start = { image: new Map(), tpm: await tpm.remember() };
    const make = (store: Store, client: Tpm) => createVolume({ store, tpm: client, ...GEOMETRY });
    const { moments } = await allMoments(tpm, start, this.#options.imagesPerMoment, make);
    for (const { label, images, tpm: memory, isAcknowledged } of moments) {
      for (const image of images) {
        if (this.#isDone) return;
        this.report.cases += 1;
        const shown = await this.#open(image, memory);
        if ('bytes' in shown ? shown.bytes !== '' : isAcknowledged)
          this.#violate(`shows ${JSON.stringify(shown)}`, `create, ${label}`);
      }
      const another = await shownBy(make(new SimulatedDisk().open(), await memory.restore()));
      if (!('bytes' in another)) this.#violate('no other volume can be made', `create, ${label}`);
      this.#endMoment();
    }
  }

  /** A volume with a past, recovered where its anchor is whole, half deleted, or on another TPM. */
  async recover(anchor: 'whole' | 'half deleted' | 'on another TPM'): Promise<void> {
    await using first = await this.#options.makeTpm();
    const recoveryKey = makeRecoveryKey();
    const disk = new SimulatedDisk();
    const client = await first.powerOn();
    const volume = await createVolume({ store: disk.open(), tpm: client, recoveryKey, ...GEOMETRY });
    const past: DiskImage[] = [];
    for (const fill of [1, 2, 3]) {
      await volume.transaction((transaction) => {
        const region = fill === 1 ? transaction.create(REGION, { sizeBytes: 600 }) : transaction.region(REGION);
        region.write(0, new Uint8Array(600).fill(fill));
      });
      past.push(disk.durableImage());
    }
    const [index] = volume.anchorIndices;
    await volume.close();
    if (anchor === 'half deleted' && index !== undefined) {
      await client.run(nvUndefineSpace(await client.nvEntity(index), OWNER), [NO_PASSWORD]);
    }
    await using other = await this.#options.makeTpm();
    const tpm = anchor === 'on another TPM' ? other : first;
    if (tpm === other) await other.powerOn();
    const start = { image: disk.durableImage(), tpm: await tpm.remember() };
    const recover = (store: Store, at: Tpm) =>
      recoverVolume({ store, tpm: at, recoveryKey, acceptLoss: true }, this.#options.seams);
    const { moments } = await allMoments(tpm, start, this.#options.imagesPerMoment, recover);
    const contents = Buffer.alloc(600, 3).toString('latin1');
    let { seed = 1 } = this.#options;
    for (const { label, images, tpm: memory, isAcknowledged } of moments) {
      const history = `recover (anchor ${anchor}), ${label}`;
      for (const image of images) {
        if (this.#isDone) return;
        this.report.cases += 1;
        let shown = await this.#open(image, memory);
        if ('refused' in shown && !isAcknowledged) {
          this.report.recoveredAgain += 1;
          shown = await shownBy(recover(new SimulatedDisk(image).open(), await memory.restore()));
        }
        if (!('bytes' in shown) || shown.bytes !== contents)
          this.#violate(`shows ${JSON.stringify(shown).slice(0, 80)}`, history);
      }
      const present = images.at(-1) ?? start.image;
      seed += 1;
      for (const image of attackedImages(
        present,
        [...past, ...images.slice(0, 2)],
        this.#options.attacksPerMoment,
        seed,
      )) {
        if (this.#isDone) return;
        this.report.attacks += 1;
        const shown = await this.#open(image, memory);
        if ('bytes' in shown && shown.bytes !== contents)
          this.#violate('an attacked disk shows what is not the latest', history);
      }
      this.#endMoment();
    }
    const last = moments.find(({ isAcknowledged }) => isAcknowledged);
    if (last !== undefined) await this.#outlive(tpm, last, [...past, start.image], anchor);
  }

  /** What a recovered volume holds after its first commit is all that any disk from before may be beside. */
  async #outlive(tpm: RewindableTpm, last: Moment, past: readonly DiskImage[], anchor: string): Promise<void> {
    const disk = new SimulatedDisk(last.images[0] ?? new Map());
    const volume = await openVolume({ store: disk.open(), tpm: await last.tpm.restore() });
    await volume.transaction((transaction) => transaction.region(REGION).write(0, new Uint8Array(600).fill(4)));
    await volume.close();
    const memory = await tpm.remember();
    for (const image of [...past, ...last.images]) {
      this.report.attacks += 1;
      const shown = await this.#open(image, memory);
      if ('bytes' in shown) this.#violate('a disk from before is accepted', `recover (anchor ${anchor}), one commit`);
    }
  }
}

/** Both lives, with every state of the anchor that recovering may find. */
export async function exploreLife(options: LifeOptions): Promise<LifeReport> {
  const world = new LifeWorld(options);
  await world.create();
  for (const anchor of ['whole', 'half deleted', 'on another TPM'] as const) await world.recover(anchor);
  return world.report;
}
