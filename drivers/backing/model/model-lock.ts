/**
 * The lock that keeps a device model's calls whole when two threads use the same device.
 *
 * Calls on a model are short, so a waiter sleeps in steps and normally gets in at once. A thread may be terminated while
 * it holds the lock; a waiter therefore takes the lock over after `TAKEOVER_MS`. The state may then be half-changed,
 * which is the situation the kernel attaches for: it resets the device. A live thread can lose the lock this way only by
 * one call that runs longer than `TAKEOVER_MS`, which takes a ring of hundreds of megabytes.
 */

const FREE = 0;
const HELD = 1;
/** After this long a holder is taken for dead. The longest honest call measured (256 full frames) stays under 2 ms. */
export const TAKEOVER_MS = 100;
const STEP_MS = 1;

export interface ModelLock {
  /** Runs `action` while no other thread does. Not re-entrant. */
  hold<Result>(action: () => Result): Result;
}

/** @param word one shared 32-bit cell, zero when new */
export function modelLock(word: Int32Array): ModelLock {
  function acquire(): void {
    for (let waitedMs = 0; Atomics.compareExchange(word, 0, FREE, HELD) !== FREE; waitedMs += STEP_MS) {
      if (waitedMs >= TAKEOVER_MS) return;
      Atomics.wait(word, 0, HELD, STEP_MS);
    }
  }
  return {
    hold(action) {
      acquire();
      try {
        return action();
      } finally {
        Atomics.store(word, 0, FREE);
        Atomics.notify(word, 0);
      }
    },
  };
}
