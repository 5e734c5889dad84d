/**
 * The four e1000 monitors, fresh and with their grants, and the comparison that must hold before any is timed.
 */
import {
  compile,
  emitJs,
  InterpretedMonitor,
  type BatchMonitor,
  type Monitor,
  type MonitorModule,
  type Program,
} from '../../dsslang/index.ts';
import { importText, verdictsOf } from './event-runner.ts';
import type { EventStream } from './monitor-events.ts';
import { HandWrittenMonitor, type JudgingMonitor } from './monitor-handwritten.ts';
import { XStateMonitor } from './monitor-xstate.ts';
import { grantMemory, RingMemory } from './ring-memory.ts';
import { BenchmarkError } from './statistics.ts';

export interface Monitors {
  readonly emitted: Monitor;
  readonly handWritten: JudgingMonitor;
  readonly interpreter: Monitor;
  readonly xstate: JudgingMonitor;
  /** Emitted like `emitted`, from a module of its own: the engine learns nothing of one from the other. */
  readonly batch: BatchMonitor;
  readonly program: Program;
}

/**
 * @param specification the text of `drivers/e1000/e1000.dss`
 * @throws BenchmarkError `BENCH_SPECIFICATION` when it does not compile
 */
export async function makeMonitors(specification: string): Promise<Monitors> {
  const { program, diagnostics } = compile(specification, 'e1000.dss');
  if (program === undefined) {
    throw new BenchmarkError(
      'BENCH_SPECIFICATION',
      `the specification does not compile: ${diagnostics[0]?.message ?? ''}`,
    );
  }
  const module = (await importText(emitJs(program))) as MonitorModule;
  const batch = (await importText(`${emitJs(program)}// for batches`)) as MonitorModule;
  return {
    emitted: module.createMonitor(new RingMemory()),
    handWritten: new HandWrittenMonitor(new RingMemory()),
    interpreter: new InterpretedMonitor(program, new RingMemory()),
    xstate: new XStateMonitor(module.info, new RingMemory()),
    batch: batch.createMonitor(new RingMemory()) as BatchMonitor,
    program,
  };
}

/** Operations judged, untimed, before each timed run: they bring code and stream back into the caches. */
export const TOUCH = 4096;

/** Brings a monitor to the beginning of the stream: reset, and granted its memory. */
export function begin(monitor: JudgingMonitor): void {
  monitor.reset();
  grantMemory(monitor);
}

/**
 * Puts the whole stream to all four monitors and compares what they say, operation by operation.
 * @returns the verdicts: 0 allowed, 1 denied
 * @throws BenchmarkError `BENCH_VERDICTS_DIFFER`, naming the first operation on which one differs from the interpreter
 */
export function agreedVerdicts(monitors: Monitors, stream: EventStream): Uint8Array {
  begin(monitors.interpreter);
  const oracle = verdictsOf(monitors.interpreter, stream);
  const { emitted, handWritten, xstate, batch } = monitors;
  for (const [name, monitor] of Object.entries({ emitted, handWritten, xstate, batch })) {
    begin(monitor);
    const verdicts = verdictsOf(monitor, stream);
    const at = verdicts.findIndex((verdict, index) => verdict !== oracle[index]);
    if (at === -1) continue;
    const say = (verdict: number | undefined): string => (verdict === 0 ? 'allows' : 'denies');
    throw new BenchmarkError(
      'BENCH_VERDICTS_DIFFER',
      `${name} ${say(verdicts[at])} operation ${at} (${describe(stream, at)}), which the interpreter ${say(oracle[at])}`,
    );
  }
  return oracle;
}

function describe(stream: EventStream, at: number): string {
  const kind = ['read', 'report', 'write', 'store', 'interrupt', 'check'][stream.kind[at] ?? 0] ?? '?';
  const hex = (value: number | undefined): string => `0x${(value ?? 0).toString(16)}`;
  const value = `${hex(stream.hi[at])}:${hex(stream.lo[at])}`;
  return `${kind} space ${stream.space[at]} offset ${hex(stream.offset[at])} width ${stream.width[at]} value ${value}`;
}
