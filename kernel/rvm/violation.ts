/**
 * What the RVM does to a device whose driver may not have it any more, and what the driver is told.
 *
 * Invariant: after `quiesce` the device neither interrupts nor touches memory, and nothing of the old driver is left in
 * DMA memory, or the outcome says so. The order matters: first silence the interrupt, then stop the device, and only
 * then zero the memory that it could still have been writing.
 */
import type { MonitorInfo, Rule } from '../../dsslang/runtime.ts';
import type { Device } from '../abi.ts';
import type { ResetOutcome } from '../fault.ts';
import { runSteps, stepsBudgetMs } from './device-steps.ts';

/** Refused, but the driver may go on (action `deny`). */
export class OperationDenied extends Error {
  readonly code = 'OPERATION_DENIED';
  constructor(reason: string) {
    super(`operation denied: ${reason}`);
    this.name = 'OperationDenied';
  }
}

/** The driver has been condemned or stopped: none of its operations reaches the device any more. */
export class DriverStopped extends Error {
  readonly code = 'DRIVER_STOPPED';
  constructor() {
    super('this driver has been stopped');
    this.name = 'DriverStopped';
  }
}

/** Masks the interrupt, resets the device, then lets `reclaim` zero its memory. Never throws. */
export function quiesce(device: Device, info: MonitorInfo, reclaim: () => void): ResetOutcome {
  const masked = runSteps(device, info.interrupt?.mask ?? []);
  const reset = runSteps(device, info.reset);
  try {
    reclaim();
  } catch (error) {
    return {
      done: 'failed',
      reason: `DMA memory not zeroed: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
  return reset.done === 'reset' ? masked : reset;
}

/** How long `quiesce` may wait for the device, in milliseconds. */
export function quiesceBudgetMs(info: MonitorInfo): number {
  return stepsBudgetMs(info.interrupt?.mask ?? []) + stepsBudgetMs(info.reset);
}

/** The rule of a verdict. A verdict outside the table is a broken monitor, and fails closed. */
export function ruleOf(info: MonitorInfo, verdict: number): Rule {
  const known = verdict > 0 ? info.rules[verdict] : undefined;
  if (known !== undefined) return known;
  const reason = `the monitor gave verdict ${verdict}, which is not in its own rule table`;
  return { reason, file: info.device, line: 1, column: 1, text: '(no rule)', action: 'fault' };
}
