/**
 * Starting QEMU so that it can neither outlive this process nor leave anything behind.
 *
 * The machine: no firmware, a halted processor, one device, memory in our file, qtest on standard input and output. Every
 * file is handed over as a descriptor (`/dev/fd/N`, and sockets for what is plugged in), hence nothing has a name.
 *
 * QEMU does not end when its qtest peer does. If this process is killed, `setpriv --pdeathsig KILL` (util-linux) makes the
 * kernel kill QEMU too; where that is missing, a small shell waits on a pipe from us and kills QEMU when the pipe ends.
 * The signal is tied to the *thread* that starts QEMU: start it from the main thread.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { DeviceError } from '../../../kernel/abi.ts';
import type { Plug } from './outside/plug.ts';
import { findProgram, requireTool } from './programs.ts';

export interface Machine {
  /** `pc`, or one version of it. */
  readonly machine: string;
  readonly memorySizeBytes: number;
  /** Value of `-device`. */
  readonly device: string;
  /** What is plugged into the device. */
  readonly plugs: readonly Plug[];
  readonly extraArguments: readonly string[];
  readonly argumentsAfter: readonly string[];
}

/** Descriptors as QEMU sees them. */
const RAM_FD = 3;
const ROM_FD = 4;
/** The first plug's socket; the others follow in order. */
const PLUGS_FD = 5;

export function qemuArguments(machine: Machine): string[] {
  const size = `${machine.memorySizeBytes / 1024}K`;
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    // Never KVM: where it is nested it may start and then hang (and a halted processor needs no speed).
    ...['-machine', `${machine.machine},accel=tcg,memory-backend=ram`, '-m', size],
    ...['-object', `memory-backend-file,id=ram,size=${size},share=on,mem-path=/dev/fd/${RAM_FD}`],
    ...['-bios', `/dev/fd/${ROM_FD}`, '-qtest', 'stdio', '-qtest-log', 'none'],
    ...machine.plugs.flatMap((plug, index) => plug.before(PLUGS_FD + index)),
    ...machine.extraArguments,
    ...['-device', [machine.device, ...machine.plugs.flatMap(({ property }) => property ?? [])].join(',')],
    ...machine.plugs.flatMap((plug, index) => plug.after?.(PLUGS_FD + index) ?? []),
    ...machine.argumentsAfter,
  ];
}

export interface QemuFds {
  readonly input: number;
  readonly output: number;
  readonly ram: number;
  readonly rom: number;
}

/** A program whose life is tied to ours. */
export interface TiedProcess {
  readonly pid: number;
  /** Our ends of its descriptors, as `spawn` gives them. */
  readonly stdio: readonly unknown[];
  /** Resolves when the process is gone, with how it went and the last it said. Never rejects. */
  readonly ended: Promise<string>;
  hasEnded(): boolean;
  /** SIGTERM, and SIGKILL if that does not help within `STOP_GRACE_MS`. */
  stop(): Promise<void>;
}

export interface Qemu extends TiedProcess {
  /** Our end of each plug's socket, in the order of `Machine.plugs`; undefined for a plug without. */
  readonly sockets: readonly (Duplex | undefined)[];
}

/** A healthy QEMU is gone within 20 ms of SIGTERM (it closes its files); a stopped or hung one never goes by itself. */
export const STOP_GRACE_MS = 500;
const STDERR_MAX_CHARS = 4096;

/** @throws DeviceError QEMU_START_FAILED when not even the process can be made */
export async function launchQemu(program: string, machine: Machine, fds: QemuFds): Promise<Qemu> {
  const args = qemuArguments(machine);
  const stdio = [fds.input, fds.output, 'pipe' as const, fds.ram, fds.rom, ...machine.plugs.map(inherited)];
  const tied = await startTied(program, args, stdio);
  const ours = machine.plugs.map(({ needsSocket }, index) =>
    needsSocket ? (tied.stdio[PLUGS_FD + index] as Duplex) : undefined,
  );
  return { ...tied, sockets: ours };
}

/**
 * Starts a program that ends with this process.
 * @param stdio as in `spawn`; the third is `'pipe'`, and is read here: its last words are part of `ended`
 * @throws DeviceError QEMU_START_FAILED when not even the process can be made
 */
export async function startTied(
  program: string,
  args: readonly string[],
  stdio: (number | 'pipe' | 'ignore')[],
): Promise<TiedProcess> {
  const [command, ...prefix] = diesWithUs();
  const words = [...prefix, program, ...args];
  const child = spawn(command ?? program, command === undefined ? words.slice(1) : words, {
    stdio,
    // Its own session, or Ctrl-C in a terminal would kill the device before the kernel can reset it.
    detached: true,
  });
  const said = tail(child);
  const ended = endOf(child).then((how) => (said() === '' ? how : `${how}: ${said()}`));
  let gone = false;
  void ended.then(() => (gone = true));
  const pid = child.pid;
  if (pid === undefined) throw new DeviceError('QEMU_START_FAILED', `cannot start QEMU: ${await ended}`);
  const guard = command === undefined ? startGuard(pid) : undefined;
  void ended.then(() => guard?.kill('SIGKILL'));
  return {
    pid,
    stdio: child.stdio,
    ended,
    hasEnded: () => gone,
    stop: async () => {
      if (gone) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** What QEMU finds at a plug's descriptor. */
const inherited = (plug: Plug): 'pipe' | 'ignore' | number => (plug.needsSocket ? 'pipe' : (plug.file?.() ?? 'ignore'));

/** In words: `QEMU exited with status 1`, `QEMU was ended by SIGKILL`. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => {
      resolve(signal === null ? `QEMU exited with status ${code}` : `QEMU was ended by ${signal}`);
    });
  });
}

/** The last of what QEMU wrote to standard error. */
function tail(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-STDERR_MAX_CHARS);
  });
  return () => text.trim();
}

/** Asked once for each program found: busybox has a `setpriv` without `--pdeathsig`. */
const pdeathsigWorks = new Map<string, boolean>();

/** The words before QEMU's own that tie its life to ours; none if the system cannot. */
function diesWithUs(): string[] {
  const setpriv = findProgram('setpriv');
  if (setpriv === undefined) return [];
  const words = [setpriv, '--pdeathsig', 'KILL', '--'];
  let works = pdeathsigWorks.get(setpriv);
  if (works === undefined) {
    works = spawnSync(setpriv, [...words.slice(1), requireTool('sh'), '-c', ':'], { stdio: 'ignore' }).status === 0;
    pdeathsigWorks.set(setpriv, works);
  }
  return works ? words : [];
}

/** Kills `pid` when this process ends, however it ends: its `read` returns when the other end of the pipe closes. */
function startGuard(pid: number): ChildProcess {
  const script = 'read -r _; kill -KILL "$1"';
  const guard = spawn(requireTool('sh'), ['-c', script, 'refmon-guard', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.on('error', () => undefined);
  guard.stdin?.on('error', () => undefined);
  guard.unref();
  return guard;
}
