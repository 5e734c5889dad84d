/**
 * How fast is a compiled monitor? Against a class written by hand, the interpreter, and XState, on one stream of operations.
 *
 * All four first judge the whole stream and must agree on every verdict. Then they are timed in interleaved rounds, each
 * through its own copy of the loop. `loop alone` is that loop with a monitor that allows everything: what all rows contain
 * besides the monitor. The slow two judge only a beginning of the stream. Prints nothing; `refmon bench` does.
 */
import { agreedVerdicts, begin, makeMonitors, TOUCH } from './contenders.ts';
import { freshRunner } from './event-runner.ts';
import { EVENTS_DEFAULT, monitorEvents, type EventStream } from './monitor-events.ts';
import type { JudgingMonitor } from './monitor-handwritten.ts';
import { batchContender, benchNative } from './native.ts';
import { measure, type BenchRow, type Contender } from './statistics.ts';

export interface MonitorBenchOptions {
  /** The text of `drivers/e1000/e1000.dss`. */
  readonly specification: string;
  /** Seed of the stream; 1 by default. */
  readonly seed?: number;
  /** Timed rounds; 31 by default. */
  readonly rounds?: number;
  /** Rounds before those; 8 by default: by then the engine has compiled what it will. */
  readonly warmups?: number;
  /** Operations in the stream; 65 536 by default. */
  readonly events?: number;
  /** Operations of it that the slow contenders judge in each round; 6144 by default, about two sessions of the driver. */
  readonly slowEvents?: number;
}

export interface MonitorBenchResult {
  /**
   * `emitted`, `hand-written`, `interpreter`, `xstate`, `loop alone`; ratios are to `hand-written`. Then, where gcc is
   * installed, `c emitted` and `c hand-written` (ratios to the latter) and `js batch` (ratio to `c emitted`).
   */
  readonly rows: readonly BenchRow[];
  /** Why there are no rows for C. */
  readonly missing?: string;
  readonly events: number;
  readonly seed: number;
  readonly verdicts: { readonly allowed: number; readonly denied: number };
}

/** @throws BenchmarkError when the specification does not compile, or when two monitors disagree */
export async function benchMonitor(options: MonitorBenchOptions): Promise<MonitorBenchResult> {
  const { specification, seed = 1, rounds = 31, warmups = 8, events = EVENTS_DEFAULT } = options;
  const slowEvents = Math.min(options.slowEvents ?? 6144, events);
  const stream = monitorEvents(seed, events);
  const monitors = await makeMonitors(specification);
  const verdicts = agreedVerdicts(monitors, stream);
  const denied = deniedIn(verdicts, events);

  const contenders = await Promise.all([
    contender('emitted', monitors.emitted, stream, events, denied),
    contender('hand-written', monitors.handWritten, stream, events, denied),
    contender('interpreter', monitors.interpreter, stream, slowEvents, deniedIn(verdicts, slowEvents)),
    contender('xstate', monitors.xstate, stream, slowEvents, deniedIn(verdicts, slowEvents)),
    contender('loop alone', permissive(), stream, events, 0),
  ]);
  const batch = batchContender(monitors.batch, stream, denied);
  const measured = measure(contenders, { rounds, warmups, baseline: 'hand-written' });
  const result = { events, seed, verdicts: { allowed: events - denied, denied } };
  const native = benchNative(monitors.program, stream, batch, { rounds, warmups, verdicts });
  if ('missing' in native) return { ...result, rows: measured, missing: native.missing };
  return { ...result, rows: [...measured, ...native.rows] };
}

function deniedIn(verdicts: Uint8Array, events: number): number {
  return verdicts.subarray(0, events).reduce((sum, verdict) => sum + verdict, 0);
}

async function contender(
  name: string,
  monitor: JudgingMonitor,
  stream: EventStream,
  events: number,
  expected: number,
): Promise<Contender> {
  const run = await freshRunner();
  return {
    name,
    events,
    expected,
    prepare: () => {
      begin(monitor);
      run(monitor, stream, 0, Math.min(TOUCH, events));
      begin(monitor);
    },
    run: () => run(monitor, stream, 0, events),
  };
}

function permissive(): JudgingMonitor {
  const allow = (): number => 0;
  return {
    read: allow,
    report: allow,
    write: allow,
    store: allow,
    grant: allow,
    interrupt: allow,
    check: allow,
    reset: () => undefined,
  };
}
