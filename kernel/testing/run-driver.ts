/** Runs one driver text on a fresh echo device, for tests. */
import type { DriverMessage } from '../abi.ts';
import { Kernel } from '../kernel.ts';
import type { ExitReport, Ipd } from '../index.ts';
import type { IpdLimits } from '../limits.ts';
import { openEcho } from './echo-device.ts';
import type { OpenEcho } from './echo-device.ts';
import { ECHO_MONITOR_SOURCE } from './echo-monitor.ts';

export interface Run {
  readonly kernel: Kernel;
  readonly ipd: Ipd;
  readonly backing: OpenEcho;
  readonly messages: DriverMessage[];
  /** The next message that the driver has sent or will send; undefined if it ends first. */
  next(): Promise<DriverMessage | undefined>;
}

/** `body` is the body of `(io) => { ... }` and must return the entries. */
export async function runDriver(body: string, limits: Partial<IpdLimits> = {}, backing = openEcho()): Promise<Run> {
  return runProgram(`(io) => { ${body} }`, limits, backing);
}

export async function runProgram(program: string, limits: Partial<IpdLimits> = {}, backing = openEcho()): Promise<Run> {
  const kernel = Kernel.boot({ limits });
  const ipd = await kernel.spawn({ name: 'echo', program, monitorModule: ECHO_MONITOR_SOURCE, backing });
  const messages: DriverMessage[] = [];
  let taken = 0;
  let wake: () => void = () => undefined;
  ipd.onMessage((message) => {
    messages.push(message);
    wake();
  });
  const next = async (): Promise<DriverMessage | undefined> => {
    while (messages.length <= taken && ipd.state === 'running') {
      await Promise.race([ipd.exited, new Promise<void>((resolve) => (wake = resolve))]);
    }
    taken += 1;
    return messages[taken - 1];
  };
  return { kernel, ipd, backing, messages, next };
}

/** Evaluates one expression inside the compartment and answers with its value as text, or with what it threw. */
export async function evaluateInside(expression: string): Promise<string> {
  const run = await runDriver(
    `return { init() {}, message() {
      let text;
      try { text = String((${expression})); } catch (error) { text = 'threw ' + error.name + ': ' + error.message; }
      io.send({ kind: 'value', text });
    } };`,
  );
  if (run.ipd.state !== 'running') return `faulted: ${run.ipd.fault?.kind}`;
  run.ipd.send({ kind: 'go' });
  const answer = await run.next();
  await run.kernel.shutdown();
  return answer === undefined ? `faulted: ${run.ipd.fault?.kind}` : String(answer['text']);
}

/** Runs until the driver has ended, pushing it with one message. */
export async function runToEnd(body: string, limits: Partial<IpdLimits> = {}): Promise<ExitReport & { run: Run }> {
  const run = await runDriver(body, limits);
  if (run.ipd.state === 'running') run.ipd.send({ kind: 'go' });
  const report = await run.ipd.exited;
  return { ...report, run };
}
