/**
 * Feeds a stream of operations to a monitor, each contender through its own copy of the loop.
 *
 * V8 specialises a call by what it has seen there: one loop that serves five monitors would be slow for all of them
 * (megamorphic, +5 to 10 ns an event, measured). `freshRunner` therefore makes the loop anew, as a module of its own.
 */
import type { EventStream } from './monitor-events.ts';
import type { JudgingMonitor } from './monitor-handwritten.ts';

/** Puts the operations from index `from` up to `to` to the monitor. @returns how many it denied */
export type Runner = (monitor: JudgingMonitor, stream: EventStream, from: number, to: number) => number;

/** The loop itself. It must name nothing outside of itself: `freshRunner` takes its text. */
function runEvents(monitor: JudgingMonitor, stream: EventStream, from: number, to: number): number {
  const { kind, space, offset, width, lo, hi, now } = stream;
  let denied = 0;
  for (let at = from; at < to; at += 1) {
    let verdict = 0;
    // The non-null assertions vanish when compiled; a default for each of seven arrays would not.
    switch (kind[at]) {
      case 0:
        verdict = monitor.read(space[at]!, offset[at]!, width[at] as 4, now[at]!);
        break;
      case 1:
        verdict = monitor.report(space[at]!, offset[at]!, width[at] as 4, lo[at]!, hi[at]!, now[at]!);
        break;
      case 2:
        verdict = monitor.write(space[at]!, offset[at]!, width[at] as 4, lo[at]!, hi[at]!, now[at]!);
        break;
      case 3:
        verdict = monitor.store(hi[at]! * 4294967296 + lo[at]!, width[at]!, now[at]!);
        break;
      case 4:
        verdict = monitor.interrupt(now[at]!);
        break;
      default:
        verdict = monitor.check(now[at]!);
    }
    if (verdict !== 0) denied += 1;
  }
  return denied;
}

/** Imports the text of an ES module as if from a file. Each different text is a module of its own. */
export async function importText(text: string): Promise<unknown> {
  return import(`data:text/javascript;charset=utf-8,${encodeURIComponent(text)}`);
}

let copies = 0;

/** A copy of the loop that shares no compiled code and no call statistics with any other. */
export async function freshRunner(): Promise<Runner> {
  copies += 1;
  const module = await importText(`/* copy ${copies} */ export default ${runEvents.toString()}`);
  return (module as { default: Runner }).default;
}

/** The verdict of each operation: 0 allowed, 1 denied. */
export function verdictsOf(monitor: JudgingMonitor, stream: EventStream): Uint8Array {
  const verdicts = new Uint8Array(stream.length);
  for (let at = 0; at < stream.length; at += 1) verdicts[at] = runEvents(monitor, stream, at, at + 1);
  return verdicts;
}
