/** The TypeScript declarations of an emitted module: self-contained, like the module. */
import { BATCH_KINDS, BATCH_PARAMETERS } from '../batch.ts';
import type { Program } from '../ir.ts';

/** @returns the text of the `.d.ts` that belongs beside the text of `emitJs` */
export function emitJsTypes(program: Program): string {
  const machines = program.machines
    .map(({ name, states }) => `   *  - ${name}: ${states.map((state, index) => `${index} ${state}`).join(', ')}`)
    .join('\n');
  return `// Types of the reference monitor for ${program.device}, compiled by refmon. Do not edit.
// SHA-256 of the specification: ${program.specificationHash}

/** 0: allowed. Above 0: denied by that rule of \`info.rules\`. Below 0: allowed, with a note by minus that rule. */
export type Verdict = number;

/** Reads descriptors into the monitor's private copy. False: they cannot be read, and the operation is denied. */
export interface DescriptorMemory {
  /** \`frozen\`: a driver may not change them while the device owns them; what it stored before may be answered from memory of that. */
  fetch(address: number, length: number, target: Uint8Array, at: number, frozen?: boolean): boolean;
  /** The same, as the store that is being judged will leave it. Only monitors with pools ask. */
  stored?(address: number, length: number, target: Uint8Array, at: number): boolean;
}

export interface Rule {
  readonly reason: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
  readonly action: 'deny' | 'fault' | 'clamp' | 'log';
}

/** What does not change while a monitor runs. \`rules[0]\` is a placeholder: verdicts index this table. */
export declare const info: {
  readonly device: string;
  readonly specificationHash: string;
  readonly rules: readonly Rule[];
  readonly machines: readonly { readonly name: string; readonly states: readonly string[] }[];
  readonly variables: readonly string[];
  readonly [more: string]: unknown;
};

/**
 * Values are unsigned: \`lo\` and \`hi\` are their low and high 32 bits. Times are microseconds, monotonic.
 * Spaces: 0 to 5 are BARs, 6 is PCI configuration, 7 is fixed ports. Widths are in bytes.
 */
export interface Monitor {
  readonly info: typeof info;
  read(space: number, offset: number, width: 1 | 2 | 4 | 8, nowUs: number): Verdict;
  report(space: number, offset: number, width: 1 | 2 | 4 | 8, lo: number, hi: number, nowUs: number): Verdict;
  write(space: number, offset: number, width: 1 | 2 | 4 | 8, lo: number, hi: number, nowUs: number): Verdict;
  /** @param pools which pools' rules may apply; default: all */
  store(address: number, length: number, nowUs: number, pools?: number): Verdict;
  /** @param purposes 1 commands, 2 device reads, 4 device writes, the bits of \`info.pools\`, or a sum of them */
  grant(address: number, length: number, purposes: number): Verdict;
  place(bar: number, address: number, length: number): Verdict;
  tick(nowUs: number): Verdict;
  interrupt(nowUs: number): Verdict;
  check(nowUs: number): Verdict;
  /** What the last write or report that was allowed with a note is to deliver. */
  valueLo(): number;
  valueHi(): number;
  reset(): void;
  /** The state of each machine.
${machines === '' ? '   *  (none)' : machines}
   */
  states(): number[];
  /** Every state variable, in the order of \`info.variables\`. */
  snapshot(): bigint[];
  /**
   * Many operations at once, each an index into all arrays. Kinds: ${BATCH_KINDS.map((kind, number) => `${number} ${kind}`).join(', ')}.
   * A store has its length in \`offsets\` and its address in \`los\` and \`his\`, as has a grant, with its purposes in \`widths\`
   * and its length in \`nows\`, and a place, with the BAR in \`spaces\` and its length in \`nows\`. Noted values come back in
   * \`los\` and \`his\`.
   * @returns how many were denied
   */
  runBatch(
${BATCH_PARAMETERS.map(([name, type]) => `    ${name}: ${type},`).join('\n')}
  ): number;
}

export declare function createMonitor(memory: DescriptorMemory): Monitor;
`;
}
