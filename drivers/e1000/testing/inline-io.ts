/**
 * Runs a driver program on the inline 82540EM model: one thread, virtual time, no monitor.
 *
 * For tests of drivers and of the model: everything happens inside the call that causes it, except interrupts, which come
 * between entries, as the kernel delivers them. Nothing here protects anybody.
 */
import { CONFIG_SPACE } from '../../../dsslang/runtime.ts';
import type {
  DeviceIo,
  DmaPurpose,
  DmaRegion,
  DriverEntries,
  DriverMessage,
  DriverProgram,
} from '../../../kernel/abi.ts';
import type { InlineE1000, InlineE1000Options } from '../model.ts';
import { createE1000Model } from '../model.ts';

const DMA_START = 0x1_0000;
const PAGE_BYTES = 4096;
/** More interrupts than this in a row without the line falling is a storm. */
const INTERRUPTS_MAX = 1000;

/** One piece of DMA memory that the driver was given. */
export interface InlineGrant {
  readonly address: number;
  readonly sizeBytes: number;
  readonly purpose: DmaPurpose;
}

export interface InlineDriver {
  readonly model: InlineE1000;
  /** Frames that the device sent. */
  readonly wire: Uint8Array[];
  /** What the driver sent to its user. */
  readonly messages: DriverMessage[];
  readonly grants: readonly InlineGrant[];
  nowUs(): number;
  send(message: DriverMessage): void;
  receiveFrame(frame: Uint8Array): void;
  /** Lets virtual time pass, running timers in order. */
  advance(us: number): void;
}

/** Starts `program` and runs its `init`. */
export function runInline(program: DriverProgram, options: Omit<InlineE1000Options, 'now'> = {}): InlineDriver {
  let nowUs = 0;
  let timerAtUs = Infinity;
  const model = createE1000Model({ ...options, now: () => nowUs });
  const wire: Uint8Array[] = [];
  const messages: DriverMessage[] = [];
  const grants: InlineGrant[] = [];
  model.onTransmit((frame) => wire.push(frame));

  const io: DeviceIo = {
    CONFIG: CONFIG_SPACE,
    read8: (space, offset) => model.read(space, offset, 1),
    read16: (space, offset) => model.read(space, offset, 2),
    read32: (space, offset) => model.read(space, offset, 4),
    write8: (space, offset, value) => {
      model.write(space, offset, 1, value);
    },
    write16: (space, offset, value) => {
      model.write(space, offset, 2, value);
    },
    write32: (space, offset, value) => {
      model.write(space, offset, 4, value);
    },
    allocate(sizeBytes, purpose) {
      const last = grants.at(-1);
      // A page between any two grants belongs to nobody.
      const free = last === undefined ? DMA_START : last.address + last.sizeBytes + PAGE_BYTES;
      const address = Math.ceil(free / PAGE_BYTES) * PAGE_BYTES;
      grants.push({ address, sizeBytes, purpose });
      return region(model.memory.bytes, address, sizeBytes);
    },
    now: () => nowUs,
    setTimer(delayUs) {
      timerAtUs = nowUs + delayUs;
    },
    send: (message) => void messages.push(message),
    log: () => undefined,
  };
  const entries: DriverEntries = program(io);

  function interrupts(): void {
    for (let count = 0; model.interruptLevel() === 1; count += 1) {
      if (count === INTERRUPTS_MAX) throw new Error('the driver does not acknowledge its interrupt');
      entries.interrupt?.();
    }
  }
  function enter(action: () => void): void {
    action();
    interrupts();
  }

  enter(() => {
    entries.init();
  });
  return {
    model,
    wire,
    messages,
    grants,
    nowUs: () => nowUs,
    send: (message) => {
      enter(() => entries.message?.(message));
    },
    receiveFrame: (frame) => {
      enter(() => {
        model.receiveFrame(frame);
      });
    },
    advance(us) {
      const endUs = nowUs + us;
      for (;;) {
        const dueUs = Math.min(timerAtUs, model.nextDeadlineUs());
        if (dueUs > endUs) break;
        nowUs = Math.max(nowUs, dueUs);
        enter(() => {
          model.advance();
        });
        if (timerAtUs <= nowUs) {
          timerAtUs = Infinity;
          enter(() => entries.timer?.());
        }
      }
      nowUs = endUs;
    },
  };
}

function region(memory: Uint8Array, address: number, sizeBytes: number): DmaRegion {
  const bytes = memory.subarray(address, address + sizeBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  function check(offset: number, length: number): number {
    if (offset < 0 || offset + length > sizeBytes) throw new RangeError('outside the DMA region');
    return offset;
  }
  return {
    address,
    sizeBytes,
    read8: (offset) => view.getUint8(offset),
    read16: (offset) => view.getUint16(offset, true),
    read32: (offset) => view.getUint32(offset, true),
    write8: (offset, value) => {
      view.setUint8(offset, value);
    },
    write16: (offset, value) => {
      view.setUint16(offset, value, true);
    },
    write32: (offset, value) => {
      view.setUint32(offset, value, true);
    },
    copyIn: (offset, from) => {
      bytes.set(from, check(offset, from.length));
    },
    copyOut: (offset, length) => bytes.slice(check(offset, length), offset + length),
  };
}
