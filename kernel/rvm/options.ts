/** What an RVM is made of, and whom it tells: the kernel's thread fills these in, and nothing of it comes from a driver. */
import type { MonitorModule } from '../../dsslang/runtime.ts';
import type { Device, DmaPurpose } from '../abi.ts';
import type { Fault, ResetOutcome } from '../fault.ts';

export interface RvmOptions {
  readonly device: Device;
  readonly monitor: MonitorModule;
  /** The range that DMA memory is granted from. */
  readonly dma: { readonly base: number; readonly sizeBytes: number };
  /** Who drives: the IPD's number and the driver's name, for faults. */
  readonly ipd: number;
  readonly driver: string;
  /** Enters the driver for an interrupt later, and calls `interruptReturned`. Default: the handler of `onInterrupt`, at once. */
  readonly scheduleInterrupt?: () => void;
  /** Runs an action when the device's pending edges have been heard. Default: in a microtask. */
  readonly later?: (action: () => void) => void;
  /** Whether the driver was condemned from outside. Asked before each operation, so it must be cheap. */
  readonly killed?: () => boolean;
  /** The driver is condemned; the device's reset is yet to come (`reset.done` is `pending`). */
  readonly onFault?: (fault: Fault) => void;
  /** The reset is over. */
  readonly onReset?: (outcome: ResetOutcome) => void;
  /** The driver got DMA memory. */
  readonly onGrant?: (granted: Granted) => void;
  /** DMA memory from the start of the range up to here may be in use. */
  readonly onDmaUsed?: (bytes: number) => void;
  /** A refused operation that the rule's action `log` let pass, or that `deny` stopped. */
  readonly onRefused?: (text: string) => void;
}

/** DMA memory as granted. */
export interface Granted {
  readonly address: number;
  readonly sizeBytes: number;
  readonly purpose: DmaPurpose;
}
