/**
 * What the shield costs a guest: the same Linux, the same two machines and the same path, with the monitor and the shadow
 * and without, in turns.
 *
 * The goals are at most 20 us more for one register access (the median), and a file transfer at 0.9 of the speed or better.
 * Absolute times are this machine's and its load's; only what was measured in the same run is compared. Prints nothing.
 */
import { inPackage } from '../../drivers/devices.ts';
import { allModules, SHIELD_ROWS, type ShieldRow } from '../../drivers/shield/devices.ts';
import { workNotDone } from '../../drivers/shield/errors.ts';
import { obtainGuest } from '../../drivers/shield/guest-packages.ts';
import { network } from '../../drivers/shield/outside/network.ts';
import { runShield, type ShieldResult } from '../../drivers/shield/run.ts';
import { loadSpecification } from '../../drivers/specification.ts';

export interface ShieldBenchOptions {
  readonly device?: string;
  /** Boots with the monitor, and as many without. */
  readonly rounds?: number;
  /** How often the guest does its work in each boot. */
  readonly repeat?: number;
  readonly onProgress: (text: string) => void;
}

export interface ShieldBenchResult {
  readonly device: string;
  readonly rounds: number;
  /** From a request of the guest's machine to its answer, medians over rounds, in microseconds. */
  readonly accessUs: {
    readonly watched: number;
    readonly unwatched: number;
    readonly added: number;
    readonly goal: number;
  };
  /** Bytes per second in the guest, medians over rounds, and the median ratio of a round; undefined where nothing is transferred. */
  readonly transfer:
    { readonly watched: number; readonly unwatched: number; readonly ratio: number; readonly goal: number } | undefined;
  readonly denied: number;
  /** Of this process and both machines, memory that is shared counted once. */
  readonly memoryBytes: number;
  /** Both machines' part of it that is the guest's memory, at most. */
  readonly guestBytes: number;
  readonly accesses: number;
}

const ADDED_US_GOAL = 20;
const TRANSFER_GOAL = 0.9;
/** A file that takes seconds, for the guest's clock tells hundredths of them. */
const FILE_BYTES = 2_000_000;
/** Generous: a bench may run beside other work. */
const BOOT_MS = 900_000;

const BOOTS = { watched: 'the boot behind the monitor', unwatched: 'the boot with a pass-through' } as const;

/** @throws ShieldError GUEST_WORK when a boot did not do all of its work: times of half the work are no measurement */
export async function benchShield(options: ShieldBenchOptions): Promise<ShieldBenchResult> {
  const { device = 'e1000', rounds = 3, repeat = 3, onProgress } = options;
  const row: ShieldRow | undefined = SHIELD_ROWS.find(({ name }) => name === device);
  if (row === undefined) throw new RangeError(`the shield knows no device ${device}`);
  const measured: ShieldRow =
    row.outside === network ? { ...row, outside: (folder) => network(folder, FILE_BYTES) } : row;
  const guest = await obtainGuest(allModules(), onProgress);
  const specification = await loadSpecification(inPackage(row.specification), row.specification);
  const results: Record<'watched' | 'unwatched', ShieldResult[]> = { watched: [], unwatched: [] };
  for (let round = 0; round < rounds; round += 1) {
    // Whoever is first in a pair changes, so that neither always has the warmer machine.
    const order = round % 2 === 0 ? (['unwatched', 'watched'] as const) : (['watched', 'unwatched'] as const);
    for (const which of order) {
      onProgress(`round ${round + 1} of ${rounds}, ${which}`);
      const unwatched = which === 'unwatched';
      const result = await runShield({
        row: measured,
        specification,
        guest,
        rogue: false,
        unwatched,
        repeat,
        timeoutMs: BOOT_MS,
      });
      const { wrong } = result.work;
      if (wrong.length > 0) throw workNotDone(`round ${round + 1}, ${BOOTS[which]}`, wrong, result.counts);
      results[which].push(result);
    }
  }
  const access = (which: 'watched' | 'unwatched'): number => median(results[which].map((each) => each.access.medianUs));
  const speed = (which: 'watched' | 'unwatched'): number =>
    median(results[which].flatMap(({ work }) => work.bytesPerSecond ?? []));
  const ratio = median(
    results.watched.flatMap(({ work }, round) => {
      const other = results.unwatched[round]?.work.bytesPerSecond;
      return work.bytesPerSecond === undefined || other === undefined ? [] : [work.bytesPerSecond / other];
    }),
  );
  const transfers = results.watched.every(({ work }) => work.bytesPerSecond !== undefined);
  return {
    device,
    rounds,
    accessUs: {
      watched: access('watched'),
      unwatched: access('unwatched'),
      added: Math.round((access('watched') - access('unwatched')) * 10) / 10,
      goal: ADDED_US_GOAL,
    },
    transfer: transfers
      ? {
          watched: Math.round(speed('watched')),
          unwatched: Math.round(speed('unwatched')),
          ratio: Math.round(ratio * 1000) / 1000,
          goal: TRANSFER_GOAL,
        }
      : undefined,
    denied: results.watched.reduce((sum, { counts }) => sum + counts.denied, 0),
    memoryBytes: Math.max(...results.watched.map(({ memory }) => memory.usedBytes)),
    guestBytes: results.watched[0]?.memory.guestBytes ?? 0,
    accesses: results.watched.reduce((sum, { access: { count } }) => sum + count, 0),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[sorted.length >> 1] ?? NaN;
}
