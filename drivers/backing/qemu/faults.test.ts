/**
 * What may go wrong with a real QEMU: missing, refusing to start, killed, stopped, talking nonsense, its user terminated.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync, symlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DeviceError, OpenBacking } from '../../../kernel/abi.ts';
import { qemuBacking } from './backing.ts';
import { findProgram, QEMU_PROGRAM, qemuVersion } from './programs.ts';
import { STOP_GRACE_MS } from './launch.ts';
import { eepromMac } from './testing/e1000-by-hand.ts';
import {
  attachOptions,
  isRunning,
  leftovers,
  onlyQemu,
  openFdCount,
  qemuTest,
  sleep,
  startTask,
  until,
  withBacking,
} from './testing/harness.ts';

const edu = { device: 'edu' } as const;
const EDU_ID = 0x0100_00ed;

/** Runs with another PATH: a folder with just these programs. */
async function withPath(programs: readonly string[], run: () => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'path-of-test-'));
  for (const program of programs) symlinkSync(findProgram(program) ?? '', join(folder, program));
  const before = process.env['PATH'];
  process.env['PATH'] = folder;
  try {
    await run();
  } finally {
    process.env['PATH'] = before;
    rmSync(folder, { recursive: true });
  }
}

/** Puts text into the stream of answers, as a confused QEMU would. */
function injectIntoAnswers(open: OpenBacking, text: string): void {
  const fd = openSync(
    `/proc/self/fd/${attachOptions(open).channel.answerFd}`,
    constants.O_WRONLY | constants.O_NONBLOCK,
  );
  writeSync(fd, text);
  closeSync(fd);
}

test('without QEMU the error says how to install it, and there is no version', async () => {
  await withPath([], async () => {
    const before = leftovers();
    await assert.rejects(qemuBacking(edu).open(), {
      code: 'ENV_QEMU_MISSING',
      message: 'cannot start qemu-system-x86_64: program not found; try `apt-get install qemu-system-x86`',
    });
    assert.equal(await qemuVersion(), undefined);
    assert.deepEqual(leftovers(), before);
  });
});

qemuTest('the version is a number with dots', async () => {
  assert.match((await qemuVersion()) ?? '', /^[0-9]+\.[0-9]+/);
});

qemuTest('a QEMU that exits at its start is reported with its own words, and leaves nothing', async () => {
  const before = leftovers();
  const fds = openFdCount();
  const opening = qemuBacking({ ...edu, deviceArguments: 'no-such-property=1' }).open();
  await assert.rejects(opening, (error: DeviceError) => {
    assert.equal(error.code, 'QEMU_START_FAILED');
    assert.match(error.message, /exited with status 1: .*no-such-property/);
    return true;
  });
  assert.deepEqual(leftovers(), before);
  assert.equal(openFdCount(), fds);
});

qemuTest('a QEMU that does not answer in time is a failed start', async () => {
  const before = leftovers();
  const opening = qemuBacking({ ...edu, program: findProgram('sleep') ?? 'sleep', startTimeoutMs: 100 }).open();
  await assert.rejects(opening, { code: 'QEMU_START_FAILED' });
  const silent = qemuBacking({ ...edu, extraArguments: ['-incoming', 'defer'], startTimeoutMs: 1 }).open();
  await assert.rejects(silent, { code: 'QEMU_START_FAILED', message: /did not answer within 1 ms/ });
  assert.deepEqual(leftovers(), before);
});

qemuTest('a device that is not on bus 0 is not found, and the error says what is there', async () => {
  const extraArguments = ['-device', 'pci-bridge,id=behind,chassis_nr=1'];
  const opening = qemuBacking({ ...edu, extraArguments, deviceArguments: 'bus=behind,addr=1' }).open();
  await assert.rejects(opening, { code: 'DEVICE_NOT_FOUND', message: /no device 1234:11e8 .*8086:7000/ });
});

qemuTest('a machine whose interrupts cannot be routed is refused', async () => {
  await assert.rejects(qemuBacking({ ...edu, machine: 'q35' }).open(), { code: 'DEVICE_NOT_FOUND', message: /PIIX3/ });
});

qemuTest('QEMU killed under a busy driver: a typed error within a second, now and ever after', async (context) => {
  await withBacking(edu, async (open) => {
    const failures: DeviceError[] = [];
    open.onFailure((error) => failures.push(error));
    const thread = startTask(open, 'loop');
    await thread.report('looping');
    await sleep(20);
    const killedNs = process.hrtime.bigint();
    process.kill(onlyQemu(), 'SIGKILL');
    const report = await thread.report('failed');
    assert.deepEqual(report.codes, ['DEVICE_GONE', 'DEVICE_GONE', 'DEVICE_GONE']);
    const tookMs = Number(report.atNs - killedNs) / 1e6;
    assert.ok(tookMs < 1000, `${tookMs} ms`);
    context.diagnostic(`error in the thread ${tookMs.toFixed(1)} ms after SIGKILL`);
    // The thread finds out by itself (its command goes nowhere), perhaps before this thread hears of the exit.
    await until(() => failures.length > 0, 1000, 'the owner is told');
    assert.deepEqual(
      failures.map((error) => [error.code, error.message]),
      [['DEVICE_GONE', 'the device is gone: QEMU was ended by SIGKILL']],
    );
    // Who asks later hears it too.
    await new Promise<void>((resolve) => open.onFailure(() => resolve()));
    assert.throws(() => open.attachHere(), { code: 'DEVICE_GONE' });
    await thread.terminate();
  });
});

qemuTest('QEMU killed while a driver is blocked on its answer', async () => {
  await withBacking(edu, async (open) => {
    const thread = startTask(open, 'loop');
    await thread.report('looping');
    const qemu = onlyQemu();
    process.kill(qemu, 'SIGSTOP');
    await sleep(50);
    process.kill(qemu, 'SIGKILL');
    assert.equal((await thread.report('failed')).codes[0], 'DEVICE_GONE');
    await thread.terminate();
  });
});

qemuTest('close() ends a hung QEMU and frees the thread that waits for it', async () => {
  const before = leftovers();
  const fds = openFdCount();
  const open = await qemuBacking(edu).open();
  const failures: DeviceError[] = [];
  open.onFailure((error) => failures.push(error));
  const thread = startTask(open, 'loop');
  await thread.report('looping');
  process.kill(onlyQemu(), 'SIGSTOP');
  await sleep(20);
  const began = performance.now();
  await Promise.all([open.close(), open.close()]);
  const tookMs = performance.now() - began;
  assert.ok(tookMs >= STOP_GRACE_MS - 5 && tookMs < STOP_GRACE_MS + 500, `${tookMs} ms`);
  assert.deepEqual((await thread.report('failed')).codes, ['DEVICE_GONE', 'DEVICE_GONE', 'DEVICE_GONE']);
  await thread.terminate();
  await open.close();
  assert.deepEqual(failures, [], 'an end that was asked for is no failure');
  assert.deepEqual(leftovers(), before);
  await until(() => openFdCount() <= fds, 1000, 'every descriptor is closed');
});

qemuTest('the kernel’s thread waits for a hung QEMU only so long, and finds its way when QEMU goes on', async () => {
  await withBacking({ ...edu, answerTimeoutMs: 200 }, async (open) => {
    const device = open.attachHere();
    const qemu = onlyQemu();
    process.kill(qemu, 'SIGSTOP');
    for (let count = 0; count < 2; count += 1) {
      const began = performance.now();
      assert.throws(() => device.read(0, 0, 4), { code: 'DEVICE_TIMEOUT' });
      assert.ok(performance.now() - began < 600);
    }
    process.kill(qemu, 'SIGCONT');
    assert.equal(device.read(0, 0, 4), EDU_ID);
    assert.equal(open.attachHere().read(0, 0, 4), EDU_ID);
    await Promise.resolve();
  });
});

qemuTest('nonsense on the stream is QEMU_PROTOCOL, names the line, and stays; a new hold recovers', async () => {
  await withBacking(edu, async (open) => {
    const device = open.attachHere();
    injectIntoAnswers(open, 'Segmentation fault\n');
    const named = { code: 'QEMU_PROTOCOL', message: /"Segmentation fault"/ };
    assert.throws(() => device.read(0, 0, 4), named);
    assert.throws(() => device.read(0, 0, 4), named);
    assert.equal(open.attachHere().read(0, 0, 4), EDU_ID);
    const thread = startTask(open, 'loop');
    await thread.report('looping');
    injectIntoAnswers(open, `${'x'.repeat(5000)}\n`);
    const { codes, messages } = await thread.report('failed');
    assert.deepEqual(codes, ['QEMU_PROTOCOL', 'QEMU_PROTOCOL', 'QEMU_PROTOCOL']);
    assert.ok((messages[0]?.length ?? 0) < 200, 'the line is cut');
    await thread.terminate();
    const listener = open.attachHere();
    listener.onInterrupt(() => undefined);
    injectIntoAnswers(open, 'OK 0x1\n');
    await sleep(50);
    assert.throws(() => listener.read(0, 0, 4), { code: 'QEMU_PROTOCOL', message: /without being asked/ });
    listener.detach();
  });
});

qemuTest('half a line, stale answers and interrupts before the mark do not confuse a new hold', async () => {
  await withBacking(edu, async (open) => {
    for (const text of ['00000ff\n', 'OK little\nOK 0x1\nFAIL x\n', 'IRQ raise 3\n\n', `${'y'.repeat(40_000)}\n`]) {
      injectIntoAnswers(open, text);
      const device = open.attachHere();
      assert.equal(device.read(0, 0, 4), EDU_ID);
      assert.equal(device.read(6, 0, 4), 0x11e8_1234);
    }
    await Promise.resolve();
  });
});

qemuTest('a driver terminated at any moment leaves a device that the kernel can still reset', async (context) => {
  await withBacking({ device: 'e1000', deviceArguments: 'mac=52:54:00:ab:cd:ef' }, async (open) => {
    const fds = openFdCount();
    const began = performance.now();
    for (let count = 0; count < 50; count += 1) {
      const thread = startTask(open, 'loop');
      await thread.report('looping');
      await sleep(Math.random() * 4);
      await thread.terminate();
      const device = open.attachHere();
      assert.equal(device.read(6, 0, 4), 0x100e_8086);
      assert.deepEqual(eepromMac(device), [0x52, 0x54, 0x00, 0xab, 0xcd, 0xef]);
      device.detach();
    }
    context.diagnostic(`50 terminations in ${(performance.now() - began).toFixed(0)} ms`);
    assert.ok(openFdCount() <= fds + 2, 'descriptors do not pile up');
  });
});

qemuTest('threads that watch for interrupts give their descriptors back, however they end', async () => {
  await withBacking(edu, async (open) => {
    const cycle = async (): Promise<void> => {
      const thread = startTask(open, 'edu-interrupt');
      await thread.report('edges');
      await thread.terminate();
    };
    await cycle();
    const fds = openFdCount();
    for (let count = 0; count < 5; count += 1) await cycle();
    assert.equal(openFdCount(), fds);
  });
});

/** Kills a process that has a device open; QEMU must follow it. */
async function killParent(): Promise<void> {
  const parent = spawn(process.execPath, [new URL('./testing/parent.js', import.meta.url).pathname], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [chunk] = (await once(parent.stdout, 'data')) as [Buffer];
  const qemu = Number(chunk.toString());
  assert.ok(isRunning(qemu));
  parent.kill('SIGKILL');
  await until(() => !isRunning(qemu), 2000, 'QEMU ends after its parent');
  assert.deepEqual(leftovers(parent.pid), { files: [], qemus: [] });
}

qemuTest('QEMU does not outlive a killed parent', killParent);

qemuTest('QEMU does not outlive a killed parent where there is no setpriv', async () => {
  await withPath([QEMU_PROGRAM, 'mkfifo', 'sh'], killParent);
});
