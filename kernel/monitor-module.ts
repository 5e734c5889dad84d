/**
 * Loads a monitor: an emitted ES module that exports `info` and `createMonitor`, named by URL or given as its own text.
 *
 * Monitors are trusted: they come from our compiler. Loading checks only that the module is one, so that a mistaken path
 * gives a sentence and not a crash later.
 */
import type { MonitorModule } from '../dsslang/runtime.ts';
import { KernelError } from './errors.ts';

/** A `file:` or `data:` URL as it is; anything else is source text. */
export function monitorUrl(monitorModule: string): string {
  if (/^(file|data):\S+$/.test(monitorModule)) return monitorModule;
  return `data:text/javascript;base64,${Buffer.from(monitorModule).toString('base64')}`;
}

/** @throws KernelError `MONITOR_INVALID` */
export async function loadMonitor(monitorModule: string): Promise<MonitorModule> {
  let loaded: Partial<MonitorModule>;
  try {
    loaded = (await import(monitorUrl(monitorModule))) as Partial<MonitorModule>;
  } catch (cause) {
    throw new KernelError('MONITOR_INVALID', 'the monitor module cannot be loaded', { cause });
  }
  const { info, createMonitor } = loaded;
  if (typeof info !== 'object' || typeof createMonitor !== 'function') {
    throw new KernelError('MONITOR_INVALID', 'the monitor module does not export `info` and `createMonitor`');
  }
  return { info, createMonitor };
}
