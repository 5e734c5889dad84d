/** What the kernel's thread and an IPD's thread say to each other. Plain, structured-cloneable data. */
import type { Attachment, DriverMessage } from './abi.ts';
import type { Accusation, Fault, ResetOutcome } from './fault.ts';
import type { IpdLimits } from './limits.ts';
import type { Granted } from './rvm/options.ts';

/** What an IPD's thread is born with. */
export interface IpdSetup {
  readonly ipd: number;
  readonly driver: string;
  /** The untrusted program: a script whose value is a `DriverProgram`. */
  readonly program: string;
  readonly monitorModule: string;
  readonly attachment: Attachment;
  readonly dma: { readonly base: number; readonly sizeBytes: number };
  readonly limits: IpdLimits;
  readonly control: SharedArrayBuffer;
}

export type ToIpd = { readonly type: 'message'; readonly message: DriverMessage } | { readonly type: 'stop' };

export type FromIpd =
  /** The driver's `init` has returned. */
  | { readonly type: 'ready' }
  | { readonly type: 'message'; readonly message: DriverMessage }
  | { readonly type: 'log'; readonly text: string }
  /** The RVM granted DMA memory. Bounded by the monitor's table of grants. */
  | { readonly type: 'granted'; readonly granted: Granted }
  /** The driver is condemned; the reset goes on in the IPD's thread, then `reset` follows. */
  | { readonly type: 'fault'; readonly fault: Fault }
  | { readonly type: 'reset'; readonly outcome: ResetOutcome }
  /** The orderly end. */
  | { readonly type: 'stopped'; readonly outcome: ResetOutcome }
  /** The device failed before there was an RVM. */
  | { readonly type: 'no-device'; readonly accusation: Accusation }
  /** The trusted part could not even begin. */
  | { readonly type: 'no-start'; readonly reason: string };
