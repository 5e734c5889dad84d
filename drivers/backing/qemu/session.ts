/**
 * A conversation with QEMU over two FIFOs: write commands, wait for as many answers. Synchronous on purpose, because a
 * driver's register access is a plain call. Measured round trips of a blocking thread: 8-10 us while the scheduler keeps it
 * and QEMU on one processor, about 80 us when each wake-up crosses to a sleeping virtual processor (spinning instead of
 * blocking would force the slow case).
 *
 * Two ways to wait. A driver's thread blocks in read(2): nothing else has to run there, and the owner unblocks it with a
 * poison line once the device is dead. The kernel's thread must never block: it reads without waiting and gives up at a
 * deadline, `DEVICE_TIMEOUT`.
 *
 * Invariant: between two calls the stream is in step, i.e. no command is unanswered, or the session says `outOfStep` and
 * begins the next call by resynchronising. A thread may have been terminated anywhere, so the stream may start with half a
 * line, an answer to a dead thread's command, or its interrupt lines. QEMU echoes the name of a command that it does not
 * know; a fresh random name is therefore recognised beyond doubt, and all before it is dropped (interrupts are heard).
 */
import { randomBytes } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';
import { DeviceError } from '../../../kernel/abi.ts';
import type { Hold } from './hold.ts';
import { createLineCutter, quoteLine, type QtestLine } from './qtest-stream.ts';

export interface SessionOptions {
  /** QEMU's standard input, non-blocking. */
  readonly commandFd: number;
  /** QEMU's standard output; blocking exactly if there is no deadline. */
  readonly answerFd: number;
  /** Wait at most this long for each answer; undefined: for ever (until the device is dead). */
  readonly deadlineMs: number | undefined;
  readonly hold: Hold;
  /** An edge of any interrupt line. Called in the middle of an access: the listener must only take note. */
  readonly onIrq: (line: number, level: 0 | 1) => void;
}

export interface Session {
  /** Sends commands together and returns the value of the last answer (0 if it carries none). @throws DeviceError */
  exchange(commands: string, answerCount: number): number;
  /** Bytes that someone else read from the same stream while no command was under way: interrupts, or nonsense. */
  heard(bytes: Uint8Array): void;
  /** Sends the mark that `isInStep` then looks for. */
  beginResync(): void;
  /** Takes what has come, without waiting (needs a deadline session). True once the mark has been seen. */
  isInStep(): boolean;
  /** Makes the stream recognisable again, waiting as `exchange` does. */
  resync(): void;
}

/** More than a full FIFO (64 KiB) and QEMU's own buffer hold: dropped without a mark, this is no qtest stream. */
export const RESYNC_MAX_BYTES = 1 << 20;
/**
 * For so long the deadline wait looks at the stream again and again before it begins to sleep: a healthy answer takes 10 to
 * 100 us, and the shortest sleep 160 us (measured).
 */
const SPIN_MS = 0.5;
const SLEEP_MS = 0.1;
/** Between two looks no more than this counts as waiting: a thread that got no processor for a second has not waited a second. */
const GAP_MAX_MS = 10;

export function createSession(options: SessionOptions): Session {
  const { commandFd, answerFd, deadlineMs, hold, onIrq } = options;
  const buffer = new Uint8Array(64 * 1024);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const cutter = createLineCutter();
  let mark = '';
  /** One deadline for a whole exchange, or else a QEMU that only sends interrupts would be waited for without end. */
  let patienceMs = Infinity;
  let lookedMs = 0;
  let state: 'in step' | 'out of step' = 'out of step';
  let broken: DeviceError | undefined;

  function fail(error: DeviceError): never {
    if (error.code === 'QEMU_PROTOCOL') broken = error;
    state = 'out of step';
    throw error;
  }

  function send(text: string): void {
    try {
      // Shorter than PIPE_BUF (4096), hence written whole or not at all, even if this thread is terminated here.
      writeSync(commandFd, text);
    } catch (cause) {
      if (errorCode(cause) === 'EAGAIN')
        fail(new DeviceError('DEVICE_TIMEOUT', 'QEMU takes no more commands', { cause }));
      fail(new DeviceError('DEVICE_GONE', 'the command channel to QEMU is closed', { cause }));
    }
  }

  /** "Nothing yet" is an exception, and half of what one costs is its stack, which nobody looks at (10 us, 5 without). */
  function readWithoutStack(): number {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      return readSync(answerFd, buffer);
    } finally {
      Error.stackTraceLimit = limit;
    }
  }

  /** Bytes read, 0 if none have come yet (only where reading does not block). */
  function readOnce(): number {
    try {
      const count = deadlineMs === undefined ? readSync(answerFd, buffer) : readWithoutStack();
      hold.check();
      if (count > 0) return count;
    } catch (cause) {
      if (cause instanceof DeviceError) fail(cause);
      if (errorCode(cause) === 'EAGAIN' || errorCode(cause) === 'EINTR') return 0;
      fail(new DeviceError('DEVICE_GONE', 'the answer channel from QEMU is closed', { cause }));
    }
    return fail(new DeviceError('DEVICE_GONE', 'the answer channel from QEMU ended'));
  }

  function startClock(): void {
    if (deadlineMs !== undefined) patienceMs = deadlineMs;
    lookedMs = performance.now();
  }

  function readWaiting(): number {
    const spinUntil = performance.now() + SPIN_MS;
    for (;;) {
      const count = readOnce();
      if (count > 0) return count;
      hold.check();
      const now = performance.now();
      patienceMs -= Math.min(now - lookedMs, GAP_MAX_MS);
      lookedMs = now;
      if (patienceMs < 0) {
        fail(new DeviceError('DEVICE_TIMEOUT', `QEMU did not answer within ${deadlineMs} ms`));
      }
      if (now > spinUntil) Atomics.wait(sleeper, 0, 0, SLEEP_MS);
    }
  }

  /** Interrupts are noted wherever they turn up; any other line is the caller's to judge. */
  function nextLine(): Exclude<QtestLine, { kind: 'irq' }> | undefined {
    for (let line = cutter.next(); line !== undefined; line = cutter.next()) {
      if (line.kind !== 'irq') return line;
      onIrq(line.line, line.level);
    }
    return undefined;
  }

  function answer(): number {
    for (;;) {
      const line = nextLine();
      if (line === undefined) cutter.push(buffer.subarray(0, readWaiting()));
      else if (line.kind === 'ok') return line.value ?? 0;
      else if (line.kind === 'fail') fail(protocolError('QEMU refused a command', line.text));
      else fail(protocolError('QEMU sent a line that is not qtest', line.text));
    }
  }

  /** Notes interrupts that came without being asked for; nothing else may. */
  function noteRest(): void {
    for (let line = nextLine(); line !== undefined; line = nextLine()) {
      // While out of step, late answers are expected, and the next call drops them.
      if (state === 'in step') broken ??= protocolError('QEMU spoke without being asked', describeLine(line));
    }
  }

  function seesMark(): boolean {
    for (let line = nextLine(); line !== undefined; line = nextLine()) {
      if (line.kind === 'ok' || !line.text.includes(mark)) continue;
      state = 'in step';
      return true;
    }
    return false;
  }

  function beginResync(): void {
    mark = `resync-${randomBytes(8).toString('hex')}`;
    send(`${mark}\n`);
  }

  function resync(): void {
    startClock();
    beginResync();
    for (let dropped = 0; !seesMark();) {
      const count = readWaiting();
      dropped += count;
      if (dropped > RESYNC_MAX_BYTES)
        fail(new DeviceError('QEMU_PROTOCOL', 'QEMU sends without end and never answers'));
      cutter.push(buffer.subarray(0, count));
    }
  }

  return {
    exchange: (commands, answerCount) => {
      if (broken !== undefined) throw broken;
      if (state === 'out of step') resync();
      state = 'out of step';
      startClock();
      send(commands);
      let value = 0;
      for (let count = 0; count < answerCount; count += 1) value = answer();
      state = 'in step';
      // An edge may follow the answer in the same chunk: left there, it would wait for the next access.
      noteRest();
      return value;
    },
    heard: (bytes) => {
      cutter.push(bytes);
      noteRest();
    },
    beginResync,
    isInStep: () => {
      for (let count = readOnce(); count > 0; count = readOnce()) cutter.push(buffer.subarray(0, count));
      return seesMark();
    },
    resync,
  };
}

function protocolError(what: string, text: string): DeviceError {
  return new DeviceError('QEMU_PROTOCOL', `${what}: ${quoteLine(text)}`);
}

function describeLine(line: Exclude<QtestLine, { kind: 'irq' }>): string {
  return line.kind === 'ok' ? 'OK' : line.text;
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
