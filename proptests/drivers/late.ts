/**
 * Deadlines are in real time, and a machine that has other work may keep an honest driver from one: a fresh driver that is
 * late says something of this machine, or of the device that the perturbed one left behind. Which of the two, more tries
 * tell: the same case again, on a device that was started anew. A device in disorder is in disorder each time.
 */
import type { Fault } from '../../kernel/index.ts';
import type { RunReport } from './perturbed-run.ts';

export const LATE_RETRIES_MAX = 3;

/** Whether a driver was stopped for nothing but the time that it took: it was entered too long, or proved nothing in time. */
export function isLate(fault: Fault): boolean {
  return fault.kind === 'unresponsive' || (fault.kind === 'violation' && fault.refused.kind === 'check');
}

/**
 * One case, tried until it ends otherwise than late, `LATE_RETRIES_MAX` times more at most; the last try is the case's.
 * @param attempt `again`: on a device that was started anew
 */
export async function untilInTime(attempt: (again: boolean) => RunReport | Promise<RunReport>): Promise<RunReport> {
  let report = await attempt(false);
  let retries = 0;
  for (; report.late === true && retries < LATE_RETRIES_MAX; retries += 1) report = await attempt(true);
  return { ...report, retries };
}
