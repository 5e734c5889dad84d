/** The honest UHCI driver at work in the demo: a hand on the mouse, and sectors to and from the disk, all compared. */
import type { DriverMessage, Ipd, OpenBacking } from '../../kernel/index.ts';
import { BLOCK_SECTORS, blockExercise } from '../class/block-exercise.ts';
import { inTurn } from '../class/exercise.ts';
import { INPUT_EVENTS, inputExercise } from '../class/input-exercise.ts';
import { WorkError, type WorkResult } from '../device-entry.ts';

const TIMEOUT_MS = 15_000;

export const uhciExercise = inTurn(inputExercise, blockExercise);

/** @throws WorkError if it is not done in time, or the driver is stopped */
export async function uhciWork(ipd: Ipd, backing: OpenBacking): Promise<WorkResult> {
  const begun = performance.now();
  const messages: DriverMessage[] = [];
  ipd.onMessage((message) => void messages.push(message));
  const step = uhciExercise({ ends: backing, messages, send: (message) => void ipd.send(message) });
  let stopped = false;
  void ipd.exited.then(() => (stopped = true));
  while (step() === 'going') {
    if (stopped) throw new WorkError('the driver was stopped', ipd.fault);
    if (performance.now() - begun > TIMEOUT_MS)
      throw new WorkError(`the mouse and the disk did not do their work in ${TIMEOUT_MS} ms`, ipd.fault);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const sectors = 2 * BLOCK_SECTORS;
  return {
    summary: `${INPUT_EVENTS} movements and presses told as they were made; ${sectors} sectors compared byte by byte`,
    counts: { events: INPUT_EVENTS, sectors },
    milliseconds: Math.round(performance.now() - begun),
  };
}
