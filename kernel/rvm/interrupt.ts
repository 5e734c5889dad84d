/**
 * The device's interrupt line and the anti-livelock rule: a driver gets bounded time to prove the cause of an interrupt
 * and acknowledge it, and no interrupt is delivered again before that was proven (Nexus, OSDI'08 "interrupt livelock").
 *
 * The automaton NULL, CARD_NOT_CHECKED, NOT_MINE, MINE_NOT_ACKED, MINE_ACKED lives in the monitor; this file decides only
 * *when* the monitor is told (`interrupt`) and asked (`check`): when the driver's entry returns, or at the first sign of
 * life of the driver after its deadline, whichever is earlier. Edges during an interrupt in service coalesce, as on a
 * level-triggered PCI line: at the end of service the level decides. How often that may repeat is the monitor's own rule.
 */
import type { InterruptPlan } from '../../dsslang/runtime.ts';

export interface InterruptHooks {
  /** Asks the monitor's leave for an interrupt now; false: it is not to be delivered. May throw when the driver dies. */
  readonly raise: () => boolean;
  /** Asks the monitor whether the driver acknowledged. May throw when the driver dies. */
  readonly check: () => void;
  /** Enters the driver: `done` if its entry has returned, `scheduled` if `entryReturned` will be called. */
  readonly deliver: () => 'done' | 'scheduled';
  readonly now: () => number;
  /** Runs `action` once edges that the device has already made have been heard: they arrive between calls, not during. */
  readonly later: (action: () => void) => void;
}

export class InterruptLine {
  /** Device time at which the driver must have acknowledged; Infinity while nothing is to be acknowledged. */
  deadlineUs = Infinity;
  #level: 0 | 1 = 0;
  #service: 'idle' | 'in-service' = 'idle';
  /** The check of the interrupt in service has passed already, at its deadline. */
  #proven = false;
  readonly #plan: InterruptPlan | undefined;
  readonly #hooks: InterruptHooks;

  constructor(plan: InterruptPlan | undefined, hooks: InterruptHooks) {
    this.#plan = plan;
    this.#hooks = hooks;
  }

  /** The line changed. */
  edge(level: 0 | 1): void {
    this.#level = level;
    if (this.#service === 'idle') this.#serve();
  }

  /**
   * The scheduled entry begins. The driver's time counts from here: what passed before was the scheduler's, unless the
   * driver spent it in another entry, where its own accesses have met the first deadline.
   */
  entryBegins(): void {
    if (this.deadlineUs !== Infinity && this.#plan !== undefined) {
      this.deadlineUs = this.#hooks.now() + this.#plan.deadlineUs;
    }
  }

  /** The driver's entry for the last scheduled interrupt has returned. */
  entryReturned(): void {
    if (this.#service === 'idle') return;
    this.#finish();
  }

  /** The deadline has come while the driver was busy elsewhere. */
  expire(): void {
    this.deadlineUs = Infinity;
    this.#hooks.check();
    this.#proven = true;
  }

  /** Forgets everything: the device has been reset. */
  silence(): void {
    this.deadlineUs = Infinity;
    this.#level = 0;
    this.#service = 'idle';
  }

  #serve(): void {
    if (this.#level !== 1 || this.#service !== 'idle' || !this.#hooks.raise()) return;
    this.#service = 'in-service';
    this.deadlineUs = this.#plan === undefined ? Infinity : this.#hooks.now() + this.#plan.deadlineUs;
    this.#proven = false;
    if (this.#hooks.deliver() === 'done') this.#finish();
  }

  /** Ends the service. There is nothing to end when the driver died in its entry: `silence` came before. */
  #finish(): void {
    if (this.#service === 'idle') return;
    this.#service = 'idle';
    this.deadlineUs = Infinity;
    if (!this.#proven) this.#hooks.check();
    // Still asserted? The edge that the acknowledgement made may not have been heard yet.
    if (this.#level === 1) this.#hooks.later(() => this.#serve());
  }
}
