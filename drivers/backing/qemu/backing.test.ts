import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONFIG_SPACE, PORT_SPACE } from '../../../dsslang/runtime.ts';
import { MEMORY_MAX_BYTES, MEMORY_MIN_BYTES, qemuBacking } from './backing.ts';
import type { DeviceName } from './devices.ts';
import { eepromMac, isSent, startTransmitter, transmit, wake } from './testing/e1000-by-hand.ts';
import { leftovers, openFdCount, qemuTest, sleep, startTask, until, withBacking } from './testing/harness.ts';
import { TRANSMIT_BYTES, TRANSMIT_COUNT } from './testing/tasks.ts';

const MAC = [0x52, 0x54, 0x00, 0xab, 0xcd, 0xef];
const e1000 = { device: 'e1000', deviceArguments: 'mac=52:54:00:ab:cd:ef' } as const;

qemuTest('reads the station address from the kernel’s thread, a driver’s thread, and the kernel’s again', async () => {
  await withBacking(e1000, async (open) => {
    assert.deepEqual(open.identity, { vendor: 0x8086, device: 0x100e });
    assert.equal(open.name, 'qemu:e1000');
    assert.deepEqual(eepromMac(open.attachHere()), MAC);
    const thread = startTask(open, 'mac');
    assert.deepEqual((await thread.report('mac')).mac, MAC);
    await thread.terminate();
    assert.deepEqual(eepromMac(open.attachHere()), MAC);
  });
});

qemuTest('finds the device decoding at the BARs that it was given, with DMA still off', async () => {
  await withBacking(e1000, async (open) => {
    const device = open.attachHere();
    assert.equal(device.read(CONFIG_SPACE, 0, 4), 0x100e_8086);
    assert.equal(device.read(CONFIG_SPACE, 0, 2), 0x8086);
    assert.equal(device.read(CONFIG_SPACE, 2, 2), 0x100e);
    assert.equal(device.read(CONFIG_SPACE, 3, 1), 0x10);
    assert.equal(device.read(CONFIG_SPACE, 4, 2) & 7, 3, 'I/O and memory decoding, no bus master');
    assert.equal(device.read(CONFIG_SPACE, 0x3c, 1), 11);
    device.write(CONFIG_SPACE, 0x3c, 1, 0xa5);
    assert.equal(device.read(CONFIG_SPACE, 0x3c, 4) & 0xff, 0xa5);
    await Promise.resolve();
  });
});

qemuTest('gives memory BARs and port BARs every width, as unsigned numbers', async () => {
  await withBacking({ device: 'rtl8139', deviceArguments: 'mac=52:54:00:ab:cd:ef' }, async (open) => {
    const device = open.attachHere();
    // IDR0..IDR5, the station address, is the same through BAR0 (ports) and BAR1 (memory).
    for (const bar of [0, 1]) {
      assert.deepEqual(
        [0, 1, 2, 3, 4, 5].map((at) => device.read(bar, at, 1)),
        MAC,
      );
      assert.equal(device.read(bar, 2, 2), 0xab00);
      assert.equal(device.read(bar, 0, 4), 0xab00_5452);
    }
    device.write(0, 0x50, 1, 0xc0); // 93C46 command: configuration registers writable
    device.write(1, 0, 4, 0xfffe_fdfc);
    assert.equal(device.read(0, 0, 4), 0xfffe_fdfc);
    assert.equal(device.read(1, 3, 1), 0xff);
    await Promise.resolve();
  });
});

qemuTest('a width that the model refuses reads zero, which is QEMU’s and not this backing’s answer', async () => {
  await withBacking({ device: 'edu' }, async (open) => {
    const device = open.attachHere();
    assert.equal(device.read(0, 0, 4), 0x0100_00ed);
    assert.equal(device.read(0, 0, 1), 0);
    await Promise.resolve();
  });
});

qemuTest('refuses what is not wholly inside the device, and goes on working', async () => {
  await withBacking(e1000, async (open) => {
    const device = open.attachHere();
    const size = 0x20000;
    device.read(0, size - 4, 4);
    device.read(CONFIG_SPACE, 252, 4);
    const end = open.dma.base + open.dma.sizeBytes;
    device.writeMemory(end - 1, Uint8Array.of(7));
    const outside: [string, () => unknown][] = [
      ['one past a memory BAR', () => device.read(0, size - 3, 4)],
      ['one past a port BAR', () => device.write(1, 64, 1, 0)],
      ['before a BAR', () => device.read(0, -1, 1)],
      ['between two registers of a fraction', () => device.read(0, 0.5, 1)],
      ['a BAR that the device has not', () => device.read(2, 0, 4)],
      ['past configuration space', () => device.read(CONFIG_SPACE, 256, 1)],
      ['across two dwords of configuration space', () => device.read(CONFIG_SPACE, 3, 2)],
      ['a port of the machine', () => device.write(PORT_SPACE, 0xcf8, 4, 0x8000_0000)],
      ['eight bytes', () => device.read(0, 0, 8)],
      ['a value too wide', () => device.write(0, 0, 1, 256)],
      ['a value below zero', () => device.write(0, 0, 4, -1)],
      ['a value that is text', () => device.write(0, 0, 4, '0\noutl 0xcf8 0' as unknown as number)],
      ['an offset that is text', () => device.read(0, '0' as unknown as number, 4)],
      ['below the DMA memory', () => device.readMemory(open.dma.base - 1, new Uint8Array(2))],
      ['past the DMA memory', () => device.writeMemory(end - 1, new Uint8Array(2))],
      ['an address that is no number', () => device.writeMemory(NaN, new Uint8Array(2))],
    ];
    for (const [what, act] of outside) assert.throws(act, RangeError, what);
    assert.deepEqual(eepromMac(device), MAC);
    await Promise.resolve();
  });
});

qemuTest('the device reads and writes the same memory as the driver', async () => {
  await withBacking({ device: 'edu' }, async (open) => {
    const device = open.attachHere();
    const [from, to] = [open.dma.base, open.dma.base + open.dma.sizeBytes - 16];
    const text = Buffer.from('sixteen bytes ok');
    device.writeMemory(from, text);
    device.write(CONFIG_SPACE, 4, 2, device.read(CONFIG_SPACE, 4, 2) | 4);
    // edu's DMA engine: source, destination, count, command; its own buffer is at 0x40000.
    const run = async (source: number, destination: number, command: number): Promise<void> => {
      device.write(0, 0x80, 4, source);
      device.write(0, 0x88, 4, destination);
      device.write(0, 0x90, 4, text.length);
      device.write(0, 0x98, 4, command);
      await until(() => (device.read(0, 0x98, 4) & 1) === 0, 2000, 'DMA ends');
    };
    await run(from, 0x40000, 1);
    await run(0x40000, to, 3);
    const back = new Uint8Array(text.length);
    device.readMemory(to, back);
    assert.equal(Buffer.from(back).toString(), 'sixteen bytes ok');
  });
});

qemuTest('a frame that the device transmits appears on the wire', async () => {
  await withBacking(e1000, async (open) => {
    const frames: Uint8Array[] = [];
    open.wire?.onFrame((frame) => frames.push(frame));
    const device = open.attachHere();
    wake(device);
    startTransmitter(device, open.dma.base);
    const frame = Uint8Array.from({ length: 100 }, (_, index) => index);
    transmit(device, open.dma.base, 0, frame);
    await until(() => frames.length === 1, 1000, 'the frame arrives');
    assert.deepEqual(frames, [frame]);
    assert.ok(isSent(device, open.dma.base, 0));
  });
});

qemuTest('a driver’s thread transmits thousands of frames and none is lost or out of order', async (context) => {
  await withBacking(e1000, async (open) => {
    let count = 0;
    open.wire?.onFrame((frame) => {
      assert.equal(frame.length, TRANSMIT_BYTES);
      assert.equal(Buffer.from(frame).readUInt32BE(14), count);
      count += 1;
    });
    const thread = startTask(open, 'transmit');
    const { framesPerSecond, usPerRead } = await thread.report('rate');
    await until(() => count === TRANSMIT_COUNT, 2000, 'all frames arrive');
    await thread.terminate();
    context.diagnostic(
      `${framesPerSecond.toFixed(0)} frames/s of ${TRANSMIT_BYTES} B; ${usPerRead.toFixed(1)} us per read`,
    );
  });
});

qemuTest('a frame from the wire wakes an idle driver thread by its interrupt', async (context) => {
  await withBacking(e1000, async (open) => {
    const thread = startTask(open, 'receive');
    await thread.report('listening');
    await sleep(1100); // QEMU's model holds frames for 1 s after RCTL is written
    const latenciesUs: number[] = [];
    for (let count = 0; count < 100; count += 1) {
      const frame = new Uint8Array(64).fill(count + 1);
      const sentNs = process.hrtime.bigint();
      open.wire?.send(frame);
      const report = await thread.report('frame');
      assert.deepEqual(report.frame.subarray(0, 60), frame.subarray(0, 60));
      assert.equal(report.level, 1);
      latenciesUs.push(Number(report.atNs - sentNs) / 1000);
      await sleep(2);
    }
    await thread.terminate();
    latenciesUs.sort((a, b) => a - b);
    context.diagnostic(`wire to handler: p50 ${latenciesUs[50]?.toFixed(0)} us, p99 ${latenciesUs[98]?.toFixed(0)} us`);
  });
});

qemuTest('an interrupt raised within an access is delivered after it, from the event loop', async () => {
  await withBacking({ device: 'edu' }, async (open) => {
    const expected = ['write', 'read', 'acknowledge', 'end', 'microtask', '1', '0'];
    const thread = startTask(open, 'edu-interrupt');
    assert.deepEqual((await thread.report('edges')).edges, expected);
    await thread.terminate();
    // The same on the kernel's own thread.
    const device = open.attachHere();
    const edges: number[] = [];
    device.onInterrupt((level) => edges.push(level));
    device.write(0, 0x60, 4, 1);
    device.read(0, 0, 4);
    assert.deepEqual(edges, []);
    await until(() => edges.length === 1, 1000, 'the raise is delivered');
    device.write(0, 0x64, 4, 1);
    await until(() => edges.length === 2, 1000, 'the lowering is delivered');
    assert.deepEqual(edges, [1, 0]);
    device.detach();
    assert.throws(() => device.read(0, 0, 4), { code: 'DEVICE_GONE' });
  });
});

qemuTest('a line that is up when a thread attaches is its first edge', async () => {
  await withBacking({ device: 'edu' }, async (open) => {
    const before = open.attachHere();
    before.write(0, 0x60, 4, 1);
    before.detach();
    const device = open.attachHere();
    const edges: number[] = [];
    device.onInterrupt((level) => edges.push(level));
    assert.deepEqual(edges, []);
    await until(() => edges.length === 1, 1000, 'the raise is delivered');
    device.write(0, 0x64, 4, 1);
    await until(() => edges.length === 2, 1000, 'the lowering is delivered');
    device.detach();
  });
});

qemuTest('a later hold shuts the earlier one out', async () => {
  await withBacking({ device: 'edu' }, async (open) => {
    const early = open.attachHere();
    const late = open.attachHere();
    assert.throws(() => early.read(0, 0, 4), { code: 'DEVICE_GONE' });
    assert.throws(() => early.writeMemory(open.dma.base, Uint8Array.of(1)), { code: 'DEVICE_GONE' });
    assert.equal(late.read(0, 0, 4), 0x0100_00ed);
    await Promise.resolve();
  });
});

qemuTest('several at once have each their own memory, wire and end', async () => {
  const before = leftovers();
  const fds = openFdCount();
  const opened = await Promise.all([0, 1, 2].map(() => qemuBacking(e1000).open()));
  const devices = opened.map((open) => open.attachHere());
  devices.forEach((device, index) => device.write(0, 0x5400, 4, index));
  devices.forEach((device, index) => device.writeMemory(opened[0]?.dma.base ?? 0, Uint8Array.of(index)));
  const byte = new Uint8Array(1);
  await opened[1]?.close();
  for (const index of [0, 2]) {
    assert.equal(devices[index]?.read(0, 0x5400, 4), index);
    devices[index]?.readMemory(opened[0]?.dma.base ?? 0, byte);
    assert.deepEqual([...byte], [index]);
  }
  assert.throws(() => devices[1]?.read(0, 0x5400, 4), { code: 'DEVICE_GONE' });
  await Promise.all(opened.map((open) => open.close()));
  assert.deepEqual(leftovers(), before);
  assert.equal(openFdCount(), fds);
});

qemuTest('without a cable a network device has no wire, and a device that is none never has', async () => {
  await withBacking({ ...e1000, netdev: false }, async (open) => {
    assert.equal(open.wire, undefined);
    assert.deepEqual(eepromMac(open.attachHere()), MAC);
    await Promise.resolve();
  });
  await withBacking({ device: 'edu' }, async (open) => {
    assert.equal(open.wire, undefined);
    await Promise.resolve();
  });
});

qemuTest('starts in a fraction of a second', async (context) => {
  const timesMs: number[] = [];
  for (let count = 0; count < 5; count += 1) {
    const began = performance.now();
    const open = await qemuBacking(e1000).open();
    timesMs.push(performance.now() - began);
    await open.close();
  }
  timesMs.sort((a, b) => a - b);
  context.diagnostic(`open(): ${timesMs[0]?.toFixed(0)} / ${timesMs[2]?.toFixed(0)} / ${timesMs[4]?.toFixed(0)} ms`);
  assert.ok((timesMs[0] ?? Infinity) < 5000);
});

test('refuses unknown devices and impossible memory before anything is started', () => {
  assert.throws(() => qemuBacking({ device: 'toString' as DeviceName }), RangeError);
  for (const memorySizeBytes of [0, MEMORY_MIN_BYTES - 1, MEMORY_MIN_BYTES + 1, MEMORY_MAX_BYTES + (1 << 20), NaN]) {
    assert.throws(() => qemuBacking({ device: 'edu', memorySizeBytes }), RangeError);
  }
  qemuBacking({ device: 'edu', memorySizeBytes: MEMORY_MIN_BYTES });
  qemuBacking({ device: 'edu', memorySizeBytes: MEMORY_MAX_BYTES });
});
