/** What the kernel refuses to its own caller: typed errors with a `code`. Faults of drivers are values, see `fault.ts`. */
export type KernelErrorCode =
  /** Another IPD drives this device. */
  | 'DEVICE_BUSY'
  /** The device is not one that the specification is about. */
  | 'DEVICE_MISMATCH'
  | 'MONITOR_INVALID'
  /** The worker thread could not be started. */
  | 'IPD_START_FAILED'
  /** The IPD does not run any more. */
  | 'IPD_STOPPED'
  | 'KERNEL_STOPPED';

export class KernelError extends Error {
  readonly code: KernelErrorCode;
  constructor(code: KernelErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KernelError';
    this.code = code;
  }
}
