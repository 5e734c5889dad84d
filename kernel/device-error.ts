/**
 * Tells a `DeviceError` from other errors. By name, not by class: the worker is a bundle with its own copy of `abi.ts`,
 * and a backing module brings another. Only trusted code throws what is asked about here; a driver's exceptions never
 * come this way.
 */
import type { DeviceError } from './abi.ts';

export function isDeviceError(error: unknown): error is DeviceError {
  return error instanceof Error && error.name === 'DeviceError' && typeof (error as DeviceError).code === 'string';
}
