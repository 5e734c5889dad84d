/**
 * The device as one thread holds it: `Device` of the kernel's interface over a qtest conversation and the memory file.
 *
 * This file translates and confines. Spaces 0..5 are the device's BARs, `CONFIG_SPACE` its own configuration space and
 * `PORT_SPACE` the fixed ports that belong to it; an access that is not wholly inside one of them is a RangeError before
 * a byte is sent, so no driver reaches another part of the machine even where no specification watches. Whether an
 * access is *safe* is the monitor's business.
 */
import type { Device } from '../../../kernel/abi.ts';
import { CONFIG_SPACE, PORT_SPACE, spaceName, type Space, type Width } from '../../../dsslang/runtime.ts';
import type { PortRange } from './devices.ts';
import { takeHold, type Hold, type HoldWords } from './hold.ts';
import { createInterruptLine, watch, type Watcher } from './interrupts.ts';
import { CONFIG_SIZE_BYTES, configRead, configWrite, interruptAsserted, type Bar, type PciFunction } from './pci.ts';
import { readRam, writeRam, type MemoryRange } from './ram-file.ts';
import { createSession, type Session } from './session.ts';

/** Where the device is and how to talk to it. Plain, structured-cloneable data. */
export interface DeviceMap {
  readonly at: PciFunction;
  readonly bars: readonly (Bar | undefined)[];
  readonly ports: readonly PortRange[];
  readonly irqLine: number;
  readonly dma: MemoryRange;
}

/** Descriptors are owned, and closed, by the thread that started QEMU. */
export interface DeviceChannel {
  readonly hold: HoldWords;
  readonly commandFd: number;
  readonly answerFd: number;
  readonly ramFd: number;
  /** Undefined where a thread may block for ever; see `session.ts`. */
  readonly deadlineMs: number | undefined;
}

type AccessWidth = 1 | 2 | 4;
const SUFFIX: Record<AccessWidth, 'b' | 'w' | 'l'> = { 1: 'b', 2: 'w', 4: 'l' };

/** Takes the device over and brings the conversation into step. @throws DeviceError */
export function holdDevice(map: DeviceMap, channel: DeviceChannel): Device {
  const hold = takeHold(channel.hold);
  const line = createInterruptLine();
  const session = createSession({
    commandFd: channel.commandFd,
    answerFd: channel.answerFd,
    deadlineMs: channel.deadlineMs,
    hold,
    onIrq: (irq, level) => {
      if (irq === map.irqLine) line.note(level);
    },
  });
  let watcher: Watcher | undefined;

  /** Every use of a descriptor happens in here. */
  function access<T>(use: () => T): T {
    hold.enter();
    try {
      return use();
    } finally {
      hold.leave();
    }
  }

  // Edges that an earlier thread consumed are lost, so the line's present state is asked for.
  access(() => {
    session.resync();
    if (interruptAsserted(session, map.at)) line.note(1);
  });

  return {
    read: (space, offset, width) => {
      const target = locate(map, space, offset, width);
      return access(() => readTarget(session, map.at, target));
    },
    write: (space, offset, width, value) => {
      const target = locate(map, space, offset, width);
      checkValue(value, target.width);
      access(() => writeTarget(session, map.at, target, value));
    },
    readMemory: (address, into) => access(() => readRam(channel.ramFd, map.dma, address, into)),
    writeMemory: (address, from) => access(() => writeRam(channel.ramFd, map.dma, address, from)),
    onInterrupt: (handler) => {
      line.listen(handler);
      watcher ??= startWatcher(hold, session, () => line.deliver());
    },
    now: () => Math.floor(performance.now() * 1000),
    detach: () => {
      watcher?.stop();
      line.stop();
      hold.release();
    },
  };
}

function startWatcher(hold: Hold, session: Session, deliver: () => void): Watcher {
  hold.check();
  const fd = hold.takeWatchFd();
  if (fd === undefined) {
    throw new Error('the attachment has been used up: read `attachment` of the open backing again for each thread');
  }
  const watcher = watch(fd, (bytes) => {
    // Poison, or another thread's conversation.
    if (!hold.isLive()) return watcher.stop();
    session.heard(bytes);
    deliver();
  });
  return watcher;
}

type Target =
  | { readonly kind: 'memory' | 'ports'; readonly address: number; readonly width: AccessWidth }
  | { readonly kind: 'config'; readonly offset: number; readonly width: AccessWidth };

/** @throws RangeError when the access is not wholly inside the device */
export function locate(map: DeviceMap, space: Space, offset: number, width: Width): Target {
  if (width !== 1 && width !== 2 && width !== 4) throw new RangeError(`width: ${width}; an access has 1, 2 or 4 bytes`);
  const inside = (sizeBytes: number): boolean => Number.isInteger(offset) && offset >= 0 && offset + width <= sizeBytes;
  const outside = (): never => {
    const where = `${spaceName(space)}+0x${offset.toString(16)}`;
    throw new RangeError(`${where}: an access of ${width} bytes there is outside the device`);
  };
  if (space === CONFIG_SPACE) {
    return inside(CONFIG_SIZE_BYTES) && offset % width === 0 ? { kind: 'config', offset, width } : outside();
  }
  if (space === PORT_SPACE) {
    const owned = map.ports.some(({ first, last }) => offset >= first && offset + width - 1 <= last);
    return Number.isInteger(offset) && owned ? { kind: 'ports', address: offset, width } : outside();
  }
  const bar = map.bars[space];
  return bar !== undefined && inside(bar.sizeBytes) ? { kind: bar.kind, address: bar.base + offset, width } : outside();
}

function checkValue(value: number, width: AccessWidth): void {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** (8 * width)) return;
  throw new RangeError(`value: ${value} is not an unsigned integer of ${width} bytes`);
}

function readTarget(session: Session, at: PciFunction, target: Target): number {
  if (target.kind === 'config') return configRead(session, at, target.offset, target.width);
  const verb = target.kind === 'memory' ? 'read' : 'in';
  return session.exchange(`${verb}${SUFFIX[target.width]} ${target.address}\n`, 1);
}

function writeTarget(session: Session, at: PciFunction, target: Target, value: number): void {
  if (target.kind === 'config') return configWrite(session, at, target.offset, target.width, value);
  const verb = target.kind === 'memory' ? 'write' : 'out';
  session.exchange(`${verb}${SUFFIX[target.width]} ${target.address} ${value}\n`, 1);
}
