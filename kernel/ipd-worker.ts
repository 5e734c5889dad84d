/**
 * The thread of one isolated protection domain (Nexus: IPD): a trusted stub and the RVM around one untrusted driver.
 *
 * The stub runs outside the compartment, in the same thread, so a register access is a plain call. It starts in this order:
 * trusted modules first (they may need intrinsics as they were), then the realm is hardened, and only then does the
 * driver's text become code. It trusts the kernel's thread and its own modules; it believes nothing that the driver says.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Device, DriverMessage } from './abi.ts';
import { describeThrown, hardenRealm, loadDriver } from './compartment.ts';
import type { LoadedDriver } from './compartment.ts';
import { Control } from './control.ts';
import { isDeviceError } from './device-error.ts';
import { createDriverIo } from './driver-io.ts';
import { EntryQueue } from './entry-queue.ts';
import type { EntryName } from './fault.ts';
import type { FromIpd, IpdSetup, ToIpd } from './ipd-messages.ts';
import { MemoryGuard } from './memory-guard.ts';
import { loadMonitor } from './monitor-module.ts';
import { copyMessage } from './plain-data.ts';
import { Rvm } from './rvm/rvm.ts';

interface BackingModule {
  attach(options: unknown): Device | Promise<Device>;
}

const port = parentPort;
if (port === null) throw new Error('ipd-worker runs only as a worker thread of the kernel');

function post(message: FromIpd): void {
  port?.postMessage(message);
}

function startFailure(error: unknown): FromIpd {
  const message = error instanceof Error ? error.message : String(error);
  if (!isDeviceError(error)) return { type: 'no-start', reason: message };
  return { type: 'no-device', accusation: { kind: 'device-failed', code: error.code, message, blame: 'device' } };
}

async function start(setup: IpdSetup): Promise<void> {
  const control = new Control(setup.control);
  const [backing, monitor] = await Promise.all([
    import(setup.attachment.module) as Promise<BackingModule>,
    loadMonitor(setup.monitorModule),
  ]);
  const device = await backing.attach(setup.attachment.options);
  const harden = hardenRealm();
  run(
    setup,
    control,
    harden,
    (hooks) => new Rvm({ ...hooks, device, monitor, dma: setup.dma, ipd: setup.ipd, driver: setup.driver }),
  );
}

type RvmHooks = Required<
  Pick<
    ConstructorParameters<typeof Rvm>[0],
    'scheduleInterrupt' | 'later' | 'killed' | 'onFault' | 'onReset' | 'onGrant' | 'onDmaUsed' | 'onRefused'
  >
>;

function run(setup: IpdSetup, control: Control, harden: <T>(value: T) => T, createRvm: (hooks: RvmHooks) => Rvm): void {
  let driver: LoadedDriver | undefined;
  let timer: NodeJS.Timeout | undefined;

  const postCounted = (message: FromIpd): boolean => {
    if (!control.tryPost(setup.limits.messagesUnderWay)) return false;
    post(message);
    return true;
  };

  const threw = (entry: EntryName, thrown: unknown): void => {
    const message = describeThrown(thrown);
    // If what it threw was the refusal that condemned it, that first fault stays.
    rvm.condemn({ kind: 'crashed', entry, message, blame: 'driver' });
  };

  const ended = (entry: EntryName): void => {
    if (entry === 'interrupt') rvm.interruptReturned();
    rvm.poll();
    const overweight = rvm.fault === undefined ? memory.look() : undefined;
    if (overweight !== undefined) rvm.condemn(overweight);
    if (rvm.fault !== undefined) queue.close();
    else if (entry === 'init') post({ type: 'ready' });
  };

  const queue = new EntryQueue(control, { threw, ended });

  const rvm = createRvm({
    scheduleInterrupt: () =>
      queue.add('interrupt', () => {
        rvm.interruptEntered();
        driver?.interrupt?.();
      }),
    later: (action) => setImmediate(action),
    killed: () => control.killed,
    onFault: (fault) => {
      queue.close();
      post({ type: 'fault', fault });
    },
    onReset: (outcome) => post({ type: 'reset', outcome }),
    onGrant: (granted) => post({ type: 'granted', granted }),
    onDmaUsed: (bytes) => {
      control.dmaUsedBytes = bytes;
    },
    onRefused: (text) => void postCounted({ type: 'log', text }),
  });

  const io = createDriverIo({
    rvm,
    harden,
    post: postCounted,
    setTimer: (delayUs) => {
      clearTimeout(timer);
      timer = setTimeout(() => queue.add('timer', () => driver?.timer?.()), Math.ceil(delayUs / 1000));
    },
  });

  // A rejection that nobody hears is an exception of the entry whose window is open.
  process.on('unhandledRejection', (reason) => threw(queue.open ?? 'load', reason));

  port?.on('message', (message: ToIpd) => {
    if (message.type === 'message') {
      const copy: DriverMessage = copyMessage(message.message);
      queue.add('message', () => driver?.message?.(copy));
    } else {
      queue.close();
      clearTimeout(timer);
      post({ type: 'stopped', outcome: rvm.stop() });
    }
  });

  const memory = new MemoryGuard(setup.limits);
  queue.add('load', () => {
    driver = loadDriver(setup.program, io);
    queue.add('init', () => driver?.init());
  });
}

start(workerData as IpdSetup).catch((error: unknown) => post(startFailure(error)));
