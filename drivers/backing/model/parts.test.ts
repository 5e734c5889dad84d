/** The parts that models are made of: the frame ring, the DMA memory with its record, the lock and the state layout. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { RECORD_MAX, RECORD_SIZE_BYTES, dmaMemory } from './dma-memory.ts';
import { frameRing, frameRingSizeBytes } from './frame-ring.ts';
import { LOCK_CELLS, TAKEOVER_MS, modelLock } from './model-lock.ts';
import { layOut } from './state-layout.ts';

describe('a frame ring', () => {
  it('takes a frame that fills it exactly, and refuses one byte more', () => {
    const ring = frameRing(new Uint8Array(frameRingSizeBytes(64)));
    assert.equal(ring.push(new Uint8Array(61)), false);
    assert.ok(ring.empty);
    assert.equal(ring.push(new Uint8Array(60).fill(9)), true);
    assert.equal(ring.push(new Uint8Array(0)), false);
    assert.deepEqual([...(ring.pop() ?? [])], new Array(60).fill(9));
    assert.equal(ring.pop(), undefined);
  });

  it('refuses a size that is not a power of two', () => {
    assert.throws(() => frameRing(new Uint8Array(frameRingSizeBytes(100))), RangeError);
  });

  it('is a queue: what comes out is what went in, in order, also across the wrap of its counters', () => {
    const operation = fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.constant('pop' as const));
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), fc.constantFrom(0, 0xffff_ff00), (operations, start) => {
        const region = new Uint8Array(frameRingSizeBytes(256));
        new Uint32Array(region.buffer, 0, 2).fill(start);
        const ring = frameRing(region);
        const queue: Uint8Array[] = [];
        for (const each of operations) {
          if (each === 'pop') assert.deepEqual(ring.pop(), queue.shift());
          else if (ring.push(each)) queue.push(each);
        }
        assert.equal(ring.empty, queue.length === 0);
      }),
      { numRuns: 300 },
    );
  });
});

describe('DMA memory', () => {
  function small(): ReturnType<typeof dmaMemory> {
    return dmaMemory(new ArrayBuffer(64), new ArrayBuffer(RECORD_SIZE_BYTES));
  }

  it('gives zeros and loses bytes beyond its end, and records both', () => {
    const memory = small();
    memory.bytes.fill(5);
    const target = new Uint8Array(4).fill(9);
    memory.read(62, target, 0, 4);
    assert.deepEqual([...target], [5, 5, 0, 0]);
    memory.write(62, Uint8Array.of(1, 2, 3, 4), 0, 4);
    assert.deepEqual([...memory.bytes.subarray(60)], [5, 5, 1, 2]);
    memory.read(2 ** 60, target, 0, 4);
    assert.deepEqual([...target], [0, 0, 0, 0]);
    assert.deepEqual(memory.since(0), {
      touches: [
        { address: 62, length: 4, direction: 'read' },
        { address: 62, length: 4, direction: 'write' },
        { address: 2 ** 60, length: 4, direction: 'read' },
      ],
      missed: 0,
      total: 3,
    });
  });

  it('remembers the last touches and says how many it forgot', () => {
    const memory = small();
    const byte = new Uint8Array(1);
    for (let index = 0; index < RECORD_MAX; index += 1) memory.read(index, byte, 0, 1);
    assert.equal(memory.since(0).missed, 0);
    memory.read(7, byte, 0, 1);
    const { touches, missed, total } = memory.since(0);
    assert.deepEqual([touches.length, missed, total], [RECORD_MAX, 1, RECORD_MAX + 1]);
    assert.deepEqual(memory.since(RECORD_MAX).touches, [{ address: 7, length: 1, direction: 'read' }]);
  });
});

/** A thread that takes the lock over and over, or dies with it. */
async function lockingThread(cells: Int32Array, body: string): Promise<Worker> {
  const module = JSON.stringify(new URL('./model-lock.js', import.meta.url).href);
  const source = `const { workerData, parentPort } = require('node:worker_threads');
    import(${module}).then(({ modelLock }) => { const lock = modelLock(workerData); ${body} });`;
  const worker = new Worker(source, { eval: true, workerData: cells });
  await once(worker, 'message');
  return worker;
}

describe('the model lock', () => {
  it('is taken over from a thread that died with it, after a bounded wait', async () => {
    const cells = new Int32Array(new SharedArrayBuffer(4 * LOCK_CELLS));
    const worker = await lockingThread(cells, `lock.hold(() => { parentPort.postMessage('held'); for (;;); });`);
    await worker.terminate();
    const started = performance.now();
    const result = modelLock(cells).hold(() => 'mine');
    const waitedMs = performance.now() - started;
    assert.equal(result, 'mine');
    assert.ok(waitedMs >= TAKEOVER_MS * 0.9 && waitedMs < TAKEOVER_MS * 10, `waited ${waitedMs} ms`);
    assert.equal(cells[0], 0);
  });

  it('is never held by two threads, however busy the other is', async () => {
    const cells = new Int32Array(new SharedArrayBuffer(4 * (LOCK_CELLS + 1)));
    // Inside the lock each thread changes a cell in two steps; the other must never see the step between.
    const worker = await lockingThread(
      cells,
      `parentPort.postMessage('go'); for (;;) lock.hold(() => { workerData[2] = 1; for (let i = 0; i < 50; i += 1); workerData[2] = 0; });`,
    );
    const lock = modelLock(cells);
    let seenBetween = 0;
    const until = performance.now() + 300;
    while (performance.now() < until) seenBetween += lock.hold(() => cells[2] ?? 0);
    await worker.terminate();
    assert.equal(seenBetween, 0);
  });

  it('is released when the action throws', () => {
    const cells = new Int32Array(new SharedArrayBuffer(4 * LOCK_CELLS));
    assert.throws(() =>
      modelLock(cells).hold(() => {
        throw new Error('x');
      }),
    );
    assert.equal(cells[0], 0);
  });
});

describe('the state layout', () => {
  it('shows the same named fields to everybody who lays out the same buffer', () => {
    const buffer = new SharedArrayBuffer(64);
    const one = layOut(buffer);
    one.bytes(3);
    const fields = one.fields(['head', 'tail']);
    const other = layOut(buffer);
    other.bytes(3);
    const again = other.fields(['head', 'tail']);
    fields.tail = -1;
    assert.deepEqual([again.head, again.tail], [0, 0xffff_ffff]);
  });

  it('refuses a buffer that is too small', () => {
    assert.throws(() => layOut(new ArrayBuffer(8)).words(3), RangeError);
  });
});
