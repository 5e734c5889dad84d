/**
 * A real device: one of QEMU's models on a halted machine, as a `Backing` of the kernel.
 *
 * The kernel's thread starts QEMU here and owns all that is open; a driver's thread attaches with plain numbers
 * (`attach.ts`); after that thread is gone, `attachHere` gives the kernel a hold whose waits are bounded, for the reset.
 * What this does not do: judge accesses (the RVM does), or keep the device from memory outside the grants (the
 * specification must: QEMU's device may reach the whole of the guest's memory, and nothing of ours besides it).
 */
import { closeSync, existsSync, ftruncateSync, writeSync } from 'node:fs';
import {
  DeviceError,
  type Attachment,
  type Backing,
  type Device,
  type FarEnds,
  type OpenBacking,
} from '../../../kernel/abi.ts';
import type { AttachOptions } from './attach.ts';
import { holdDevice, type DeviceMap } from './device.ts';
import { knownDevice, type DeviceName, type KnownDevice } from './devices.ts';
import { closeOwnEnds, closeQemuEnds, openFifoPair, openWatchFd, poison, type FifoPair } from './fifo.ts';
import { createHoldWords, hasWatchFd, isBusy, markDead, offerWatchFd, takeHold, type HoldWords } from './hold.ts';
import { launchQemu, type Machine, type Qemu } from './launch.ts';
import { diskPlug } from './outside/disk.ts';
import { PLUGS } from './outside/index.ts';
import type { Plug } from './outside/plug.ts';
import { placeDevice, routeInterrupt } from './pci.ts';
import { QEMU_PROGRAM, requireQemu, requireTool } from './programs.ts';
import { openAgain, openNamelessFile, type MemoryRange } from './ram-file.ts';
import { haltRom } from './rom.ts';
import { createSession, type Session } from './session.ts';

export interface QemuBackingOptions {
  /** A row of `KNOWN_DEVICES`, by its name or of the caller's own. */
  readonly device: DeviceName | KnownDevice;
  /** More properties of the device, as in `-device`: `mac=52:54:00:12:34:56`. */
  readonly deviceArguments?: string;
  /** More of QEMU's command line, before the device: the disk or sound output that it needs. */
  readonly extraArguments?: readonly string[];
  /** The same, after the device: what sits on its bus. */
  readonly argumentsAfter?: readonly string[];
  /** A `pc` machine; the default is the newest that QEMU has. */
  readonly machine?: string;
  /** Whole MiB, from `MEMORY_MIN_BYTES` to `MEMORY_MAX_BYTES`. */
  readonly memorySizeBytes?: number;
  /** A file for the memory, of that size; it stays the caller's to close. A nameless one of its own by default. */
  readonly memoryFd?: number;
  /** Whether a network device gets a cable; the default is yes. */
  readonly netdev?: boolean;
  /** Of a disk's medium, which begins as zeros; whole sectors. */
  readonly diskSizeBytes?: number;
  /** QEMU's program, on the PATH or with its path. */
  readonly program?: string;
  /** From the start of the process to its first answer. */
  readonly startTimeoutMs?: number;
  /** The longest wait of the kernel's own thread for one answer. */
  readonly answerTimeoutMs?: number;
}

const MIB = 1 << 20;
export const MEMORY_MIN_BYTES = 32 * MIB;
/** Beyond it the `pc` machine moves memory above 4 GiB, and an address is no longer the offset in the file. */
export const MEMORY_MAX_BYTES = 2048 * MIB;
/** Kept free of DMA: legacy holes and the boot ROM's copy below, a margin above. */
const DMA_BASE = 16 * MIB;
const DMA_MARGIN_BYTES = 4 * MIB;
const START_TIMEOUT_MS = 15_000;
const START_POLL_MS = 2;
const ANSWER_TIMEOUT_MS = 1000;
/** An access of a live thread takes microseconds once the device is dead; longer is a thread terminated within one. */
const QUIET_WAIT_MS = 500;

/**
 * A device of QEMU that can be started, any number of times.
 * @throws RangeError for an unknown device or an impossible memory size
 */
export function qemuBacking(options: QemuBackingOptions): Backing {
  const known: KnownDevice = typeof options.device === 'string' ? knownDevice(options.device) : options.device;
  const memorySizeBytes = options.memorySizeBytes ?? 64 * MIB;
  if (memorySizeBytes % MIB !== 0 || memorySizeBytes < MEMORY_MIN_BYTES || memorySizeBytes > MEMORY_MAX_BYTES) {
    throw new RangeError(`memorySizeBytes: ${memorySizeBytes}; whole MiB from 32 MiB to 2 GiB are possible`);
  }
  const machine: Omit<Machine, 'plugs'> = {
    machine: options.machine ?? 'pc',
    memorySizeBytes,
    device: options.deviceArguments === undefined ? known.argument : `${known.argument},${options.deviceArguments}`,
    extraArguments: options.extraArguments ?? [],
    argumentsAfter: options.argumentsAfter ?? [],
  };
  const name = `qemu:${typeof options.device === 'string' ? options.device : known.argument.split(',', 1)[0]}`;
  const kinds = known.outside.filter((kind) => kind !== 'wire' || options.netdev !== false);
  const open = (): Promise<OpenBacking> =>
    openMachine(
      name,
      known,
      { ...machine, plugs: kinds.map((kind) => (kind === 'disk' ? diskPlug(options.diskSizeBytes) : PLUGS[kind]())) },
      options,
    );
  return { name, open };
}

/** All that is open on this machine for one device. */
interface Resources {
  readonly fifos: FifoPair;
  readonly ramFd: number;
  readonly ownsMemory: boolean;
  readonly qemu: Qemu;
  readonly plugs: readonly Plug[];
  readonly hold: HoldWords;
}

async function openMachine(
  name: string,
  known: KnownDevice,
  machine: Machine,
  options: QemuBackingOptions,
): Promise<OpenBacking> {
  const resources = await start(machine, options);
  const answerTimeoutMs = options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS;
  try {
    const session = await greet(resources, options.startTimeoutMs ?? START_TIMEOUT_MS, answerTimeoutMs);
    const map = prepareMachine(session, known, machine);
    return openBacking(name, known, resources, map, answerTimeoutMs);
  } catch (error) {
    await release(resources);
    throw error;
  }
}

async function start(machine: Machine, options: QemuBackingOptions): Promise<Resources> {
  const program = requireQemu(options.program ?? QEMU_PROGRAM);
  const fifos = await openFifoPair(requireTool('mkfifo'));
  const opened: number[] = [];
  try {
    const ramFd =
      options.memoryFd === undefined ? openNamelessFile(machine.memorySizeBytes) : openAgain(options.memoryFd);
    opened.push(ramFd);
    const rom = haltRom();
    const romFd = openNamelessFile(rom.length);
    opened.push(romFd);
    writeSync(romFd, rom, 0, rom.length, 0);
    const fds = { input: fifos.qemuInputFd, output: fifos.qemuOutputFd, ram: ramFd, rom: romFd };
    const qemu = await launchQemu(program, machine, fds);
    closeSync(romFd);
    const ownsMemory = options.memoryFd === undefined;
    return { fifos, ramFd, ownsMemory, qemu, plugs: machine.plugs, hold: createHoldWords() };
  } catch (error) {
    opened.forEach((fd) => closeSync(fd));
    closeOwnEnds(fifos);
    machine.plugs.forEach((plug) => plug.close?.());
    throw error;
  } finally {
    closeQemuEnds(fifos);
  }
}

/** Waits for the first answer without blocking the thread. @throws DeviceError QEMU_START_FAILED */
async function greet(resources: Resources, startTimeoutMs: number, deadlineMs: number): Promise<Session> {
  const { fifos, qemu } = resources;
  const session = createSession({
    commandFd: fifos.commandFd,
    answerFd: fifos.pollingFd,
    deadlineMs,
    hold: takeHold(resources.hold),
    onIrq: () => undefined,
  });
  try {
    session.beginResync();
  } catch {
    // Nobody listens any more: the process ended before we spoke.
    await qemu.stop();
    throw new DeviceError('QEMU_START_FAILED', `QEMU did not start: ${await qemu.ended}`);
  }
  const giveUpAt = performance.now() + startTimeoutMs;
  while (!session.isInStep()) {
    if (qemu.hasEnded()) throw new DeviceError('QEMU_START_FAILED', `QEMU did not start: ${await qemu.ended}`);
    if (performance.now() > giveUpAt) {
      throw new DeviceError('QEMU_START_FAILED', `QEMU did not answer within ${startTimeoutMs} ms of its start`);
    }
    await new Promise((resolve) => setTimeout(resolve, START_POLL_MS));
  }
  return session;
}

/** What firmware would do, for one device. */
function prepareMachine(session: Session, known: KnownDevice, machine: Machine): DeviceMap {
  // The timer's 36 interrupt lines a second would fill the FIFO of an idle device (and then stop QEMU) within minutes:
  // PIT channel 0 := mode 0, which counts down once.
  session.exchange('outb 0x43 0x30\noutb 0x40 0xff\noutb 0x40 0xff\n', 3);
  session.exchange('irq_intercept_in ioapic\n', 1);
  const { at, bars } = placeDevice(session, known.vendor, known.device);
  const irqLine = known.irqLine ?? routeInterrupt(session, at);
  const dma: MemoryRange = { base: DMA_BASE, sizeBytes: machine.memorySizeBytes - DMA_BASE - DMA_MARGIN_BYTES };
  return { at, bars, ports: known.ports ?? [], irqLine, dma };
}

function openBacking(
  name: string,
  known: KnownDevice,
  resources: Resources,
  map: DeviceMap,
  deadlineMs: number,
): OpenBacking {
  const { fifos, ramFd, qemu, plugs, hold } = resources;
  const listeners: ((error: DeviceError) => void)[] = [];
  let failure: DeviceError | undefined;
  let closing: Promise<void> | undefined;

  function fail(error: DeviceError): void {
    if (failure !== undefined || closing !== undefined) return;
    failure = error;
    markDead(hold, 'died');
    poison(fifos);
    for (const listener of listeners.splice(0)) listener(error);
  }

  function readyWatchFd(): void {
    if (closing === undefined && !hasWatchFd(hold)) offerWatchFd(hold, openWatchFd(fifos));
  }

  const connected = plugs.map((plug, index) =>
    plug.connect(qemu.sockets[index], (problem) => fail(new DeviceError('QEMU_PROTOCOL', problem))),
  );
  const ends: FarEnds = Object.assign({}, ...connected) as FarEnds;
  void qemu.ended.then((how) => fail(new DeviceError('DEVICE_GONE', `the device is gone: ${how}`)));

  const channel = { hold, commandFd: fifos.commandFd, ramFd };
  const options: AttachOptions = { map, channel: { ...channel, answerFd: fifos.blockingFd, deadlineMs: undefined } };
  const attachment: Attachment = { module: attachModule(), options };

  return {
    name,
    /** Reading it makes ready what one more thread needs: each thread's watch on the interrupts is its own. */
    get attachment() {
      readyWatchFd();
      return attachment;
    },
    dma: map.dma,
    identity: { vendor: known.vendor, device: known.device },
    ...ends,
    attachHere: (): Device => {
      readyWatchFd();
      return holdDevice(map, { ...channel, answerFd: fifos.pollingFd, deadlineMs });
    },
    onFailure: (listener) => {
      const error = failure;
      if (error === undefined) listeners.push(listener);
      else queueMicrotask(() => listener(error));
    },
    close: () => {
      closing ??= release(resources);
      return closing;
    },
  };
}

/** Ends QEMU and closes everything. A thread that is blocked in an access wakes up and finds the device gone. */
async function release({ fifos, ramFd, ownsMemory, qemu, plugs, hold }: Resources): Promise<void> {
  markDead(hold, 'closed');
  poison(fifos);
  await qemu.stop();
  qemu.sockets.forEach((socket) => socket?.destroy());
  plugs.forEach((plug) => plug.close?.());
  const unused = offerWatchFd(hold, undefined);
  if (unused !== undefined) closeSync(unused);
  // Gives the memory back at once, whatever becomes of the descriptor.
  if (ownsMemory) ftruncateSync(ramFd, 0);
  // Descriptors that a terminated thread was using when it ended stay open: better a lost number than a stray write.
  if (!(await quiet(hold))) return;
  closeSync(ramFd);
  closeOwnEnds(fifos);
}

/** Waits until no thread is in the middle of an access. */
async function quiet(hold: HoldWords): Promise<boolean> {
  const giveUpAt = performance.now() + QUIET_WAIT_MS;
  while (isBusy(hold)) {
    if (performance.now() > giveUpAt) return false;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return true;
}

/** The compiled `attach` module, also when this file has been bundled into `dist/cli/`. */
function attachModule(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const beside = new URL(`./attach.${extension}`, import.meta.url);
  return existsSync(beside) ? beside.href : new URL('../drivers/backing/qemu/attach.js', import.meta.url).href;
}
