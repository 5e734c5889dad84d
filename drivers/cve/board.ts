/**
 * A board: one machine of QEMU with the part that has the bug, held by this thread, and no more around it than that takes.
 *
 * Unlike the kernel's backing this knows machines that are no PC: parts that are soldered to the bus of a chip, at fixed
 * addresses. Unlike it, too, the QEMU here is expected to die: its death is an answer (`DEVICE_GONE` at once, and how it
 * went from `ended`), and leaves no core dump. Nothing here judges an access; `run.ts` puts the monitor in front.
 *
 * The processor never runs: Arm machines stay frozen (`-S`; registers answer, virtual time stands still), PCs halt at their
 * first instruction, so that the clocks of their devices go on. Memory is read and written over qtest: slow, but the same
 * on every machine.
 */
import { closeSync, writeSync } from 'node:fs';
import { CONFIG_SPACE, MEMORY_SPACE, PORT_SPACE, spaceName, type Space, type Width } from '../../dsslang/runtime.ts';
import { DeviceError, type Device } from '../../kernel/abi.ts';
import { closeQemuEnds, openFifoPair, type FifoPair } from '../backing/qemu/fifo.ts';
import { createHoldWords, takeHold } from '../backing/qemu/hold.ts';
import { startTied, type TiedProcess } from '../backing/qemu/launch.ts';
import { configRead, configWrite, placeDevice, type Placement } from '../backing/qemu/pci.ts';
import { requireQemu, requireTool } from '../backing/qemu/programs.ts';
import { openNamelessFile } from '../backing/qemu/ram-file.ts';
import { haltRom } from '../backing/qemu/rom.ts';
import { createSession, type Session } from '../backing/qemu/session.ts';

/** First to last address or port, inclusive. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

export interface BoardPlan {
  readonly program: 'qemu-system-x86_64' | 'qemu-system-arm' | 'qemu-system-aarch64';
  readonly machine: string;
  readonly memoryMiB?: number;
  readonly arguments?: readonly string[];
  /** Contents of a disk, card or floppy, which QEMU finds under the name `DISK`. */
  readonly disk?: () => Uint8Array;
  /** A part on PCI bus 0. */
  readonly pci?: { readonly vendor: number; readonly device: number };
  /** What belongs to the part otherwise. */
  readonly ports?: readonly Range[];
  readonly memory?: readonly Range[];
  /** Memory for DMA. */
  readonly dma?: { readonly base: number; readonly sizeBytes: number };
}

export interface Board {
  readonly device: Device;
  readonly dma: { readonly base: number; readonly sizeBytes: number };
  /** How QEMU went, once it has. */
  readonly ended: Promise<string>;
  hasEnded(): boolean;
  close(): Promise<void>;
}

const ROM_FD = 3;
const DISK_FD = 4;
/** The name under which QEMU opens the board's disk. */
export const DISK = `/dev/fd/${DISK_FD}`;

const START_TIMEOUT_MS = 30_000;
const START_POLL_MS = 5;
const ANSWER_TIMEOUT_MS = 10_000;
/** Bytes in one `write` command: shorter than PIPE_BUF in hexadecimal. */
const CHUNK_BYTES = 1024;

/** Registers only: no address of this range is ever granted. */
const NO_DMA = { base: 0, sizeBytes: 0 };

/** @throws DeviceError ENV_QEMU_MISSING, QEMU_START_FAILED, DEVICE_NOT_FOUND */
export async function openBoard(plan: BoardPlan): Promise<Board> {
  const program = requireQemu(plan.program);
  const { fifos, qemu } = await start(program, plan);
  const close = async (): Promise<void> => {
    await qemu.stop();
    closeSync(fifos.commandFd);
    closeSync(fifos.pollingFd);
  };
  try {
    const session = await greet(fifos, qemu);
    const placement = plan.pci === undefined ? undefined : placeDevice(session, plan.pci.vendor, plan.pci.device);
    const device = boardDevice(session, plan, placement);
    return { device, dma: plan.dma ?? NO_DMA, ended: qemu.ended, hasEnded: () => qemu.hasEnded(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function boardArguments(plan: BoardPlan): string[] {
  const pc = plan.program === 'qemu-system-x86_64';
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-machine', `${plan.machine},accel=tcg`],
    ...(plan.memoryMiB === undefined ? [] : ['-m', `${plan.memoryMiB}M`]),
    ...(pc ? ['-bios', `/dev/fd/${ROM_FD}`] : ['-S']),
    ...['-qtest', 'stdio', '-qtest-log', 'none'],
    ...(plan.arguments ?? []),
  ];
}

async function start(program: string, plan: BoardPlan): Promise<{ fifos: FifoPair; qemu: TiedProcess }> {
  const fifos = await openFifoPair(requireTool('mkfifo'));
  const files: number[] = [];
  try {
    for (const contents of [haltRom(), plan.disk?.() ?? new Uint8Array(512)]) {
      const fd = openNamelessFile(contents.length);
      files.push(fd);
      writeSync(fd, contents, 0, contents.length, 0);
    }
    // Dying is what these are started for: no core dumps.
    const words = ['-c', 'ulimit -c 0 && exec "$@"', 'refmon-board', program, ...boardArguments(plan)];
    const stdio = [fifos.qemuInputFd, fifos.qemuOutputFd, 'pipe' as const, ...files];
    return { fifos, qemu: await startTied(requireTool('sh'), words, stdio) };
  } catch (error) {
    closeSync(fifos.commandFd);
    closeSync(fifos.pollingFd);
    throw error;
  } finally {
    files.forEach((fd) => closeSync(fd));
    closeQemuEnds(fifos);
    // With no writer but QEMU, its death is the end of the stream, and is noticed within the access that caused it.
    closeSync(fifos.poisonFd);
    closeSync(fifos.blockingFd);
  }
}

/** Waits until QEMU answers. */
async function greet(fifos: FifoPair, qemu: TiedProcess): Promise<Session> {
  const session = createSession({
    commandFd: fifos.commandFd,
    answerFd: fifos.pollingFd,
    deadlineMs: ANSWER_TIMEOUT_MS,
    hold: takeHold(createHoldWords()),
    onIrq: () => undefined,
  });
  const giveUpAt = performance.now() + START_TIMEOUT_MS;
  try {
    session.beginResync();
    while (!session.isInStep()) {
      if (performance.now() > giveUpAt)
        throw new DeviceError('QEMU_START_FAILED', `QEMU did not answer within ${START_TIMEOUT_MS} ms of its start`);
      await new Promise((resolve) => setTimeout(resolve, START_POLL_MS));
    }
  } catch (error) {
    if (!(error instanceof DeviceError) || error.code !== 'DEVICE_GONE') throw error;
    throw new DeviceError('QEMU_START_FAILED', `QEMU did not start: ${await qemu.ended}`, { cause: error });
  }
  return session;
}

const SUFFIX = { 1: 'b', 2: 'w', 4: 'l' } as const;

function boardDevice(session: Session, plan: BoardPlan, placement: Placement | undefined): Device {
  /** `in` and `out`, or `read` and `write`, and the address. @throws RangeError outside of the part */
  const locate = (space: Space, offset: number, width: Width): { ports: boolean; address: number } => {
    const within = (ranges: readonly Range[] | undefined): boolean =>
      ranges?.some(({ first, last }) => offset >= first && offset + width - 1 <= last) === true;
    const bar = placement?.bars[space];
    if (bar !== undefined && offset + width <= bar.sizeBytes)
      return { ports: bar.kind === 'ports', address: bar.base + offset };
    if (space === PORT_SPACE && within(plan.ports)) return { ports: true, address: offset };
    if (space === MEMORY_SPACE && within(plan.memory)) return { ports: false, address: offset };
    throw new RangeError(`${spaceName(space)}+0x${offset.toString(16)} is no place of this board's part`);
  };
  const widthOf = (width: Width): 1 | 2 | 4 => {
    if (width === 8) throw new RangeError('width: 8; an access has 1, 2 or 4 bytes');
    return width;
  };
  return {
    read: (space, offset, width) => {
      if (space === CONFIG_SPACE && placement !== undefined)
        return configRead(session, placement.at, offset, widthOf(width));
      const { ports, address } = locate(space, offset, width);
      return session.exchange(`${ports ? 'in' : 'read'}${SUFFIX[widthOf(width)]} ${address}\n`, 1);
    },
    write: (space, offset, width, value) => {
      if (space === CONFIG_SPACE && placement !== undefined)
        return configWrite(session, placement.at, offset, widthOf(width), value);
      const { ports, address } = locate(space, offset, width);
      session.exchange(`${ports ? 'out' : 'write'}${SUFFIX[widthOf(width)]} ${address} ${value}\n`, 1);
    },
    readMemory: (address, into) => {
      for (let done = 0; done < into.length;) {
        const width = into.length - done >= 4 ? 4 : 1;
        const value = session.exchange(`read${SUFFIX[width]} ${address + done}\n`, 1);
        for (let index = 0; index < width; index += 1) into[done + index] = (value >>> (8 * index)) & 0xff;
        done += width;
      }
    },
    writeMemory: (address, from) => {
      // Memory is zeroed before anyone gets it, and when it is taken back.
      if (from.length > 0 && from.every((byte) => byte === 0)) {
        session.exchange(`memset ${address} ${from.length} 0\n`, 1);
        return;
      }
      for (let done = 0; done < from.length; done += CHUNK_BYTES) {
        const part = Buffer.from(from.subarray(done, done + CHUNK_BYTES));
        session.exchange(`write ${address + done} ${part.length} 0x${part.toString('hex')}\n`, 1);
      }
    },
    onInterrupt: () => undefined,
    now: () => Math.floor(performance.now() * 1000),
    detach: () => undefined,
  };
}
