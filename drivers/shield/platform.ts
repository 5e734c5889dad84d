/** What the shield knows of the device's machine as its platform: where the BARs are, and all of the memory. */
import { CONFIG_SPACE, type BarInfo, type Space } from '../../dsslang/index.ts';
import type { Device } from '../../kernel/index.ts';
import { readRam, writeRam } from '../backing/qemu/ram-file.ts';
import { COMMAND, COMMAND_DECODE } from './config-space.ts';
import type { ProxyTarget } from './proxy-server.ts';
import type { MemoryAccess } from './memory-access.ts';

const BAR0 = 0x10;

/** The memory file, the guest's part and the RVM's. */
export function memoryOf(fd: number, sizeBytes: number): MemoryAccess {
  const range = { base: 0, sizeBytes };
  return {
    read: (address, into) => readRam(fd, range, address, into),
    write: (address, from) => writeRam(fd, range, address, from),
  };
}

/** Where the device's machine has placed the memory BARs that the specification declares. */
export function placesOf(
  device: Device,
  bars: readonly BarInfo[],
): readonly { readonly bar: number; readonly address: number; readonly sizeBytes: number }[] {
  return bars
    .filter(({ kind }) => kind === 'memory')
    .map(({ bar, sizeBytes }) => ({
      bar,
      address: (device.read(CONFIG_SPACE, BAR0 + 4 * bar, 4) & ~15) >>> 0,
      sizeBytes,
    }));
}

/** The device without a monitor, as a target for comparison: only what the platform itself insists on. */
export function passThrough(device: Device): ProxyTarget {
  return {
    read: (space: Space, offset, width) => device.read(space, offset, width),
    write: (space: Space, offset, width, value) => {
      const decode = space === CONFIG_SPACE && offset === COMMAND ? COMMAND_DECODE : 0;
      device.write(space, offset, width, (value | decode) >>> 0);
    },
    reset: () => undefined,
  };
}
