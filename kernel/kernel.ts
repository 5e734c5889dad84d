/**
 * The kernel: boots, spawns drivers into isolated protection domains (IPDs), and survives them.
 *
 * Invariants: a device belongs to one IPD at a time, from before its driver's first line until after its last reset; a
 * driver runs only on a device that its specification is about; every IPD that was spawned comes to an end.
 */
import { createHash } from 'node:crypto';
import type { MonitorInfo } from '../dsslang/runtime.ts';
import { DeviceError, type OpenBacking } from './abi.ts';
import { KernelError } from './errors.ts';
import type { ResetOutcome } from './fault.ts';
import { DomainThread } from './ipd-thread.ts';
import { Ipd } from './ipd.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import type { IpdLimits } from './limits.ts';
import { loadMonitor } from './monitor-module.ts';
import { DmaTable, zeroMemory } from './rvm/dma.ts';
import { quiesce, quiesceBudgetMs } from './rvm/violation.ts';
import { Watchdog } from './watchdog.ts';
import type { Watched } from './watchdog.ts';

export interface KernelOptions {
  /** Limits of every IPD that does not set its own. */
  readonly limits?: Partial<IpdLimits>;
}

export interface SpawnOptions {
  /** The driver's name, for people. */
  readonly name: string;
  /** The untrusted program: a script whose value is a `DriverProgram`. */
  readonly program: string;
  /** The monitor: a `file:` or `data:` URL of a `MonitorModule`, or its source text. Trusted. */
  readonly monitorModule: string;
  readonly backing: OpenBacking;
  readonly limits?: Partial<IpdLimits>;
}

/** Time for the accesses of a reset themselves, beyond the waits that its specification names. */
const RESET_ACCESS_MS = 1000;

function checkMatch(info: MonitorInfo, backing: OpenBacking): void {
  const { vendor, device } = backing.identity;
  if (info.pci.some((match) => match.vendor === vendor && match.device === device)) return;
  const id = (v: number, d: number): string => `${v.toString(16).padStart(4, '0')}:${d.toString(16).padStart(4, '0')}`;
  const wanted = info.pci.map((match) => id(match.vendor, match.device)).join(', ');
  throw new KernelError(
    'DEVICE_MISMATCH',
    `the specification of \`${info.device}\` matches ${wanted || 'nothing'}, but \`${backing.name}\` is ${id(vendor, device)}`,
  );
}

/** Makes the device harmless from this thread. Its driver's thread is gone. */
function resetHere(backing: OpenBacking, info: MonitorInfo, dmaUsedBytes: number): ResetOutcome {
  try {
    const device = backing.attachHere();
    const outcome = quiesce(device, info, () => zeroMemory(device, new DmaTable(backing.dma).base, dmaUsedBytes));
    device.detach();
    return outcome;
  } catch (error) {
    return { done: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}

/** What the thread held of a device that is gone can then be closed. */
function takeBack(backing: OpenBacking): void {
  try {
    backing.attachHere().detach();
  } catch {
    // A backing that cannot be attached to any more has let go by itself.
  }
}

export class Kernel {
  readonly #limits: IpdLimits;
  readonly #watchdog = new Watchdog();
  readonly #running = new Set<Ipd>();
  /** Who drives a device; undefined while its driver is being spawned. */
  readonly #owners = new Map<OpenBacking, Ipd | undefined>();
  readonly #failures = new WeakMap<OpenBacking, DeviceError | 'none yet'>();
  #nextId = 1;
  #stopped = false;

  private constructor(options: KernelOptions) {
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
  }

  static boot(options: KernelOptions = {}): Kernel {
    return new Kernel(options);
  }

  /**
   * Starts a driver on a device. Resolves when its `init` has returned, or when it has faulted: a driver that misbehaves
   * is no exception here, look at `ipd.state` and `ipd.fault`.
   * @throws KernelError `DEVICE_BUSY`, `DEVICE_MISMATCH`, `MONITOR_INVALID`, `IPD_START_FAILED`, `KERNEL_STOPPED`; DeviceError if the device has failed already
   */
  async spawn(options: SpawnOptions): Promise<Ipd> {
    const { backing, name, program } = options;
    if (typeof name !== 'string' || typeof program !== 'string')
      throw new TypeError('name and program must be strings');
    this.#checkRunning();
    this.#checkHealthy(backing);
    if (this.#owners.has(backing)) {
      const owner = this.#owners.get(backing);
      const who = owner === undefined ? 'another driver' : `ipd ${owner.id} (${owner.name})`;
      throw new KernelError('DEVICE_BUSY', `\`${backing.name}\` belongs to ${who}`);
    }
    this.#owners.set(backing, undefined);
    let ipd: Ipd;
    try {
      const { info } = await loadMonitor(options.monitorModule);
      checkMatch(info, backing);
      this.#checkRunning();
      ipd = this.#start(options, info);
    } catch (error) {
      this.#owners.delete(backing);
      throw error;
    }
    await ipd.started;
    if (ipd.startFailure !== undefined) {
      throw new KernelError('IPD_START_FAILED', `the domain of \`${name}\` could not start: ${ipd.startFailure}`);
    }
    return ipd;
  }

  /** IPDs that have not come to an end. */
  get ipds(): readonly Ipd[] {
    return [...this.#running];
  }

  /** Stops every IPD; nothing can be spawned any more. Devices stay open: they belong to the caller. Idempotent. */
  async shutdown(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#running].map((ipd) => ipd.stop()));
  }

  #checkRunning(): void {
    if (this.#stopped) throw new KernelError('KERNEL_STOPPED', 'the kernel has been shut down');
  }

  /** Listens for the device's own failure, once for each device, and refuses one that has failed. */
  #checkHealthy(backing: OpenBacking): void {
    const failure = this.#failures.get(backing);
    if (failure === undefined) {
      this.#failures.set(backing, 'none yet');
      backing.onFailure((error) => {
        this.#failures.set(backing, error);
        const { code, message } = error;
        this.#owners.get(backing)?.condemn({ kind: 'device-failed', code, message, blame: 'device' });
      });
    } else if (failure !== 'none yet') throw failure;
  }

  #start(options: SpawnOptions, info: MonitorInfo): Ipd {
    const { backing, name, program, monitorModule } = options;
    const limits = { ...this.#limits, ...options.limits };
    const id = this.#nextId;
    this.#nextId += 1;
    const { attachment, dma } = backing;
    const thread: DomainThread = new DomainThread(
      { ipd: id, driver: name, program, monitorModule, attachment, dma, limits },
      { hear: (message) => ipd.hear(message), ended: (end) => ipd.heardEnd(end) },
    );
    const { control } = thread;
    const watched: Watched = {
      control,
      limits,
      onUnresponsive: () => {
        ipd.condemn({ kind: 'unresponsive', entry: control.entryName, limitMs: limits.entryMs, blame: 'driver' });
      },
      onMemory: (limitBytes) => ipd.condemn({ kind: 'out-of-memory', what: 'process', limitBytes, blame: 'driver' }),
    };
    const startLimit = setTimeout(() => {
      ipd.condemn({ kind: 'unresponsive', entry: undefined, limitMs: limits.startMs, blame: 'driver' });
    }, limits.startMs);
    const ipd = new Ipd({
      id,
      name,
      programHash: createHash('sha256').update(program).digest('hex'),
      thread,
      resetMs: quiesceBudgetMs(info) + RESET_ACCESS_MS,
      resetHere: () => resetHere(backing, info, control.dmaUsedBytes),
      takeBack: () => takeBack(backing),
      onExit: () => {
        this.#watchdog.unwatch(watched);
        this.#running.delete(ipd);
        this.#owners.delete(backing);
        // A driver's thread may find its device gone before the news of it reaches this one.
        const { fault } = ipd;
        if (
          fault?.kind === 'device-failed' &&
          fault.code === 'DEVICE_GONE' &&
          this.#failures.get(backing) === 'none yet'
        ) {
          this.#failures.set(backing, new DeviceError(fault.code, fault.message));
        }
      },
    });
    this.#owners.set(backing, ipd);
    this.#running.add(ipd);
    this.#watchdog.watch(watched);
    void ipd.started.then(() => clearTimeout(startLimit));
    return ipd;
  }
}
