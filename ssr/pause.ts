/** Waiting, for any time: a timer takes 31 bits of milliseconds, and one that is asked for more fires at once. */

const TIMER_MAX_MS = 2 ** 31 - 1;

/** Resolves after `ms` milliseconds; at once if that is 0 or less. */
export async function pause(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= TIMER_MAX_MS) {
    await new Promise((resolve) => {
      setTimeout(resolve, Math.min(left, TIMER_MAX_MS));
    });
  }
}
