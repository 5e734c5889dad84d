/**
 * The lock that keeps a device model's calls whole when two threads use the same device.
 *
 * Calls on a model are short, so a waiter sleeps in short steps and normally gets in at once. A thread may be terminated
 * while it holds the lock; a waiter therefore takes the lock over when one and the same hold has lasted `TAKEOVER_MS`. The
 * state may then be half-changed, which is the situation the kernel attaches for: it resets the device. A live thread can
 * lose the lock this way only by a single call that runs longer than `TAKEOVER_MS`, which takes a ring of hundreds of
 * megabytes.
 */

const FREE = 0;
const HELD = 1;
/** Held, and somebody sleeps: the holder must wake them. Without sleepers releasing costs no system call. */
const CONTENDED = 2;

const STATE = 0;
/** Counts the holds, so that a waiter can tell a long hold from many short ones. */
const TURN = 1;
export const LOCK_CELLS = 2;

/** After this long a holder is taken for dead. The longest honest call measured (256 full frames) stays under 2 ms. */
export const TAKEOVER_MS = 100;
const STEP_MS = 1;

export interface ModelLock {
  /** Runs `action` while no other thread does. Not re-entrant. */
  hold<Result>(action: () => Result): Result;
}

/** @param cells `LOCK_CELLS` shared 32-bit cells, zero when new */
export function modelLock(cells: Int32Array): ModelLock {
  function waitForTurn(): void {
    let turn = Atomics.load(cells, TURN);
    let since = performance.now();
    while (Atomics.exchange(cells, STATE, CONTENDED) !== FREE) {
      Atomics.wait(cells, STATE, CONTENDED, STEP_MS);
      const current = Atomics.load(cells, TURN);
      const now = performance.now();
      if (current !== turn) {
        turn = current;
        since = now;
      } else if (now - since >= TAKEOVER_MS) {
        return;
      }
    }
  }
  return {
    hold(action) {
      if (Atomics.compareExchange(cells, STATE, FREE, HELD) !== FREE) waitForTurn();
      Atomics.add(cells, TURN, 1);
      try {
        return action();
      } finally {
        if (Atomics.exchange(cells, STATE, FREE) === CONTENDED) Atomics.notify(cells, STATE);
      }
    },
  };
}
