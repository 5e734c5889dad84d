/**
 * One rogue driver on a device: let it try, and say what became of it and by which rule.
 *
 * The kernel's own limits and the compartment are rules too; their place is where they are written.
 */
import { readFileSync } from 'node:fs';
import { rulePlace } from '../../dsslang/index.ts';
import type { ExitReport, Fault, Granted, Kernel, OpenBacking } from '../../kernel/index.ts';
import { inPackage } from '../devices.ts';
import type { RogueDriver } from '../rogue/rogue-driver.ts';
import type { LoadedSpecification } from '../specification.ts';

export interface RogueOutcome {
  readonly name: string;
  readonly title: string;
  readonly threat: string;
  /** `allowed` is for benign programs; `succeeded` means that an attack did, or that the program did not run as it should. */
  readonly outcome: 'refused' | 'allowed' | 'succeeded';
  /** What refused it: a rule of the specification, a limit of the kernel, or a compartment with nothing to escape to. */
  readonly by: 'specification' | 'kernel' | 'compartment' | undefined;
  readonly asExpected: boolean;
  /** `file:line:column` of what refused it. */
  readonly rule: string | undefined;
  readonly reason: string;
  /** The fault in words, for those who want all of it. */
  readonly fault: Fault | undefined;
  /** The DMA memory that it was granted. */
  readonly grants: readonly Granted[];
}

const PATIENCE_MS = 4000;
/** How long a benign program must live on to count as allowed. */
const BENIGN_MS = 100;

type End =
  | { readonly kind: 'exit'; readonly report: ExitReport }
  | { readonly kind: 'escape'; readonly reached: boolean; readonly found: string }
  | { readonly kind: 'alive' };

export async function runRogue(
  kernel: Kernel,
  specification: LoadedSpecification,
  backing: OpenBacking,
  rogue: RogueDriver,
): Promise<RogueOutcome> {
  const ipd = await kernel.spawn({
    name: rogue.name,
    program: readFileSync(inPackage(rogue.program), 'utf8'),
    monitorModule: specification.source,
    backing,
  });
  const end = await new Promise<End>((resolve) => {
    const patience = setTimeout(() => resolve({ kind: 'alive' }), PATIENCE_MS);
    const settle = (outcome: End): void => {
      clearTimeout(patience);
      resolve(outcome);
    };
    ipd.onMessage((message) => {
      if (message.kind === 'escape')
        settle({ kind: 'escape', reached: message['reached'] === true, found: String(message['found']) });
      if (message.kind === 'attacked' && rogue.expects === 'allowed')
        setTimeout(() => settle({ kind: 'alive' }), BENIGN_MS);
    });
    void ipd.exited.then((report) => settle({ kind: 'exit', report }));
  });
  await ipd.stop();
  return { ...judge(rogue, end), grants: ipd.grants };
}

const EXPECTED_BY = {
  refused: 'specification',
  stopped: 'kernel',
  contained: 'compartment',
  allowed: undefined,
} as const;

type Judgement = Omit<RogueOutcome, 'grants'>;

function judge(rogue: RogueDriver, end: End): Judgement {
  const base = { name: rogue.name, title: rogue.title, threat: rogue.threat };
  const refused = (by: NonNullable<Judgement['by']>, rule: string, reason: string, fault?: Fault): Judgement => ({
    ...base,
    outcome: 'refused',
    by,
    asExpected: by === EXPECTED_BY[rogue.expects],
    rule,
    reason,
    fault,
  });
  const failed = (reason: string, fault?: Fault): Judgement => ({
    ...base,
    outcome: 'succeeded',
    by: undefined,
    asExpected: false,
    rule: undefined,
    reason,
    fault,
  });
  if (end.kind === 'alive') {
    if (rogue.expects !== 'allowed') return failed('nothing stopped it');
    return { ...failed('nothing is wrong with it'), outcome: 'allowed', asExpected: true };
  }
  if (end.kind === 'escape') {
    if (end.reached) return failed(`it reached ${end.found}`);
    return refused(
      'compartment',
      kernelPlace('kernel/compartment.ts', /new Compartment\(/),
      'its compartment holds nothing but `io`',
    );
  }
  const { fault } = end.report;
  switch (fault?.kind) {
    case 'violation':
      return refused('specification', rulePlace(fault.rule), fault.rule.reason, fault);
    case 'unresponsive':
      return refused(
        'kernel',
        kernelPlace('kernel/limits.ts', /entryMs: \d/),
        `an entry took longer than ${fault.limitMs} ms`,
        fault,
      );
    case 'out-of-memory': {
      const place = fault.what === 'heap' ? /heapBytes: \d/ : /buffersBytes: \d/;
      return refused(
        'kernel',
        kernelPlace('kernel/limits.ts', place),
        `it held more memory than its ${fault.limitBytes / 1024 / 1024} MiB`,
        fault,
      );
    }
    case 'crashed':
    case 'device-failed':
      return failed(fault.message, fault);
    case undefined:
      return failed('it stopped by itself');
  }
}

/** Where the kernel's source says it. */
function kernelPlace(file: string, what: RegExp): string {
  const lines = readFileSync(inPackage(file), 'utf8').split('\n');
  const line = lines.findIndex((text) => what.test(text));
  return `${file}:${line + 1}:${(what.exec(lines[line] ?? '')?.index ?? 0) + 1}`;
}
