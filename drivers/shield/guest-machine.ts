/**
 * The guest's machine: an ordinary PC that boots Linux, whose one device is a socket to us.
 *
 * QEMU's `x-pci-proxy-dev` sends each access to the device over descriptor 5; the console comes over descriptor 6; qtest
 * on standard input raises the interrupt line, since the proxy's own way of interrupting needs KVM. Memory is the lower
 * part of the file that the device's machine maps too. Nothing has a name on this machine but the kernel in its cache.
 * Never KVM: where it is nested, it may open, answer and then hang.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import { closeSync, writeSync } from 'node:fs';
import { startTied, type TiedProcess } from '../backing/qemu/launch.ts';
import { openNamelessFile } from '../backing/qemu/ram-file.ts';

export interface GuestMachineOptions {
  /** QEMU's program, with its path. */
  readonly program: string;
  readonly kernel: string;
  readonly initramfs: Uint8Array;
  readonly memoryFd: number;
  readonly memoryBytes: number;
  /** Words for the kernel's command line besides those that every guest gets. */
  readonly kernelArguments: readonly string[];
}

export interface GuestMachine {
  readonly pid: number;
  readonly proxy: Duplex;
  /** Lines of the serial console, without their ends. */
  onLine(listener: (line: string) => void): void;
  /** Sets an input of the guest's interrupt controller. */
  setInterrupt(line: number, level: 0 | 1): void;
  readonly ended: Promise<string>;
  hasEnded(): boolean;
  stop(): Promise<void>;
}

const RAM_FD = 3;
const INITRAMFS_FD = 4;
const PROXY_FD = 5;
const CONSOLE_FD = 6;
/** The slot of the device on the guest's bus. */
export const GUEST_SLOT = 5;
/** A hostile guest may print without end and without newlines. */
const CONSOLE_LINE_MAX = 1000;
/** `panic=-1`: a panic is a restart at once, and `-no-reboot` makes that the end. The rest saves seconds of calibration. */
const KERNEL_ARGUMENTS = [
  ...['console=ttyS0', 'quiet', 'panic=-1', 'mitigations=off', 'tsc=reliable', 'clocksource=tsc'],
  ...['lpj=4000000', 'random.trust_cpu=on', 'net.ifnames=0'],
];

export async function startGuest(options: GuestMachineOptions): Promise<GuestMachine> {
  const initramfsFd = openNamelessFile(options.initramfs.length);
  let tied: TiedProcess;
  try {
    for (let done = 0; done < options.initramfs.length;)
      done += writeSync(initramfsFd, options.initramfs, done, undefined, done);
    const stdio: (number | 'pipe')[] = ['pipe', 'pipe', 'pipe', options.memoryFd, initramfsFd, 'pipe', 'pipe'];
    tied = await startTied(options.program, guestArguments(options), stdio);
  } finally {
    closeSync(initramfsFd);
  }
  const qtest = tied.stdio[0] as Writable;
  (tied.stdio[1] as Readable).resume();
  const proxy = tied.stdio[PROXY_FD] as Duplex;
  const console_ = tied.stdio[CONSOLE_FD] as Duplex;
  // A broken connection is the death of QEMU, which its own exit reports.
  for (const stream of [qtest, proxy, console_]) stream.on('error', () => stream.destroy());
  const listeners: ((line: string) => void)[] = [];
  let rest = '';
  console_.setEncoding('latin1').on('data', (text: string) => {
    const lines = (rest + text).split(/\r*\n/);
    rest = (lines.pop() ?? '').slice(0, CONSOLE_LINE_MAX);
    for (const line of lines) for (const listener of listeners) listener(line.slice(0, CONSOLE_LINE_MAX));
  });
  return {
    pid: tied.pid,
    proxy,
    onLine: (listener) => void listeners.push(listener),
    setInterrupt: (line, level) => {
      if (qtest.writable) qtest.write(`set_irq_in ioapic unnamed-gpio-in ${line} ${level}\n`);
    },
    ended: tied.ended,
    hasEnded: () => tied.hasEnded(),
    stop: async () => {
      await tied.stop();
      proxy.destroy();
      console_.destroy();
    },
  };
}

function guestArguments({ memoryBytes, kernel, kernelArguments }: GuestMachineOptions): string[] {
  const size = `${memoryBytes / 1024}K`;
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-machine', 'pc,accel=tcg,memory-backend=ram', '-cpu', 'qemu64', '-m', size],
    ...['-object', `memory-backend-file,id=ram,size=${size},share=on,mem-path=/dev/fd/${RAM_FD}`],
    ...['-qtest', 'stdio', '-qtest-log', 'none'],
    ...['-chardev', `socket,id=console,fd=${CONSOLE_FD}`, '-serial', 'chardev:console'],
    ...['-device', `x-pci-proxy-dev,fd=${PROXY_FD},addr=${GUEST_SLOT}`],
    ...['-kernel', kernel, '-initrd', `/dev/fd/${INITRAMFS_FD}`],
    ...['-append', [...KERNEL_ARGUMENTS, ...kernelArguments].join(' ')],
  ];
}
