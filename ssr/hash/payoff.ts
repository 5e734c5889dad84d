/**
 * Whether a helper pays, judged by what it has saved: on a busy machine it takes the processor from the thread that it should help.
 *
 * Of every job that is shared it is known how long it took and how long the owner would have taken alone. After a window of
 * jobs that saved nothing, jobs are not shared for a while: twice as long each time, and half as long after a window that did.
 * A while is a number of jobs and not a time, so that what trying costs is a small part of the work, however rare batches are.
 */

/** Some batches of a tree: long enough that one job which was held up does not decide. */
const WINDOW_JOBS = 32;
const REST_MIN_JOBS = 64;
const REST_MAX_JOBS = 4096;

export class Payoff {
  #jobs = 0;
  #savedMs = 0;
  #restJobs = 0;
  #nextRestJobs = REST_MIN_JOBS;

  /** Whether the next job is to be shared. */
  next(): boolean {
    if (this.#restJobs === 0) return true;
    this.#restJobs -= 1;
    return false;
  }

  /** A job was shared and saved so much time; less than nothing if it took longer than it would have alone. */
  record(savedMs: number): void {
    this.#savedMs += savedMs;
    this.#jobs += 1;
    if (this.#jobs < WINDOW_JOBS) return;
    if (this.#savedMs > 0) {
      this.#nextRestJobs = Math.max(this.#nextRestJobs / 2, REST_MIN_JOBS);
    } else {
      this.#restJobs = this.#nextRestJobs;
      this.#nextRestJobs = Math.min(2 * this.#nextRestJobs, REST_MAX_JOBS);
    }
    this.#jobs = 0;
    this.#savedMs = 0;
  }
}
