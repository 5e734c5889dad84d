/**
 * How a run of the shield ends: the guest is done, or something is wrong: its time is over, a machine has died, its kernel
 * panicked, the user is tired of it. The first of them counts.
 */
import type { OpenBacking } from '../../kernel/index.ts';
import { ShieldError } from './errors.ts';
import type { GuestMachine } from './guest-machine.ts';

const RUN_MS = 300_000;

export interface EndingOptions {
  /** Default: five minutes. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export class Ending {
  readonly reached: Promise<void>;
  #resolve: () => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(options: EndingOptions, guest: GuestMachine, backing: OpenBacking) {
    this.reached = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Errors may come before anybody waits.
    this.reached.catch(() => undefined);
    const limitMs = options.timeoutMs ?? RUN_MS;
    this.#timer = setTimeout(() => {
      this.fail(
        new ShieldError(
          'GUEST_TIMEOUT',
          `the guest was not done after ${limitMs / 1000} s; a busy machine may need a longer --timeout`,
        ),
      );
    }, limitMs);
    void guest.ended.then((how) => {
      this.fail(new ShieldError('GUEST_ENDED', `the guest's machine ended before the guest was done: ${how}`));
    });
    backing.onFailure((error) => this.fail(error));
    options.signal?.addEventListener('abort', () => {
      this.fail(new ShieldError('GUEST_ENDED', 'the run was interrupted'));
    });
  }

  done(): void {
    clearTimeout(this.#timer);
    this.#resolve();
  }

  panic(text: string): void {
    this.fail(new ShieldError('GUEST_PANIC', `the guest's kernel panicked: ${text.trim()}`));
  }

  fail(error: unknown): void {
    clearTimeout(this.#timer);
    this.#reject(error);
  }
}
