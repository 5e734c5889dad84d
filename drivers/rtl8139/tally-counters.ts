/**
 * What the RTL8139C+ has counted: it dumps 64 bytes of counters into memory when it is told to (6.3).
 *
 * Whether a reset clears them the data sheet leaves open, so the driver counts from one dump to the next.
 */
import type { DeviceIo, DmaRegion, DriverMessage } from '../../kernel/abi.ts';
import * as r from './registers.ts';

const DUMP_POLLS_MAX = 1000;

interface Counts {
  readonly sent: number;
  readonly received: number;
  readonly receivedMulticast: number;
  readonly missed: number;
}

const NONE: Counts = { sent: 0, received: 0, receivedMulticast: 0, missed: 0 };

export class TallyCounters {
  readonly #io: DeviceIo;
  readonly #memory: DmaRegion;
  #last = NONE;
  #sums = NONE;

  constructor(io: DeviceIo) {
    this.#io = io;
    this.#memory = io.allocate(r.TALLY_SIZE_BYTES, 'device-writes');
  }

  /** The card was just started: what it has counted before is not ours. */
  begin(): void {
    this.#last = this.#dump() ?? NONE;
  }

  /** Adds what was counted since the last time. */
  collect(): void {
    const now = this.#dump();
    if (now === undefined) return;
    const { sent, received, receivedMulticast, missed } = this.#last;
    this.#sums = {
      sent: this.#sums.sent + Math.max(0, now.sent - sent),
      received: this.#sums.received + Math.max(0, now.received - received),
      receivedMulticast: this.#sums.receivedMulticast + Math.max(0, now.receivedMulticast - receivedMulticast),
      missed: this.#sums.missed + ((now.missed - missed) & 0xffff),
    };
    this.#last = now;
  }

  answer(): DriverMessage {
    return { kind: 'statistics', ...this.#sums };
  }

  /** Undefined if the card does not answer. */
  #dump(): Counts | undefined {
    const { address } = this.#memory;
    this.#io.write32(r.BAR_REGISTERS, r.DTCCR_HI, Math.floor(address / 2 ** 32));
    this.#io.write32(r.BAR_REGISTERS, r.DTCCR_LO, (address % 2 ** 32) + r.DTCCR_DUMP);
    for (let poll = 0; poll < DUMP_POLLS_MAX; poll += 1) {
      if ((this.#io.read32(r.BAR_REGISTERS, r.DTCCR_LO) & r.DTCCR_DUMP) === 0) return this.#read();
    }
    return undefined;
  }

  #read(): Counts {
    const long = (offset: number): number => this.#memory.read32(offset) + this.#memory.read32(offset + 4) * 2 ** 32;
    return {
      sent: long(r.TALLY_TX_OK),
      received: long(r.TALLY_RX_OK),
      receivedMulticast: this.#memory.read32(r.TALLY_RX_OK_MULTICAST),
      missed: this.#memory.read16(r.TALLY_MISSED),
    };
  }
}
