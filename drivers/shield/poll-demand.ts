/**
 * A poll demand: the write that has a device look at its structures, where it does not look again by itself.
 *
 * While a denial is doubted (`pool-doubt.ts`) the device has the copies of before. A demand that reaches it then finds
 * nothing of what its driver stored last, and that would lie there until the next one. So the demand is kept, and made
 * again once the device has been shown everything. Which register it is, no specification says; to make it again is
 * judged as the guest's own write is, so a wrong register would cost a useless write, and never safety.
 */
import type { Space } from '../../dsslang/index.ts';

/** One register of a byte. */
export interface PollDemand {
  readonly space: Space;
  readonly offset: number;
  /** Those that demand a look; what else the register does is not done twice. */
  readonly bits: number;
}

/** The demands that a device was given while it had old copies. */
export class KeptDemands {
  readonly #demand: PollDemand | undefined;
  #bits = 0;

  constructor(demand: PollDemand | undefined) {
    this.#demand = demand;
  }

  /** A write reached a device that has old copies. */
  keep(space: Space, offset: number, value: number): void {
    const demand = this.#demand;
    if (demand?.space === space && demand.offset === offset) this.#bits |= value & demand.bits;
  }

  /** What to write again, once; undefined where nothing was kept. */
  take(): { readonly space: Space; readonly offset: number; readonly value: number } | undefined {
    if (this.#demand === undefined || this.#bits === 0) return undefined;
    const { space, offset } = this.#demand;
    const value = this.#bits;
    this.#bits = 0;
    return { space, offset, value };
  }

  clear(): void {
    this.#bits = 0;
  }
}
