import { strict as assert } from 'node:assert';
import { performance } from 'node:perf_hooks';
import { describe, test } from 'node:test';
import type { DeviceStep } from '../../dsslang/runtime.ts';
import type { Device } from '../abi.ts';
import { EchoDevice, createEchoState, probe } from '../testing/echo-device.ts';
import { runSteps, stepsBudgetMs } from './device-steps.ts';

const SCRATCH = { space: 0, offset: 0x1c, width: 4 } as const;

function waitFor(equals: number, timeoutUs = 1000): DeviceStep {
  return { step: 'wait', ...SCRATCH, mask: 0xffff_ffff, equals, timeoutUs };
}

describe('device steps', () => {
  test('run in order and report success', () => {
    const state = createEchoState();
    const steps: DeviceStep[] = [
      { step: 'write', ...SCRATCH, value: 0x8000_0001 },
      waitFor(0x8000_0001),
      { step: 'read', ...SCRATCH },
      { step: 'delay', us: 500 },
    ];
    const start = performance.now();
    assert.deepEqual(runSteps(new EchoDevice(state), steps), { done: 'reset' });
    assert.ok(performance.now() - start >= 0.5);
    assert.equal(probe(state).register(0x1c), 0x8000_0001);
  });

  test('a wait that times out is reported, and the steps after it still run', () => {
    const state = createEchoState();
    const outcome = runSteps(new EchoDevice(state), [waitFor(7), { step: 'write', ...SCRATCH, value: 9 }]);
    assert.deepEqual(outcome, { done: 'failed', reason: 'BAR0+0x1c did not settle within 1000 us' });
    assert.equal(probe(state).register(0x1c), 9);
  });

  test('a device whose clock stands still cannot hang its reset', () => {
    class Frozen extends EchoDevice {
      override now(): number {
        return 0;
      }
    }
    const device: Device = new Frozen(createEchoState());
    assert.equal(runSteps(device, [waitFor(7), { step: 'delay', us: 1000 }]).done, 'failed');
  });

  test('a device that is gone ends the steps', () => {
    const device = new EchoDevice(createEchoState());
    const outcome = runSteps(device, [{ step: 'write', space: 0, offset: 0x28, width: 4, value: 1 }, waitFor(7)]);
    assert.deepEqual(outcome, { done: 'failed', reason: 'the echo device is dead' });
  });

  test('their budget is the sum of their waits and delays', () => {
    assert.equal(stepsBudgetMs([waitFor(1, 2000), { step: 'delay', us: 500 }, { step: 'read', ...SCRATCH }]), 2.5);
  });
});
