/**
 * What a monitor costs, known when compiling: the largest number of steps of each handler, and the monitor's memory.
 *
 * A step is one statement of the core calculus; a loop takes one more a turn. Memory is exact: the state's bits, and the
 * bytes of a C struct that keeps each scalar in the smallest unsigned type, each array likewise, the table of grants, the
 * placed BARs and the private copy of the descriptors that one walk visits. Time and memory never depend on the driver.
 */
import { blocksOf, boolInWords, reactionsOf } from './emit/words.ts';
import type { Program, Statement } from './ir.ts';
import { BARS_MAX, GRANTS_MAX } from './runtime.ts';

export interface HandlerCost {
  /** `write TDT`. */
  readonly operation: string;
  /** The states in which this handler applies, in words; empty if in all. */
  readonly guard: string;
  readonly steps: number;
}

export interface Cost {
  /** Dearest first. */
  readonly handlers: readonly HandlerCost[];
  /** The most steps that any operation takes, with what runs before every operation. */
  readonly stepsMax: number;
  readonly stateBits: number;
  /** Bytes of the state alone in C. */
  readonly stateBytes: number;
  /** Bytes of the tables of grants and BARs in C. */
  readonly tableBytes: number;
  /** Bytes of the largest private copy of descriptors. */
  readonly copyBytes: number;
  /** All of it. */
  readonly monitorBytes: number;
}

/** A grant: base and length of 64 bits, purposes in 8 with padding. */
const GRANT_BYTES = 24;
const BAR_BYTES = 16;
const COUNT_BYTES = 8;

export function costOf(program: Program): Cost {
  const always = stepsOf(program.always);
  const handlers = reactionsOf(program).flatMap(({ name, register, reaction }) =>
    reaction.handlers.map(({ guard, body }) => ({
      operation: name,
      guard: guard.op === 'bool' ? '' : boolInWords(guard, { program, register }),
      steps: stepsOf(body),
    })),
  );
  const stateBits =
    program.scalars.reduce((sum, { bits }) => sum + bits, 0) +
    program.arrays.reduce((sum, { bits, count }) => sum + bits * count, 0);
  const stateBytes = structBytes(program);
  const tableBytes = GRANTS_MAX * GRANT_BYTES + BARS_MAX * BAR_BYTES + COUNT_BYTES;
  const copyBytes = Math.max(
    0,
    ...reactionsOf(program).flatMap(({ reaction }) => reaction.handlers.map((each) => copied(each.body))),
  );
  return {
    handlers: handlers.sort((a, b) => b.steps - a.steps),
    stepsMax: always + Math.max(0, ...handlers.map((each) => each.steps)),
    stateBits,
    stateBytes,
    tableBytes,
    copyBytes,
    monitorBytes: stateBytes + tableBytes + copyBytes,
  };
}

/** The largest number of steps that a block takes. */
export function stepsOf(statements: readonly Statement[]): number {
  let steps = 0;
  for (const statement of statements) {
    const inner = blocksOf(statement).map(stepsOf);
    const turns = 'bound' in statement ? statement.bound : undefined;
    steps += 1 + (turns === undefined ? Math.max(0, ...inner) : turns * (1 + (inner[0] ?? 0)));
  }
  return steps;
}

/** Bytes of descriptors held at one time: a walk copies its ring at once, tables and lists one member after the other. */
function copied(statements: readonly Statement[]): number {
  const own = (statement: Statement): number => {
    const inner = Math.max(0, ...blocksOf(statement).map(copied));
    if (!('size' in statement)) return inner;
    return inner + statement.size * (statement.op === 'walk' ? statement.bound : 1);
  };
  return Math.max(0, ...statements.map(own));
}

const cBytes = (bits: number): number => (bits <= 8 ? 1 : bits <= 16 ? 2 : bits <= 32 ? 4 : 8);

/** Members from wide to narrow, so that padding is at the end only. */
function structBytes(program: Program): number {
  const members = [
    ...program.scalars.map(({ bits }) => cBytes(bits)),
    ...program.arrays.flatMap(({ bits, count }) => Array.from({ length: count }, () => cBytes(bits))),
  ];
  const sum = members.reduce((total, bytes) => total + bytes, 0);
  const alignment = Math.max(1, ...members);
  return Math.ceil(sum / alignment) * alignment;
}
