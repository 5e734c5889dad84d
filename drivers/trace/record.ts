/**
 * Records what a driver does to a device: a `Device` around a `Device` that writes a line of the trace format per access.
 *
 * Which descriptors a write publishes is the device's own affair, so whoever records says so (`Doorbells`). They are read
 * before the device sees the write, as the format asks, and their lines follow it. Memory that only carries data is not
 * recorded, nor is anything judged: a recording is of a driver that one believes.
 */
import { CONFIG_SPACE, type Space, type Width } from '../../dsslang/runtime.ts';
import type { Device } from '../../kernel/abi.ts';

/** A run of descriptor memory that the device will read. */
export interface Published {
  /** For people: `e1000.tx[3]`. */
  readonly what: string;
  readonly address: number;
  readonly length: number;
}

/** Told of each register write, in order, before the device is; answers with the descriptors that it publishes. */
export type Doorbells = (space: Space, offset: number, value: number) => readonly Published[];

/**
 * @param emit takes one line at a time, without its newline
 * @example const device = recordDevice(open.attachHere(), e1000Doorbells(), (line) => lines.push(line));
 */
export function recordDevice(device: Device, doorbells: Doorbells, emit: (line: string) => void): Device {
  const startUs = device.now();
  const access = (write: boolean, space: Space, offset: number, width: Width, value: number): void => {
    const t = Math.round(device.now() - startUs);
    if (space === CONFIG_SPACE) emit(JSON.stringify({ t, k: write ? 'cw' : 'cr', o: offset, s: width, v: value }));
    else emit(JSON.stringify({ t, k: write ? 'w' : 'r', bar: space, o: offset, s: width, v: value }));
  };
  return {
    read(space, offset, width) {
      const value = device.read(space, offset, width);
      access(false, space, offset, width, value);
      return value;
    },
    write(space, offset, width, value) {
      const dumps = doorbells(space, offset, value).map(({ what, address, length }) => {
        const bytes = new Uint8Array(length);
        device.readMemory(address, bytes);
        return {
          t: Math.round(device.now() - startUs),
          k: 'dma',
          what,
          a: address,
          len: length,
          hex: Buffer.from(bytes).toString('hex'),
        };
      });
      access(true, space, offset, width, value);
      for (const dump of dumps) emit(JSON.stringify(dump));
      device.write(space, offset, width, value);
    },
    readMemory: (address, into) => device.readMemory(address, into),
    writeMemory: (address, from) => device.writeMemory(address, from),
    onInterrupt: (handler) => {
      device.onInterrupt((level) => {
        emit(JSON.stringify({ t: Math.round(device.now() - startUs), k: 'irq', l: level }));
        handler(level);
      });
    },
    now: () => device.now(),
    detach: () => device.detach(),
  };
}
