/** What one IPD may use. Every number is a default that `Kernel.spawn` can change for one IPD. */
export interface IpdLimits {
  /** Time for one entry of the driver, with all promise jobs that it leaves behind: by the clock, and of the processor. */
  readonly entryMs: number;
  /** Time for the thread to start, before the driver's first line. */
  readonly startMs: number;
  /** JavaScript heap that the driver may hold. */
  readonly heapBytes: number;
  /** Array buffers that the driver may hold; V8 counts them apart from the heap. */
  readonly buffersBytes: number;
  /** Messages and log lines from the driver that the kernel has not taken yet. */
  readonly messagesUnderWay: number;
}

export const DEFAULT_LIMITS: IpdLimits = {
  entryMs: 250,
  startMs: 10_000,
  heapBytes: 64 * 1024 * 1024,
  buffersBytes: 64 * 1024 * 1024,
  messagesUnderWay: 4096,
};

/** Bytes of all strings and arrays in one message. */
export const MESSAGE_BYTES_MAX = 1024 * 1024;
/** Values in one message. */
export const MESSAGE_VALUES_MAX = 4096;
/** Objects within objects in one message. */
export const MESSAGE_DEPTH_MAX = 16;
/** Characters of one log line, or of a driver's own error message; the rest is cut off. */
export const LOG_LINE_MAX = 1000;
/** The kernel keeps this many log lines of each IPD, the newest. */
export const LOG_LINES_MAX = 1000;
/** Messages that the kernel keeps of an IPD to which nobody listens yet; later ones are dropped. */
export const EARLY_MESSAGES_MAX = 64;
