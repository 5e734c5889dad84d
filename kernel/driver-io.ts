/**
 * `io`: everything that a driver can reach. The membrane between untrusted code and the RVM.
 *
 * Invariants:
 *  - only primitives and fresh Uint8Arrays cross, either way; each is checked or copied once, and the copy is used;
 *  - no code of the driver is ever called from here: no callbacks, no getters, no proxies, no thenables;
 *  - no host object leaves: every function is an arrow (no `this`, no `prototype`), every result hardened or a primitive
 *    or a copy, and every exception is thrown anew with nothing but a text and a code.
 */
import { CONFIG_SPACE } from '../dsslang/runtime.ts';
import type { Space } from '../dsslang/runtime.ts';
import type { DeviceIo, DmaPurpose, DmaRegion, DriverMessage } from './abi.ts';
import { LOG_LINE_MAX } from './limits.ts';
import { copyBytes, copyMessage } from './plain-data.ts';
import type { Rvm } from './rvm/rvm.ts';

/** The timer's longest delay: what the host's own timer can hold, 2^31 - 1 ms. */
export const TIMER_DELAY_MAX_US = (2 ** 31 - 1) * 1000;

/** What `io` asks of the RVM. */
export type MediatedDevice = Pick<Rvm, 'read' | 'write' | 'readMemory' | 'writeMemory' | 'allocate' | 'now'>;

export interface DriverIoHost {
  readonly rvm: MediatedDevice;
  /** Freezes transitively. */
  readonly harden: <T>(value: T) => T;
  readonly setTimer: (delayUs: number) => void;
  /** False: too many messages are under way. */
  readonly post: (posted: { type: 'message'; message: DriverMessage } | { type: 'log'; text: string }) => boolean;
}

/** An error as the driver sees it: the right kind, a text and a code, and nothing of ours behind them. */
function forDriver(error: unknown): Error {
  const text = error instanceof Error ? error.message : 'failed';
  const clean =
    error instanceof TypeError
      ? new TypeError(text)
      : error instanceof RangeError
        ? new RangeError(text)
        : new Error(text);
  const { code } = error as { code?: unknown };
  if (typeof code === 'string') Object.defineProperty(clean, 'code', { value: code, enumerable: true });
  // V8 gives every error an own `stack` with file names of this machine.
  Object.defineProperty(clean, 'stack', { value: '' });
  return Object.freeze(clean);
}

function checkText(text: unknown, name: string): string {
  if (typeof text !== 'string') throw new TypeError(`${name} must be a string`);
  return text;
}

/** Little-endian bytes of one to four bytes. One buffer serves all: the RVM uses it before the next operation begins. */
class Scratch {
  readonly #bytes = [1, 2, 4].map((length) => new Uint8Array(length));

  of(length: 1 | 2 | 4): Uint8Array {
    return this.#bytes[length >> 1] as Uint8Array;
  }

  load(length: 1 | 2 | 4): number {
    const bytes = this.of(length);
    let value = 0;
    for (let index = length - 1; index >= 0; index -= 1) value = value * 256 + (bytes[index] ?? 0);
    return value;
  }

  store(length: 1 | 2 | 4, value: unknown): Uint8Array {
    if (typeof value !== 'number') throw new TypeError('value must be a number');
    if (!(value >= 0 && value < 256 ** length) || value !== Math.floor(value)) {
      throw new RangeError(`value must be an integer from 0 to ${256 ** length - 1}`);
    }
    const bytes = this.of(length);
    for (let index = 0; index < length; index += 1) bytes[index] = Math.floor(value / 256 ** index) % 256;
    return bytes;
  }
}

/** The address of `[offset, offset + length)` of a region; end-exact. */
function within(region: { address: number; sizeBytes: number }, offset: unknown, length: unknown): number {
  if (typeof offset !== 'number' || typeof length !== 'number')
    throw new TypeError('offset and length must be numbers');
  const inside = offset >= 0 && length >= 0 && offset + length <= region.sizeBytes;
  if (!inside || offset !== Math.floor(offset) || length !== Math.floor(length)) {
    throw new RangeError(`${length} bytes at offset ${offset} are not inside a region of ${region.sizeBytes} bytes`);
  }
  return region.address + offset;
}

/** The hardened `io` of one driver. */
export function createDriverIo(host: DriverIoHost): DeviceIo {
  const { rvm, harden } = host;
  const scratch = new Scratch();

  /** Runs an operation; what it throws is thrown anew. */
  const guarded = <T>(operation: () => T): T => {
    try {
      return operation();
    } catch (error) {
      throw forDriver(error);
    }
  };

  const read = (space: Space, offset: number, width: 1 | 2 | 4): number => {
    try {
      return rvm.read(space, offset, width);
    } catch (error) {
      throw forDriver(error);
    }
  };

  const write = (space: Space, offset: number, width: 1 | 2 | 4, value: number): void => {
    try {
      rvm.write(space, offset, width, value);
    } catch (error) {
      throw forDriver(error);
    }
  };

  const regionOf = (granted: { address: number; sizeBytes: number }): DmaRegion => {
    const load = (offset: number, length: 1 | 2 | 4): number =>
      guarded(() => {
        rvm.readMemory(within(granted, offset, length), scratch.of(length));
        return scratch.load(length);
      });
    const store = (offset: number, length: 1 | 2 | 4, value: number): void =>
      guarded(() => {
        const address = within(granted, offset, length);
        rvm.writeMemory(address, scratch.store(length, value));
      });
    return harden({
      address: granted.address,
      sizeBytes: granted.sizeBytes,
      read8: (offset: number) => load(offset, 1),
      read16: (offset: number) => load(offset, 2),
      read32: (offset: number) => load(offset, 4),
      write8: (offset: number, value: number) => store(offset, 1, value),
      write16: (offset: number, value: number) => store(offset, 2, value),
      write32: (offset: number, value: number) => store(offset, 4, value),
      copyIn: (offset: number, bytes: Uint8Array) =>
        guarded(() => {
          const copy = copyBytes(bytes);
          rvm.writeMemory(within(granted, offset, copy.length), copy);
        }),
      copyOut: (offset: number, length: number) =>
        guarded(() => {
          const address = within(granted, offset, length);
          const copy = new Uint8Array(length);
          rvm.readMemory(address, copy);
          return copy;
        }),
    });
  };

  return harden<DeviceIo>({
    CONFIG: CONFIG_SPACE,
    read8: (space, offset) => read(space, offset, 1),
    read16: (space, offset) => read(space, offset, 2),
    read32: (space, offset) => read(space, offset, 4),
    write8: (space, offset, value) => write(space, offset, 1, value),
    write16: (space, offset, value) => write(space, offset, 2, value),
    write32: (space, offset, value) => write(space, offset, 4, value),
    allocate: (sizeBytes: number, purpose: DmaPurpose, pool?: string) =>
      guarded(() => regionOf(rvm.allocate(sizeBytes, purpose, pool))),
    now: () => guarded(() => rvm.now()),
    setTimer: (delayUs) =>
      guarded(() => {
        if (typeof delayUs !== 'number') throw new TypeError('delayUs must be a number');
        if (!(delayUs >= 0 && delayUs <= TIMER_DELAY_MAX_US)) {
          throw new RangeError(`delayUs must be from 0 to ${TIMER_DELAY_MAX_US}`);
        }
        host.setTimer(delayUs);
      }),
    send: (message) =>
      guarded(() => {
        if (!host.post({ type: 'message', message: copyMessage(message) })) {
          throw new RangeError('too many messages are under way');
        }
      }),
    log: (text) =>
      guarded(() => {
        // Past the limit log lines are dropped: a driver that logs too much has no better place to say so.
        host.post({ type: 'log', text: checkText(text, 'text').slice(0, LOG_LINE_MAX) });
      }),
  });
}
