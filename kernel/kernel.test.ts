import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { describe, test } from 'node:test';
import { renderFault } from './fault.ts';
import { Kernel } from './kernel.ts';
import { LOG_LINES_MAX } from './limits.ts';
import { openEcho } from './testing/echo-device.ts';
import { ECHO_MONITOR_SOURCE } from './testing/echo-monitor.ts';
import { runDriver, runProgram, runToEnd } from './testing/run-driver.ts';

const IDLE = 'return { init() {} };';
const idleProgram = `(io) => { ${IDLE} }`;

describe('an honest driver', () => {
  test('echoes through the device, served by interrupts, and stops in good order', async () => {
    const run = await runDriver(`
      let ring, source, destination, tail = 0, waiting = 0;
      return {
        init() {
          ring = io.allocate(128, 'commands');
          source = io.allocate(256, 'device-reads');
          destination = io.allocate(256, 'device-writes');
          io.write32(0, 0x10, ring.address);
          io.write32(0, 0x0c, 1);
          io.write32(0, 0x04, 1);
        },
        message({ bytes }) {
          source.copyIn(0, bytes);
          ring.write32(tail * 16, source.address);
          ring.write32(tail * 16 + 4, destination.address);
          ring.write32(tail * 16 + 8, bytes.length);
          waiting = bytes.length;
          tail = (tail + 1) % 8;
          io.write32(0, 0x18, tail);
        },
        interrupt() {
          if (io.read32(0, 0x08) === 0) return;
          io.send({ kind: 'echoed', bytes: destination.copyOut(0, waiting) });
        },
      };`);
    for (let index = 0; index < 20; index += 1) {
      const bytes = new Uint8Array(200).fill(index + 1);
      run.ipd.send({ kind: 'echo', bytes });
      assert.deepEqual(await run.next(), { kind: 'echoed', bytes });
    }
    assert.equal(run.ipd.state, 'running');
    assert.ok(run.backing.probe.memory.some((byte) => byte !== 0));
    await run.ipd.stop();
    await run.ipd.stop();
    assert.deepEqual(await run.ipd.exited, { state: 'stopped', fault: undefined, reset: { done: 'reset' } });
    assert.ok(run.backing.probe.memory.every((byte) => byte === 0));
    assert.equal(run.backing.probe.resets(), 1);
    assert.throws(() => run.ipd.send({ kind: 'late' }), { code: 'IPD_STOPPED' });
  });

  test('has a timer; a second call replaces the first', async () => {
    const run = await runDriver(`
      let fired = 0;
      return { init() { io.setTimer(1000); io.setTimer(5000); }, timer() { fired += 1; io.send({ kind: 'timer', fired }); } };`);
    assert.deepEqual(await run.next(), { kind: 'timer', fired: 1 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(run.messages.length, 1);
    await run.kernel.shutdown();
  });

  test('may use promises: they run inside its entry', async () => {
    const run = await runDriver(`
      return { init() {}, async message() { await null; await null; io.send({ kind: 'later', id: io.read32(0, 0) }); } };`);
    run.ipd.send({ kind: 'go' });
    assert.deepEqual(await run.next(), { kind: 'later', id: 0xec0e });
    await run.kernel.shutdown();
  });

  test('an interrupt acknowledged in a promise job of its entry counts as acknowledged', async () => {
    const run = await runDriver(`
      return {
        init() { io.write32(0, 0x0c, 3); io.write32(0, 0x24, 1); },
        async interrupt() { await null; io.send({ kind: 'cause', value: io.read32(0, 0x08) }); },
      };`);
    assert.deepEqual(await run.next(), { kind: 'cause', value: 2 });
    assert.equal(run.ipd.state, 'running');
    await run.kernel.shutdown();
  });

  test('is heard also for what it said before anybody listened: the first 64 messages, in order', async () => {
    const kernel = Kernel.boot();
    const open = openEcho();
    const ipd = await kernel.spawn({
      name: 'early',
      program: '(io) => ({ init() { for (let n = 0; n < 70; n += 1) io.send({ kind: "said", n }); } })',
      monitorModule: ECHO_MONITOR_SOURCE,
      backing: open,
    });
    const heard: unknown[] = [];
    ipd.onMessage((message) => heard.push(message['n']));
    assert.deepEqual(heard, [], 'not during the call');
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(
      heard,
      Array.from({ length: 64 }, (_, n) => n),
    );
    await kernel.shutdown();
    await open.close();
  });

  test('is known by the hash of its program, whatever its name', async () => {
    const run = await runProgram(idleProgram);
    assert.equal(run.ipd.programHash, createHash('sha256').update(idleProgram).digest('hex'));
    await run.kernel.shutdown();
  });
});

describe('a violation', () => {
  test('is reported with who, what, state, rule and blame; the device is reset in the driver’s own thread', async () => {
    const { state, fault, reset, run } = await runToEnd('return { init() {}, message() { io.write32(0, 0x18, 3); } };');
    assert.equal(state, 'faulted');
    assert.deepEqual(reset, { done: 'reset' });
    assert.ok(fault !== undefined);
    assert.equal(
      renderFault(fault),
      [
        'denied  echo driver (ipd 1): write TAIL = 0x3, 4 bytes, BAR0+0x18, operation 1',
        '  because: the device must be enabled first',
        '  state `power=Off irq=NULL`   rule `CTRL.ENABLE` at echo.dss:24:5   blame driver',
        '  action: ipd 1 faulted, device reset',
      ].join('\n'),
    );
    assert.equal(run.backing.probe.resets(), 1);
  });

  test('a driver that catches the denial and goes on reaches the device no more', async () => {
    const { fault, run } = await runToEnd(`
      return { init() {}, message() {
        try { io.write32(0, 0x18, 3); } catch {}
        for (;;) { try { io.write32(0, 0x1c, 99); } catch {} }
      } };`);
    assert.equal(fault?.kind, 'violation');
    assert.equal(run.backing.probe.register(0x1c), 0);
    assert.equal(run.backing.probe.resets(), 1);
  });

  test('messages sent after it are not delivered', async () => {
    const { fault, run } = await runToEnd(`
      return { init() {}, message() {
        try { io.read32(0, 0x20); } catch {}
        io.send({ kind: 'too late' });
      } };`);
    assert.equal(fault?.blame, 'device');
    assert.deepEqual(run.messages, []);
  });

  test('an interrupt that is never acknowledged ends in a fault', async () => {
    const { fault } = await runToEnd(`
      return { init() { io.write32(0, 0x0c, 3); io.write32(0, 0x24, 1); }, interrupt() {} };`);
    assert.ok(fault?.kind === 'violation');
    assert.equal(fault.rule.reason, 'interrupt not acknowledged');
  });

  test('a driver without an interrupt entry does not acknowledge either', async () => {
    const { fault } = await runToEnd('return { init() { io.write32(0, 0x0c, 3); io.write32(0, 0x24, 1); } };');
    assert.ok(fault?.kind === 'violation');
  });

  test('a driver that keeps busy past the interrupt’s deadline is caught at its own accesses', async () => {
    const { fault } = await runToEnd(`
      return { init() {}, message() { io.write32(0, 0x0c, 3); io.write32(0, 0x24, 1); },
        interrupt() { for (;;) io.read32(0, 0); } };`);
    assert.ok(fault?.kind === 'violation', fault?.kind);
    assert.deepEqual(fault.refused, { kind: 'check' });
  });

  test('an interrupt storm is ended by the rate', async () => {
    const { fault } = await runToEnd(`
      return { init() { io.write32(0, 0x0c, 3); io.write32(0, 0x24, 2); }, interrupt() { io.read32(0, 0x08); } };`);
    assert.ok(fault?.kind === 'violation');
    assert.equal(fault.rule.reason, 'too many interrupts');
  });

  test('a reset that hangs in the thread is tried again by the kernel, and reported', async () => {
    const backing = openEcho();
    backing.probe.makeResetHang();
    const run = await runDriver('return { init() { io.read32(0, 0x20); } };', {}, backing);
    const { fault, reset } = await run.ipd.exited;
    assert.equal(fault?.kind, 'violation');
    assert.deepEqual(reset, { done: 'failed', reason: 'BAR0+0x4 did not settle within 2000 us' });
    assert.equal(backing.probe.resets(), 2);
  });
});

describe('a driver that keeps its thread', () => {
  const SPIN = 'for (;;);';
  const rows: [string, string, string][] = [
    ['its program', SPIN, 'load'],
    ['init', `return { init() { ${SPIN} } };`, 'init'],
    ['message', `return { init() {}, message() { ${SPIN} } };`, 'message'],
    ['timer', `return { init() { io.setTimer(0); }, timer() { ${SPIN} } };`, 'timer'],
    [
      'interrupt',
      `return { init() { io.write32(0, 0x0c, 3); io.write32(0, 0x24, 1); }, interrupt() { ${SPIN} } };`,
      'interrupt',
    ],
    [
      'an endless chain of promise jobs',
      'return { init() {}, message() { const f = () => Promise.resolve().then(f); f(); } };',
      'message',
    ],
    ['an endless async loop', 'return { init() {}, async message() { for (;;) await null; } };', 'message'],
    [
      'the getter of an error that it throws',
      `return { init() {}, message() { throw { get message() { ${SPIN} } }; } };`,
      'message',
    ],
    [
      'the getter of a rejection',
      `return { init() {}, async message() { throw { get message() { ${SPIN} } }; } };`,
      'message',
    ],
    ['a regular expression', 'return { init() {}, message() { /^(a+)+$/.test("a".repeat(40) + "b"); } };', 'message'],
  ];
  for (const [title, body, entry] of rows) {
    test(`in ${title} is stopped, and the kernel resets the device from its own thread`, async () => {
      const start = performance.now();
      const { fault, reset, run } = await runToEnd(body);
      assert.ok(fault?.kind === 'unresponsive', fault && renderFault(fault));
      assert.equal(fault.entry, entry);
      assert.deepEqual(reset, { done: 'reset' });
      assert.equal(run.backing.probe.resets(), 1);
      assert.ok(performance.now() - start < 3000);
    });
  }

  test('leaves nothing in DMA memory', async () => {
    const { fault, run } = await runToEnd(`
      return { init() {}, message() { const a = io.allocate(9000, 'device-reads'); a.copyIn(0, new Uint8Array(9000).fill(7)); for (;;); } };`);
    assert.equal(fault?.kind, 'unresponsive');
    assert.ok(run.backing.probe.memory.every((byte) => byte === 0));
  });

  test('is stopped by stop() too, even while it spins', async () => {
    const run = await runDriver("return { init() {}, message() { io.send({ kind: 'spinning' }); for (;;); } };");
    run.ipd.send({ kind: 'go' });
    await run.next();
    await run.ipd.stop();
    assert.equal(run.ipd.state, 'faulted');
    assert.equal(run.ipd.fault?.kind, 'unresponsive');
  });
});

describe('a driver that takes memory', () => {
  const small = { heapBytes: 32 * 2 ** 20, buffersBytes: 32 * 2 ** 20 };
  const bombs: [string, string][] = [
    ['small objects', 'const a = []; for (;;) a.push({ x: a.length });'],
    ['one growing array', 'const a = []; for (;;) a.push(1.5);'],
    ['large arrays', 'const a = []; for (;;) a.push(new Array(1e6).fill(1.5));'],
    ['buffers', 'const a = []; for (;;) a.push(new Uint8Array(2 ** 22).fill(1));'],
    ['a map', 'const m = new Map(); for (let i = 0; ; i += 1) m.set(i, i);'],
    ['texts', 'const a = []; for (let i = 0; ; i += 1) a.push(i + "x".repeat(1000).split("").join("y"));'],
  ];
  for (const [title, bomb] of bombs) {
    test(`in a loop, as ${title}, ends alone: the kernel survives`, async () => {
      const { fault, reset } = await runToEnd(`return { init() {}, message() { ${bomb} } };`, small);
      // A slow machine may see the time limit first; either way the driver is gone and the process is not.
      assert.ok(fault?.kind === 'out-of-memory' || fault?.kind === 'unresponsive', fault && renderFault(fault));
      assert.deepEqual(reset, { done: 'reset' });
    });
  }

  test('bit by bit is noticed after its entries: heap', async () => {
    const { fault } = await runToEnd(
      'const kept = []; return { init() { io.setTimer(0); }, timer() { for (let i = 0; i < 3e5; i += 1) kept.push({ i }); io.setTimer(0); } };',
      small,
    );
    assert.ok(fault?.kind === 'out-of-memory', fault && renderFault(fault));
    assert.equal(fault.what, 'heap');
  });

  test('bit by bit is noticed after its entries: buffers', async () => {
    const { fault } = await runToEnd(
      'const kept = []; return { init() { io.setTimer(0); }, timer() { kept.push(new Uint8Array(2 ** 21)); io.setTimer(0); } };',
      small,
    );
    assert.ok(fault?.kind === 'out-of-memory', fault && renderFault(fault));
    assert.equal(fault.what, 'buffers');
  });

  test('garbage is not held against it', async () => {
    const run = await runDriver(
      `let n = 0; return { init() { io.setTimer(0); }, timer() {
        let x = 0; for (let i = 0; i < 20; i += 1) x += new Uint8Array(2 ** 20).length + [...Array(1e4).keys()].length;
        n += 1; if (n < 20) io.setTimer(0); else io.send({ kind: 'done' });
      } };`,
      small,
    );
    assert.deepEqual(await run.next(), { kind: 'done' });
    await run.kernel.shutdown();
  });
});

describe('a driver that breaks', () => {
  const crashes: [string, string, RegExp][] = [
    ['throws', 'return { init() {}, message() { throw new Error("oops"); } };', /Error: oops/],
    ['throws in init', 'return { init() { null.x; } };', /TypeError/],
    ['rejects', 'return { init() {}, async message() { throw new Error("oops"); } };', /Error: oops/],
    [
      'throws a Proxy',
      'return { init() {}, message() { throw new Proxy({}, { get() { throw 1; } }); } };',
      /cannot be read/,
    ],
    ['throws undefined', 'return { init() {}, message() { throw undefined; } };', /threw a undefined/],
    ['recurses for ever', 'return { init() {}, message() { const f = () => f(); f(); } };', /call stack/],
    ['returns no entries', 'return 7;', /no entries/],
    ['has no init', 'return {};', /no `init`/],
    ['has an init that is no function', 'return { init: 7 };', /not a function/],
    ['does not parse', 'this is not a program', /SyntaxError/],
    ['lets a refusal fly out of its entry', 'return { init() {}, message() { io.write32(0, 0x1c, 13); } };', /unlucky/],
  ];
  for (const [title, body, message] of crashes) {
    test(`because it ${title} is a crash of its own, with the device reset`, async () => {
      const { fault, reset } = await runToEnd(body);
      assert.ok(fault?.kind === 'crashed', fault && renderFault(fault));
      assert.match(fault.message, message);
      assert.deepEqual(reset, { done: 'reset' });
    });
  }

  test('a program whose value is not a function', async () => {
    const run = await runProgram('42');
    assert.equal(run.ipd.fault?.kind, 'crashed');
  });

  test('may survive an action `deny` that it handles', async () => {
    const run = await runDriver(`
      return { init() {}, message() { try { io.write32(0, 0x1c, 13); } catch ({ code }) { io.send({ kind: 'refused', code }); } } };`);
    run.ipd.send({ kind: 'go' });
    assert.deepEqual(await run.next(), { kind: 'refused', code: 'OPERATION_DENIED' });
    assert.equal(run.ipd.state, 'running');
    assert.deepEqual(run.ipd.log, ['refused: operation 1, write: scratch value 13 is unlucky']);
    await run.kernel.shutdown();
  });

  test('exhausting the stack in the middle of operations never leaves half of one', async () => {
    const run = await runDriver(`
      return { init() {}, message() {
        const dive = () => { try { dive(); } catch {} io.write32(0, 0x1c, 77); };
        try { dive(); } catch {}
        let done = 0;
        for (let i = 0; i < 1000; i += 1) { try { io.write32(0, 0x1c, 78); done += 1; } catch {} }
        io.send({ kind: 'end', done });
      } };`);
    run.ipd.send({ kind: 'go' });
    const end = await run.next();
    // Either no operation was torn, and all later ones worked, or the driver was condemned.
    if (end === undefined) assert.equal(run.ipd.fault?.kind, 'crashed');
    else assert.deepEqual(end, { kind: 'end', done: 1000 });
    await run.kernel.shutdown();
  });
});

describe('a device that fails', () => {
  test('under an operation ends its IPD with the typed error', async () => {
    const { fault, reset } = await runToEnd('return { init() {}, message() { io.write32(0, 0x28, 1); } };');
    assert.ok(fault?.kind === 'device-failed', fault && renderFault(fault));
    assert.equal(fault.code, 'DEVICE_GONE');
    assert.equal(fault.blame, 'device');
    assert.equal(reset.done, 'impossible');
  });

  test('by itself, as its backing says, ends its IPD; nobody gets it again', async () => {
    const run = await runDriver(IDLE);
    run.backing.fail();
    const { fault } = await run.ipd.exited;
    assert.equal(fault?.kind, 'device-failed');
    const spawn = run.kernel.spawn({
      name: 'b',
      program: idleProgram,
      monitorModule: ECHO_MONITOR_SOURCE,
      backing: run.backing,
    });
    await assert.rejects(spawn, { code: 'DEVICE_GONE' });
  });

  test('before the driver’s first line', async () => {
    const backing = openEcho();
    const broken = {
      ...backing,
      attachment: {
        ...backing.attachment,
        module:
          'data:text/javascript,' +
          encodeURIComponent(
            'export function attach() { const e = new Error("no device"); e.name = "DeviceError"; e.code = "DEVICE_NOT_FOUND"; throw e; }',
          ),
      },
    };
    const run = await runDriver(IDLE, {}, broken);
    assert.ok(run.ipd.fault?.kind === 'device-failed');
    assert.equal(run.ipd.fault.code, 'DEVICE_NOT_FOUND');
  });
});

describe('the kernel', () => {
  test('refuses a second driver on the same device, until the first has ended', async () => {
    const run = await runDriver(IDLE);
    const again = { name: 'second', program: idleProgram, monitorModule: ECHO_MONITOR_SOURCE, backing: run.backing };
    await assert.rejects(run.kernel.spawn(again), { code: 'DEVICE_BUSY', message: '`echo` belongs to ipd 1 (echo)' });
    await run.ipd.stop();
    const second = await run.kernel.spawn(again);
    assert.equal(second.id, 2);
    assert.equal(second.state, 'running');
    await run.kernel.shutdown();
  });

  test('two spawns on one device at once: one wins', async () => {
    const kernel = Kernel.boot();
    const backing = openEcho();
    const options = { name: 'racer', program: idleProgram, monitorModule: ECHO_MONITOR_SOURCE, backing };
    const results = await Promise.allSettled([kernel.spawn(options), kernel.spawn(options)]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
    await kernel.shutdown();
  });

  test('refuses a device that the specification is not about', async () => {
    const backing = { ...openEcho(), identity: { vendor: 0x8086, device: 0x100e } };
    await assert.rejects(runDriver(IDLE, {}, backing), {
      code: 'DEVICE_MISMATCH',
      message: 'the specification of `echo` matches 1234:ec0e, but `echo` is 8086:100e',
    });
  });

  test('refuses what is no monitor module', async () => {
    const backing = openEcho();
    const kernel = Kernel.boot();
    for (const monitorModule of ['export const x = 1', 'not javascript at all', 'file:///nowhere.js']) {
      await assert.rejects(kernel.spawn({ name: 'x', program: idleProgram, monitorModule, backing }), {
        code: 'MONITOR_INVALID',
      });
    }
  });

  test('says so when a domain cannot start, and frees the device', async () => {
    const backing = openEcho();
    const broken = { ...backing, attachment: { module: 'file:///nowhere.js', options: undefined } };
    const kernel = Kernel.boot();
    const options = { name: 'x', program: idleProgram, monitorModule: ECHO_MONITOR_SOURCE, backing: broken };
    await assert.rejects(kernel.spawn(options), { code: 'IPD_START_FAILED' });
    await assert.rejects(kernel.spawn(options), { code: 'IPD_START_FAILED' });
    assert.deepEqual(kernel.ipds, []);
  });

  test('runs several drivers; one falls, the others do not', async () => {
    const kernel = Kernel.boot();
    const spawn = (name: string, body: string) =>
      kernel.spawn({ name, program: `(io) => { ${body} }`, monitorModule: ECHO_MONITOR_SOURCE, backing: openEcho() });
    const [good, bad] = await Promise.all([
      spawn('good', IDLE),
      spawn('bad', 'return { init() { io.read32(5, 5); } };'),
    ]);
    assert.equal((await bad.exited).state, 'faulted');
    assert.equal(good.state, 'running');
    assert.deepEqual(kernel.ipds, [good]);
    await kernel.shutdown();
    await kernel.shutdown();
    assert.equal(good.state, 'stopped');
    await assert.rejects(spawn('late', IDLE), { code: 'KERNEL_STOPPED' });
  });

  test('keeps the newest log lines, and refuses messages past those under way', async () => {
    const run = await runDriver(
      `return { init() {}, message() {
        for (let i = 0; i < 3000; i += 1) io.log('line ' + i);
        let refused = 0;
        for (let i = 0; i < 3000; i += 1) { try { io.send({ kind: 'n', i }); } catch (error) { refused += 1; } }
        io.log('x'.repeat(5000));
        for (let t = io.now(); io.now() < t + 50000;);
        io.send({ kind: 'refused', refused });
      } };`,
    );
    run.ipd.send({ kind: 'go' });
    let last;
    do last = await run.next();
    while (last !== undefined && last.kind !== 'refused');
    assert.equal(run.ipd.log.length, LOG_LINES_MAX);
    assert.ok(run.ipd.log.every((line) => line.length <= 1000));
    await run.kernel.shutdown();
  });
});
