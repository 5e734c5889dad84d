/**
 * Runs a bug on the real QEMU: without the monitor, with it between, and the work of an honest driver on the same device.
 *
 *   without   a fresh QEMU for each attack, nothing between: it must die, or give away memory of its own process
 *   with      a fresh QEMU and the reference validation mechanism of the kernel (`Rvm`): the honest driver works and nothing
 *             is refused; each attack is refused by the rule that was promised and the device is reset by its specification;
 *             QEMU lives; and the honest driver works on the same device again (on a fresh one if the reset failed, and said so)
 *
 * What did not come out so is told as it was, never mended.
 */
import { rulePlace } from '../../dsslang/index.ts';
import { DeviceError, describeOperation, DriverStopped, OperationDenied, Rvm } from '../../kernel/index.ts';
import { inPackage } from '../devices.ts';
import { loadSpecification, type LoadedSpecification } from '../specification.ts';
import { openBoard, type Board } from './board.ts';
import type { Attack, Bug } from './bug.ts';
import { handsOn, SequenceFailed, type Reach } from './hands.ts';

export type Without = 'crashed' | 'leaked' | 'survived';
export type With = 'refused' | 'refused by another rule' | 'allowed' | 'crashed';
export type Benign = 'ok' | 'denied' | 'failed' | 'crashed';

export interface AttackResult {
  readonly attack: string;
  readonly without: Without;
  /** `SIGABRT`, or how many foreign words were read. */
  readonly evidence: string;
  readonly with: With;
  /** `file:line:column`, the clause there, and its reason. */
  readonly rule: string;
  readonly clause: string;
  readonly reason: string;
  /** The refused operation, and how many before it were let through. */
  readonly refused: string;
  readonly allowedBefore: number;
  /** `reset`, or why the device could not be reset. */
  readonly reset: string;
}

export interface BugResult {
  readonly id: string;
  readonly status: 'fired and stopped' | 'trace refused' | 'not as promised';
  readonly without: Without;
  readonly with: With;
  readonly benign: Benign;
  /** Operations of the honest driver, both times together; none was refused. */
  readonly benignOperations: number;
  /** Of the first attack. */
  readonly rule: string;
  readonly reason: string;
  readonly attacks: readonly AttackResult[];
  /** What went otherwise than promised, in words. */
  readonly problems: readonly string[];
  readonly milliseconds: number;
}

/** A bug that cannot be shown on this machine. */
export interface NotRun {
  readonly id: string;
  readonly status: 'not run';
  readonly code: 'ENV_QEMU_MISSING';
  /** What is missing, and the line that installs it. */
  readonly message: string;
}

/** The same for a machine that may lack some QEMU: the others are no worse for it. @throws DeviceError QEMU_START_FAILED */
export async function runIfPossible(bug: Bug): Promise<BugResult | NotRun> {
  try {
    return await runBug(bug);
  } catch (error) {
    if (!(error instanceof DeviceError) || error.code !== 'ENV_QEMU_MISSING') throw error;
    return { id: bug.id, status: 'not run', code: error.code, message: error.message };
  }
}

/** @throws DeviceError ENV_QEMU_MISSING, QEMU_START_FAILED */
export async function runBug(bug: Bug): Promise<BugResult> {
  const began = performance.now();
  const problems: string[] = [];
  const specification = await loadSpecification(inPackage(bug.specification), bug.specification);
  const withouts: { without: Without; evidence: string }[] = [];
  for (const attack of bug.attacks) withouts.push(await withoutMonitor(bug, attack));
  let board = await openBoard(bug.board);
  try {
    const first = honest(bug, board, specification, problems);
    const attacks: AttackResult[] = [];
    for (const [index, attack] of bug.attacks.entries()) {
      const { without = 'survived', evidence = '' } = withouts[index] ?? {};
      const refusal = await withMonitor(bug, attack, board, specification);
      attacks.push({ attack: attack.name, without, evidence, ...refusal });
      if (refusal.reset === 'reset') continue;
      await board.close();
      board = await openBoard(bug.board);
    }
    const second = first.benign === 'ok' ? honest(bug, board, specification, problems) : first;
    const promised = bug.effect === 'crash' ? 'crashed' : bug.effect === 'leak' ? 'leaked' : 'survived';
    const stopped =
      attacks.every((each) => each.without === promised && each.with === 'refused') && second.benign === 'ok';
    return {
      id: bug.id,
      status: stopped ? (bug.effect === 'silent' ? 'trace refused' : 'fired and stopped') : 'not as promised',
      without: attacks.find((each) => each.without !== promised)?.without ?? promised,
      with: attacks.find((each) => each.with !== 'refused')?.with ?? 'refused',
      benign: second.benign,
      benignOperations: first.operations + second.operations,
      rule: attacks[0]?.rule ?? '',
      reason: attacks[0]?.reason ?? '',
      attacks,
      problems,
      milliseconds: Math.round(performance.now() - began),
    };
  } finally {
    await board.close();
  }
}

async function withoutMonitor(bug: Bug, attack: Attack): Promise<{ without: Without; evidence: string }> {
  const board = await openBoard(bug.board);
  try {
    let foreign: number | undefined;
    let waitMs = bug.settleMs ?? SETTLE_MS;
    try {
      foreign = attack.run(handsOn(unmonitored(board)));
    } catch (error) {
      if (error instanceof DeviceError) waitMs = GOING_MS;
      // Of a QEMU that died nothing more can be read; what a fixed one does with nonsense is its own affair.
      if (!(error instanceof DeviceError) && !(error instanceof SequenceFailed)) throw error;
    }
    if (await endsWithin(board, waitMs))
      return { without: 'crashed', evidence: /SIG[A-Z]+/.exec(await board.ended)?.[0] ?? (await board.ended) };
    if (foreign !== undefined && foreign > 0)
      return { without: 'leaked', evidence: `${foreign} words of foreign memory` };
    return { without: 'survived', evidence: '' };
  } finally {
    await board.close();
  }
}

type Refusal = Pick<AttackResult, 'with' | 'rule' | 'clause' | 'reason' | 'refused' | 'allowedBefore' | 'reset'>;

async function withMonitor(
  bug: Bug,
  attack: Attack,
  board: Board,
  specification: LoadedSpecification,
): Promise<Refusal> {
  const rvm = monitored(bug, board, specification);
  try {
    attack.run(handsOn(rvm));
  } catch (error) {
    if (!isRefusal(error) && !(error instanceof DeviceError) && !(error instanceof SequenceFailed)) throw error;
  }
  const { fault } = rvm;
  rvm.stop();
  const died = await endsWithin(board, bug.settleMs ?? SETTLE_MS);
  if (fault?.kind !== 'violation') {
    const nothing = { rule: '', clause: '', reason: '', refused: '', reset: died ? 'it is gone' : 'reset' };
    return { with: died ? 'crashed' : 'allowed', allowedBefore: rvm.operations, ...nothing };
  }
  const { rule } = fault;
  const outcome = died ? 'crashed' : rule.reason === attack.refusedBy ? 'refused' : 'refused by another rule';
  return {
    with: outcome,
    rule: rulePlace(rule),
    clause: rule.text,
    reason: rule.reason,
    refused: describeOperation(fault.refused),
    allowedBefore: rvm.operations - 1,
    reset: fault.reset.done === 'failed' ? fault.reset.reason : 'reset',
  };
}

/** The honest driver behind the monitor. */
function honest(
  bug: Bug,
  board: Board,
  specification: LoadedSpecification,
  problems: string[],
): { benign: Benign; operations: number } {
  const rvm = monitored(bug, board, specification);
  let benign: Benign = 'ok';
  try {
    bug.benign(handsOn(rvm));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    benign = isRefusal(error) ? 'denied' : error instanceof DeviceError ? 'crashed' : 'failed';
    const where =
      rvm.fault?.kind === 'violation' ? `: ${describeOperation(rvm.fault.refused)}, ${rulePlace(rvm.fault.rule)}` : '';
    problems.push(`honest driver: ${error.message}${where}`);
    if (benign === 'failed' && !(error instanceof SequenceFailed)) throw error;
  }
  const { operations } = rvm;
  const reset = rvm.stop();
  if (reset.done === 'failed') problems.push(`reset: ${reset.reason}`);
  return { benign, operations };
}

/** Long enough for a process that dies of the last access to be heard of. */
const SETTLE_MS = 100;
/** Its answers have ended, so it is going: a busy machine may take its time over that. */
const GOING_MS = 10_000;

const isRefusal = (error: unknown): boolean => error instanceof OperationDenied || error instanceof DriverStopped;

/** The device behind the monitor, for a new driver. */
export function monitored(bug: Bug, board: Board, specification: LoadedSpecification): Rvm {
  const { device, dma } = board;
  return new Rvm({ device, monitor: specification.module, dma, ipd: 1, driver: bug.id });
}

/** The device as it is, and memory without a grant. */
function unmonitored({ device, dma }: Board): Reach {
  const PAGE = 4096;
  let next = dma.base;
  return {
    read: (space, offset, width) => device.read(space, offset, width),
    write: (space, offset, width, value) => device.write(space, offset, width, value),
    readMemory: (address, into) => device.readMemory(address, into),
    writeMemory: (address, from) => device.writeMemory(address, from),
    allocate: (sizeBytes) => {
      const address = next;
      next += Math.ceil(sizeBytes / PAGE + 1) * PAGE;
      device.writeMemory(address, new Uint8Array(sizeBytes));
      return { address, sizeBytes };
    },
  };
}

async function endsWithin(board: Board, milliseconds: number): Promise<boolean> {
  const giveUpAt = performance.now() + milliseconds;
  while (!board.hasEnded() && performance.now() < giveUpAt) await new Promise((resolve) => setTimeout(resolve, 5));
  return board.hasEnded();
}
