/**
 * When a denial of what a guest has stored is believed.
 *
 * Nobody knows when a guest is in the middle of a change. A walk may go along a link that the guest is about to cut, into
 * memory that it has already used again; and while the guest's processor waits for its turn on a busy machine, everything
 * stays as it was in that moment, however often one looks. Waiting costs nothing in safety, for the device keeps the copies
 * that were judged. So a denial is *doubted* until every refresh has met one for `BELIEF_US`, and `BELIEF_REFRESHES` of
 * them: a guest that keeps to its lie is refused by the first refresh after that. One refresh without a denial ends the doubt.
 * What waiting costs a guest that told its device to look meanwhile, `poll-demand.ts` makes good.
 */

/** Several turns of a scheduler. */
export const BELIEF_US = 50_000;
/** Time alone is no proof: it also passes where nothing runs. */
export const BELIEF_REFRESHES = 8;

export class Doubt {
  #sinceUs = 0;
  #refreshes = 0;

  get isOpen(): boolean {
    return this.#refreshes > 0;
  }

  /** Met by one more refresh. @returns whether it is believed */
  met(nowUs: number): boolean {
    if (this.#refreshes === 0) this.#sinceUs = nowUs;
    this.#refreshes += 1;
    return this.#refreshes >= BELIEF_REFRESHES && nowUs - this.#sinceUs >= BELIEF_US;
  }

  end(): void {
    this.#refreshes = 0;
  }
}
