/**
 * A driver's thread for tests: attaches as the kernel's loader does and runs one task on the plain device.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Device } from '../../../../kernel/abi.ts';
import * as nic from './e1000-by-hand.ts';
import { TRANSMIT_BYTES, TRANSMIT_COUNT, type TaskReport, type TaskStart } from './tasks.ts';

const IN_FLIGHT_MAX = 12;

const start = workerData as TaskStart;
const say = (report: TaskReport): void => parentPort?.postMessage(report);

/** Reads until the device fails, then once more: an error must stay. */
function loop(device: Device): void {
  say({ kind: 'looping' });
  const codes: string[] = [];
  const messages: string[] = [];
  let atNs = 0n;
  while (codes.length < 3) {
    try {
      device.read(0, 0x8, 4);
      device.read(6, 0, 4);
    } catch (error) {
      if (codes.length === 0) atNs = process.hrtime.bigint();
      codes.push((error as { code: string }).code);
      messages.push((error as Error).message);
    }
  }
  say({ kind: 'failed', codes, messages, atNs });
}

function transmitMany(device: Device): void {
  nic.wake(device);
  nic.startTransmitter(device, start.dmaBase);
  const frame = new Uint8Array(TRANSMIT_BYTES).fill(0x5a);
  const began = performance.now();
  for (let count = 0; count < TRANSMIT_COUNT; count += 1) {
    new DataView(frame.buffer).setUint32(14, count);
    const oldest = count - IN_FLIGHT_MAX;
    while (oldest >= 0 && !nic.isSent(device, start.dmaBase, oldest % nic.RING_COUNT));
    nic.transmit(device, start.dmaBase, count % nic.RING_COUNT, frame);
  }
  const framesPerSecond = (TRANSMIT_COUNT / (performance.now() - began)) * 1000;
  // Until QEMU has pushed the last frames into the wire it is slow to answer.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  const readsBegan = performance.now();
  for (let count = 0; count < 5000; count += 1) device.read(0, 0x8, 4);
  say({ kind: 'rate', framesPerSecond, usPerRead: (performance.now() - readsBegan) / 5 });
}

function receiveForEver(device: Device): void {
  let index = 0;
  nic.wake(device);
  device.onInterrupt((level) => {
    const atNs = process.hrtime.bigint();
    if (level === 0) return;
    device.read(0, nic.ICR, 4);
    for (let frame = nic.receive(device, start.dmaBase, index); frame !== undefined;) {
      say({ kind: 'frame', frame, atNs, level });
      index = (index + 1) % nic.RING_COUNT;
      frame = nic.receive(device, start.dmaBase, index);
    }
  });
  nic.startReceiver(device, start.dmaBase);
  device.write(0, nic.IMS, 4, nic.ICR_RXT0);
  say({ kind: 'listening' });
}

/** QEMU's edu device raises its interrupt when told to (0x60) and lowers it when acknowledged (0x64). */
function eduInterrupts(device: Device): void {
  const edges: string[] = [];
  device.onInterrupt((level) => edges.push(`${level}`));
  edges.push('write');
  device.write(0, 0x60, 4, 1);
  edges.push('read');
  device.read(0, 0, 4);
  edges.push('acknowledge');
  device.write(0, 0x64, 4, 1);
  edges.push('end');
  void Promise.resolve().then(() => edges.push('microtask'));
  setTimeout(() => say({ kind: 'edges', edges }), 20);
}

const { attach } = (await import(start.module)) as { attach: (options: unknown) => Device | Promise<Device> };
const device = await attach(start.options);
switch (start.task) {
  case 'mac':
    say({ kind: 'mac', mac: nic.eepromMac(device) });
    device.detach();
    break;
  case 'loop':
    loop(device);
    break;
  case 'transmit':
    transmitMany(device);
    break;
  case 'receive':
    receiveForEver(device);
    break;
  case 'edu-interrupt':
    eduInterrupts(device);
    break;
}
