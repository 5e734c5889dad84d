/** What the 82540EM has counted (data sheet 13.7). Its counters clear when they are read, so the driver keeps the sums. */
import type { DeviceIo, DriverMessage } from '../../kernel/abi.ts';
import * as r from './registers.ts';

const COUNTERS = { sent: r.GPTC, received: r.GPRC, receivedMulticast: r.MPRC, missed: r.MPC } as const;
type Counter = keyof typeof COUNTERS;

export class Statistics {
  readonly #sums: Record<Counter, number> = { sent: 0, received: 0, receivedMulticast: 0, missed: 0 };

  /** Forgets what the card has counted until now: before this driver it had others. */
  begin(io: DeviceIo): void {
    for (const register of Object.values(COUNTERS)) io.read32(r.BAR_REGISTERS, register);
  }

  /** Adds what was counted since the last time: before a question is answered, and before a reset clears it. */
  collect(io: DeviceIo): void {
    for (const name of Object.keys(COUNTERS) as Counter[])
      this.#sums[name] += io.read32(r.BAR_REGISTERS, COUNTERS[name]);
  }

  answer(): DriverMessage {
    return { kind: 'statistics', ...this.#sums };
  }
}
