/**
 * Who may touch the device's file descriptors right now: a few words of memory shared by the kernel's thread, which owns
 * the descriptors, and the one thread that uses them.
 *
 * Descriptors are plain numbers of the whole process, and the kernel's thread may close them (and the system hand the
 * numbers out again) while a driver's thread is about to write. Two rules prevent a stray access to a stranger's file:
 *  - a user raises `BUSY` *before* it looks at `DEAD`; the owner sets `DEAD` *before* it looks at `BUSY` (Dekker's order,
 *    which the sequential consistency of `Atomics` makes sound), and closes nothing while `BUSY` is up;
 *  - each new hold takes the next epoch, and an older hold finds out at its next access: at most one hold is live.
 * A thread terminated in mid-access leaves `BUSY` up for ever; taking the next hold clears it.
 */
import { DeviceError } from '../../../kernel/abi.ts';

const DEAD = 0;
const BUSY = 1;
const EPOCH = 2;
const WATCH_FD = 3;
const WORDS = 4;

const ALIVE = 0;
const CLOSED = 1;
const DIED = 2;
const NOBODY = 0;
const NO_FD = -1;

/** Shared between threads; structured-cloneable. */
export type HoldWords = Int32Array;

export function createHoldWords(): HoldWords {
  const words = new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT));
  words[WATCH_FD] = NO_FD;
  return words;
}

/** From now on every access fails. `died`: by itself; `closed`: by its owner. The first reason stays. */
export function markDead(words: HoldWords, how: 'died' | 'closed'): void {
  Atomics.compareExchange(words, DEAD, ALIVE, how === 'died' ? DIED : CLOSED);
}

/** Whether some thread is, or was when it was terminated, in the middle of an access. */
export function isBusy(words: HoldWords): boolean {
  return Atomics.load(words, BUSY) !== NOBODY;
}

/** The descriptor on which the next hold may watch for interrupts. Returns one that was offered and never taken. */
export function offerWatchFd(words: HoldWords, fd: number | undefined): number | undefined {
  const before = Atomics.exchange(words, WATCH_FD, fd ?? NO_FD);
  return before === NO_FD ? undefined : before;
}

export function hasWatchFd(words: HoldWords): boolean {
  return Atomics.load(words, WATCH_FD) !== NO_FD;
}

/** One thread's right to use the descriptors. */
export interface Hold {
  /** Begins an access. @throws DeviceError DEVICE_GONE when the device is gone or the hold has ended */
  enter(): void;
  /** Ends an access. */
  leave(): void;
  /** Throws what `enter` would; for use within an access, after a wait. */
  check(): void;
  isLive(): boolean;
  /** The descriptor to watch; it is now the caller's to close. */
  takeWatchFd(): number | undefined;
  release(): void;
}

/** Takes the device over from whoever held it. That thread must be gone, or at rest. */
export function takeHold(words: HoldWords): Hold {
  const epoch = Atomics.add(words, EPOCH, 1) + 1;
  Atomics.store(words, BUSY, NOBODY);
  let released = false;

  function ended(): string | undefined {
    const dead = Atomics.load(words, DEAD);
    if (dead === DIED) return 'the device is gone: its QEMU ended';
    if (dead === CLOSED) return 'the device is gone: it was closed';
    if (released) return 'this hold on the device was released';
    return Atomics.load(words, EPOCH) === epoch ? undefined : 'another thread has taken the device over';
  }

  function check(): void {
    const why = ended();
    if (why !== undefined) throw new DeviceError('DEVICE_GONE', why);
  }

  function leave(): void {
    Atomics.compareExchange(words, BUSY, epoch, NOBODY);
  }

  return {
    enter: () => {
      Atomics.store(words, BUSY, epoch);
      const why = ended();
      if (why === undefined) return;
      leave();
      throw new DeviceError('DEVICE_GONE', why);
    },
    leave,
    check,
    isLive: () => ended() === undefined,
    takeWatchFd: () => offerWatchFd(words, undefined),
    release: () => {
      released = true;
      leave();
    },
  };
}
