/**
 * The C half of the monitor benchmark: emitted C against C written by hand, and a batch of emitted JavaScript beside them.
 * Compiled when the benchmark runs; without gcc there are no such rows, and the result says why.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitC, type BatchMonitor, type Program } from '../../dsslang/index.ts';
import { packageRoot } from '../../drivers/package-root.ts';
import { begin, TOUCH } from './contenders.ts';
import { STORE, type EventStream } from './monitor-events.ts';
import { RingMemory, RINGS } from './ring-memory.ts';
import { BenchmarkError, measure, quantile, type BenchRow, type Contender } from './statistics.ts';

export type NativeResult =
  | { readonly rows: readonly BenchRow[] }
  /** What is missing. */
  | { readonly missing: string };

interface Options {
  readonly rounds: number;
  readonly warmups: number;
  /** The agreed verdicts: 0 allowed, 1 denied. */
  readonly verdicts: Uint8Array;
}

const RECORD_BYTES = 32;
const RING_BYTES = 4096;

/**
 * Rows `c emitted` (ratio to C by hand), `c hand-written`, and that of `batch` (ratio to `c emitted`), which is timed right
 * before C is: on a machine that others use, what lies seconds apart cannot be compared.
 * @throws BenchmarkError `BENCH_VERDICTS_DIFFER` when one of them judges an operation differently
 */
export function benchNative(program: Program, stream: EventStream, batch: Contender, options: Options): NativeResult {
  if (spawnSync('gcc', ['--version']).status !== 0) return { missing: 'gcc is not installed: no rows for C' };
  const folder = mkdtempSync(join(tmpdir(), 'refmon-bench-'));
  try {
    const { header, source } = emitC(program);
    writeFileSync(join(folder, 'e1000_monitor.h'), header);
    writeFileSync(join(folder, 'e1000_monitor.c'), source);
    const native = join(packageRoot(), 'proptests/bench/native');
    const sources = [join(folder, 'e1000_monitor.c'), join(native, 'handwritten.c'), join(native, 'bench.c')];
    // One source, one object: neither monitor is made part of the loop.
    run('gcc', ['-std=gnu99', '-O2', `-I${folder}`, `-I${native}`, ...sources, '-o', join(folder, 'bench')]);
    const given = input(stream);
    const { rounds, warmups } = options;
    // Alone it is soon warm in time, not in rounds: the engine compiles beside the first ones.
    const inJs = measure([batch], { rounds, warmups: 4 * warmups, baseline: batch.name });
    const inC = rowsOf(run(join(folder, 'bench'), [String(rounds), String(warmups)], given), stream, options);
    const reference = inC[0]?.median_ns ?? NaN;
    return { rows: [...inC, ...inJs.map((row) => ({ ...row, ratio: row.median_ns / reference }))] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[], given?: Uint8Array): Buffer {
  const done = spawnSync(command, args, { maxBuffer: 2 ** 28, ...(given === undefined ? {} : { input: given }) });
  if (done.status !== 0) throw new Error(`${command} failed: ${done.stderr.toString()}`);
  return done.stdout;
}

/** What bench.c reads. */
function input(stream: EventStream): Uint8Array {
  const memory = new RingMemory();
  const rings = [0, 1].flatMap((layout) =>
    [RINGS.tx[layout] ?? 0, RINGS.rx[layout] ?? 0].map((base) => {
      const bytes = new Uint8Array(RING_BYTES);
      memory.fetch(base, RING_BYTES, bytes, 0);
      return bytes;
    }),
  );
  const records = Buffer.alloc(8 + stream.length * RECORD_BYTES);
  records.writeBigUInt64LE(BigInt(stream.length), 0);
  for (let index = 0; index < stream.length; index += 1) {
    const at = 8 + index * RECORD_BYTES;
    const store = stream.kind[index] === STORE;
    records[at] = stream.kind[index] ?? 0;
    records[at + 1] = stream.space[index] ?? 0;
    records[at + 2] = stream.width[index] ?? 0;
    records.writeBigUInt64LE(BigInt((store ? stream.width[index] : stream.offset[index]) ?? 0), at + 8);
    records.writeUInt32LE(stream.lo[index] ?? 0, at + 16);
    records.writeUInt32LE(stream.hi[index] ?? 0, at + 20);
    records.writeBigUInt64LE(BigInt(stream.now[index] ?? 0), at + 24);
  }
  return Buffer.concat([records.subarray(0, 8), ...rings, records.subarray(8)]);
}

function rowsOf(out: Buffer, stream: EventStream, { verdicts, rounds }: Options): BenchRow[] {
  const { length } = stream;
  ['c emitted', 'c hand-written'].forEach((name, which) => {
    const at = verdicts.findIndex((verdict, index) => verdict !== out[which * length + index]);
    if (at !== -1)
      throw new BenchmarkError('BENCH_VERDICTS_DIFFER', `${name} judges operation ${at} unlike the interpreter`);
  });
  const samples = out
    .toString('latin1', 2 * length)
    .trim()
    .split('\n')
    .map((line) => line.split(' ').map((ns) => Number(ns) / length));
  const row = (name: string, which: number, reference: number): BenchRow => {
    const times = samples.map((sample) => sample[which] ?? NaN);
    const median_ns = quantile(times, 0.5);
    return {
      name, median_ns, p20_ns: quantile(times, 0.2), min_ns: quantile(times, 0), ratio: median_ns / reference, rounds, events: length,
    }; // prettier-ignore
  };
  const written = row('c hand-written', 1, 1);
  return [row('c emitted', 0, written.median_ns), { ...written, ratio: 1 }];
}

/** Judges the first `count` operations of a stream, all by default. @returns how many were denied */
type BatchRunner = (count?: number) => number;

/** The stream as `runBatch` takes it. */
export function batchRunner(monitor: BatchMonitor, stream: EventStream): BatchRunner {
  const { length, kind, space, width, lo, hi, now } = stream;
  const offsets = Uint32Array.from(stream.offset, (offset, at) => (kind[at] === STORE ? (width[at] ?? 0) : offset));
  const verdicts = new Int32Array(length);
  return (count = length) => monitor.runBatch(kind, space, offsets, width, lo, hi, now, verdicts, count);
}

/** The `js batch` row's contender. */
export function batchContender(monitor: BatchMonitor, stream: EventStream, expected: number): Contender {
  const judge = batchRunner(monitor, stream);
  return {
    name: 'js batch',
    events: stream.length,
    expected,
    prepare: () => {
      begin(monitor);
      judge(Math.min(TOUCH, stream.length));
      begin(monitor);
    },
    run: () => judge(),
  };
}
