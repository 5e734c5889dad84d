/**
 * When the world fails: QEMU dies under a running driver, QEMU is not installed, drivers come and go many times. The kernel
 * says what happened, nothing is left behind, and it goes on.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { inPackage } from '../../drivers/devices.ts';
import { exchangeFrames, whenUp } from '../../drivers/class/network-traffic.ts';
import { Kernel, type OpenBacking } from '../../kernel/index.ts';
import { childPids, holdings, openModel, openQemu, QEMU_MISSING, spawnHonest } from './support.ts';

const CYCLES = 20;
/** Bytes of the frames that keep the driver busy while QEMU is killed. */
const FRAME_BYTES = 200;

describe('a QEMU that is killed under a running driver', { skip: QEMU_MISSING }, () => {
  it('faults the driver with DEVICE_GONE, leaves nothing, and the kernel goes on with another', async () => {
    const before = holdings();
    const kernel = Kernel.boot();
    const open = await openQemu();
    const ipd = await spawnHonest(kernel, open);
    await whenUp(ipd);
    const [qemu, ...others] = childPids().filter((pid) => !before.children.includes(pid));
    assert.ok(qemu !== undefined && others.length === 0);
    for (let count = 0; count < 16; count += 1) ipd.send({ kind: 'transmit', frame: new Uint8Array(FRAME_BYTES) });
    process.kill(Number(qemu), 'SIGKILL');
    const report = await ipd.exited;
    assert.equal(report.state, 'faulted');
    const fault = report.fault;
    assert.ok(fault?.kind === 'device-failed', `the fault is ${fault?.kind ?? 'none'}`);
    assert.deepEqual([fault.code, fault.blame, fault.reset.done], ['DEVICE_GONE', 'device', 'impossible']);
    assert.deepEqual(kernel.ipds, []);
    await assert.rejects(spawnHonest(kernel, open), { code: 'DEVICE_GONE' });
    await open.close();

    const second = await openQemu();
    const again = await spawnHonest(kernel, second);
    const { sent } = await exchangeFrames(again, second, await whenUp(again), 20);
    assert.equal(sent, 20);
    await kernel.shutdown();
    await second.close();
    await nothingMoreThan(before);
  });

  it('is noticed while its driver is idle, too', async () => {
    const kernel = Kernel.boot();
    const children = childPids();
    const open = await openQemu();
    const ipd = await spawnHonest(kernel, open);
    await whenUp(ipd);
    for (const pid of childPids().filter((each) => !children.includes(each))) process.kill(Number(pid), 'SIGKILL');
    const { fault } = await ipd.exited;
    assert.ok(fault?.kind === 'device-failed' && fault.code === 'DEVICE_GONE');
    await kernel.shutdown();
    await open.close();
  });
});

describe('a machine without QEMU', () => {
  const refmon = (...args: string[]) =>
    spawnSync(process.execPath, [inPackage('bin/refmon.cjs'), ...args], {
      env: { PATH: '' },
      encoding: 'utf8',
      timeout: 60_000,
    });

  it('is told how to install it, with exit code 5, when QEMU was asked for', () => {
    const { status, stderr } = refmon('demo', '--backing', 'qemu');
    assert.equal(status, 5, stderr);
    assert.match(stderr, /cannot start qemu-system-x86_64: program not found; try `apt-get install qemu-system-x86`/);
  });

  it('gets the demo on the model instead, with a note', () => {
    const { status, stdout, stderr } = refmon('demo');
    assert.equal(status, 0, stderr);
    assert.match(stderr, /QEMU is not installed: this is the embedded model .*apt-get install qemu-system-x86/);
    assert.match(stdout, /The honest driver {2}on the embedded in-process model/);
    assert.match(stdout, /Nothing got past the monitor\./);
  });
});

describe(`${CYCLES} drivers started and stopped one after the other`, () => {
  const cycle = async (open: OpenBacking): Promise<void> => {
    const kernel = Kernel.boot();
    /** The first brings what stays: files of the code cache, the pool of threads. */
    await (await spawnHonest(kernel, open)).stop();
    const before = holdings();
    for (let count = 0; count < CYCLES; count += 1) {
      const ipd = await spawnHonest(kernel, open);
      assert.equal(ipd.state, 'running');
      await ipd.stop();
    }
    await nothingMoreThan(before);
    await kernel.shutdown();
    await open.close();
  };

  it('leave no thread, descriptor or file on the model', async () => cycle(await openModel()));
  it('leave no thread, descriptor or file on QEMU', { skip: QEMU_MISSING }, async () => cycle(await openQemu()));
});

/** What has been let go may take the system a moment. Threads of the process's own pool count only if they grow by each use. */
async function nothingMoreThan(before: ReturnType<typeof holdings>): Promise<void> {
  const surplus = (): string => {
    const now = holdings();
    const more = [
      ...now.files.filter((file) => !before.files.includes(file)),
      ...now.children.filter((pid) => !before.children.includes(pid)).map((pid) => `process ${pid}`),
    ];
    if (now.descriptors > before.descriptors) more.push(`${now.descriptors - before.descriptors} descriptors`);
    if (now.threads > before.threads + POOL_THREADS) more.push(`${now.threads - before.threads} threads`);
    return more.join(', ');
  };
  const deadline = performance.now() + 3000;
  while (surplus() !== '' && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(surplus(), '', 'left behind');
}

/** libuv's pool starts its four threads when they are first needed. */
const POOL_THREADS = 4;
