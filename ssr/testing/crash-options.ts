/**
 * What an exploration of crashes is given, what it passes from hand to hand, and what it reports. See `crash-world.ts`.
 */
import type { AnchorPoint, AnchorReading } from '../anchor-slots.ts';
import type { Anchor } from '../anchor.ts';
import type { Protocol } from '../protocol.ts';
import type { decideMount } from '../recovery.ts';
import type { DiskImage } from '../store/simulated-disk.ts';
import type { Transaction, Volume } from '../volume.ts';
import type { RewindableTpm, TpmMemory } from './rewindable-tpm.ts';
import type { Model } from './shown.ts';

export const BLOCK = 512;

export interface Operation {
  readonly name: string;
  /** What the operation does to a volume, and to the model of one. `stamp` makes contents differ between operations. */
  readonly change?: (transaction: Transaction, model: Model, stamp: number) => void;
  /** For what is no transaction. */
  readonly perform?: (volume: Volume) => Promise<void>;
  readonly model: (model: Model, stamp: number) => Model;
  /** How it ends: acknowledged, or by a power cut with none or all of its unsynced sectors surviving, or inside the NV write. */
  readonly crash?: 'none-survives' | 'all-survives' | 'torn-nv-write';
}

/** An anchor protocol in memory, for protocols that are not the product's. Rewound with the TPM. */
export interface ModelAnchor {
  open(): Anchor;
  remember(): () => void;
  /** What it would say if the power failed while this is written. */
  tornReadings(point: AnchorPoint): AnchorReading[];
}

export interface WorldOptions {
  readonly tpm: RewindableTpm;
  readonly operations: readonly Operation[];
  /** Longest sequence. */
  readonly depth: number;
  readonly attacksPerOperation: number;
  /** Crash images considered at one moment. */
  readonly imagesPerMoment: number;
  readonly protocol?: Protocol;
  readonly decide?: typeof decideMount;
  readonly modelAnchor?: ModelAnchor;
  /** Commits are acknowledged when durable. */
  readonly isNotFresh?: boolean;
  /** Histories begin where the superblock can say hardly more in place of directory and free map. */
  readonly isChangesFull?: boolean;
  /** Stop after this many violations. */
  readonly violationsMax?: number;
  /** Instead of all sequences up to `depth`: this many random ones of this length, which follow from the seed. */
  readonly walks?: { readonly count: number; readonly length: number; readonly seed: number };
  /** Explore only so many sequences, chosen evenly. */
  readonly sequencesMax?: number;
  /** Judge each case by opening the volume through the rewound TPM, not from a shared reading. */
  readonly isEachCaseThroughTpm?: boolean;
  /** Which attacks are tried; each history has its own, so that it can be replayed alone. */
  readonly attackSeed?: number;
  /** Only this history: positions in `operations`. */
  readonly replay?: readonly number[];
  /** Called after each operation. True ends the exploration. */
  readonly isTimeUp?: (report: WorldReport) => boolean;
}

export interface Violation {
  readonly what: string;
  readonly history: string;
  /** The history as `replay` takes it. */
  readonly path: readonly number[];
}

export interface WorldReport {
  isUnfinished: boolean;
  sequences: number;
  crashCases: number;
  attackCases: number;
  mounted: number;
  readonly refused: Map<string, number>;
  readonly violations: Violation[];
}

export interface Node {
  readonly image: DiskImage;
  readonly tpm: TpmMemory;
  readonly anchor: (() => void) | undefined;
  readonly reading: AnchorReading;
  readonly slots: readonly Uint8Array[];
  readonly model: Model;
  /** What an attacker may bring back: one state, unless commits need not be fresh. */
  readonly showable: readonly Model[];
  readonly past: readonly DiskImage[];
  readonly history: History;
}

/** The operations so far, as positions in the world's list. */
export type History = readonly number[];

export interface Moment {
  readonly images: readonly DiskImage[];
  readonly reading: AnchorReading;
  readonly tpmState: string;
  readonly tpm: TpmMemory | undefined;
  readonly honest: readonly Model[];
  readonly showable: readonly Model[];
}
