/** The 82540EM model behind its backing, used from two threads as the kernel uses it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { DriverMessage } from '../../kernel/abi.ts';
import type { OpenModelBacking } from '../backing/model/model-backing.ts';
import { modelBacking } from '../backing/model/model-backing.ts';
import { TAKEOVER_MS } from '../backing/model/model-lock.ts';
import * as setup from './driver-setup.ts';
import { e1000Model } from './model.ts';
import * as r from './registers.ts';

const PATIENCE_MS = 5000;

interface Threaded {
  readonly open: OpenModelBacking;
  readonly worker: Worker;
  readonly messages: DriverMessage[];
  readonly frames: Uint8Array[];
  readonly until: (what: string, holds: () => boolean) => Promise<void>;
}

async function withDriverThread(body: (threaded: Threaded) => Promise<void>): Promise<void> {
  const open = await modelBacking(e1000Model).open();
  const messages: DriverMessage[] = [];
  const frames: Uint8Array[] = [];
  open.wire?.onFrame((frame) => frames.push(frame));
  const workerData = { attachment: open.attachment, dma: open.dma };
  const worker = new Worker(new URL('./testing/driver-worker.js', import.meta.url), { workerData });
  worker.on('message', (message: DriverMessage) => messages.push(message));
  async function until(what: string, holds: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!holds()) {
      assert.ok(performance.now() < deadline, `waited until ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  try {
    await until('the driver is up', () => messages.some(({ kind }) => kind === 'up'));
    await body({ open, worker, messages, frames, until });
  } finally {
    await worker.terminate();
    await open.close();
  }
}

function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('a model behind its backing', () => {
  it('carries frames and interrupts to and from a driver in another thread', () =>
    withDriverThread(async ({ open, worker, messages, frames, until }) => {
      for (let size = 60; size < 110; size += 1) {
        worker.postMessage({ kind: 'transmit', frame: new Uint8Array(size).fill(size) });
        open.wire?.send(new Uint8Array(size).fill(0xff));
      }
      await until('all frames have passed', () => {
        return frames.length === 50 && messages.filter(({ kind }) => kind === 'receive').length === 50;
      });
      assert.deepEqual(
        frames.map((frame) => frame.length),
        Array.from({ length: 50 }, (_, index) => 60 + index),
      );
    }));

  it('makes the device wait, and loses nothing, while the far end is busy', () =>
    withDriverThread(async ({ open, worker, messages, frames, until }) => {
      // 1 MiB of wire holds about 690 of these.
      const count = 2000;
      let answered = 0;
      worker.on('message', (message: DriverMessage) => {
        if (message.kind === 'transmitted') answered += Number(message['count']);
        if (message.kind === 'full') answered += 1;
      });
      for (let index = 0; index < count; index += 1) {
        worker.postMessage({ kind: 'transmit', frame: new Uint8Array(1514).fill(index) });
      }
      block(200);
      await until('every frame is answered', () => answered === count);
      const refused = messages.filter(({ kind }) => kind === 'full').length;
      await until('the wire is empty', () => frames.length === count - refused);
      assert.ok(refused > 0, 'the ring should have filled up');
      assert.equal(open.droppedFrames(), 0);
    }));

  it('lets the kernel reset the device after the driver was terminated in the middle of an access', () =>
    withDriverThread(async ({ open, worker, messages, until }) => {
      worker.postMessage({ kind: 'spin' });
      await until('it spins', () => messages.some(({ kind }) => kind === 'spinning'));
      await worker.terminate();
      const device = open.attachHere();
      const started = performance.now();
      device.write(r.BAR_REGISTERS, r.IMC, 4, 0xffff_ffff);
      device.write(r.BAR_REGISTERS, r.CTRL, 4, r.CTRL_RST);
      assert.ok(performance.now() - started < 2 * TAKEOVER_MS);
      for (const offset of [r.RCTL, r.TCTL, r.TDT, r.RDT, r.IMS]) {
        assert.equal(device.read(r.BAR_REGISTERS, offset, 4), 0);
      }
      const before = open.dmaRecord().total;
      open.wire?.send(new Uint8Array(100).fill(0xff));
      device.write(r.BAR_REGISTERS, r.TDT, 4, 5);
      assert.equal(open.dmaRecord(before).touches.length, 0);
    }));

  it('goes on receiving when its driver is gone, as a card does', () =>
    withDriverThread(async ({ open, worker }) => {
      await worker.terminate();
      const before = open.dmaRecord().total;
      open.wire?.send(new Uint8Array(100).fill(0xff));
      const { touches } = open.dmaRecord(before);
      assert.deepEqual(
        touches.map(({ direction, length }) => [direction, length]),
        [
          ['read', 16],
          ['write', 100],
          ['write', 16],
        ],
      );
    }));

  it('tells its listeners once when it dies by itself, and then refuses every thread with DEVICE_GONE', () =>
    withDriverThread(async ({ open, worker }) => {
      const device = open.attachHere();
      const errors: string[] = [];
      open.onFailure((error) => errors.push(`${error.code} ${error.message}`));
      open.fail('a meteorite');
      open.fail('another');
      assert.deepEqual(errors, ['DEVICE_GONE e1000 model: a meteorite']);
      assert.throws(() => device.read(r.BAR_REGISTERS, r.STATUS, 4), { code: 'DEVICE_GONE' });
      const answer = once(worker, 'message');
      worker.postMessage({ kind: 'look' });
      assert.deepEqual(await answer, [{ kind: 'error', code: 'DEVICE_GONE' }]);
      open.wire?.send(new Uint8Array(60));
      await open.close();
      await open.close();
    }));

  it('never calls an interrupt handler in the middle of an access', async () => {
    const open = await modelBacking(e1000Model).open();
    const device = open.attachHere();
    const levels: number[] = [];
    device.onInterrupt((level) => levels.push(level));
    device.write(r.BAR_REGISTERS, r.IMS, 4, r.INT_LSC);
    device.write(r.BAR_REGISTERS, r.ICS, 4, r.INT_LSC);
    assert.deepEqual(levels, []);
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(levels, [1]);
    assert.equal(device.read(r.BAR_REGISTERS, r.ICR, 4), r.INT_LSC);
    assert.deepEqual(levels, [1]);
    // Down and up again before anybody looks: both edges are shown.
    device.write(r.BAR_REGISTERS, r.ICS, 4, r.INT_LSC);
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(levels, [1, 0, 1]);
    await open.close();
  });

  it('raises the link interrupt when autonegotiation ends, without being asked', async () => {
    const open = await modelBacking(e1000Model, { model: { autonegotiationUs: 20_000 } }).open();
    const device = open.attachHere();
    device.write(r.BAR_REGISTERS, r.IMS, 4, r.INT_LSC);
    const raised = new Promise((resolve) => device.onInterrupt(resolve));
    const restart = r.PHY_CTRL_AUTONEG | r.PHY_CTRL_RESTART_AUTONEG;
    device.write(r.BAR_REGISTERS, r.MDIC, 4, r.MDIC_OP_WRITE | (1 << r.MDIC_PHY_SHIFT) | restart);
    assert.equal(device.read(r.BAR_REGISTERS, r.STATUS, 4) & r.STATUS_LU, 0);
    assert.equal(await raised, 1);
    assert.equal(device.read(r.BAR_REGISTERS, r.STATUS, 4) & r.STATUS_LU, r.STATUS_LU);
    await open.close();
  });

  it('offers memory that the kernel can read and write, and none outside it', async () => {
    const open = await modelBacking(e1000Model, { dmaSizeBytes: setup.BUFFER_SIZE_BYTES }).open();
    const device = open.attachHere();
    const { base, sizeBytes } = open.dma;
    device.writeMemory(base + sizeBytes - 2, Uint8Array.of(7, 8));
    const back = new Uint8Array(2);
    device.readMemory(base + sizeBytes - 2, back);
    assert.deepEqual([...back], [7, 8]);
    assert.throws(() => device.writeMemory(base + sizeBytes - 1, back), RangeError);
    assert.throws(() => device.readMemory(-1, back), RangeError);
    await open.close();
  });
});
