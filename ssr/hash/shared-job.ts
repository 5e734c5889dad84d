/**
 * One job at a time that two threads hash together: who may touch it when, and who takes which part of it.
 *
 * *Work is claimed, not divided.* Both threads take a few groups of the list at a time until none is left, so a helper that
 * sleeps, starts late or finds its processor busy costs nothing but what it has claimed.
 *
 * Invariant: *while the job is closed, nobody is inside.* The helper says that it is inside and only then looks whether the job
 * is open; the owner closes the job and only then looks whether the helper is inside, and waits if so. Atomics are sequentially
 * consistent, so one of the two sees the other: a late helper finds the door shut, and touches neither list nor tree. Fields of
 * the job are written while it is closed and read inside.
 *
 * It does not know what a group is, nor what to do about a helper that does not leave: `close` only says so.
 */
import type { NodesJob } from './wasm-arena.ts';

/** Odd while a job is open; each opening and each closing adds one. Words that both threads write often lie far apart. */
const DOOR = 0;
const INSIDE = 32;
const NEXT_GROUP = 64;
const FIELDS = 96;
const HELPER_SLEEPS = 128;
const OWNER_WAITS = 129;
const HELPER_FAILED = 130;
const ENDED = 131;
const GROUPS_BY_HELPER = 132;
const WORDS = 160;

/** Groups of one claim: some three microseconds of work, fifty times what claiming costs. */
const CLAIM_GROUPS = 4;
/** How long a helper watches for the next job before it sleeps: waking it takes as long. */
const WATCH_MS = 0.05;
const LOOKS_BETWEEN_CLOCKS = 500;
/** How often an owner looks before it sleeps until the helper has left. */
const LOOKS_BEFORE_WAIT = 20_000;
const WAIT_SLICE_MS = 100;

/** Hashes `groups` groups of the job's list from `first` on. */
export type HashGroups = (first: number, groups: number) => void;

export class SharedJob {
  readonly cells: Int32Array<SharedArrayBuffer>;

  constructor(cells = new Int32Array(new SharedArrayBuffer(4 * WORDS))) {
    this.cells = cells;
  }

  /** So many groups the helper has hashed in all, modulo 2^32. */
  get groupsByHelper(): number {
    return Atomics.load(this.cells, GROUPS_BY_HELPER) >>> 0;
  }

  /** Owner: a job for whoever comes. */
  open(memoryId: number, job: NodesJob): void {
    const { cells } = this;
    cells[FIELDS] = memoryId;
    cells[FIELDS + 1] = job.groups;
    cells[FIELDS + 2] = job.bodies;
    cells[FIELDS + 3] = job.bodySizeBytes;
    cells[FIELDS + 4] = job.target;
    cells[FIELDS + 5] = job.word0;
    cells[FIELDS + 6] = job.word1;
    Atomics.store(cells, NEXT_GROUP, 0);
    Atomics.add(cells, DOOR, 1);
    if (Atomics.load(cells, HELPER_SLEEPS) === 1) Atomics.notify(cells, DOOR);
  }

  /** Both: hashes what is not claimed yet, part by part; returns how many groups that were. */
  hashClaims(groups: number, hash: HashGroups): number {
    for (let hashed = 0; ;) {
      const first = Atomics.add(this.cells, NEXT_GROUP, CLAIM_GROUPS);
      if (first >= groups) return hashed;
      const count = Math.min(CLAIM_GROUPS, groups - first);
      hash(first, count);
      hashed += count;
    }
  }

  /**
   * Owner: ends the job, once all of it is claimed, and waits until the helper has left.
   * @returns false if it has failed, or has not left when the owner's patience ends
   */
  close(patienceMs: number): boolean {
    Atomics.add(this.cells, DOOR, 1);
    const hasLeft = this.#watchLeaving() || this.#awaitLeaving(patienceMs);
    return hasLeft && Atomics.load(this.cells, HELPER_FAILED) === 0;
  }

  /** Once seen outside, after the door was closed, it is out: it may look in again, but then only finds the door shut. */
  #watchLeaving(): boolean {
    for (let looks = 0; looks < LOOKS_BEFORE_WAIT; looks += 1) {
      if (Atomics.load(this.cells, INSIDE) === 0) return true;
    }
    return false;
  }

  #awaitLeaving(patienceMs: number): boolean {
    const { cells } = this;
    Atomics.store(cells, OWNER_WAITS, 1);
    let hasLeft = Atomics.load(cells, INSIDE) === 0;
    // In slices: a process that was stopped for long has not been patient for long.
    for (let waited = 0; waited < patienceMs && !hasLeft; waited += WAIT_SLICE_MS) {
      hasLeft = Atomics.wait(cells, INSIDE, 1, WAIT_SLICE_MS) !== 'timed-out' || Atomics.load(cells, INSIDE) === 0;
    }
    Atomics.store(cells, OWNER_WAITS, 0);
    return hasLeft;
  }

  /** Owner: there will be no more jobs. */
  end(): void {
    Atomics.store(this.cells, ENDED, 1);
    Atomics.add(this.cells, DOOR, 2);
    Atomics.notify(this.cells, DOOR);
  }

  /** Helper: waits for a job other than `seen` and returns its number; undefined if there will be no more. */
  next(seen: number): number | undefined {
    const { cells } = this;
    const sleepAt = performance.now() + WATCH_MS;
    for (let looks = 1; ; looks += 1) {
      const door = Atomics.load(cells, DOOR);
      if (Atomics.load(cells, ENDED) === 1) return undefined;
      if (door !== seen && (door & 1) === 1) return door;
      if (looks % LOOKS_BETWEEN_CLOCKS === 0 && performance.now() > sleepAt) {
        Atomics.store(cells, HELPER_SLEEPS, 1);
        Atomics.wait(cells, DOOR, door);
        Atomics.store(cells, HELPER_SLEEPS, 0);
      }
    }
  }

  /** Helper: goes in. If this returns undefined the job is over, and the helper is outside. */
  enter(): { readonly memoryId: number; readonly job: NodesJob } | undefined {
    const { cells } = this;
    Atomics.store(cells, INSIDE, 1);
    if ((Atomics.load(cells, DOOR) & 1) === 0) {
      this.leave();
      return undefined;
    }
    const [memoryId = 0, groups = 0, bodies = 0, bodySizeBytes = 0, target = 0, word0 = 0, word1 = 0] =
      cells.subarray(FIELDS);
    return { memoryId, job: { groups, bodies, bodySizeBytes, target, word0, word1 } };
  }

  /** Helper: is outside again, and all that it claimed is done: so many groups. */
  leave(groups = 0): void {
    Atomics.add(this.cells, GROUPS_BY_HELPER, groups);
    Atomics.store(this.cells, INSIDE, 0);
    if (Atomics.load(this.cells, OWNER_WAITS) === 1) Atomics.notify(this.cells, INSIDE);
  }

  /** Helper: what it claimed is not done, and it will do no more. */
  fail(): void {
    Atomics.store(this.cells, HELPER_FAILED, 1);
    this.leave();
  }
}
