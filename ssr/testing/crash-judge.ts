/**
 * The oracle: recovers each case and says whether it may show what it shows. See `crash-world.ts` for what that is.
 *
 * The TPM is read through its sessions once for each of its states and combined with all disks of that state, unless each
 * case is to go through the TPM itself.
 */
import type { AnchorReading } from '../anchor-slots.ts';
import { openVolume } from '../open-volume.ts';
import type { Protocol } from '../protocol.ts';
import type { decideMount } from '../recovery.ts';
import { SimulatedDisk } from '../store/simulated-disk.ts';
import type { DiskImage } from '../store/simulated-disk.ts';
import { readSuperblocks } from '../superblock.ts';
import { VolumeCore } from '../volume-core.ts';
import type { Seams } from '../volume-setup.ts';
import type { History, Moment, Node, WorldOptions, WorldReport } from './crash-options.ts';
import { attackedImages } from './disk-attacks.ts';
import type { KnownKeys } from './known-keys.ts';
import type { TpmMemory } from './rewindable-tpm.ts';
import { isShown, readOrDamaged, refusedBy, shownBy, shownRegions } from './shown.ts';
import type { Shown } from './shown.ts';

/** What opens volumes in this world. */
export interface JudgeParts {
  readonly keys: KnownKeys;
  readonly protocol: Protocol;
  readonly decide: typeof decideMount;
  readonly seams: Seams;
}

export class CrashJudge {
  readonly #options: WorldOptions;
  readonly #parts: JudgeParts;
  readonly report: WorldReport = {
    isUnfinished: false,
    sequences: 0,
    crashCases: 0,
    attackCases: 0,
    mounted: 0,
    refused: new Map(),
    violations: [],
  };

  constructor(options: WorldOptions, parts: JudgeParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** True if nothing more is to be judged: enough violations, or no time. */
  get isDone(): boolean {
    return this.report.isUnfinished || this.report.violations.length >= (this.#options.violationsMax ?? 5);
  }

  violate(what: string, path: History): void {
    if (this.isDone) return;
    const history = path.map((index) => this.#options.operations[index]?.name ?? '?').join(', ');
    this.report.violations.push({ what, history, path });
  }

  /** All cases of one operation: every crash, and attacks on some. */
  async judge(moments: readonly Moment[], node: Node, history: History): Promise<void> {
    const shownByState = new Map<string, string>();
    for (const moment of moments) {
      for (const image of moment.images) {
        this.report.crashCases += 1;
        await this.#judgeCase(image, moment, { isAttack: false, shownByState, history });
      }
    }
    const perMoment = Math.max(1, Math.floor(this.#options.attacksPerOperation / Math.max(1, moments.length)));
    let seed = history.reduce((mixed, index) => (31 * mixed + index + 1) >>> 0, this.#options.attackSeed ?? 1);
    for (const moment of moments) {
      const present = moment.images.at(-1) ?? node.image;
      const past = [...node.past, node.image, ...moment.images.slice(1, 3)];
      seed = (seed + 1) >>> 0;
      for (const image of attackedImages(present, past, perMoment, seed)) {
        this.report.attackCases += 1;
        await this.#judgeCase(image, moment, { isAttack: true, shownByState, history });
      }
    }
  }

  async #judgeCase(
    image: DiskImage,
    moment: Moment,
    context: { isAttack: boolean; shownByState: Map<string, string>; history: History },
  ): Promise<void> {
    if (this.isDone) return;
    const { isAttack, shownByState, history } = context;
    const memory = this.#options.isEachCaseThroughTpm === true ? moment.tpm : undefined;
    const shown = memory === undefined ? this.show(image, moment.reading) : await this.#showThroughTpm(image, memory);
    const where = `TPM state ${moment.tpmState}, ${isAttack ? 'attacked disk' : 'crash'}`;
    if (shown.kind === 'refused') {
      this.report.refused.set(shown.code, (this.report.refused.get(shown.code) ?? 0) + 1);
      if (!isAttack) this.violate(`stuck: ${shown.code} (${where})`, history);
      return;
    }
    this.report.mounted += 1;
    const allowed = isAttack ? moment.showable : moment.honest;
    if (!allowed.some((model) => isShown(model, shown.regions, isAttack))) {
      this.violate(`shows what is neither acknowledged nor in flight (${where})`, history);
      return;
    }
    if (shown.isDamaged || this.#options.isNotFresh === true) return;
    const before = shownByState.get(moment.tpmState);
    if (before !== undefined && before !== shown.key) {
      this.violate(`fork: two disks show two contents for one state of the TPM (${where})`, history);
    }
    shownByState.set(moment.tpmState, shown.key);
  }

  /** As `openVolume` does it, without its TPM: that one releases the keys that a superblock carries, these know them. */
  show(image: DiskImage, reading: AnchorReading): Shown {
    const store = new SimulatedDisk(image).open();
    let refusal: unknown;
    for (const { keyring, genuine } of this.#parts.keys.genuineOn(readSuperblocks(store))) {
      try {
        const decision = this.#parts.decide(reading, genuine);
        const options = { store, keyring, cacheSizeBytes: 1 << 16, protocol: this.#parts.protocol };
        return shownBy(VolumeCore.mount(options, decision.mount, decision.rollForward?.superblock));
      } catch (error) {
        refusal ??= error;
      }
    }
    return refusal === undefined ? { kind: 'refused', code: 'SSR_NOT_A_VOLUME' } : refusedBy(refusal);
  }

  async #showThroughTpm(image: DiskImage, memory: TpmMemory): Promise<Shown> {
    const client = await memory.restore();
    try {
      const volume = await openVolume({ store: new SimulatedDisk(image).open(), tpm: client }, this.#parts.seams);
      const regions = new Map<string, Uint8Array | undefined>();
      for (const { name, sizeBytes } of volume.list()) {
        regions.set(
          name,
          readOrDamaged(() => volume.region(name).read(0, sizeBytes)),
        );
      }
      return shownRegions(regions);
    } catch (error) {
      return refusedBy(error);
    }
  }
}
