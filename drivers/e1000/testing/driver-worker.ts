/**
 * A thread that attaches to a device and runs the e1000 driver on it, unwatched, until it is terminated.
 *
 * Messages pass between the thread's parent and the driver. `{kind: 'spin'}` makes it ring doorbells for ever instead, so
 * that it can be terminated in the middle of an access.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Attachment, Device, DriverMessage } from '../../../kernel/abi.ts';
import { loadDeviceSpecification } from '../../devices.ts';
import { InlineDomain } from '../../inline/inline-domain.ts';
import { inRealTime, type PacedDevice } from '../../inline/paced-device.ts';
import { unwatched } from '../../inline/testing/unwatched.ts';
import e1000Driver from '../driver.ts';
import { E1000 } from '../entry.ts';
import * as r from '../registers.ts';

const POLL_MS = 1;

const { attachment, dma } = workerData as { attachment: Attachment; dma: PacedDevice['dma'] };
const { attach } = (await import(attachment.module)) as { attach: (options: unknown) => Device | Promise<Device> };
const device = await attach(attachment.options);
const { module } = await loadDeviceSpecification(E1000);
const domain = new InlineDomain({
  device: inRealTime(device, dma),
  program: e1000Driver,
  monitor: unwatched(module.info),
});

setInterval(() => {
  domain.poll();
  for (const message of domain.messages.splice(0)) parentPort?.postMessage(message);
}, POLL_MS);

function spin(): never {
  parentPort?.postMessage({ kind: 'spinning' });
  for (let tail = 1; ; tail = (tail + 1) % 64) device.write(r.BAR_REGISTERS, r.TDT, 4, tail);
}

parentPort?.on('message', (message: DriverMessage) => {
  try {
    if (message.kind === 'spin') spin();
    else if (message.kind === 'look') device.read(r.BAR_REGISTERS, r.STATUS, 4);
    else domain.send(message);
  } catch (error) {
    parentPort?.postMessage({ kind: 'error', code: (error as { code?: unknown }).code });
  }
});
