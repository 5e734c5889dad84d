/**
 * One rogue driver on a device: let it try, and say what became of it and by which rule.
 *
 * The kernel's own limits and the compartment are rules too; their place is where they are written.
 */
import { readFileSync } from 'node:fs';
import { rulePlace } from '../../dsslang/index.ts';
import type { ExitReport, Fault, Kernel, OpenBacking } from '../../kernel/index.ts';
import type { RogueDriver } from '../rogue/catalogue.ts';
import type { LoadedSpecification } from '../specification.ts';
import { inPackage } from './devices.ts';

export interface RogueOutcome {
  readonly name: string;
  readonly title: string;
  readonly threat: string;
  /** `refused`: by a rule. `stopped`: by a limit of the kernel. `contained`: it found nothing to escape to. */
  readonly outcome: 'refused' | 'stopped' | 'contained' | 'allowed' | 'succeeded';
  readonly asExpected: boolean;
  /** `file:line:column` of what refused it. */
  readonly rule: string | undefined;
  readonly reason: string;
  /** The fault in words, for those who want all of it. */
  readonly fault: Fault | undefined;
}

const PATIENCE_MS = 4000;
/** How long a benign program must live on to count as allowed. */
const BENIGN_MS = 100;

type End = { readonly kind: 'exit'; readonly report: ExitReport } | { readonly kind: 'escape'; readonly reached: boolean; readonly found: string } | { readonly kind: 'alive' };

export async function runRogue(kernel: Kernel, specification: LoadedSpecification, backing: OpenBacking, rogue: RogueDriver): Promise<RogueOutcome> {
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
      if (message.kind === 'escape') settle({ kind: 'escape', reached: message['reached'] === true, found: String(message['found']) });
      if (message.kind === 'attacked' && rogue.expects === 'allowed') setTimeout(() => settle({ kind: 'alive' }), BENIGN_MS);
    });
    void ipd.exited.then((report) => settle({ kind: 'exit', report }));
  });
  await ipd.stop();
  return judge(rogue, end);
}

function judge(rogue: RogueDriver, end: End): RogueOutcome {
  const base = { name: rogue.name, title: rogue.title, threat: rogue.threat };
  const verdict = (outcome: RogueOutcome['outcome'], reason: string, rule?: string, fault?: Fault): RogueOutcome => ({
    ...base,
    outcome,
    asExpected: outcome === rogue.expects,
    rule,
    reason,
    fault,
  });
  if (end.kind === 'alive') return rogue.expects === 'allowed' ? verdict('allowed', 'benign, and allowed') : verdict('succeeded', 'nothing stopped it');
  if (end.kind === 'escape') {
    return end.reached
      ? verdict('succeeded', `it reached ${end.found}`)
      : verdict('contained', 'its compartment holds nothing but `io`', kernelPlace('kernel/compartment.ts', /new Compartment\(/));
  }
  const { fault } = end.report;
  switch (fault?.kind) {
    case 'violation':
      return verdict('refused', fault.rule.reason, rulePlace(fault.rule), fault);
    case 'unresponsive':
      return verdict('stopped', `an entry took longer than ${fault.limitMs} ms`, kernelPlace('kernel/limits.ts', /entryMs: \d/), fault);
    case 'out-of-memory': {
      const place = fault.what === 'heap' ? /heapBytes: \d/ : /buffersBytes: \d/;
      return verdict('stopped', `it held more memory than its ${fault.limitBytes / 1024 / 1024} MiB`, kernelPlace('kernel/limits.ts', place), fault);
    }
    case 'crashed':
    case 'device-failed':
      return verdict('succeeded', fault.message, undefined, fault);
    case undefined:
      return verdict('succeeded', 'it stopped by itself');
  }
}

/** Where the kernel's source says it. */
function kernelPlace(file: string, what: RegExp): string {
  const lines = readFileSync(inPackage(file), 'utf8').split('\n');
  const line = lines.findIndex((text) => what.test(text));
  return `${file}:${line + 1}:${(what.exec(lines[line] ?? '')?.index ?? 0) + 1}`;
}
