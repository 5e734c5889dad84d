/**
 * A thread that attaches to a device and runs the e1000 driver on it, unwatched, until it is terminated.
 *
 * Messages pass between the thread's parent and the driver. `{kind: 'spin'}` makes it ring doorbells for ever instead, so
 * that it can be terminated in the middle of an access.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Attachment, Device, DriverMessage } from '../../../kernel/abi.ts';
import e1000Driver from '../driver.ts';
import * as r from '../registers.ts';
import { runOnDevice } from './device-io.ts';

const { attachment, base } = workerData as { attachment: Attachment; base: number };
const { attach } = (await import(attachment.module)) as { attach: (options: unknown) => Device | Promise<Device> };
const device = await attach(attachment.options);
const driver = runOnDevice(e1000Driver, device, { base });

driver.messages.push = (...messages) => {
  for (const message of messages) parentPort?.postMessage(message);
  return 0;
};

function spin(): never {
  parentPort?.postMessage({ kind: 'spinning' });
  for (let tail = 1; ; tail = (tail + 1) % 64) device.write(r.BAR_REGISTERS, r.TDT, 4, tail);
}

parentPort?.on('message', (message: DriverMessage) => {
  try {
    if (message.kind === 'spin') spin();
    else if (message.kind === 'look') device.read(r.BAR_REGISTERS, r.STATUS, 4);
    else driver.send(message);
  } catch (error) {
    parentPort?.postMessage({ kind: 'error', code: (error as { code?: unknown }).code });
  }
});
