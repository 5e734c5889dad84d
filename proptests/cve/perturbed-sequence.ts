/**
 * An honest driver of a part with a published bug, its operations altered at random, on the real QEMU behind the monitor.
 *
 * What must hold: whatever it does, QEMU lives. A refusal is as good as a failure of the driver's own checks; either ends the
 * run, and the device is reset. What the device then still does right is not asked here: the unperturbed runs of
 * `refmon cve run` do.
 */
import type { Space, Width } from '../../dsslang/runtime.ts';
import { DeviceError, DriverStopped, OperationDenied } from '../../kernel/index.ts';
import type { Board } from '../../drivers/cve/board.ts';
import type { Bug } from '../../drivers/cve/bug.ts';
import { handsOn, SequenceFailed, type Reach } from '../../drivers/cve/hands.ts';
import { monitored } from '../../drivers/cve/run.ts';
import type { LoadedSpecification } from '../../drivers/specification.ts';
import { Random } from '../dsslang/random.ts';

export interface SequenceReport {
  readonly end: 'refused' | 'failed' | 'finished' | 'died';
  /** Operations that reached the device. */
  readonly operations: number;
  readonly perturbed: number;
  /** The last operations, oldest first. */
  readonly history: readonly string[];
  /** Whether the device was reset as its specification promises. */
  readonly isReset: boolean;
}

const HISTORY_MAX = 24;
const PATIENCE_MS = 20;
const WIDTHS = [1, 2, 4] as const;

/** One run. QEMU's death shows in `board.hasEnded` a moment after it. */
export function perturbedSequence(
  bug: Bug,
  board: Board,
  specification: LoadedSpecification,
  seed: number,
): SequenceReport {
  const random = new Random(seed);
  const rvm = monitored(bug, board, specification);
  const history: string[] = [];
  const { reach, perturbed } = perturbing(rvm, random, (text) => {
    history.push(text);
    if (history.length > HISTORY_MAX) history.shift();
  });
  let end: SequenceReport['end'] = 'finished';
  try {
    bug.benign(handsOn(reach, PATIENCE_MS));
  } catch (error) {
    end = endOf(error);
  }
  if (rvm.fault?.kind === 'device-failed') end = 'died';
  const reset = rvm.fault?.reset ?? rvm.stop();
  return { end, operations: rvm.operations, perturbed: perturbed(), history, isReset: reset.done === 'reset' };
}

function endOf(error: unknown): SequenceReport['end'] {
  if (error instanceof DeviceError) return 'died';
  if (error instanceof OperationDenied || error instanceof DriverStopped) return 'refused';
  // The RVM's own checks of arguments refuse what is no operation at all.
  if (error instanceof SequenceFailed || error instanceof RangeError) return 'failed';
  throw error;
}

interface Perturbing {
  readonly reach: Reach;
  readonly perturbed: () => number;
}

/** Between the hands and the monitor: now and then an operation is altered, dropped, repeated, or another slipped in. */
function perturbing(to: Reach, random: Random, note: (text: string) => void): Perturbing {
  const oneIn = random.pick([10, 30, 100, 300]);
  const seen: [Space, number, Width][] = [];
  let count = 0;
  const strikes = (): boolean => {
    if (!random.oneIn(oneIn)) return false;
    count += 1;
    return true;
  };
  const value = (width: Width): number => Number(random.bits(8 * width));
  const hex = (number: number): string => `0x${number.toString(16)}`;
  const write = (space: Space, offset: number, width: Width, what: number): void => {
    note(`write ${space}+${hex(offset)} ${width} ${hex(what)}`);
    to.write(space, offset, width, what);
  };
  const read = (space: Space, offset: number, width: Width): number => {
    note(`read ${space}+${hex(offset)} ${width}`);
    return to.read(space, offset, width);
  };
  const elsewhere = (offset: number, width: Width): number =>
    Math.max(0, offset + random.pick([-4, -2, -1, 1, 2, 4, 8, 12, 16]) * width);
  const reach: Reach = {
    allocate: (sizeBytes, purpose) => to.allocate(sizeBytes, purpose),
    readMemory: (address, into) => to.readMemory(address, into),
    writeMemory: (address, from) => {
      if (from.length > 0 && strikes()) from[random.below(from.length)] = random.below(256);
      note(`store ${hex(address)} ${Buffer.from(from.subarray(0, 16)).toString('hex')}`);
      to.writeMemory(address, from);
    },
    read: (space, offset, width) => {
      if (strikes()) {
        const other = random.pick(WIDTHS);
        if (random.oneIn(2)) read(space, offset - (offset % other), other);
        else read(space, elsewhere(offset, width), width);
      }
      return read(space, offset, width);
    },
    write: (space, offset, width, what) => {
      if (seen.length < 64) seen.push([space, offset, width]);
      else seen[random.below(64)] = [space, offset, width];
      if (!strikes()) return write(space, offset, width, what);
      switch (random.below(7)) {
        case 0:
          return; // dropped
        case 1:
          write(space, offset, width, what);
          return write(space, offset, width, what);
        case 2:
          return write(space, offset, width, (what ^ (1 << random.below(8 * width))) >>> 0);
        case 3:
          return write(space, offset, width, value(width));
        case 4:
          write(space, elsewhere(offset, width), width, what);
          return write(space, offset, width, what);
        case 5: {
          const [otherSpace, otherOffset, otherWidth] = random.pick(seen);
          write(otherSpace, otherOffset, otherWidth, value(otherWidth));
          return write(space, offset, width, what);
        }
        default: {
          const other = random.pick(WIDTHS);
          return write(space, offset, other, what % 256 ** other);
        }
      }
    },
  };
  return { reach, perturbed: () => count };
}
