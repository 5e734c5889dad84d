/**
 * One run of the shield: Linux in one machine, its device in another, the RVM between them.
 *
 *   guest's machine  -- x-pci-proxy-dev -->  proxy-server  ->  guest-rvm  -- qtest -->  device's machine (halted)
 *                    <-- qtest: interrupt line --------------------------- interrupt edges --
 *                         memory: one file; the guest maps its lower part, the device's machine all of it
 *
 * This file starts them in the right order, listens to what the guest says, and leaves nothing behind however it ends:
 * both machines die with this process, memory and archive have no names, and the one folder (what is plugged into the
 * device) is removed.
 */
import { closeSync, readFileSync, rmSync } from 'node:fs';
import type { Fault, OpenBacking, Operation } from '../../kernel/index.ts';
import type { Rule } from '../../dsslang/index.ts';
import { qemuBacking, qemuVersion } from '../backing/qemu/index.ts';
import { QEMU_PROGRAM, requireQemu } from '../backing/qemu/programs.ts';
import { openNamelessFile } from '../backing/qemu/ram-file.ts';
import { configParts } from '../register-parts.ts';
import type { LoadedSpecification } from '../specification.ts';
import { createConfigSpace } from './config-space.ts';
import type { ShieldRow } from './devices.ts';
import { Ending } from './ending.ts';
import { ShieldError } from './errors.ts';
import { createGuestInterrupts } from './guest-interrupts.ts';
import { memoryInUse } from './memory-in-use.ts';
import type { Judgement } from './outside/outside.ts';
import { startGuest, type GuestMachine } from './guest-machine.ts';
import type { GuestPackages } from './guest-packages.ts';
import { guestFiles, parseGuestLine } from './guest-script.ts';
import { GuestRvm, type GuestCounts } from './guest-rvm.ts';
import { packInitramfs } from './initramfs.ts';
import { closure, moduleName } from './modules.ts';
import { findPointers, type Pointers } from './pointers.ts';
import { serveProxy, type ProxyTarget } from './proxy-server.ts';
import { TESTED_QEMU } from './proxy-messages.ts';
import { createRecorder, type Recorder } from '../trace/recorder.ts';
import { openOwnFolder } from './own-folder.ts';
import { memoryOf, passThrough, placesOf } from './platform.ts';
import { memoryBytes, shadowFor } from './shadow-for.ts';

export const GUEST_BYTES = 256 << 20;
/** Descriptors that the device completes without an interrupt or an access of the guest are looked for this often. */
const COLLECT_MS = 2;
/** And what is stored for a device without a doorbell: as often as a USB controller looks at its schedule. */
const REFRESH_MS = 1;

export type ShieldEvent =
  | { readonly event: 'phase'; readonly phase: string; readonly milliseconds: number }
  | { readonly event: 'fact'; readonly name: string; readonly value: string }
  | { readonly event: 'violation'; readonly fault: Fault }
  | { readonly event: 'note'; readonly operation: Operation; readonly rule: Rule }
  /** The guest let go of a device that had been taken from it, and has it back. */
  | { readonly event: 'returned' }
  | { readonly event: 'console'; readonly text: string };

export interface ShieldOptions {
  readonly row: ShieldRow;
  readonly specification: LoadedSpecification;
  readonly guest: GuestPackages;
  readonly rogue: boolean;
  /** Without the monitor and the shadow: what the shield is measured against. */
  readonly unwatched?: boolean;
  readonly record?: string;
  readonly timeoutMs?: number;
  readonly repeat?: number;
  /** Shell text that the guest runs after its traffic; it may use what `guest-script.ts` lists. */
  readonly script?: Uint8Array;
  /** Modules that the script wants, loaded before the driver's. */
  readonly modules?: readonly string[];
  /** Goes on with a QEMU whose protocol nobody has tested. */
  readonly anyQemu?: boolean;
  readonly onEvent?: (event: ShieldEvent) => void;
  /** Ends the run early. */
  readonly signal?: AbortSignal;
}

export interface ShieldResult {
  readonly device: string;
  readonly driver: string;
  readonly kernel: string;
  readonly work: Judgement;
  readonly counts: GuestCounts & { readonly interrupts: number; readonly strays: number };
  readonly shadow: {
    readonly kind: 'mirrored' | 'none' | 'impossible';
    readonly reason: string;
    readonly descriptors: number;
    readonly bytes: number;
  };
  readonly violations: readonly Fault[];
  /** The guest went on after a violation, and had its device back. */
  readonly alive: boolean;
  readonly returned: boolean;
  readonly phases: readonly { readonly phase: string; readonly milliseconds: number }[];
  /** Median time from a request of the guest's machine to its answer, in microseconds; and how many there were. */
  readonly access: { readonly medianUs: number; readonly count: number };
  /** This process and both machines, shared memory counted once, when the work was done; and how much of it the guest's is at most. */
  readonly memory: { readonly usedBytes: number; readonly guestBytes: number };
  readonly milliseconds: number;
  readonly recorded: number;
}

/** @throws ShieldError, DeviceError */
export async function runShield(options: ShieldOptions): Promise<ShieldResult> {
  const program = await usableQemu(options.anyQemu === true);
  const folder = openOwnFolder();
  const opened: { memoryFd?: number; backing?: OpenBacking; guest?: GuestMachine; recorder?: Recorder } = {};
  try {
    return await run(options, program, folder, opened);
  } finally {
    await opened.guest?.stop();
    await opened.backing?.close();
    opened.recorder?.close();
    if (opened.memoryFd !== undefined) closeSync(opened.memoryFd);
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The path of a QEMU whose proxy protocol is known, or whose user wants to see.
 * @throws DeviceError ENV_QEMU_MISSING; ShieldError ENV_QEMU_UNTESTED
 */
export async function usableQemu(anyQemu: boolean): Promise<string> {
  const program = requireQemu(QEMU_PROGRAM);
  const version = (await qemuVersion()) ?? 'unknown';
  if (anyQemu || TESTED_QEMU.some((series) => version.startsWith(`${series}.`))) return program;
  throw new ShieldError(
    'ENV_QEMU_UNTESTED',
    `QEMU ${version}: its proxy protocol is private, and tested with ${TESTED_QEMU.join(', ')} only; --any-qemu tries it`,
  );
}

/** Why a device's descriptors are not shadowed, where they are not. */
function planShadow(specification: LoadedSpecification, unwatched: boolean): Pointers {
  return unwatched ? { kind: 'none' } : findPointers(specification.program);
}

async function run(
  options: ShieldOptions,
  program: string,
  folder: string,
  opened: { memoryFd?: number; backing?: OpenBacking; guest?: GuestMachine; recorder?: Recorder },
): Promise<ShieldResult> {
  const { row, specification, guest: packages } = options;
  const begun = performance.now();
  const say = options.onEvent ?? (() => undefined);
  const pointers = planShadow(specification, options.unwatched === true);
  // Where nothing is mirrored, the device's machine has no memory but the guest's: there is nothing else to reach.
  const totalBytes = memoryBytes(pointers, GUEST_BYTES);
  const memoryFd = openNamelessFile(totalBytes, GUEST_BYTES);
  opened.memoryFd = memoryFd;

  const outside = row.outside(folder);
  const backing = await qemuBacking({
    device: {
      ...row.qemu,
      argument: [row.qemu.argument, ...outside.properties].join(','),
      outside: outside.plugs ?? [],
    },
    extraArguments: outside.arguments,
    argumentsAfter: outside.argumentsAfter ?? [],
    memorySizeBytes: totalBytes,
    memoryFd,
  }).open();
  opened.backing = backing;
  const device = backing.attachHere();
  const { bars } = specification.module.info;

  const memory = memoryOf(memoryFd, totalBytes);
  const shadow = shadowFor(pointers, memory, GUEST_BYTES, (pool, address, bytes) =>
    recorder?.structure(pool, address, bytes),
  );
  const config = createConfigSpace(bars);
  const recorder =
    options.record === undefined ? undefined : createRecorder(options.record, row.name, () => device.now());
  if (recorder !== undefined) opened.recorder = recorder;

  const violations: Fault[] = [];
  let returned = false;
  const rvm = new GuestRvm({
    device,
    program: specification.program,
    monitor: specification.module,
    guestBytes: GUEST_BYTES,
    shadow,
    pointers: 'registers' in pointers ? pointers.registers : [],
    ...(row.demand === undefined ? {} : { demand: row.demand }),
    places: placesOf(device, bars),
    onAccess: (write, space, offset, width, value) =>
      recorder?.access(write, space, offset, width, value, write ? shadow.fetched() : []),
    onViolation: (fault) => {
      violations.push(fault);
      say({ event: 'violation', fault });
    },
    onNote: (operation, rule) => say({ event: 'note', operation, rule }),
    onWithdrawn: (withdrawn) => {
      if (withdrawn) return interrupts.silence();
      returned = true;
      say({ event: 'returned' });
    },
  });
  const target: ProxyTarget = options.unwatched === true ? passThrough(device) : rvm;
  const interrupts = createGuestInterrupts({
    deadlineUs: options.unwatched === true ? undefined : rvm.info.interrupt?.deadlineUs,
    raise: () => options.unwatched === true || rvm.interrupt(),
    check: () => rvm.checkInterrupt(),
    setLine: (level) => {
      recorder?.irq(config.interruptLine, level);
      opened.guest?.setInterrupt(config.interruptLine, level);
    },
    carry: () => {
      if (options.unwatched !== true) rvm.collect();
    },
  });
  device.onInterrupt((level) => interrupts.edge(level));

  const guest = await startGuest({
    program,
    kernel: packages.kernel,
    initramfs: initramfsFor(options),
    memoryFd,
    memoryBytes: GUEST_BYTES,
    kernelArguments: options.rogue ? (row.rogue.kernelArguments ?? []) : [],
  });
  opened.guest = guest;
  const ending = new Ending(options, guest, backing);
  const times: number[] = [];
  const server = serveProxy({
    socket: guest.proxy,
    target,
    config,
    now: () => device.now(),
    parts: (write) => configParts(specification.module.info, write),
    onFailure: (error) => ending.fail(error),
    onPlatform: (write, offset, width, value) => recorder?.access(write, 6, offset, width, value, []),
    onAnswered: (us) => times.push(us),
  });
  const collector = setInterval(
    () => {
      try {
        rvm.poll();
      } catch (error) {
        ending.fail(error);
      }
    },
    pointers.kind === 'pools' ? REFRESH_MS : COLLECT_MS,
  );

  const facts = new Map<string, string[]>();
  const phases: { phase: string; milliseconds: number }[] = [];
  let usedBytes = 0;
  const enter = (phase: string): void => {
    const milliseconds = Math.round(performance.now() - begun);
    phases.push({ phase, milliseconds });
    recorder?.mark(phase);
    if (phase === 'unload') usedBytes = memoryInUse();
    say({ event: 'phase', phase, milliseconds });
  };
  enter('boot');
  guest.onLine((text) => {
    const line = parseGuestLine(text);
    if (line.kind === 'phase') enter(line.phase);
    else if (line.kind === 'fact') {
      facts.set(line.name, [...(facts.get(line.name) ?? []), line.value]);
      outside.hear?.(line.name, backing);
      say({ event: 'fact', name: line.name, value: line.value });
    } else if (line.kind === 'done') ending.done();
    else {
      say({ event: 'console', text: line.text });
      if (/Kernel panic - /.test(line.text)) ending.panic(line.text);
    }
  });
  try {
    await ending.reached;
  } finally {
    clearInterval(collector);
    interrupts.silence();
  }
  await guest.stop();
  device.detach();
  await backing.close();
  recorder?.close();

  const failures = (facts.get('failed') ?? []).map((what) => `in the guest: ${what}`);
  const work = outside.judge(facts);
  const median = times.sort((left, right) => left - right)[times.length >> 1] ?? 0;
  return {
    device: row.name,
    driver: facts.get('driver')?.[0] ?? row.modules.at(-1) ?? '',
    kernel: packages.kernelPackage,
    work: { ...work, wrong: [...failures, ...work.wrong] },
    counts: { ...rvm.counts, interrupts: interrupts.delivered, strays: server.strays },
    shadow: {
      kind: 'registers' in pointers ? 'mirrored' : pointers.kind,
      reason: pointers.kind === 'impossible' ? pointers.reason : '',
      descriptors: shadow.published,
      bytes: shadow.publishedBytes,
    },
    violations,
    alive: facts.has('alive'),
    returned,
    phases,
    access: { medianUs: Math.round(median * 10) / 10, count: times.length },
    memory: { usedBytes, guestBytes: GUEST_BYTES },
    milliseconds: Math.round(performance.now() - begun),
    recorded: recorder?.lines ?? 0,
  };
}

function initramfsFor(options: ShieldOptions): Uint8Array {
  const { row, guest, rogue, repeat = 1, script, modules: more = [] } = options;
  const modules = closure(guest.modules, [...more, ...row.modules]);
  const program = {
    modules,
    driver: moduleName(row.modules.at(-1) ?? ''),
    probe: row.probe,
    traffic: row.traffic,
    unload: row.unload,
    rogue: rogue ? row.rogue.script : undefined,
    repeat,
    script,
  };
  const bytesOf = (name: string): Uint8Array => readFileSync(guest.modules.get(name) ?? '');
  return packInitramfs(
    guestFiles(
      program,
      readFileSync(guest.busybox),
      modules.map((name) => ({ name, bytes: bytesOf(name) })),
    ),
  );
}
