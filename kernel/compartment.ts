/**
 * Where untrusted code runs: a hardened JavaScript compartment with no ambient authority (`ses`, "lockdown").
 *
 * After `lockdown` every intrinsic of this thread's realm is frozen, so a driver can poison no prototype that trusted code
 * uses. The compartment's global object then holds the ECMAScript intrinsics and nothing of the host: no process, require,
 * timers, console, fetch, SharedArrayBuffer, Atomics, WebAssembly. `import()` in a program's text is refused by ses.
 *
 * Time and chance: ses leaves `Date.now()` and `new Date()` throwing, and `Math.random` too. We keep that. A driver
 * reads the clock with `io.now()`, where a test or a recording can stand in; it has no source of chance, so it is
 * deterministic given its inputs.
 *
 * What it does not do: bound time or memory (`watchdog.ts`, `memory-guard.ts`).
 */
import 'ses';
import type { DeviceIo, DriverEntries, DriverMessage, DriverProgram } from './abi.ts';
import { boundBuiltins } from './bounded-builtins.ts';
import { LOG_LINE_MAX } from './limits.ts';

/** Hardens this thread's realm, once and for all. Modules that patch intrinsics must have been imported before. */
export function hardenRealm(): <T>(value: T) => T {
  boundBuiltins();
  lockdown({
    errorTaming: 'safe',
    consoleTaming: 'unsafe',
    overrideTaming: 'moderate',
    // The kernel hears of errors by itself; ses must not end the thread or print.
    errorTrapping: 'none',
    unhandledRejectionTrapping: 'none',
    reporting: 'none',
  });
  return harden;
}

/** A driver's entries, read once: what a getter would say the second time does not matter. */
export interface LoadedDriver {
  readonly init: () => void;
  readonly interrupt: (() => void) | undefined;
  readonly timer: (() => void) | undefined;
  readonly message: ((message: DriverMessage) => void) | undefined;
}

/** The global names that a driver does not need. Fewer names, less to be wrong about. */
const UNNEEDED = ['Compartment', 'lockdown', 'ModuleSource', 'TextEncoder', 'TextDecoder'];

function entryOf(entries: DriverEntries, name: keyof DriverEntries): ((...args: unknown[]) => void) | undefined {
  const entry: unknown = Reflect.get(entries, name);
  if (entry === undefined) return undefined;
  if (typeof entry !== 'function') throw new TypeError(`the driver's \`${name}\` is not a function`);
  return (...args) => void Reflect.apply(entry, entries, args);
}

/** Evaluates a driver program and calls it with its `io`. Runs untrusted code: only inside an entry's window. */
export function loadDriver(program: string, io: DeviceIo): LoadedDriver {
  const compartment = new Compartment();
  for (const unneeded of UNNEEDED) delete (compartment.globalThis as Record<string, unknown>)[unneeded];
  const driverProgram = compartment.evaluate(program) as DriverProgram;
  if (typeof driverProgram !== 'function') throw new TypeError('the program’s value is not a function');
  const entries = driverProgram(io);
  if (typeof entries !== 'object' || entries === null) throw new TypeError('the program returned no entries');
  const init = entryOf(entries, 'init');
  if (init === undefined) throw new TypeError('the driver has no `init`');
  return {
    init,
    interrupt: entryOf(entries, 'interrupt'),
    timer: entryOf(entries, 'timer'),
    message: entryOf(entries, 'message'),
  };
}

/**
 * What an untrusted program threw, in words. Reading `message` may run its code (a getter, a Proxy), so only inside an
 * entry's window, and whatever comes is believed only if it is a string.
 */
export function describeThrown(thrown: unknown): string {
  if (typeof thrown === 'string') return `threw ${JSON.stringify(thrown.slice(0, LOG_LINE_MAX))}`;
  if (typeof thrown !== 'object' || thrown === null) return `threw a ${typeof thrown}`;
  try {
    const { name, message } = thrown as { name?: unknown; message?: unknown };
    const text = typeof message === 'string' ? message.slice(0, LOG_LINE_MAX) : 'no message';
    return typeof name === 'string' ? `${name.slice(0, 100)}: ${text}` : text;
  } catch {
    return 'threw an object that cannot be read';
  }
}
