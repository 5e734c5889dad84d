/**
 * How a driver's thread gets at a device that the kernel's thread has started: the module an `Attachment` names.
 *
 * The kernel's loader imports it in the worker and calls `attach` with the attachment's options, which are plain numbers:
 * descriptors belong to the whole process, and those that the main thread opened outlive the worker.
 */
import type { Device } from '../../../kernel/abi.ts';
import { holdDevice, type DeviceChannel, type DeviceMap } from './device.ts';

export interface AttachOptions {
  readonly map: DeviceMap;
  readonly channel: DeviceChannel;
}

/**
 * Holds the device from this thread; whoever held it before is shut out. Accesses block the thread until QEMU answers.
 * @param options the `options` of the backing's attachment, as they came
 * @throws DeviceError DEVICE_GONE, QEMU_PROTOCOL
 */
export function attach(options: unknown): Device {
  // The kernel hands over what this backing made: the same trust as in a function's argument.
  const { map, channel } = options as AttachOptions;
  return holdDevice(map, channel);
}
