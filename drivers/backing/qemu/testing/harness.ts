/**
 * What the tests of the QEMU backing share: skipping where QEMU is not installed, opening and closing, and looking at what
 * is left on the machine. Real QEMU only; faults are injected with signals and by writing into the real stream.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test, type TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { OpenBacking } from '../../../../kernel/abi.ts';
import type { AttachOptions } from '../attach.ts';
import { qemuBacking, type QemuBackingOptions } from '../backing.ts';
import { findProgram, QEMU_PROGRAM } from '../programs.ts';
import type { TaskReport, TaskStart } from './tasks.ts';

const missing =
  findProgram(QEMU_PROGRAM) === undefined
    ? `${QEMU_PROGRAM} is not installed; try \`apt-get install qemu-system-x86\``
    : false;

/** A test that needs the real QEMU. */
export function qemuTest(title: string, run: (context: TestContext) => Promise<void>): void {
  test(title, { skip: missing, timeout: 60_000 }, run);
}

/** Opens, runs, closes, and checks that nothing is left: no process, no file, no descriptor. */
export async function withBacking(
  options: QemuBackingOptions,
  run: (open: OpenBacking) => Promise<void>,
): Promise<void> {
  const before = leftovers();
  const open = await qemuBacking(options).open();
  try {
    assert.deepEqual(leftovers().files, before.files, 'no file has a name while QEMU runs');
    await run(open);
  } finally {
    await open.close();
  }
  assert.deepEqual(leftovers(), before);
}

export interface Leftovers {
  readonly files: readonly string[];
  readonly qemus: readonly number[];
}

/** Of one process: other tests run at the same time. */
export function leftovers(pid: number = process.pid): Leftovers {
  const ours = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith(`refmon-${pid}-`));
  return { files: [...ours(tmpdir()), ...ours('/dev/shm')].sort(), qemus: qemuChildren(pid) };
}

export function openFdCount(): number {
  return readdirSync('/proc/self/fd').length;
}

/** Processes of QEMU that a process started. */
export function qemuChildren(parent: number = process.pid): number[] {
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const stat = processStat(pid);
      return stat !== undefined && stat.parent === parent && stat.name.startsWith('qemu') && stat.state !== 'Z';
    });
}

function processStat(pid: number): { name: string; state: string; parent: number } | undefined {
  try {
    const stat = /^[0-9]+ \((.*)\) (\S) ([0-9]+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return stat === null ? undefined : { name: stat[1] ?? '', state: stat[2] ?? '', parent: Number(stat[3]) };
  } catch {
    return undefined;
  }
}

/** A process that has ended counts as gone even while nobody has collected its status. */
export function isRunning(pid: number): boolean {
  const state = processStat(pid)?.state;
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** The only QEMU of this process. */
export function onlyQemu(): number {
  const [pid, ...others] = qemuChildren();
  assert.ok(pid !== undefined && others.length === 0, 'exactly one QEMU runs');
  return pid;
}

/** The numbers inside an attachment, where a test injects a fault. */
export function attachOptions(open: OpenBacking): AttachOptions {
  return open.attachment.options as AttachOptions;
}

export async function until(condition: () => boolean, withinMs: number, what: string): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!condition()) {
    assert.ok(performance.now() < giveUpAt, `${what} within ${withinMs} ms`);
    await sleep(2);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const REPORT_TIMEOUT_MS = 10_000;

/** A driver's thread in a test. */
export interface TaskThread {
  /** The next report of this kind. Rejects if the thread ends or fails first, or after `REPORT_TIMEOUT_MS`. */
  report<K extends TaskReport['kind']>(kind: K): Promise<Extract<TaskReport, { kind: K }>>;
  terminate(): Promise<void>;
}

export function startTask(open: OpenBacking, task: TaskStart['task']): TaskThread {
  const { module, options } = open.attachment;
  const data: TaskStart = { module, options, dmaBase: open.dma.base, task };
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: data });
  const arrived: TaskReport[] = [];
  const waiting: { kind: string; resolve: (report: TaskReport) => void; reject: (error: Error) => void }[] = [];
  let ended: Error | undefined;
  const end = (error: Error): void => {
    ended ??= error;
    for (const waiter of waiting.splice(0)) waiter.reject(error);
    void worker.terminate();
  };
  worker.on('message', (report: TaskReport) => {
    const index = waiting.findIndex((waiter) => waiter.kind === report.kind);
    if (index === -1) arrived.push(report);
    else waiting.splice(index, 1)[0]?.resolve(report);
  });
  worker.on('error', (error) => end(error));
  worker.on('exit', () => end(new Error('the thread ended')));
  return {
    report: (kind) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(() => end(new Error(`no report \`${kind}\` in time`)), REPORT_TIMEOUT_MS);
        const accept = (report: TaskReport): void => {
          clearTimeout(late);
          resolve(report as Extract<TaskReport, { kind: typeof kind }>);
        };
        const index = arrived.findIndex((report) => report.kind === kind);
        const [found] = index === -1 ? [] : arrived.splice(index, 1);
        if (found !== undefined) accept(found);
        else if (ended !== undefined) reject(ended);
        else waiting.push({ kind, resolve: accept, reject });
      }),
    terminate: async () => {
      await worker.terminate();
    },
  };
}
