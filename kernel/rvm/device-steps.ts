/**
 * Runs the steps that make a device harmless: the specification's interrupt mask and reset sequences.
 *
 * Unvetted by design: the steps come from the trusted specification, and they run when no monitor state means anything
 * any more. Every wait is bounded by its own timeout on two clocks, the device's and this machine's, whichever is later
 * to start moving: a device whose clock has stopped cannot hang its reset. A step that fails does not stop the others,
 * since half a reset is better than none; a device that is gone does. Never throws.
 */
import { performance } from 'node:perf_hooks';
import type { DeviceStep } from '../../dsslang/runtime.ts';
import { spaceName } from '../../dsslang/runtime.ts';
import type { Device } from '../abi.ts';
import type { ResetOutcome } from '../fault.ts';

/** Microseconds passed since this was made, on the faster of the two clocks; in virtual time there is only one. */
function stopwatch(device: Device): () => number {
  const deviceStart = device.now();
  if (device.pass !== undefined) return () => device.now() - deviceStart;
  const hereStart = performance.now();
  return () => Math.max(device.now() - deviceStart, (performance.now() - hereStart) * 1000);
}

/** Whether the register came to be as wanted in time. Reads at least twice: a late scheduler is not the device's fault. */
function waitFor(device: Device, step: DeviceStep & { step: 'wait' }): boolean {
  const elapsedUs = stopwatch(device);
  for (;;) {
    const late = elapsedUs() > step.timeoutUs;
    const value = device.read(step.space, step.offset, step.width);
    if ((value & step.mask) >>> 0 === step.equals >>> 0) return true;
    if (late) return false;
  }
}

function delay(device: Device, us: number): void {
  if (device.pass !== undefined) return device.pass(us);
  const elapsedUs = stopwatch(device);
  while (elapsedUs() < us);
}

function runStep(device: Device, step: DeviceStep): string | undefined {
  switch (step.step) {
    case 'write':
      device.write(step.space, step.offset, step.width, step.value);
      return undefined;
    case 'read':
      device.read(step.space, step.offset, step.width);
      return undefined;
    case 'wait':
      if (waitFor(device, step)) return undefined;
      return `${spaceName(step.space)}+0x${step.offset.toString(16)} did not settle within ${step.timeoutUs} us`;
    case 'delay':
      delay(device, step.us);
      return undefined;
  }
}

/** Runs `steps` in order. The outcome is `failed` with the first reason if any step failed. */
export function runSteps(device: Device, steps: readonly DeviceStep[]): ResetOutcome {
  let failure: string | undefined;
  try {
    for (const step of steps) {
      const failed = runStep(device, step);
      failure ??= failed;
    }
  } catch (error) {
    return { done: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
  return failure === undefined ? { done: 'reset' } : { done: 'failed', reason: failure };
}

/** The longest that `steps` may take, in milliseconds, beyond the accesses themselves. */
export function stepsBudgetMs(steps: readonly DeviceStep[]): number {
  let us = 0;
  for (const step of steps) {
    if (step.step === 'wait') us += step.timeoutUs;
    else if (step.step === 'delay') us += step.us;
  }
  return us / 1000;
}
