/** What is known of one published bug of a device model, and how it is shown. Types only. */
import type { BoardPlan } from './board.ts';
import type { Hands } from './hands.ts';

/** A sequence that harms the device model, and the rule that must refuse it. */
export interface Attack {
  readonly name: string;
  /** CVEs that this sequence stands for. */
  readonly cves?: readonly string[];
  /** The reason of that rule, word for word. */
  readonly refusedBy: string;
  /**
   * Performs the sequence. Derived anew from the public description; it may return after the harm is done, or be cut short
   * by QEMU's death or by a refusal.
   * @returns how many words of foreign memory it has read, if reading them is the harm
   */
  readonly run: (hands: Hands) => number | undefined;
}

/**
 * `crash`, `leak`: harm that shows on the QEMU of Debian 12. `silent`: fixed there, or harm that does not show, so that
 * only the refusal can be shown.
 */
export type Effect = 'crash' | 'leak' | 'silent';

export interface Bug {
  /** Of the public database, or the CVE. */
  readonly id: string;
  readonly part: string;
  readonly effect: Effect;
  readonly board: BoardPlan;
  /** The specification, as a path in the package. */
  readonly specification: string;
  readonly attacks: readonly Attack[];
  /** What a driver of the part does from reset on, with its results checked. */
  readonly benign: (hands: Hands) => void;
  /** Time that a device with clocks of its own may take to die, in milliseconds. */
  readonly settleMs?: number;
  /** For people: what goes wrong, which rule of the data sheet forbids the sequence, and where all this is said. */
  readonly note: {
    readonly bug: string;
    readonly rule: string;
    readonly benign: string;
    readonly sources: readonly string[];
  };
}
