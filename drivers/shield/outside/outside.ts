/** What is plugged into a shielded device on this side, and how this side tells whether the guest did its work. */

/** The rate of transfers of `bytes` each, from facts `START END` in seconds of the guest's clock. */
export function rateOf(
  facts: ReadonlyMap<string, readonly string[]>,
  bytes: number,
): { readonly bytesPerSecond?: number } {
  const times = facts.get('seconds') ?? [];
  const total = times.reduce((sum, text) => {
    const [from = 0, to = 0] = text.split(' ').map(Number);
    return sum + (to - from);
  }, 0);
  return total > 0 ? { bytesPerSecond: Math.round((bytes * times.length) / total) } : {};
}

/** What is plugged into the device, on this side. */
export interface Outside {
  /** QEMU's arguments before the device, and properties of the device. */
  readonly arguments: readonly string[];
  readonly properties: readonly string[];
  /** QEMU's arguments after the device: what sits on its bus. */
  readonly argumentsAfter?: readonly string[];
  /**
   * Compares what the guest says with what is known here.
   * @returns what is wrong; empty: the work was done. `summary` is for people.
   */
  judge(facts: ReadonlyMap<string, readonly string[]>): Judgement;
}

export interface Judgement {
  readonly wrong: readonly string[];
  readonly summary: string;
  /** By the guest's clock; absent where nothing is transferred. */
  readonly bytesPerSecond?: number;
}
