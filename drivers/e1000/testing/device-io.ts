/**
 * Runs a driver program on any attached device: one thread, real time, no monitor and no compartment.
 *
 * For running the same driver on QEMU's card and on the model in tests. Nothing here protects anybody.
 */
import { CONFIG_SPACE } from '../../../dsslang/runtime.ts';
import type { Device, DeviceIo, DmaRegion, DriverMessage, DriverProgram } from '../../../kernel/abi.ts';

const PAGE_BYTES = 4096;

export interface RunningDriver {
  readonly messages: DriverMessage[];
  send(message: DriverMessage): void;
  stop(): void;
}

/** Starts `program` on `device`; its DMA memory comes from `dma`, from the start up. */
export function runOnDevice(program: DriverProgram, device: Device, dma: { readonly base: number }): RunningDriver {
  const messages: DriverMessage[] = [];
  let free = dma.base;
  let timer: NodeJS.Timeout | undefined;
  const io: DeviceIo = {
    CONFIG: CONFIG_SPACE,
    read8: (space, offset) => device.read(space, offset, 1),
    read16: (space, offset) => device.read(space, offset, 2),
    read32: (space, offset) => device.read(space, offset, 4),
    write8: (space, offset, value) => {
      device.write(space, offset, 1, value);
    },
    write16: (space, offset, value) => {
      device.write(space, offset, 2, value);
    },
    write32: (space, offset, value) => {
      device.write(space, offset, 4, value);
    },
    allocate(sizeBytes) {
      const address = free;
      free += Math.ceil(sizeBytes / PAGE_BYTES) * PAGE_BYTES;
      device.writeMemory(address, new Uint8Array(sizeBytes));
      return regionOf(device, address, sizeBytes);
    },
    now: () => device.now(),
    setTimer(delayUs) {
      clearTimeout(timer);
      timer = setTimeout(() => entries.timer?.(), Math.ceil(delayUs / 1000));
    },
    send: (message) => void messages.push(message),
    log: () => undefined,
  };
  const entries = program(io);
  device.onInterrupt((level) => {
    if (level === 1) entries.interrupt?.();
  });
  entries.init();
  return {
    messages,
    send: (message) => entries.message?.(message),
    stop: () => {
      clearTimeout(timer);
    },
  };
}

function regionOf(device: Device, address: number, sizeBytes: number): DmaRegion {
  function read(offset: number, length: number): DataView {
    const bytes = new Uint8Array(length);
    device.readMemory(address + offset, bytes);
    return new DataView(bytes.buffer);
  }
  function write(offset: number, length: number, store: (view: DataView) => void): void {
    const bytes = new Uint8Array(length);
    store(new DataView(bytes.buffer));
    device.writeMemory(address + offset, bytes);
  }
  return {
    address,
    sizeBytes,
    read8: (offset) => read(offset, 1).getUint8(0),
    read16: (offset) => read(offset, 2).getUint16(0, true),
    read32: (offset) => read(offset, 4).getUint32(0, true),
    write8: (offset, value) => {
      write(offset, 1, (view) => {
        view.setUint8(0, value);
      });
    },
    write16: (offset, value) => {
      write(offset, 2, (view) => {
        view.setUint16(0, value, true);
      });
    },
    write32: (offset, value) => {
      write(offset, 4, (view) => {
        view.setUint32(0, value, true);
      });
    },
    copyIn: (offset, bytes) => {
      device.writeMemory(address + offset, bytes);
    },
    copyOut: (offset, length) => new Uint8Array(read(offset, length).buffer),
  };
}
