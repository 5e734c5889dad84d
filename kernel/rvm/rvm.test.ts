import { GRANTS_MAX, MEMORY_SPACE } from '../../dsslang/runtime.ts';
import { strict as assert } from 'node:assert';
import { performance } from 'node:perf_hooks';
import { before, describe, test } from 'node:test';
import type { MonitorModule, Width } from '../../dsslang/runtime.ts';
import type { DmaPurpose } from '../abi.ts';
import type { Fault } from '../fault.ts';
import { renderFault } from '../fault.ts';
import { loadMonitor } from '../monitor-module.ts';
import { ECHO_DMA_BASE, ECHO_DMA_BYTES, EchoDevice, createEchoState, probe } from '../testing/echo-device.ts';
import type { EchoState } from '../testing/echo-device.ts';
import { ECHO_MONITOR_SOURCE, ECHO_RATE_MAX } from '../testing/echo-monitor.ts';
import { PAGE_BYTES } from './dma.ts';
import { Rvm } from './rvm.ts';
import type { RvmOptions } from './options.ts';

let monitor: MonitorModule;
before(async () => {
  monitor = await loadMonitor(ECHO_MONITOR_SOURCE);
});

interface Bench {
  readonly rvm: Rvm;
  readonly state: EchoState;
  readonly seen: ReturnType<typeof probe>;
  readonly device: EchoDevice;
  readonly notes: string[];
}

function bench(options: Partial<RvmOptions> = {}): Bench {
  const state = createEchoState();
  const device = new EchoDevice(state);
  const notes: string[] = [];
  const rvm = new Rvm({
    device,
    monitor,
    dma: { base: ECHO_DMA_BASE, sizeBytes: ECHO_DMA_BYTES },
    ipd: 7,
    driver: 'echo',
    onRefused: (text) => notes.push(text),
    ...options,
  });
  return { rvm, state, seen: probe(state), device, notes };
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(new Uint32Array(values).buffer);
}

/** A ring with one good descriptor, ready to ring the doorbell. */
function ready(rvm: Rvm): { ring: number; source: number; destination: number } {
  const ring = rvm.allocate(128, 'commands').address;
  const source = rvm.allocate(64, 'device-reads').address;
  const destination = rvm.allocate(64, 'device-writes').address;
  rvm.write(0, 0x10, 4, ring);
  rvm.write(0, 0x04, 4, 1);
  rvm.writeMemory(ring, words(source, destination, 64, 0));
  return { ring, source, destination };
}

function violation(rvm: Rvm): Fault & { kind: 'violation' } {
  const { fault } = rvm;
  assert.ok(fault?.kind === 'violation', `expected a violation, got ${fault?.kind}`);
  return fault;
}

const denied = { code: 'OPERATION_DENIED' };
const stopped = { code: 'DRIVER_STOPPED' };

describe('what is allowed', () => {
  test('passes a read and a write through to the device and back', () => {
    const { rvm } = bench();
    assert.equal(rvm.read(0, 0, 4), 0xec0e);
    rvm.write(0, 0x1c, 4, 0xffff_ffff);
    assert.equal(rvm.read(0, 0x1c, 4), 0xffff_ffff);
    assert.equal(rvm.fault, undefined);
  });

  test('lets an honest driver do its work: ring, doorbell, copy, head', () => {
    const { rvm } = bench();
    const { source, destination } = ready(rvm);
    rvm.writeMemory(source, new Uint8Array(64).fill(0x5a));
    rvm.write(0, 0x18, 4, 1);
    const into = new Uint8Array(64);
    rvm.readMemory(destination, into);
    assert.deepEqual(into, new Uint8Array(64).fill(0x5a));
    assert.equal(rvm.read(0, 0x14, 4), 1);
  });

  test('a stale head does not fault an honest driver: progress is read before a denial is believed', () => {
    const { rvm, seen } = bench();
    const { ring, source, destination } = ready(rvm);
    rvm.write(0, 0x18, 4, 1); // the device is done with descriptor 0, but nobody has read HEAD
    const accesses = seen.accesses();
    rvm.writeMemory(ring, words(source, destination, 1, 0));
    assert.equal(seen.accesses(), accesses + 1);
    assert.equal(rvm.fault, undefined);
  });
});

describe('what the monitor is shown of command memory', () => {
  /** A monitor whose doorbell fetches runs of the given lengths, one behind the other. */
  function fetchingMonitor(lengths: readonly number[], shown: Uint8Array): MonitorModule {
    return {
      ...monitor,
      createMonitor: (memory) => ({
        ...monitor.createMonitor(memory),
        write: (_space, _offset, _width, base) => {
          let at = 0;
          for (const length of lengths) {
            assert.ok(memory.fetch(base + at, length, shown, at));
            at += length;
          }
          return 0;
        },
        store: () => 0,
      }),
    };
  }

  for (const lengths of [[16, 16, 480, 16], [512], [513], [2048], [16, 513, 16, 1503], [8, 8, 496, 8]]) {
    test(`is what lies there, in runs of ${lengths.join(', ')} bytes`, () => {
      const bytes = lengths.reduce((sum, length) => sum + length, 0);
      const shown = new Uint8Array(bytes + 1);
      const { rvm } = bench({ monitor: fetchingMonitor(lengths, shown) });
      const { address } = rvm.allocate(bytes, 'commands');
      const stored = Uint8Array.from({ length: bytes }, (_, index) => (index * 7 + 1) & 0xff);
      rvm.writeMemory(address, stored);
      rvm.write(0, 0x1c, 4, address);
      assert.deepEqual(shown, Uint8Array.of(...stored, 0));
    });
  }
});

describe('arguments', () => {
  const rows: [string, (rvm: Rvm) => unknown, string][] = [
    ['an object with valueOf as offset', (r) => r.read(0, { valueOf: () => 0 } as never, 4), 'TypeError'],
    ['a string value', (r) => r.write(0, 0x1c, 4, '1' as never), 'TypeError'],
    ['a negative value', (r) => r.write(0, 0x1c, 4, -1), 'RangeError'],
    ['one past the largest 32-bit value', (r) => r.write(0, 0x1c, 4, 2 ** 32), 'RangeError'],
    ['one past the largest 8-bit value', (r) => r.write(0, 0x1c, 1, 256), 'RangeError'],
    ['a fraction', (r) => r.write(0, 0x1c, 4, 1.5), 'RangeError'],
    ['NaN', (r) => r.write(0, 0x1c, 4, NaN), 'RangeError'],
    ['a space past the last', (r) => r.read(MEMORY_SPACE + 1, 0, 4), 'RangeError'],
    ['a negative offset', (r) => r.read(0, -4, 4), 'RangeError'],
    ['an infinite offset', (r) => r.read(0, Infinity, 4), 'RangeError'],
    ['an 8-byte access', (r) => r.read(0, 0, 8), 'RangeError'],
    ['a 3-byte access', (r) => r.read(0, 0, 3 as Width), 'RangeError'],
    ['no DMA memory at all', (r) => r.allocate(0, 'commands'), 'RangeError'],
    ['an unknown purpose', (r) => r.allocate(1, 'everything' as DmaPurpose), 'RangeError'],
    ['a purpose from Object.prototype', (r) => r.allocate(1, 'constructor' as DmaPurpose), 'RangeError'],
    ['memory that is no Uint8Array', (r) => r.writeMemory(ECHO_DMA_BASE, [1] as never), 'TypeError'],
  ];
  for (const [title, operation, name] of rows) {
    test(`refuses ${title} with ${name}, before anything happens`, () => {
      const { rvm, seen } = bench();
      assert.throws(() => operation(rvm), { name });
      assert.equal(seen.accesses(), 0);
      assert.equal(rvm.operations, 0);
      assert.equal(rvm.fault, undefined);
    });
  }
});

describe('denials', () => {
  test('a denied write never reaches the device, and the fault says who, what, where, why', () => {
    const { rvm, seen } = bench();
    ready(rvm);
    rvm.write(0, 0x1c, 4, 5);
    assert.throws(() => rvm.write(0, 0x18, 4, 0x40), denied);
    const fault = violation(rvm);
    assert.deepEqual(fault.refused, { kind: 'write', register: 'TAIL', space: 0, offset: 0x18, width: 4, value: 0x40 });
    assert.equal(fault.rule.reason, 'tail index is outside the ring');
    assert.equal(fault.states, 'power=Running irq=NULL');
    assert.equal(fault.blame, 'driver');
    assert.deepEqual(fault.reset, { done: 'reset' });
    assert.equal(seen.resets(), 1);
    assert.equal(seen.register(0x18), 0);
    assert.equal(
      renderFault(fault),
      [
        'denied  echo driver (ipd 7): write TAIL = 0x40, 4 bytes, BAR0+0x18, operation 8',
        '  because: tail index is outside the ring',
        '  state `power=Running irq=NULL`   rule `v < 8` at echo.dss:16:5   blame driver',
        '  action: ipd 7 faulted, device reset',
      ].join('\n'),
    );
  });

  const rows: [string, (rvm: Rvm) => unknown, string][] = [
    ['a register that does not exist', (r) => r.read(0, 0x100, 4), 'no register here'],
    ['another BAR', (r) => r.read(1, 0, 4), 'no register here'],
    ['a byte access to a 32-bit register', (r) => r.read(0, 0, 1), 'access must be 4 bytes wide'],
    ['a write to a read-only register', (r) => r.write(0, 0, 4, 1), 'this register is read-only'],
    ['a doorbell before enable', (r) => r.write(0, 0x18, 4, 1), 'the device must be enabled first'],
    ['a ring in no memory', (r) => r.write(0, 0x10, 4, ECHO_DMA_BASE), 'the ring must lie in command memory'],
  ];
  for (const [title, operation, reason] of rows) {
    test(`faults ${title}`, () => {
      const { rvm } = bench();
      assert.throws(() => operation(rvm), denied);
      assert.equal(violation(rvm).rule.reason, reason);
    });
  }

  test('a descriptor that points at memory of nobody is refused at the doorbell', () => {
    const { rvm, seen } = bench();
    const { ring, source, destination } = ready(rvm);
    rvm.writeMemory(ring, words(source, destination + PAGE_BYTES, 64, 0));
    assert.throws(() => rvm.write(0, 0x18, 4, 1), denied);
    assert.equal(violation(rvm).rule.reason, 'buffer is outside the memory granted to this driver');
    assert.equal(seen.register(0x14), 0);
  });

  test('a descriptor one byte too long is refused', () => {
    const { rvm } = bench();
    const { ring, source, destination } = ready(rvm);
    rvm.writeMemory(ring, words(source, destination, 65, 0));
    assert.throws(() => rvm.write(0, 0x18, 4, 1), denied);
  });

  test('a value that the specification keeps back is withheld, and the device is blamed', () => {
    const { rvm } = bench();
    assert.throws(() => rvm.read(0, 0x20, 4), denied);
    const fault = violation(rvm);
    assert.equal(fault.blame, 'device');
    assert.deepEqual(fault.refused, {
      kind: 'report',
      register: 'SECRET',
      space: 0,
      offset: 0x20,
      width: 4,
      value: 0xdead,
    });
  });

  test('a store into a descriptor that the device still owns is refused', () => {
    const { rvm, seen } = bench();
    const { ring, source, destination } = ready(rvm);
    rvm.write(0, 0x04, 4, 1);
    rvm.write(0, 0x18, 4, 1);
    // The device is made to hold the descriptor: its HEAD goes back behind the monitor's back.
    seen.setHead(0);
    assert.throws(() => rvm.writeMemory(ring, words(source, destination, 1, 0)), denied);
    assert.deepEqual(violation(rvm).refused, { kind: 'store', address: ring, length: 16 });
  });

  test('action `deny` refuses and lets the driver go on; `log` lets the operation pass and writes it down', () => {
    const { rvm, seen, notes } = bench();
    rvm.write(0, 0x1c, 4, 1);
    assert.throws(() => rvm.write(0, 0x1c, 4, 13), denied);
    assert.equal(seen.register(0x1c), 1);
    rvm.write(0, 0x1c, 4, 14);
    assert.equal(seen.register(0x1c), 14);
    assert.equal(rvm.fault, undefined);
    assert.deepEqual(notes, [
      'refused: operation 2, write: scratch value 13 is unlucky',
      'refused: operation 3, write: scratch value 14 is noted',
    ]);
  });

  test('a dying driver reaches the device no more, whatever it tries', () => {
    const { rvm, seen } = bench();
    const { ring } = ready(rvm);
    assert.throws(() => rvm.read(0, 0x20, 4), denied);
    const accesses = seen.accesses();
    assert.throws(() => rvm.read(0, 0, 4), stopped);
    assert.throws(() => rvm.write(0, 0x1c, 4, 1), stopped);
    assert.throws(() => rvm.allocate(16, 'commands'), stopped);
    assert.throws(() => rvm.writeMemory(ring, words(1)), RangeError);
    assert.equal(seen.accesses(), accesses);
    assert.equal(seen.register(0x1c), 0);
  });

  test('a driver condemned from outside is skipped too', () => {
    let killed = false;
    const { rvm, seen } = bench({ killed: () => killed });
    rvm.read(0, 0, 4);
    killed = true;
    assert.throws(() => rvm.read(0, 0, 4), stopped);
    assert.equal(seen.accesses(), 1);
  });

  test('a reset that hangs is bounded and reported', () => {
    const { rvm, seen } = bench();
    seen.makeResetHang();
    const start = performance.now();
    assert.throws(() => rvm.read(0, 0x20, 4), denied);
    assert.ok(performance.now() - start < 200);
    assert.deepEqual(violation(rvm).reset, { done: 'failed', reason: 'BAR0+0x4 did not settle within 2000 us' });
  });

  test('a device that dies under an operation is its own fault, not the driver’s', () => {
    const { rvm } = bench();
    assert.throws(() => rvm.write(0, 0x28, 4, 1), { code: 'DEVICE_GONE' });
    assert.equal(rvm.fault?.kind, 'device-failed');
    assert.equal(rvm.fault?.blame, 'device');
  });

  test('an operation cut in half by an exhausted stack condemns the driver, wherever the stack ended', () => {
    // At every depth of remaining stack the operation either is whole or condemns: never a silent half.
    for (let spare = 0; spare < 40; spare += 1) {
      const { rvm, seen } = bench();
      let reached = 0;
      const dive = (): void => {
        reached += 1;
        const depth = reached;
        try {
          dive();
        } catch {
          if (reached - depth === spare) {
            try {
              rvm.write(0, 0x1c, 4, 77);
            } catch {
              // the driver hides it
            }
          }
        }
      };
      dive();
      rvm.poll();
      const whole = seen.register(0x1c) === 77 && rvm.fault === undefined;
      const neverBegun = rvm.operations === 0 && rvm.fault === undefined;
      assert.ok(whole || neverBegun || rvm.fault !== undefined, `spare ${spare}`);
    }
  });
});

describe('DMA memory', () => {
  test('is zeroed, page aligned, and followed by a guard page', () => {
    const { rvm, seen } = bench();
    seen.memory.fill(0xff);
    const a = rvm.allocate(1, 'device-reads');
    const b = rvm.allocate(PAGE_BYTES, 'device-reads');
    const c = rvm.allocate(PAGE_BYTES + 1, 'device-reads');
    const d = rvm.allocate(1, 'device-reads');
    assert.deepEqual(
      [a, b, c, d].map((region) => region.address - ECHO_DMA_BASE),
      [0, 2, 4, 7].map((page) => page * PAGE_BYTES),
    );
    const into = new Uint8Array(PAGE_BYTES + 1).fill(1);
    rvm.readMemory(c.address, into);
    assert.ok(into.every((byte) => byte === 0));
  });

  test('a store that ends exactly at the end is allowed, one past is not', () => {
    const { rvm } = bench();
    for (const purpose of ['commands', 'device-reads'] as const) {
      const { address } = rvm.allocate(100, purpose);
      rvm.writeMemory(address + 96, words(1));
      assert.throws(() => rvm.writeMemory(address + 97, words(1)), RangeError);
      assert.throws(() => rvm.writeMemory(address - 1, words(1)), RangeError);
      assert.throws(() => rvm.readMemory(address + 97, new Uint8Array(4)), RangeError);
      rvm.readMemory(address + 96, new Uint8Array(4));
    }
  });

  test('runs out of size by name, and of number by the rule of the monitor', () => {
    const { rvm } = bench();
    assert.throws(() => rvm.allocate(ECHO_DMA_BYTES + 1, 'device-reads'), { code: 'DMA_EXHAUSTED' });
    for (let index = 0; index < GRANTS_MAX; index += 1) rvm.allocate(1, 'device-reads');
    assert.throws(() => rvm.allocate(1, 'device-reads'), denied);
    const { rvm: other } = bench();
    assert.equal(other.allocate(ECHO_DMA_BYTES, 'device-reads').sizeBytes, ECHO_DMA_BYTES);
    assert.throws(() => other.allocate(1, 'device-reads'), { code: 'DMA_EXHAUSTED' });
  });

  test('a refused grant keeps nothing', () => {
    const refusing: MonitorModule = {
      info: monitor.info,
      createMonitor: (memory) => ({ ...monitor.createMonitor(memory), grant: () => 11 }),
    };
    const { rvm } = bench({ monitor: refusing });
    assert.throws(() => rvm.allocate(16, 'commands'), denied);
    assert.throws(() => rvm.writeMemory(ECHO_DMA_BASE, words(1)), RangeError);
    assert.equal(rvm.fault, undefined);
  });

  test('nothing of the driver is left in it after a violation', () => {
    const { rvm, seen } = bench();
    const { source } = ready(rvm);
    rvm.writeMemory(source, new Uint8Array(64).fill(9));
    assert.throws(() => rvm.read(0, 0x20, 4), denied);
    assert.ok(seen.memory.every((byte) => byte === 0));
  });
});

describe('interrupts', () => {
  /** Edges arrive in microtasks. */
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test('a driver that proves cause and acknowledges is served again and again', async () => {
    const { rvm } = bench();
    let served = 0;
    rvm.onInterrupt(() => {
      served += rvm.read(0, 0x08, 4) === 2 ? 1 : 0;
    });
    rvm.write(0, 0x0c, 4, 3);
    for (let index = 0; index < 3; index += 1) {
      rvm.write(0, 0x24, 4, 1);
      await settle();
    }
    assert.equal(served, 3);
    assert.equal(rvm.fault, undefined);
  });

  test('a driver that returns without acknowledging is stopped at once', async () => {
    const { rvm, seen } = bench();
    rvm.onInterrupt(() => undefined);
    rvm.write(0, 0x0c, 4, 3);
    rvm.write(0, 0x24, 4, 1);
    await settle();
    const fault = violation(rvm);
    assert.deepEqual(fault.refused, { kind: 'check' });
    assert.equal(fault.states, 'power=Off irq=CARD_NOT_CHECKED');
    assert.equal(seen.register(0x0c), 0);
  });

  test('a driver that keeps busy past the deadline is caught at its next access', async () => {
    let scheduled = 0;
    const { rvm } = bench({ scheduleInterrupt: () => (scheduled += 1) });
    rvm.write(0, 0x0c, 4, 3);
    rvm.write(0, 0x24, 4, 1);
    await settle();
    assert.equal(scheduled, 1);
    const start = performance.now();
    assert.throws(() => {
      for (;;) rvm.read(0, 0, 4);
    }, stopped);
    assert.ok(performance.now() - start < 200);
    assert.deepEqual(violation(rvm).refused, { kind: 'check' });
  });

  test('time that the scheduler takes before the entry begins is not the driver’s', async () => {
    const { rvm } = bench({ scheduleInterrupt: () => undefined });
    rvm.write(0, 0x0c, 4, 3);
    rvm.write(0, 0x24, 4, 1);
    await settle();
    for (const end = performance.now() + 25; performance.now() < end;); // past the deadline of 20 ms
    rvm.interruptEntered();
    assert.equal(rvm.read(0, 0x08, 4), 2);
    rvm.interruptReturned();
    assert.equal(rvm.fault, undefined);
  });

  test('an interrupt that stays asserted is a storm, stopped by the rate', async () => {
    const { rvm } = bench();
    let served = 0;
    rvm.onInterrupt(() => {
      served += 1;
      rvm.read(0, 0x08, 4);
    });
    rvm.write(0, 0x0c, 4, 3);
    rvm.write(0, 0x24, 4, 2);
    await settle();
    assert.equal(served, ECHO_RATE_MAX);
    const fault = violation(rvm);
    assert.deepEqual(fault.refused, { kind: 'interrupt' });
    assert.equal(fault.blame, 'device');
  });

  test('a handler that throws is a crash', async () => {
    const { rvm } = bench();
    rvm.onInterrupt(() => {
      throw new Error('oops');
    });
    rvm.write(0, 0x0c, 4, 3);
    rvm.write(0, 0x24, 4, 1);
    await settle();
    assert.equal(rvm.fault?.kind, 'crashed');
  });

  test('stop is orderly, silences the device, and can be called twice', () => {
    const { rvm, seen } = bench();
    ready(rvm);
    assert.deepEqual(rvm.stop(), { done: 'reset' });
    assert.deepEqual(rvm.stop(), { done: 'reset' });
    assert.equal(seen.resets(), 1);
    assert.equal(rvm.fault, undefined);
    assert.throws(() => rvm.read(0, 0, 4), stopped);
  });
});
