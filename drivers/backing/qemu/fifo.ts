/**
 * The two FIFOs of a qtest conversation, nameless as soon as they exist.
 *
 * Why FIFOs: a driver's thread must wait for an answer in a plain blocking read(2), and Node makes every pipe to a child a
 * non-blocking socket. A FIFO can be opened many times, each time with its own flags:
 *
 *   commands  QEMU's stdin   <- `commandFd`   non-blocking write
 *   answers   QEMU's stdout  -> `blockingFd`  the driver's thread waits here
 *                            -> `pollingFd`   the kernel's thread looks here, never waiting
 *                            -> watch fd      made on demand; an event loop watches it for interrupts while idle
 *                            <- `poisonFd`    the owner's own way to write there, which wakes a reader of a dead QEMU
 *
 * They need a name only until they are open: a temporary folder exists for some milliseconds, before QEMU is started.
 * Because the owner keeps a writer, no reader ever sees the end of the stream; death is announced by poison.
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = constants;

export interface FifoPair {
  /** For QEMU's standard input and output; closed by `closeQemuEnds` once QEMU has them. */
  readonly qemuInputFd: number;
  readonly qemuOutputFd: number;
  readonly commandFd: number;
  readonly blockingFd: number;
  readonly pollingFd: number;
  readonly poisonFd: number;
}

/** @param mkfifo path of the program; Node has no such call of its own */
export async function openFifoPair(mkfifo: string): Promise<FifoPair> {
  const folder = mkdtempSync(join(tmpdir(), `refmon-${process.pid}-`));
  const opened: number[] = [];
  const open = (path: string, flags: number): number => {
    const fd = openSync(path, flags);
    opened.push(fd);
    return fd;
  };
  try {
    const commands = join(folder, 'commands');
    const answers = join(folder, 'answers');
    await promisify(execFile)(mkfifo, ['-m', '600', commands, answers]);
    // Opened for both directions first: a one-way open of a FIFO would wait for the other side.
    const bothWays = openSync(commands, O_RDWR | O_NONBLOCK);
    try {
      const poisonFd = open(answers, O_RDWR | O_NONBLOCK);
      return {
        qemuInputFd: open(commands, O_RDONLY),
        qemuOutputFd: open(answers, O_WRONLY),
        commandFd: open(commands, O_WRONLY | O_NONBLOCK),
        blockingFd: open(answers, O_RDONLY),
        pollingFd: open(answers, O_RDONLY | O_NONBLOCK),
        poisonFd,
      };
    } finally {
      closeSync(bothWays);
    }
  } catch (error) {
    opened.forEach((fd) => closeSync(fd));
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One more non-blocking reader of the answers, for an event loop. The nameless FIFO is reached through /proc. */
export function openWatchFd(pair: FifoPair): number {
  return openSync(`/proc/self/fd/${pair.pollingFd}`, O_RDONLY | O_NONBLOCK);
}

/** Wakes whoever waits for an answer. A full FIFO (EAGAIN) needs no poison: nobody waits on it. */
export function poison(pair: FifoPair): void {
  try {
    writeSync(pair.poisonFd, '\n');
  } catch {
    return;
  }
}

export function closeQemuEnds(pair: FifoPair): void {
  closeSync(pair.qemuInputFd);
  closeSync(pair.qemuOutputFd);
}

export function closeOwnEnds(pair: FifoPair): void {
  for (const fd of [pair.commandFd, pair.blockingFd, pair.pollingFd, pair.poisonFd]) closeSync(fd);
}
